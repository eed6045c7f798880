/*
 * The section `assert`: what must never, or always, be so, whatever happens.
 *
 *   never: web -> database                         the short form: realm, or [realm, …], and a service
 *   only: [app, backup] -> database
 *   never: {from: {path: PATTERN}, to: database, rights: [grant]}
 *
 * The short form is one word of YAML. Of several realms it starts with a bracket, which YAML by itself takes
 * for the beginning of a list; yaml_arrows.c makes it a word.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <realm/types.h>

#include "sim/boot/fields.h"
#include "sim/boot/who.h"

#define SUBJECTS_MAX 4096u

struct draft {
    struct mm_assert assertion;
    const struct yaml_node *said; /* which of the keys was there */
    bool from, to;                /* resolved */
    bool bad;
};

/* Room for one more subject; what is in it is zero. */
static struct mm_subject *add_subject(struct reader *reader, const struct yaml_node *node,
                                      struct draft *draft)
{
    struct mm_assert *assertion = &draft->assertion;
    size_t count = assertion->subjects_count;
    if (count == SUBJECTS_MAX) {
        fields_problem(reader, node, "an assertion speaks of %u realms at most", SUBJECTS_MAX);
        draft->bad = true;
        return NULL;
    }
    if ((count & (count - 1)) == 0) { /* grows at powers of two */
        void *more = reallocarray(assertion->subjects, count ? 2 * count : 1, sizeof *assertion->subjects);
        if (!more) {
            reader->error = -ENOMEM;
            return NULL;
        }
        assertion->subjects = more;
    }
    assertion->subjects[count] = (struct mm_subject){.kind = MM_SUBJECT_REALM};
    assertion->subjects_count++;
    return &assertion->subjects[count];
}

static void add_name(struct reader *reader, const struct yaml_node *node, const char *name,
                     struct draft *draft)
{
    static const char *const also[] = {"all", NULL};
    struct mm_subject *subject = add_subject(reader, node, draft);
    if (!subject)
        return;
    if (strcmp(name, also[0]) == 0)
        subject->kind = MM_SUBJECT_ALL;
    else if (!reader_find_realm(reader, name, node->place, &subject->realm))
        draft->bad = true;
}

/* --- the short form --- */

/* Cuts spaces off both ends of the first size bytes, in a copy. */
static char *trimmed(struct reader *reader, const char *text, size_t size)
{
    while (size > 0 && *text == ' ') {
        text++;
        size--;
    }
    while (size > 0 && text[size - 1] == ' ')
        size--;
    char *copy = strndup(text, size);
    if (!copy)
        reader->error = -ENOMEM;
    return copy;
}

/* The words between the brackets, separated by commas; text is changed. */
static void read_bracketed(struct reader *reader, const struct yaml_node *node, char *text,
                           struct draft *draft)
{
    size_t size = strlen(text);
    char close = text[0] == '(' ? ')' : ']';
    if (size < 2 || text[size - 1] != close) {
        fields_problem(reader, node, "the list of realms does not end: write \"[a, b] -> service\"");
        draft->bad = true;
        return;
    }
    text[size - 1] = '\0';
    char *at = text + 1;
    while (at && !reader->error) {
        char *comma = strchr(at, ',');
        size_t length = comma ? (size_t)(comma - at) : strlen(at);
        char *name = trimmed(reader, at, length);
        bool last = !comma;
        if (name && (*name || !last || draft->assertion.subjects_count > 0))
            add_name(reader, node, name, draft);
        free(name);
        at = comma ? comma + 1 : NULL;
    }
}

static void read_short(struct reader *reader, const struct yaml_node *value, struct draft *draft)
{
    const char *text;
    if (!fields_string(reader, value, "an assertion", &text)) {
        draft->bad = true;
        return;
    }
    const char *arrow = strstr(text, "->");
    if (!arrow) {
        fields_problem(reader, value, "an assertion is written as \"realm -> service\"");
        draft->bad = true;
        return;
    }
    char *from = trimmed(reader, text, (size_t)(arrow - text));
    char *service = trimmed(reader, arrow + 2, strlen(arrow + 2));
    if (from && service) {
        bool list = from[0] == '[' || (from[0] == '(' && from[strlen(from) - 1] == ')');
        if (list)
            read_bracketed(reader, value, from, draft);
        else
            add_name(reader, value, from, draft);
        draft->from = true;
        draft->to = reader_find_service(reader, service, value->place, &draft->assertion.service);
    }
    free(from);
    free(service);
}

/* --- the long form --- */

static void take_path(struct reader *reader, const struct yaml_node *value, void *target)
{
    struct draft *draft = target;
    char *pattern;
    if (!who_read_pattern(reader, value, &pattern)) {
        draft->bad = true;
        return;
    }
    struct mm_subject *subject = add_subject(reader, value, draft);
    if (subject)
        *subject = (struct mm_subject){.kind = MM_SUBJECT_PATH, .pattern = pattern};
    else
        free(pattern);
}

static void take_descendants(struct reader *reader, const struct yaml_node *value, void *target)
{
    struct draft *draft = target;
    const char *name;
    uint32_t realm;
    if (!fields_name(reader, value, "descendants", &name) ||
        !reader_find_realm(reader, name, value->place, &realm)) {
        draft->bad = true;
        return;
    }
    struct mm_subject *subject = add_subject(reader, value, draft);
    if (subject)
        *subject = (struct mm_subject){.kind = MM_SUBJECT_DESCENDANTS, .realm = realm};
}

static void take_realm(struct reader *reader, const struct yaml_node *value, void *target)
{
    struct draft *draft = target;
    const char *name;
    if (fields_name(reader, value, "realm", &name))
        add_name(reader, value, name, draft);
    else
        draft->bad = true;
}

static void read_subject(struct reader *reader, const struct yaml_node *node, struct draft *draft)
{
    static const struct field fields[] = {
        {"realm", false, take_realm},
        {"descendants", false, take_descendants},
        {"path", false, take_path},
    };
    size_t count = draft->assertion.subjects_count, errors = reader->problems->errors;
    if (node->kind == YAML_MAP) {
        fields_read(reader, node, "a subject", fields, sizeof fields / sizeof fields[0], draft);
        if (reader->problems->errors == errors && draft->assertion.subjects_count != count + 1)
            fields_problem(reader, node, "a subject says one of realm, descendants and path");
        draft->bad = draft->bad || reader->problems->errors != errors;
    } else {
        take_realm(reader, node, draft);
    }
}

static void take_from(struct reader *reader, const struct yaml_node *value, void *target)
{
    struct draft *draft = target;
    draft->from = true;
    if (value->kind == YAML_LIST)
        for (const struct yaml_node *node = value->children; node && !reader->error; node = node->next)
            read_subject(reader, node, draft);
    else
        read_subject(reader, value, draft);
}

static void take_to(struct reader *reader, const struct yaml_node *value, void *target)
{
    struct draft *draft = target;
    const char *name;
    if (fields_name(reader, value, "to", &name))
        draft->to = reader_find_service(reader, name, value->place, &draft->assertion.service);
}

static void take_rights(struct reader *reader, const struct yaml_node *value, void *target)
{
    struct draft *draft = target;
    if (!who_read_rights(reader, value, &draft->assertion.rights))
        draft->bad = true;
}

/* Realms that are taken to give nothing away. */
static void take_trust(struct reader *reader, const struct yaml_node *value, void *target)
{
    struct draft *draft = target;
    size_t count;
    if (!fields_list(reader, value, "trust", &count)) {
        draft->bad = true;
        return;
    }
    draft->assertion.trust = fields_array(reader, count, sizeof *draft->assertion.trust);
    for (const struct yaml_node *node = value->children; node && !reader->error; node = node->next) {
        const char *name;
        uint32_t realm;
        if (fields_name(reader, node, "an entry of trust", &name) &&
            reader_find_realm(reader, name, node->place, &realm))
            draft->assertion.trust[draft->assertion.trust_count++] = realm;
        else
            draft->bad = true;
    }
}

static void read_long(struct reader *reader, const struct yaml_node *value, struct draft *draft)
{
    static const struct field fields[] = {
        {"from", true, take_from},
        {"to", true, take_to},
        {"rights", false, take_rights},
        {"trust", false, take_trust},
    };
    fields_read(reader, value, "an assertion", fields, sizeof fields / sizeof fields[0], draft);
}

/* --- an assertion --- */

static void read_kind(struct reader *reader, const struct yaml_node *value, struct draft *draft,
                      enum mm_assert_kind kind)
{
    if (draft->said) {
        fields_problem(reader, value->key, "one assertion says one of never, only and always: make it two");
        draft->bad = true;
        return;
    }
    draft->said = value;
    draft->assertion.kind = kind;
    if (value->kind == YAML_MAP)
        read_long(reader, value, draft);
    else
        read_short(reader, value, draft);
    if (kind != MM_ASSERT_ONLY && draft->from && !draft->bad && draft->assertion.subjects_count == 0) {
        fields_problem(reader, value, "this says nothing of anybody: name a realm");
        draft->bad = true;
    }
}

static void read_never(struct reader *reader, const struct yaml_node *value, void *target)
{
    read_kind(reader, value, target, MM_ASSERT_NEVER);
}

static void read_only(struct reader *reader, const struct yaml_node *value, void *target)
{
    read_kind(reader, value, target, MM_ASSERT_ONLY);
}

static void read_always(struct reader *reader, const struct yaml_node *value, void *target)
{
    read_kind(reader, value, target, MM_ASSERT_ALWAYS);
}

static const struct field assert_fields[] = {
    {"never", false, read_never},
    {"only", false, read_only},
    {"always", false, read_always},
};

static void read_assertion(struct reader *reader, const struct yaml_node *node)
{
    struct mm_config *config = reader->config;
    struct draft draft = {.assertion = {.place = node->place, .rights = REALM_RIGHT_SEND}};
    size_t errors = reader->problems->errors;
    if (fields_read(reader, node, "an assertion", assert_fields,
                    sizeof assert_fields / sizeof assert_fields[0], &draft) &&
        !draft.said && reader->problems->errors == errors)
        fields_problem(reader, node, "an assertion needs never:, only: or always: with \"realm -> service\"");
    if (draft.from && draft.to && !draft.bad && !reader->error) {
        config->asserts[config->asserts_count++] = draft.assertion;
        return;
    }
    for (size_t i = 0; i < draft.assertion.subjects_count; i++)
        free(draft.assertion.subjects[i].pattern);
    free(draft.assertion.subjects);
    free(draft.assertion.trust);
}

void asserts_read(struct reader *reader, const struct yaml_node *list)
{
    size_t count;
    if (!fields_list(reader, list, "assert", &count))
        return;
    reader->config->asserts = fields_array(reader, count, sizeof *reader->config->asserts);
    for (const struct yaml_node *node = list->children; node && !reader->error; node = node->next)
        read_assertion(reader, node);
}

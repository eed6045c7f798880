/*
 * The sections `grants`, `assert` and `require`. Realms and services have been read before.
 */
#include <stdlib.h>
#include <string.h>

#include <realm/types.h>

#include "sim/boot/fields.h"

/* --- grants --- */

struct grant_draft {
    struct mm_grant grant;
    bool to, service; /* resolved */
};

static void read_to(struct reader *reader, const struct yaml_node *value, void *target)
{
    struct grant_draft *draft = target;
    const char *name;
    if (fields_name(reader, value, "to", &name))
        draft->to = reader_find_realm(reader, name, value->place, &draft->grant.realm);
}

static void read_service(struct reader *reader, const struct yaml_node *value, void *target)
{
    struct grant_draft *draft = target;
    const char *name;
    if (fields_name(reader, value, "service", &name))
        draft->service = reader_find_service(reader, name, value->place, &draft->grant.service);
}

static void read_rights(struct reader *reader, const struct yaml_node *value, void *target)
{
    (void)target; /* there is one right, and a grant has it from the start */
    static const char *const words[] = {"send", NULL};
    size_t count, index;
    if (!fields_list(reader, value, "rights", &count))
        return;
    if (count == 0)
        fields_problem(reader, value, "rights lists nothing, so the grant would allow nothing: write [send]");
    for (const struct yaml_node *entry = value->children; entry; entry = entry->next)
        fields_choice(reader, entry, "a right that can be granted", words, &index);
}

static const struct field grant_fields[] = {
    {"to", true, read_to},
    {"service", true, read_service},
    {"rights", false, read_rights},
};

void rules_read_grants(struct reader *reader, const struct yaml_node *list)
{
    size_t count;
    if (!fields_list(reader, list, "grants", &count))
        return;
    struct mm_config *config = reader->config;
    config->grants = fields_array(reader, count, sizeof *config->grants);
    for (const struct yaml_node *node = list->children; node && !reader->error; node = node->next) {
        struct grant_draft draft = {.grant = {.rights = REALM_RIGHT_SEND, .place = node->place}};
        fields_read(reader, node, "a grant", grant_fields, sizeof grant_fields / sizeof grant_fields[0],
                    &draft);
        if (draft.to && draft.service)
            config->grants[config->grants_count++] = draft.grant;
    }
}

/* --- assert --- */

struct assert_draft {
    struct mm_assert assertion;
    const struct yaml_node *said; /* which of the two keys was there */
    bool good;
};

/* Cuts spaces off both ends of the first size bytes, in a copy. */
static char *trimmed(struct reader *reader, const char *text, size_t size)
{
    while (size > 0 && *text == ' ') {
        text++;
        size--;
    }
    while (size > 0 && text[size - 1] == ' ')
        size--;
    char *copy = fields_copy(reader, text);
    if (copy)
        copy[size] = '\0';
    return copy;
}

static void read_path(struct reader *reader, const struct yaml_node *value, struct assert_draft *draft)
{
    const char *text;
    if (!fields_string(reader, value, "an assertion", &text))
        return;
    const char *arrow = strstr(text, "->");
    if (!arrow) {
        fields_problem(reader, value, "an assertion is written as \"realm -> service\"");
        return;
    }
    char *realm = trimmed(reader, text, (size_t)(arrow - text));
    char *service = trimmed(reader, arrow + 2, strlen(arrow + 2));
    if (realm && service) {
        bool found = reader_find_realm(reader, realm, value->place, &draft->assertion.realm);
        draft->good = reader_find_service(reader, service, value->place, &draft->assertion.service) && found;
    }
    free(realm);
    free(service);
}

static void read_kind(struct reader *reader, const struct yaml_node *value, struct assert_draft *draft,
                      enum mm_assert_kind kind)
{
    if (draft->said) {
        fields_problem(reader, value->key, "one assertion says either never or always: make it two entries");
        draft->good = false;
        return;
    }
    draft->said = value;
    draft->assertion.kind = kind;
    read_path(reader, value, draft);
}

static void read_never(struct reader *reader, const struct yaml_node *value, void *target)
{
    read_kind(reader, value, target, MM_ASSERT_NEVER);
}

static void read_always(struct reader *reader, const struct yaml_node *value, void *target)
{
    read_kind(reader, value, target, MM_ASSERT_ALWAYS);
}

static const struct field assert_fields[] = {
    {"never", false, read_never},
    {"always", false, read_always},
};

void rules_read_asserts(struct reader *reader, const struct yaml_node *list)
{
    size_t count;
    if (!fields_list(reader, list, "assert", &count))
        return;
    struct mm_config *config = reader->config;
    config->asserts = fields_array(reader, count, sizeof *config->asserts);
    for (const struct yaml_node *node = list->children; node && !reader->error; node = node->next) {
        struct assert_draft draft = {.assertion = {.place = node->place}};
        size_t problems = reader->problems->errors;
        if (fields_read(reader, node, "an assertion", assert_fields,
                        sizeof assert_fields / sizeof assert_fields[0], &draft) &&
            !draft.said && reader->problems->errors == problems)
            fields_problem(reader, node, "an assertion needs never: or always: with \"realm -> service\"");
        if (draft.good)
            config->asserts[config->asserts_count++] = draft.assertion;
    }
}

/* --- require --- */

void rules_read_requirements(struct reader *reader, const struct yaml_node *list)
{
    static const char *const words[] = {[MM_REQUIRE_USERNS] = "userns",
                                        [MM_REQUIRE_LANDLOCK] = "landlock",
                                        [MM_REQUIRE_SECCOMP] = "seccomp",
                                        [MM_REQUIRE_URING] = "uring",
                                        [MM_REQUIRE_WAITV] = "waitv",
                                        [MM_REQUIRE_CGROUP] = "cgroup",
                                        NULL};
    size_t count, index;
    if (!fields_list(reader, list, "require", &count))
        return;
    struct mm_config *config = reader->config;
    config->requirements = fields_array(reader, count, sizeof *config->requirements);
    for (const struct yaml_node *node = list->children; node && !reader->error; node = node->next)
        if (fields_choice(reader, node, "a requirement", words, &index))
            config->requirements[config->requirements_count++] =
                (struct mm_requirement){.kind = (enum mm_requirement_kind)index, .place = node->place};
}

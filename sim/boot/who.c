/* One draft serves all three: what was said, and what it comes to. */
#include "sim/boot/who.h"

#include <stdlib.h>
#include <string.h>

#include <realm/types.h>

#include "sim/boot/fields.h"

static const char *const words[] = {"children", "descendants", "all", NULL};
static const enum mm_access_kind word_kinds[] = {MM_ACCESS_CHILDREN, MM_ACCESS_DESCENDANTS, MM_ACCESS_ALL};

bool who_is_word(const char *text)
{
    for (size_t i = 0; words[i]; i++)
        if (strcmp(text, words[i]) == 0)
            return true;
    return false;
}

/* --- rights and patterns --- */

bool who_read_rights(struct reader *reader, const struct yaml_node *node, uint32_t *ret_rights)
{
    static const char *const names[] = {"send", "grant", "mint", "revoke", NULL};
    static const uint32_t bits[] = {REALM_RIGHT_SEND, REALM_RIGHT_GRANT, REALM_RIGHT_MINT,
                                    REALM_RIGHT_REVOKE};
    uint32_t rights = 0;
    size_t count, index;
    bool good = true;
    if (!fields_list(reader, node, "rights", &count))
        return false;
    for (const struct yaml_node *entry = node->children; entry; entry = entry->next) {
        if (fields_choice(reader, entry, "a right that can be given", names, &index))
            rights |= bits[index];
        else
            good = false;
    }
    if (good && !(rights & REALM_RIGHT_SEND)) {
        fields_problem(reader, node, "without the right send nobody can connect: write [send%s]",
                       count > 0 ? ", …" : "");
        return false;
    }
    *ret_rights = rights;
    return good;
}

/* A component is what stands between slashes; a slash behind a backslash is part of a name. */
static const char *pattern_problem(const char *text)
{
    if (text[0] != '/')
        return "a pattern starts with /: paths are written from the top, such as /app/worker";
    if (strlen(text) > WHO_PATTERN_MAX)
        return "a pattern can have 1024 bytes at most";
    for (const char *at = text; *at; at++) {
        if (*at == '\\') {
            if (*++at == '\0')
                return "a backslash takes the next character as it is, and here is none";
        } else if (*at == '/' && (at[1] == '/' || (at[1] == '\0' && at > text))) {
            return "a component of a pattern is empty";
        }
    }
    return NULL;
}

bool who_read_pattern(struct reader *reader, const struct yaml_node *node, char **ret_pattern)
{
    const char *text, *problem;
    if (!fields_string(reader, node, "path", &text))
        return false;
    problem = pattern_problem(text);
    if (problem) {
        fields_problem(reader, node, "%s", problem);
        return false;
    }
    return (*ret_pattern = fields_copy(reader, text)) != NULL;
}

/* --- entries --- */

struct draft {
    struct mm_access access;
    const char *what;
    bool rights; /* may be said */
    bool good;
    size_t said; /* how many of realm, who, path were there */
};

static void take_realm(struct reader *reader, const struct yaml_node *value, void *target)
{
    struct draft *draft = target;
    const char *name;
    draft->said++;
    draft->access.kind = MM_ACCESS_REALM;
    if (!fields_name(reader, value, "realm", &name) ||
        !reader_find_realm(reader, name, value->place, &draft->access.realm))
        draft->good = false;
}

static void take_who(struct reader *reader, const struct yaml_node *value, void *target)
{
    struct draft *draft = target;
    size_t index;
    draft->said++;
    if (fields_choice(reader, value, "who", words, &index))
        draft->access.kind = word_kinds[index];
    else
        draft->good = false;
}

static void take_path(struct reader *reader, const struct yaml_node *value, void *target)
{
    struct draft *draft = target;
    draft->said++;
    draft->access.kind = MM_ACCESS_PATH;
    free(draft->access.pattern);
    draft->access.pattern = NULL;
    if (!who_read_pattern(reader, value, &draft->access.pattern))
        draft->good = false;
}

static void take_rights(struct reader *reader, const struct yaml_node *value, void *target)
{
    struct draft *draft = target;
    if (!who_read_rights(reader, value, &draft->access.rights))
        draft->good = false;
}

static const struct field entry_fields[] = {
    {"realm", false, take_realm},
    {"who", false, take_who},
    {"path", false, take_path},
    {"rights", false, take_rights},
};

static void read_word(struct reader *reader, const struct yaml_node *node, struct draft *draft)
{
    const char *name;
    if (!fields_name(reader, node, draft->what, &name)) {
        draft->good = false;
        return;
    }
    for (size_t i = 0; words[i]; i++) {
        if (strcmp(name, words[i]) == 0) {
            draft->access.kind = word_kinds[i];
            return;
        }
    }
    draft->good = reader_find_client(reader, name, node->place, &draft->access.realm);
}

static void read_map(struct reader *reader, const struct yaml_node *node, struct draft *draft)
{
    /* Without rights their key is as unknown as any other. */
    size_t count = sizeof entry_fields / sizeof entry_fields[0] - (draft->rights ? 0 : 1);
    size_t errors = reader->problems->errors;
    if (!fields_read(reader, node, draft->what, entry_fields, count, draft) ||
        reader->problems->errors != errors) {
        draft->good = false;
    } else if (draft->said != 1) {
        fields_problem(reader, node, "%s says one of realm, who and path%s", draft->what,
                       draft->said ? ": make it more entries" : "");
        draft->good = false;
    }
}

static bool finish(struct reader *reader, struct draft *draft, struct mm_access *ret_access)
{
    if (draft->good && !reader->error) {
        *ret_access = draft->access;
        return true;
    }
    free(draft->access.pattern);
    return false;
}

bool who_read_entry(struct reader *reader, const struct yaml_node *node, const char *what, bool rights,
                    struct mm_access *ret_access)
{
    struct draft draft = {.access = {.kind = MM_ACCESS_REALM, .place = node->place},
                          .what = what,
                          .rights = rights,
                          .good = true};
    if (node->kind == YAML_MAP)
        read_map(reader, node, &draft);
    else
        read_word(reader, node, &draft);
    return finish(reader, &draft, ret_access);
}

bool who_read_to(struct reader *reader, const struct yaml_node *node, struct mm_access *ret_access)
{
    struct draft draft = {
        .access = {.kind = MM_ACCESS_REALM, .place = node->place}, .what = "to", .good = true};
    if (node->kind == YAML_MAP)
        read_map(reader, node, &draft);
    else
        take_realm(reader, node, &draft);
    if (draft.good && draft.access.kind != MM_ACCESS_REALM && draft.access.kind != MM_ACCESS_PATH) {
        fields_problem(reader, node, "a grant is to a realm, or to {path: …}; who is for access lists");
        draft.good = false;
    }
    return finish(reader, &draft, ret_access);
}

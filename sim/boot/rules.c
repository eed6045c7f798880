/*
 * The sections `grants`, `hierarchy` and `require`. Realms and services have been read before grants.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <realm/types.h>

#include "sim/boot/fields.h"
#include "sim/boot/who.h"

/* --- grants --- */

/* An entry of `grants`: {to: …, service: …, rights: […]}, or {deny: …, service: …}. */
struct grant_draft {
    struct mm_access to;
    const struct yaml_node *to_node, *deny_node, *rights_node;
    uint32_t service;
    uint32_t rights;
    bool to_good, service_good, rights_good;
};

static void read_to(struct reader *reader, const struct yaml_node *value, void *target)
{
    struct grant_draft *draft = target;
    draft->to_node = value;
    draft->to_good = who_read_to(reader, value, &draft->to);
}

static void read_deny(struct reader *reader, const struct yaml_node *value, void *target)
{
    (void)reader;
    ((struct grant_draft *)target)->deny_node = value;
}

static void read_service(struct reader *reader, const struct yaml_node *value, void *target)
{
    struct grant_draft *draft = target;
    const char *name;
    if (fields_name(reader, value, "service", &name))
        draft->service_good = reader_find_service(reader, name, value->place, &draft->service);
}

static void read_rights(struct reader *reader, const struct yaml_node *value, void *target)
{
    struct grant_draft *draft = target;
    draft->rights_node = value;
    draft->rights_good = who_read_rights(reader, value, &draft->rights);
}

static const struct field grant_fields[] = {
    {"to", false, read_to},
    {"deny", false, read_deny},
    {"service", true, read_service},
    {"rights", false, read_rights},
};

void rules_add_deny(struct reader *reader, const struct yaml_node *entry, uint32_t service)
{
    struct mm_config *config = reader->config;
    if (config->denies_count == reader->denies_capacity) {
        size_t capacity = reader->denies_capacity ? 2 * reader->denies_capacity : 8;
        struct mm_deny *denies = reallocarray(config->denies, capacity, sizeof *denies);
        if (!denies) {
            reader->error = -ENOMEM;
            return;
        }
        config->denies = denies;
        reader->denies_capacity = capacity;
    }
    struct mm_deny *deny = &config->denies[config->denies_count];
    *deny = (struct mm_deny){.service = service};
    if (who_read_entry(reader, entry, "an entry of deny", false, &deny->who))
        config->denies_count++;
}

/* Whether the draft says one thing and says it whole. */
static bool settle(struct reader *reader, const struct yaml_node *node, const struct grant_draft *draft)
{
    if (draft->to_node && draft->deny_node)
        fields_problem(reader, draft->deny_node, "an entry either grants or denies: make it two entries");
    else if (!draft->to_node && !draft->deny_node)
        fields_problem(reader, node, "a grant needs the key \"to\" (or \"deny\")");
    else if (draft->deny_node && draft->rights_node)
        fields_problem(reader, draft->rights_node->key, "deny takes everything away: it has no rights");
    else
        return draft->service_good && draft->rights_good && (draft->deny_node || draft->to_good);
    return false;
}

static void read_grant(struct reader *reader, const struct yaml_node *node)
{
    struct mm_config *config = reader->config;
    struct grant_draft draft = {.rights = REALM_RIGHT_SEND, .rights_good = true};
    bool map = fields_read(reader, node, "a grant", grant_fields,
                           sizeof grant_fields / sizeof grant_fields[0], &draft);
    if (!map || !settle(reader, node, &draft)) {
        if (draft.to_good)
            free(draft.to.pattern);
    } else if (draft.deny_node) {
        rules_add_deny(reader, draft.deny_node, draft.service);
    } else {
        config->grants[config->grants_count++] = (struct mm_grant){.realm = draft.to.realm,
                                                                   .service = draft.service,
                                                                   .rights = draft.rights,
                                                                   .place = node->place,
                                                                   .pattern = draft.to.pattern};
    }
}

void rules_read_grants(struct reader *reader, const struct yaml_node *list)
{
    size_t count;
    if (!fields_list(reader, list, "grants", &count))
        return;
    reader->config->grants = fields_array(reader, count, sizeof *reader->config->grants);
    for (const struct yaml_node *node = list->children; node && !reader->error; node = node->next)
        read_grant(reader, node);
}

/* --- hierarchy --- */

static void read_choice(struct reader *reader, const struct yaml_node *value, const char *what,
                        enum mm_choice *ret_choice)
{
    bool yes;
    if (fields_bool(reader, value, what, &yes))
        *ret_choice = yes ? MM_CHOICE_YES : MM_CHOICE_NO;
}

static void read_children(struct reader *reader, const struct yaml_node *value, void *target)
{
    read_choice(reader, value, "children-to-parent", &((struct mm_hierarchy *)target)->children_to_parent);
}

static void read_parents(struct reader *reader, const struct yaml_node *value, void *target)
{
    read_choice(reader, value, "parent-to-children", &((struct mm_hierarchy *)target)->parent_to_children);
}

static void read_siblings(struct reader *reader, const struct yaml_node *value, void *target)
{
    read_choice(reader, value, "siblings", &((struct mm_hierarchy *)target)->siblings);
}

void rules_read_hierarchy(struct reader *reader, const struct yaml_node *map)
{
    static const struct field fields[] = {
        {"children-to-parent", false, read_children},
        {"parent-to-children", false, read_parents},
        {"siblings", false, read_siblings},
    };
    fields_read(reader, map, "hierarchy", fields, sizeof fields / sizeof fields[0],
                &reader->config->hierarchy);
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

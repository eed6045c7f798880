/*
 * The section `realms`: first each realm by itself, then what joins them: names, parents, who starts.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "librealm/core/assert.h"
#include "sim/boot/fields.h"
#include "sim/boot/paths.h"
#include "sim/boot/who.h"

#define ARGS_MAX          1024u
#define ARGS_BYTES        65536u
#define FILES_MAX         64u
#define START_LIMIT_COUNT 5u
#define START_LIMIT_NS    UINT64_C(10000000000)

/* A realm that is being read, and what is looked at when all are known. */
struct draft {
    struct mm_realm *realm;
    const struct yaml_node *parent; /* as named; NULL: the system */
    const struct yaml_node *start;  /* NULL: not said */
};

/* --- files: {name: {path: …, mode: …}} --- */

struct file_draft {
    const struct yaml_node *path;
    enum mm_file_mode mode;
};

static void read_file_path(struct reader *reader, const struct yaml_node *value, void *target)
{
    (void)reader;
    ((struct file_draft *)target)->path = value;
}

static void read_file_mode(struct reader *reader, const struct yaml_node *value, void *target)
{
    static const char *const modes[] = {"r", "w", "rw", "a", NULL};
    size_t index;
    if (fields_choice(reader, value, "mode", modes, &index))
        ((struct file_draft *)target)->mode = (enum mm_file_mode)index;
}

static const struct field file_fields[] = {
    {"path", true, read_file_path},
    {"mode", false, read_file_mode},
};

/* The name travels to the realm in a list name=fd,name=fd. */
static bool file_name_fits(struct reader *reader, const struct yaml_node *key, const char **ret_name)
{
    if (!fields_name(reader, key, "the name of a file", ret_name))
        return false;
    if (!strpbrk(*ret_name, "=,"))
        return true;
    fields_problem(reader, key, "the name of a file cannot have \"=\" or \",\" in it");
    return false;
}

static void read_file(struct reader *reader, struct mm_realm *realm, const struct yaml_node *entry)
{
    const char *name;
    if (!file_name_fits(reader, entry->key, &name))
        return;
    for (size_t i = 0; i < realm->files_count; i++) {
        if (strcmp(realm->files[i].name, name) == 0) {
            fields_problem(reader, entry->key, "the file \"%s\" is here twice; first in line %u", name,
                           realm->files[i].place.line);
            return;
        }
    }
    struct file_draft draft = {.mode = MM_FILE_READ};
    if (!fields_read(reader, entry, "a file", file_fields, sizeof file_fields / sizeof file_fields[0],
                     &draft))
        return;
    struct mm_file *file = &realm->files[realm->files_count];
    if (!draft.path || !paths_file(reader, draft.path, draft.mode, &file->path))
        return;
    realm->files_count++;
    file->name = fields_copy(reader, name);
    file->mode = draft.mode;
    file->place = entry->key->place;
}

static void read_files(struct reader *reader, const struct yaml_node *value, void *target)
{
    struct mm_realm *realm = ((struct draft *)target)->realm;
    if (value->kind != YAML_MAP) {
        fields_problem(reader, value, "files must be a map, such as {input: {path: data.txt, mode: r}}");
        return;
    }
    size_t count = 0;
    for (const struct yaml_node *entry = value->children; entry; entry = entry->next)
        count++;
    if (count > FILES_MAX) {
        fields_problem(reader, value, "a realm can have %u files at most, and here are %zu", FILES_MAX,
                       count);
        return;
    }
    realm->files = fields_array(reader, count, sizeof *realm->files);
    for (const struct yaml_node *entry = value->children; entry && !reader->error; entry = entry->next)
        read_file(reader, realm, entry);
}

/* --- the other keys of a realm --- */

static void read_name(struct reader *reader, const struct yaml_node *value, void *target)
{
    const char *name;
    if (!fields_name(reader, value, "name", &name))
        return;
    if (who_is_word(name))
        fields_problem(reader, value, "\"%s\" has a meaning in access lists and cannot name a realm", name);
    ((struct draft *)target)->realm->name = fields_copy(reader, name);
}

static void read_program(struct reader *reader, const struct yaml_node *value, void *target)
{
    paths_program(reader, value, &((struct draft *)target)->realm->program);
}

/* An argument is taken as it is written, so --count 10 needs no quotes: only its text reaches the program. */
static bool arg_fits(struct reader *reader, const struct yaml_node *value, size_t *bytes)
{
    if (value->kind != YAML_SCALAR || value->type == YAML_NULL) {
        fields_problem(reader, value, "an argument must be a string; \"\" is an empty one");
        return false;
    }
    *bytes += strlen(value->text) + 1;
    if (*bytes <= ARGS_BYTES)
        return true;
    fields_problem(reader, value, "the arguments of a realm can have %u bytes at most", ARGS_BYTES);
    return false;
}

static void read_args(struct reader *reader, const struct yaml_node *value, void *target)
{
    struct mm_realm *realm = ((struct draft *)target)->realm;
    size_t count, used = 0, bytes = 0;
    if (!fields_list(reader, value, "args", &count))
        return;
    if (count > ARGS_MAX) {
        fields_problem(reader, value, "a realm can have %u arguments at most, and here are %zu", ARGS_MAX,
                       count);
        return;
    }
    realm->args = fields_array(reader, count + 1, sizeof *realm->args);
    for (const struct yaml_node *arg = value->children; arg && !reader->error; arg = arg->next)
        if (arg_fits(reader, arg, &bytes))
            realm->args[used++] = fields_copy(reader, arg->text);
}

static void read_parent(struct reader *reader, const struct yaml_node *value, void *target)
{
    const char *name;
    if (fields_name(reader, value, "parent", &name))
        ((struct draft *)target)->parent = value;
}

static void read_private_code(struct reader *reader, const struct yaml_node *value, void *target)
{
    fields_bool(reader, value, "private_code", &((struct draft *)target)->realm->private_code);
}

static void read_template(struct reader *reader, const struct yaml_node *value, void *target)
{
    fields_bool(reader, value, "template", &((struct draft *)target)->realm->template);
}

static void read_start(struct reader *reader, const struct yaml_node *value, void *target)
{
    struct draft *draft = target;
    if (fields_bool(reader, value, "start", &draft->realm->start))
        draft->start = value;
}

static void read_restart(struct reader *reader, const struct yaml_node *value, void *target)
{
    static const char *const words[] = {"never", "on-failure", NULL};
    size_t index;
    if (fields_choice(reader, value, "restart", words, &index))
        ((struct draft *)target)->realm->restart = index ? MM_RESTART_ON_FAILURE : MM_RESTART_NEVER;
}

static void read_limit_count(struct reader *reader, const struct yaml_node *value, void *target)
{
    fields_integer(reader, value, "count", 1, 1000000, &((struct draft *)target)->realm->start_limit_count);
}

static void read_limit_within(struct reader *reader, const struct yaml_node *value, void *target)
{
    fields_duration(reader, value, "within", &((struct draft *)target)->realm->start_limit_ns);
}

static void read_start_limit(struct reader *reader, const struct yaml_node *value, void *target)
{
    static const struct field fields[] = {
        {"count", false, read_limit_count},
        {"within", false, read_limit_within},
    };
    ((struct draft *)target)->realm->start_limit_place = value->place;
    fields_read(reader, value, "start_limit", fields, sizeof fields / sizeof fields[0], target);
}

static void read_limits(struct reader *reader, const struct yaml_node *value, void *target)
{
    limits_read(reader, value, &((struct draft *)target)->realm->limits);
}

static void read_quota(struct reader *reader, const struct yaml_node *value, void *target)
{
    quota_read(reader, value, &((struct draft *)target)->realm->quota);
}

static void read_capabilities(struct reader *reader, const struct yaml_node *value, void *target)
{
    quota_read_capabilities(reader, value, ((struct draft *)target)->realm);
}

static const struct field realm_fields[] = {
    {"name", true, read_name},
    {"program", true, read_program},
    {"args", false, read_args},
    {"files", false, read_files},
    {"parent", false, read_parent},
    {"template", false, read_template},
    {"private_code", false, read_private_code},
    {"start", false, read_start},
    {"restart", false, read_restart},
    {"start_limit", false, read_start_limit},
    {"limits", false, read_limits},
    {"quota", false, read_quota},
    {"capabilities", false, read_capabilities},
};

static void read_realm(struct reader *reader, const struct yaml_node *node, struct draft *draft)
{
    struct mm_realm *realm = draft->realm;
    *realm = (struct mm_realm){.parent = MM_INIT,
                               .start_limit_count = START_LIMIT_COUNT,
                               .start_limit_ns = START_LIMIT_NS,
                               .limits = MM_LIMITS_DEFAULT,
                               .place = node->place};
    fields_read(reader, node, "a realm", realm_fields, sizeof realm_fields / sizeof realm_fields[0], draft);
    if (!realm->args && !reader->error)
        realm->args = fields_array(reader, 1, sizeof *realm->args);
    if (realm->name && !reader->error)
        reader->error =
            names_add(&reader->realms, realm->name, (uint32_t)(realm - reader->config->realms), node->place);
}

/* --- what joins them --- */

/* A path of parents that comes back to where it is: each realm is walked over once. */
static void check_circles(struct reader *reader)
{
    struct mm_config *config = reader->config;
    uint32_t *walk = fields_array(reader, config->realms_count, sizeof *walk); /* 0: not walked over yet */
    for (uint32_t i = 0; walk && i < config->realms_count; i++) {
        uint32_t at = i;
        for (; at != MM_INIT && walk[at] == 0; at = config->realms[at].parent)
            walk[at] = i + 1;
        if (at != MM_INIT && walk[at] == i + 1)
            scenario_problems_add(reader->problems, SCENARIO_ERROR, config->realms[at].place,
                                  "the realm \"%.60s\" is its own ancestor: its parents go round in a circle",
                                  config->realms[at].name);
    }
    free(walk);
}

/* Who starts at boot, and whether that can be. */
static void settle_start(struct reader *reader, const struct draft *draft)
{
    struct mm_realm *realm = draft->realm;
    if (!draft->start) {
        realm->start = !realm->template && !draft->parent;
        return;
    }
    if (realm->start && realm->template)
        fields_problem(
            reader, draft->start,
            "a template does not start by itself: its instances are spawned, each under its own name");
}

/* A parent that runs only later cannot have a child that runs at boot. */
static void check_parent(struct reader *reader, const struct draft *draft)
{
    const struct mm_realm *realm = draft->realm;
    if (realm->parent == MM_INIT)
        return;
    const struct mm_realm *parent = &reader->config->realms[realm->parent];
    realm_assert(draft->parent != NULL); /* an index came from somewhere */
    if (parent->template && !realm->template)
        fields_problem(reader, draft->parent,
                       "\"%.60s\" is a template, and each of its instances would need this child: make the "
                       "child a template, too",
                       parent->name);
    else if (realm->start && !parent->start)
        fields_problem(reader, draft->start,
                       "the parent \"%.60s\" does not start at boot, so its child cannot", parent->name);
}

static void join_realms(struct reader *reader, struct draft *drafts)
{
    size_t count = reader->config->realms_count;
    reader_finish_names(reader, &reader->realms, "realm");
    for (size_t i = 0; i < count; i++) {
        const struct yaml_node *parent = drafts[i].parent;
        if (parent)
            reader_find_realm(reader, parent->text, parent->place, &drafts[i].realm->parent);
        settle_start(reader, &drafts[i]);
    }
    for (size_t i = 0; i < count; i++)
        check_parent(reader, &drafts[i]);
    check_circles(reader);
}

void realms_read(struct reader *reader, const struct yaml_node *list)
{
    size_t count;
    if (!fields_list(reader, list, "realms", &count))
        return;
    if (count == 0 || count > SCENARIO_REALMS_MAX) {
        fields_problem(reader, list, "a scenario has 1 to %u realms, and here are %zu", SCENARIO_REALMS_MAX,
                       count);
        return;
    }
    struct draft *drafts = fields_array(reader, count, sizeof *drafts);
    reader->config->realms = fields_array(reader, count, sizeof *reader->config->realms);
    if (drafts && reader->config->realms) {
        reader->config->realms_count = count;
        size_t i = 0;
        for (const struct yaml_node *node = list->children; node && !reader->error; node = node->next, i++) {
            drafts[i].realm = &reader->config->realms[i];
            read_realm(reader, node, &drafts[i]);
        }
        if (!reader->error)
            join_realms(reader, drafts);
    }
    free(drafts);
}

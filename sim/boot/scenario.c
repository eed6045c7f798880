/*
 * From a file to a configuration: read the text, parse it, then the sections in the order of what refers to
 * what: realms, services, and the rules about both.
 */
#include "sim/boot/scenario.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <realm/error.h>

#include "sim/boot/fields.h"
#include "sim/boot/yaml_arrows.h"

/* --- references --- */

static bool find(struct reader *reader, const struct names *names, const char *what, const char *name,
                 struct mm_place place, const char *const *also, uint32_t *ret_index)
{
    const struct names_entry *entry = names_find(names, name);
    if (entry) {
        *ret_index = entry->index;
        return true;
    }
    const char *nearest = scenario_problems_full(reader->problems) ? NULL : names_nearest(names, name, also);
    scenario_problems_add(reader->problems, SCENARIO_ERROR, place, "there is no %s \"%.60s\"%s%.60s%s", what,
                          name, nearest ? "; did you mean \"" : "", nearest ? nearest : "",
                          nearest ? "\"?" : "");
    return false;
}

bool reader_find_realm(struct reader *reader, const char *name, struct mm_place place, uint32_t *ret_index)
{
    return find(reader, &reader->realms, "realm", name, place, NULL, ret_index);
}

bool reader_find_client(struct reader *reader, const char *name, struct mm_place place, uint32_t *ret_index)
{
    static const char *const also[] = {"children", "descendants", "all", NULL};
    return find(reader, &reader->realms, "realm", name, place, also, ret_index);
}

bool reader_find_service(struct reader *reader, const char *name, struct mm_place place, uint32_t *ret_index)
{
    return find(reader, &reader->services, "service", name, place, NULL, ret_index);
}

void reader_finish_names(struct reader *reader, struct names *names, const char *what)
{
    names_sort(names);
    for (size_t i = 1; i < names->count; i++) {
        const struct names_entry *first = &names->entries[i - 1], *second = &names->entries[i];
        if (strcmp(first->text, second->text) == 0)
            scenario_problems_add(reader->problems, SCENARIO_ERROR, second->place,
                                  "the %s \"%.60s\" is declared in line %u already", what, second->text,
                                  first->place.line);
    }
}

/* --- the top level --- */

/* The sections as they stand in the file, whatever their order. */
struct sections {
    const struct yaml_node *system, *require, *realms, *services, *grants, *hierarchy, *asserts, *replay;
};

#define SECTION(member)                                                                                      \
    static void take_##member(struct reader *reader, const struct yaml_node *value, void *target)            \
    {                                                                                                        \
        (void)reader;                                                                                        \
        ((struct sections *)target)->member = value;                                                         \
    }
SECTION(system)
SECTION(require)
SECTION(realms)
SECTION(services)
SECTION(grants)
SECTION(hierarchy)
SECTION(asserts)
SECTION(replay)

static const struct field top_fields[] = {
    {"system", true, take_system},   {"require", false, take_require},
    {"realms", true, take_realms},   {"services", false, take_services},
    {"grants", false, take_grants},  {"hierarchy", false, take_hierarchy},
    {"assert", false, take_asserts},
};

/* What `realm fuzz` prints has its system in the case. */
static const struct field replay_fields[] = {
    {"system", true, take_system},
    {"replay", true, take_replay},
};

static bool is_replay(const struct yaml_node *root)
{
    for (const struct yaml_node *entry = root->kind == YAML_MAP ? root->children : NULL; entry;
         entry = entry->next)
        if (strcmp(entry->key->text, "replay") == 0)
            return true;
    return false;
}

/* The case itself is read by who replays it. */
static void read_replay(struct reader *reader, const struct yaml_node *node)
{
    const char *text;
    if (!fields_string(reader, node, "replay", &text))
        return;
    reader->config->replay = fields_copy(reader, text);
    reader->config->replay_place = node->place;
}

static void read_sections(struct reader *reader, const struct yaml_node *root)
{
    struct sections sections = {0};
    const char *name;
    bool replay = is_replay(root);
    if (!fields_read(reader, root, replay ? "a replay" : "a scenario", replay ? replay_fields : top_fields,
                     replay ? sizeof replay_fields / sizeof replay_fields[0]
                            : sizeof top_fields / sizeof top_fields[0],
                     &sections))
        return;
    if (sections.system && fields_name(reader, sections.system, "system", &name))
        reader->config->system = fields_copy(reader, name);
    if (sections.replay && !reader->error)
        read_replay(reader, sections.replay);
    if (sections.require && !reader->error)
        rules_read_requirements(reader, sections.require);
    if (sections.hierarchy && !reader->error)
        rules_read_hierarchy(reader, sections.hierarchy);
    if (sections.realms && !reader->error)
        realms_read(reader, sections.realms);
    if (reader->config->realms_count == 0)
        return; /* whatever follows refers to realms */
    if (sections.services && !reader->error)
        services_read(reader, sections.services);
    if (sections.grants && !reader->error)
        rules_read_grants(reader, sections.grants);
    if (sections.asserts && !reader->error)
        asserts_read(reader, sections.asserts);
}

static int read_root(struct reader *reader, const struct yaml_node *root)
{
    if (!root) {
        scenario_problems_add(reader->problems, SCENARIO_ERROR, (struct mm_place){0, 0},
                              "the file is empty; a scenario needs at least `system:` and `realms:`");
        return REALM_E_BAD_ARGUMENT;
    }
    reader->config->source = fields_copy(reader, reader->origin->name);
    if (!reader->error)
        read_sections(reader, root);
    if (reader->error)
        return reader->error;
    return reader->problems->errors > 0 ? REALM_E_BAD_ARGUMENT : 0;
}

/* What is no YAML because of lists before arrows is read again without them. */
static int parse(const char *text, size_t size, struct scenario_problems *problems,
                 struct yaml_node **ret_root)
{
    int error = yaml_parse(text, size, problems, ret_root);
    if (error <= 0 || size > YAML_TEXT_MAX)
        return error;
    char *changed = yaml_arrows(text, size);
    if (changed) {
        struct scenario_problems again;
        scenario_problems_init(&again);
        int second = scenario_problems_about(&again, problems->source, text, size);
        if (!second)
            second = yaml_parse(changed, size, &again, ret_root);
        /* If it is no YAML this way either, what is wrong now is something else, and that is told. */
        scenario_problems_deinit(problems);
        *problems = again;
        error = second;
    }
    free(changed);
    return error;
}

int scenario_read_text(const char *text, size_t size, const struct scenario_origin *origin,
                       struct scenario_problems *problems, struct mm_config **ret_config)
{
    int error = scenario_problems_about(problems, origin->name, text, size <= YAML_TEXT_MAX ? size : 0);
    if (error)
        return error;
    struct yaml_node *root = NULL;
    error = parse(text, size, problems, &root);
    if (!error) {
        struct reader reader = {
            .problems = problems, .origin = origin, .config = calloc(1, sizeof *reader.config)};
        error = reader.config ? read_root(&reader, root) : -ENOMEM;
        names_deinit(&reader.realms);
        names_deinit(&reader.services);
        yaml_free(root);
        if (error)
            mm_config_free(reader.config);
        else
            *ret_config = reader.config;
    }
    scenario_problems_sort(problems);
    return error;
}

/* --- from a file --- */

static int file_problem(struct scenario_problems *problems, const char *path, const char *what)
{
    if (!problems->source && scenario_problems_about(problems, path, NULL, 0))
        return -ENOMEM;
    scenario_problems_add(problems, SCENARIO_ERROR, (struct mm_place){0, 0}, "%s", what);
    return REALM_E_BAD_ARGUMENT;
}

/* Reads up to the limit and one byte more, which says that it is too large. */
static int read_all(int fd, char *buffer, size_t capacity, size_t *ret_size)
{
    size_t size = 0;
    while (size < capacity) {
        ssize_t got = read(fd, buffer + size, capacity - size);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -errno;
        if (got == 0)
            break;
        size += (size_t)got;
    }
    *ret_size = size;
    return 0;
}

/* Not blocking, so that a pipe without a writer does not hold us. */
static int read_file(const char *path, char *buffer, size_t capacity, size_t *ret_size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return -errno;
    struct stat status;
    int error = fstat(fd, &status) == 0 ? 0 : -errno;
    if (!error && S_ISDIR(status.st_mode))
        error = -EISDIR;
    if (!error)
        error = read_all(fd, buffer, capacity, ret_size);
    close(fd);
    return error;
}

/* The folder of a path, absolute. NULL: errno says why. */
static char *folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    if (!slash)
        return realpath(".", NULL);
    char *folder = strndup(path, slash == path ? 1 : (size_t)(slash - path));
    char *absolute = folder ? realpath(folder, NULL) : NULL;
    free(folder);
    return absolute;
}

static char *own_folder(void)
{
    char path[PATH_MAX];
    ssize_t size = readlink("/proc/self/exe", path, sizeof path - 1);
    if (size <= 0)
        return NULL;
    path[size] = '\0';
    return folder_of(path);
}

int scenario_read(const char *path, struct scenario_problems *problems, struct mm_config **ret_config)
{
    size_t size = 0, capacity = YAML_TEXT_MAX + 1u;
    char *text = malloc(capacity);
    if (!text)
        return -ENOMEM;
    char *folder = NULL, *beside = NULL;
    int error = read_file(path, text, capacity, &size);
    if (!error && !(folder = folder_of(path)))
        error = -errno;
    if (error) {
        error = file_problem(problems, path, strerror(-error));
    } else {
        beside = own_folder();
        struct scenario_origin origin = {.name = path, .folder = folder, .beside = beside, .look = true};
        error = scenario_read_text(text, size, &origin, problems, ret_config);
    }
    free(text);
    free(folder);
    free(beside);
    return error;
}

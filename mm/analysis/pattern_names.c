/*
 * Matching is the textbook's, over components: `**` is tried with none, one, two, … of them. Patterns are
 * short and paths have 32 components at most, so the simple way is bounded well enough.
 */
#include "mm/analysis/pattern_names.h"

#include <string.h>

#define COMPONENTS_MAX 64u

struct component {
    const char *text; /* as in the pattern, with its escapes */
    size_t size;
};

const char *pattern_names_next(const struct mm_config *config, size_t *at)
{
    size_t number = 0;
    for (size_t i = 0; i < config->services_count; i++)
        for (size_t j = 0; j < config->services[i].access_count; j++)
            if (config->services[i].access[j].pattern && number++ == *at)
                return (*at)++, config->services[i].access[j].pattern;
    for (size_t i = 0; i < config->grants_count; i++)
        if (config->grants[i].pattern && number++ == *at)
            return (*at)++, config->grants[i].pattern;
    for (size_t i = 0; i < config->denies_count; i++)
        if (config->denies[i].who.pattern && number++ == *at)
            return (*at)++, config->denies[i].who.pattern;
    for (size_t i = 0; i < config->asserts_count; i++)
        for (size_t j = 0; j < config->asserts[i].subjects_count; j++)
            if (config->asserts[i].subjects[j].pattern && number++ == *at)
                return (*at)++, config->asserts[i].subjects[j].pattern;
    return NULL;
}

static size_t split(const char *pattern, struct component components[COMPONENTS_MAX])
{
    size_t count = 0;
    const char *at = pattern;
    while (*at == '/' && at[1] != '\0' && count < COMPONENTS_MAX) {
        const char *start = ++at;
        while (*at && *at != '/')
            at += *at == '\\' && at[1] ? 2 : 1;
        components[count++] = (struct component){.text = start, .size = (size_t)(at - start)};
    }
    return count;
}

/* One component against one name; a star is tried at every length, the shortest first. */
static bool glob(const char *pattern, const char *end, const char *name)
{
    const char *star = NULL, *star_name = NULL;
    while (true) {
        if (pattern < end && *pattern == '*') {
            star = ++pattern;
            star_name = name;
            continue;
        }
        const char *literal = pattern < end && *pattern == '\\' && pattern + 1 < end ? pattern + 1 : pattern;
        if (pattern < end && *name && *literal == *name) {
            pattern = literal + 1;
            name++;
        } else if (pattern == end && *name == '\0') {
            return true;
        } else if (star && *star_name) {
            pattern = star;
            name = ++star_name;
        } else {
            return false;
        }
    }
}

static bool is_any(const struct component *component)
{
    return component->size == 2 && memcmp(component->text, "**", 2) == 0;
}

static bool match(const struct component *pattern, size_t patterns, const char *const *names, size_t count)
{
    /* reached[j]: the components before the present one match the first j names */
    bool reached[COMPONENTS_MAX + 1] = {true};
    if (count > COMPONENTS_MAX)
        return false;
    for (size_t i = 0; i < patterns; i++) {
        bool next[COMPONENTS_MAX + 1] = {false};
        for (size_t j = 0; j <= count; j++) {
            if (is_any(&pattern[i]))
                next[j] = reached[j] || (j > 0 && next[j - 1]);
            else if (j > 0 && reached[j - 1])
                next[j] = glob(pattern[i].text, pattern[i].text + pattern[i].size, names[j - 1]);
        }
        memcpy(reached, next, sizeof reached);
    }
    return reached[count];
}

bool pattern_names_match(const char *pattern, const char *const *components, size_t count)
{
    struct component parts[COMPONENTS_MAX];
    size_t patterns = split(pattern, parts);
    return match(parts, patterns, components, count);
}

/* A name that one component matches: its stars stand for nothing, or for one letter if that is all there is.
 */
static bool name_for(const struct component *component, char *name, size_t capacity)
{
    size_t used = 0;
    for (size_t i = 0; i < component->size; i++) {
        if (component->text[i] == '*')
            continue;
        if (component->text[i] == '\\' && i + 1 < component->size)
            i++;
        if (used + 2 > capacity || used >= 255)
            return false;
        name[used++] = component->text[i];
    }
    if (used == 0)
        name[used++] = 'x';
    name[used] = '\0';
    return true;
}

bool pattern_names_choose(const char *pattern, const char *const *components, size_t count, char *name,
                          size_t capacity)
{
    struct component parts[COMPONENTS_MAX];
    const char *path[COMPONENTS_MAX];
    size_t patterns = split(pattern, parts);
    if (patterns == 0 || count + 1 > COMPONENTS_MAX || !name_for(&parts[patterns - 1], name, capacity))
        return false;
    memcpy(path, components, count * sizeof *path);
    path[count] = name;
    return match(parts, patterns, path, count + 1);
}

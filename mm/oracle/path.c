/* Paths of realms, and the patterns that match them (section 3). Recursive, since that is the plainest. */
#include <string.h>

#include "mm/oracle/oracle.h"

void oracle_path(const struct oracle_world *world, int realm, char ret_path[ORACLE_PATH_MAX])
{
    int way[ORACLE_REALMS];
    size_t steps = 0, length = 0;
    for (; realm != ORACLE_INIT; realm = world->realms[realm].parent)
        way[steps++] = realm;
    if (steps == 0)
        ret_path[length++] = '/';
    while (steps-- > 0) {
        const char *name = world->realms[way[steps]].name;
        size_t size = strlen(name);
        if (length + 1 + 2 * size >= ORACLE_PATH_MAX)
            break;
        ret_path[length++] = '/';
        for (; *name; name++) {
            if (*name == '/' || *name == '\\')
                ret_path[length++] = '\\'; /* it is a byte of the name */
            ret_path[length++] = *name;
        }
    }
    ret_path[length] = '\0';
}

/* How many bytes of a path write the next byte of a name. */
static size_t written(const char *text)
{
    return *text == '\\' && text[1] ? 2 : 1;
}

/* One component, both given by their bounds. */
static bool component_matches(const char *pattern, const char *pattern_end, const char *text,
                              const char *text_end)
{
    if (pattern == pattern_end)
        return text == text_end;
    if (*pattern == '*')
        return component_matches(pattern + 1, pattern_end, text, text_end) ||
               (text < text_end && component_matches(pattern, pattern_end, text + written(text), text_end));
    if (*pattern == '\\' && ++pattern == pattern_end)
        return false; /* nothing follows that could be taken as it is */
    return text < text_end && *pattern == text[written(text) - 1] &&
           component_matches(pattern + 1, pattern_end, text + written(text), text_end);
}

static const char *end_of_component(const char *text)
{
    while (*text && *text != '/')
        text += written(text);
    return text;
}

/* Both stand at a '/' that begins a component, or at their end. */
static bool rest_matches(const char *pattern, const char *path)
{
    if (*pattern == '\0')
        return *path == '\0';
    if (*pattern != '/')
        return false;
    const char *end = end_of_component(pattern + 1);
    bool any = end - pattern == 3 && pattern[1] == '*' && pattern[2] == '*';
    if (any && rest_matches(end, path))
        return true;
    if (*path == '\0')
        return false;
    const char *path_end = end_of_component(path + 1);
    if (any)
        return rest_matches(pattern, path_end);
    return component_matches(pattern + 1, end, path + 1, path_end) && rest_matches(end, path_end);
}

bool oracle_pattern_matches(const char *pattern, const char *path)
{
    /* The root has no component. */
    if (strcmp(path, "/") == 0)
        path = "";
    if (strcmp(pattern, "/") == 0)
        return *path == '\0';
    return *pattern == '/' && rest_matches(pattern, path);
}

/*
 * Looking is advice, not protection: what is there now may be gone when the launcher opens it, and then the
 * launcher says so.
 */
#include "sim/boot/paths.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sim/boot/fields.h"

#define PATH_SHOWN 400 /* bytes of a path that a message quotes */
#define PATH_BYTES 4095u

static char *join(struct reader *reader, const char *folder, const char *below, const char *path)
{
    while (strncmp(path, "./", 2) == 0)
        path += 2;
    char *joined;
    if (path[0] == '/') {
        joined = strdup(path);
    } else if (asprintf(&joined, "%s/%s%s", strcmp(folder, "/") == 0 ? "" : folder, below, path) < 0) {
        joined = NULL;
    }
    if (!joined)
        reader->error = -ENOMEM;
    return joined;
}

/* beside/../libexec/realmkit/program, without the "..", which would be hard to read in a message. */
static char *join_libexec(struct reader *reader, const char *beside, const char *program)
{
    char *above = fields_copy(reader, beside);
    if (!above)
        return NULL;
    char *slash = strrchr(above, '/');
    if (slash)
        *slash = '\0';
    char *path = join(reader, above, "libexec/realmkit/", program);
    free(above);
    return path;
}

static bool take_path(struct reader *reader, const struct yaml_node *node, const char *what,
                      const char **ret_text)
{
    const char *text;
    if (!fields_string(reader, node, what, &text))
        return false;
    if (text[0] == '\0' || strlen(text) > PATH_BYTES) {
        fields_problem(reader, node, "%s must have 1 to %u bytes", what, PATH_BYTES);
        return false;
    }
    *ret_text = text;
    return true;
}

/* Whether a program is there. One that is there but cannot be started is reported, and found is still true.
 */
static bool program_is_there(struct reader *reader, const struct yaml_node *node, const char *path)
{
    struct stat status;
    if (stat(path, &status) != 0)
        return false;
    if (!S_ISREG(status.st_mode))
        fields_problem(reader, node, "program %.*s is a folder or a device, not a program", PATH_SHOWN, path);
    else if (faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) != 0)
        fields_problem(reader, node, "program %.*s is not executable; `chmod +x` makes it so", PATH_SHOWN,
                       path);
    return true;
}

bool paths_program(struct reader *reader, const struct yaml_node *node, char **ret_path)
{
    const char *text;
    if (!take_path(reader, node, "program", &text))
        return false;
    const char *beside = strchr(text, '/') ? NULL : reader->origin->beside;
    char *places[3] = {join(reader, reader->origin->folder, "", text),
                       beside ? join(reader, beside, "", text) : NULL,
                       beside ? join_libexec(reader, beside, text) : NULL};
    size_t found = reader->error ? 3 : 0;
    if (reader->origin->look)
        while (found < 3 && !(places[found] && program_is_there(reader, node, places[found])))
            found++;
    if (found == 3 && beside && !reader->error)
        fields_problem(reader, node, "program \"%.*s\" is not found; looked for %.*s, %.*s and %.*s",
                       PATH_SHOWN, text, PATH_SHOWN, places[0], PATH_SHOWN, places[1], PATH_SHOWN, places[2]);
    else if (found == 3 && !reader->error)
        fields_problem(reader, node, "program \"%.*s\" is not found; looked for %.*s", PATH_SHOWN, text,
                       PATH_SHOWN, places[0]);
    for (size_t i = 0; i < 3; i++)
        if (i != found)
            free(places[i]);
    if (found == 3 || !places[found])
        return false;
    *ret_path = places[found];
    return true;
}

static void look_for_file(struct reader *reader, const struct yaml_node *node, enum mm_file_mode mode,
                          const char *path)
{
    struct stat status;
    bool there = stat(path, &status) == 0;
    int reason = errno;
    if (there && S_ISDIR(status.st_mode)) {
        fields_problem(reader, node, "file %.*s is a folder", PATH_SHOWN, path);
    } else if (!there && (mode == MM_FILE_READ || mode == MM_FILE_READ_WRITE)) {
        fields_problem(reader, node, "file %.*s: %s%s", PATH_SHOWN, path, strerror(reason),
                       mode == MM_FILE_READ_WRITE ? "; create it, or let the realm do so with mode w" : "");
    } else if (!there) {
        const char *slash = strrchr(path, '/');
        char *folder = strndup(path, slash == path ? 1 : (size_t)(slash - path));
        if (!folder)
            reader->error = -ENOMEM;
        else if (stat(folder, &status) != 0 || !S_ISDIR(status.st_mode))
            fields_problem(reader, node, "file %.*s cannot be created: there is no folder %.*s", PATH_SHOWN,
                           path, PATH_SHOWN, folder);
        free(folder);
    }
}

bool paths_file(struct reader *reader, const struct yaml_node *node, enum mm_file_mode mode, char **ret_path)
{
    const char *text;
    if (!take_path(reader, node, "path", &text))
        return false;
    char *path = join(reader, reader->origin->folder, "", text);
    if (!path)
        return false;
    if (reader->origin->look)
        look_for_file(reader, node, mode, path);
    *ret_path = path;
    return true;
}

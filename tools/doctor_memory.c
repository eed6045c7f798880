/*
 * The memory cgroup's limit, found by walking up from this process's own cgroup. Version 1 writes "no limit"
 * as a number near the largest that there is.
 */
#include "tools/doctor_memory.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#define UNLIMITED (UINT64_C(1) << 60)

static void take_smaller(const char *folder, const char *file, uint64_t *bytes)
{
    char path[PATH_MAX + 64];
    uint64_t value;
    snprintf(path, sizeof path, "%s/%s", folder, file);
    FILE *stream = fopen(path, "re");
    if (!stream)
        return;
    if (fscanf(stream, "%" SCNu64, &value) == 1 && value < *bytes)
        *bytes = value;
    fclose(stream);
}

static void walk_up(const char *mount, const char *cgroup, const char *file, uint64_t *bytes)
{
    char folder[PATH_MAX];
    size_t root = strlen(mount);
    int length = snprintf(folder, sizeof folder, "%s%s", mount, cgroup);
    if (length < 0 || (size_t)length >= sizeof folder)
        return;
    for (;;) {
        take_smaller(folder, file, bytes);
        char *slash = strrchr(folder, '/');
        if (!slash || slash < folder + root)
            return;
        *slash = '\0';
    }
}

bool doctor_memory_bound(uint64_t *ret_bytes)
{
    char line[PATH_MAX];
    uint64_t bytes = UNLIMITED;
    FILE *stream = fopen("/proc/self/cgroup", "re");
    if (!stream)
        return false;
    while (fgets(line, sizeof line, stream)) {
        char *controllers = strchr(line, ':');
        char *cgroup = controllers ? strchr(controllers + 1, ':') : NULL;
        if (!cgroup)
            continue;
        line[strcspn(line, "\n")] = '\0';
        *cgroup++ = '\0';
        if (controllers[1] == '\0')
            walk_up("/sys/fs/cgroup", cgroup, "memory.max", &bytes);
        else if (strcmp(controllers + 1, "memory") == 0)
            walk_up("/sys/fs/cgroup/memory", cgroup, "memory.limit_in_bytes", &bytes);
    }
    fclose(stream);
    if (bytes >= UNLIMITED)
        return false;
    *ret_bytes = bytes;
    return true;
}

#include "bench/harness/watch.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static FILE *open_of(pid_t pid, const char *file)
{
    char path[352];

    snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, file);
    return fopen(path, "r");
}

uint64_t watch_cpu_ns(pid_t pid)
{
    char path[64], file[320];
    uint64_t sum_ns = 0, one_ns;

    snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
    DIR *threads = opendir(path);
    if (threads == NULL)
        return 0;
    for (struct dirent *entry; (entry = readdir(threads)) != NULL;) {
        snprintf(file, sizeof file, "task/%s/schedstat", entry->d_name);
        FILE *stream = entry->d_name[0] == '.' ? NULL : open_of(pid, file);
        if (stream == NULL)
            continue;
        if (fscanf(stream, "%" SCNu64, &one_ns) == 1)
            sum_ns += one_ns;
        fclose(stream);
    }
    closedir(threads);
    return sum_ns;
}

int64_t watch_sum(pid_t pid, const char *file, const char *key)
{
    char line[512];
    int64_t sum = 0;
    FILE *stream = open_of(pid, file);

    if (stream == NULL)
        return -1;
    while (fgets(line, sizeof line, stream) != NULL) {
        const char *colon = strchr(line, ':');
        if (strncmp(line, key, strlen(key)) == 0 && colon != NULL)
            sum += strtoll(colon + 1, NULL, 10);
    }
    fclose(stream);
    return sum;
}

int64_t watch_sleeps(pid_t pid)
{
    int64_t count = watch_sum(pid, "status", "voluntary_ctxt_switches");

    return count < 0 ? 0 : count;
}

int64_t watch_regions(pid_t pid, uint64_t not_of_bytes)
{
    char line[512];
    unsigned long start, end;
    int64_t sum = 0;
    int region = 0;
    FILE *stream = open_of(pid, "smaps");

    if (stream == NULL)
        return -1;
    while (fgets(line, sizeof line, stream) != NULL) {
        if (sscanf(line, "%lx-%lx ", &start, &end) == 2)
            region = strstr(line, "/memfd:") != NULL && end - start > 4096 && end - start != not_of_bytes;
        else if (region && strncmp(line, "Rss:", 4) == 0)
            sum += strtoll(line + 4, NULL, 10) * 1024;
    }
    fclose(stream);
    return sum;
}

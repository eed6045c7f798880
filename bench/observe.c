/* Processes as /proc shows them, from outside of the system that they belong to. */
#include "bench/bench.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The sum of all lines "key ...: number" of a file of a process whose key begins so; -1: no such file. */
static int64_t sum_of(const char *pid, const char *file, const char *key)
{
    char path[64], line[512];
    int64_t sum = 0;
    FILE *stream;

    snprintf(path, sizeof path, "/proc/%.20s/%s", pid, file);
    stream = fopen(path, "r");
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

static int gone(const char *pid)
{
    fprintf(stderr, "bench: process %s is gone, or not ours to look at\n", pid);
    return 1;
}

int observe_counters(const char *pid)
{
    int64_t voluntary = sum_of(pid, "status", "voluntary_ctxt_switches");
    int64_t forced = sum_of(pid, "status", "nonvoluntary_ctxt_switches");
    int64_t calls = sum_of(pid, "io", "sysc");

    if (voluntary < 0 || forced < 0 || calls < 0)
        return gone(pid);
    printf("%" PRId64 "\n", voluntary + forced + calls);
    return 0;
}

static void print_result(const struct result *result)
{
    char line[RESULT_LINE_MAX];

    result_format(result, line);
    puts(line);
}

int observe_wakeups(unsigned seconds, char **pids)
{
    struct result result = {
        .name = "wake-ups of the idle realms", .unit = "times", .about = RESULT_GOAL_VALUE};
    int64_t before = 0, after = 0;

    for (char **pid = pids; *pid != NULL; pid++) {
        int64_t count = sum_of(*pid, "status", "voluntary_ctxt_switches");
        if (count < 0)
            return gone(*pid);
        before += count;
    }
    sleep(seconds);
    for (char **pid = pids; *pid != NULL; pid++) {
        int64_t count = sum_of(*pid, "status", "voluntary_ctxt_switches");
        if (count < 0)
            return gone(*pid);
        after += count;
    }
    result.value = (double)(after - before);
    print_result(&result);
    return 0;
}

int observe_memory(char **pids)
{
    struct result middle = {.name = "private memory of a realm, median of all", .unit = "KiB"};
    struct result most = {.name = "private memory of a realm, the largest", .unit = "KiB"};
    double private[1024], low, high;
    size_t count = 0;

    for (char **pid = pids; *pid != NULL && count < sizeof private / sizeof private[0]; pid++) {
        int64_t kib = sum_of(*pid, "smaps_rollup", "Private_");
        if (kib < 0)
            return gone(*pid);
        private[count++] = (double)kib;
    }
    if (count == 0)
        return 1;
    result_quartiles(private, count, &low, &middle.value, &high);
    most.value = private[count - 1];
    most.about = middle.about = RESULT_GOAL_VALUE;
    most.goal = middle.goal = 1536;
    print_result(&middle);
    print_result(&most);
    return 0;
}

/*
 * A realm with one channel has its own region and its peer's mapped, both whole memfds of the same size, and
 * some of its own that wait for the next channel and were never touched. The control page is no channel.
 */
int observe_channel(const char *pid)
{
    struct result result = {.name = "resident bytes of a channel that has wrapped",
                            .unit = "KiB",
                            .about = RESULT_GOAL_VALUE,
                            .goal = 20};
    char path[64], line[512];
    unsigned long start, end;
    bool region = false;
    FILE *stream;

    snprintf(path, sizeof path, "/proc/%.20s/smaps", pid);
    stream = fopen(path, "r");
    if (stream == NULL)
        return gone(pid);
    while (fgets(line, sizeof line, stream) != NULL) {
        if (sscanf(line, "%lx-%lx ", &start, &end) == 2)
            region = strstr(line, "/memfd:") != NULL && end - start > 4096;
        else if (region && strncmp(line, "Rss:", 4) == 0)
            result.value += (double)strtoll(line + 4, NULL, 10);
    }
    fclose(stream);
    print_result(&result);
    return 0;
}

#include "bench/harness/system.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/measure/clock.h"

#define PATIENCE_NS UINT64_C(90000000000) /* for anything that is merely waited for */
#define LINE_BYTES  ((size_t)64 * 1024)

struct system {
    struct bench *bench;
    unsigned number; /* which of the harness's it is */
    pid_t harness;
    pid_t front; /* `realm run`; 0: reaped */
    int scenario_fd, gate_fd;
    int events; /* read end; -1: at its end */
    FILE *errors;
    struct gate *gate;
    json_t *pids; /* realm → process id */
    json_t *seen; /* array of all events but logs, and of logs */
    char line[LINE_BYTES];
    size_t size;
};

/* --- affinity --- */

void system_pin(const struct bench *bench, pid_t pid, int cpu)
{
    cpu_set_t set;

    CPU_ZERO(&set);
    if (cpu >= 0) {
        CPU_SET((unsigned)cpu, &set);
    } else {
        CPU_SET(bench->cpus[0], &set);
        CPU_SET(bench->cpus[1], &set);
    }
    if (sched_setaffinity(pid, sizeof set, &set) != 0)
        fprintf(bench->errors, "realm bench: cannot keep process %d on its processor: %s\n", (int)pid,
                strerror(errno));
}

/* --- the child --- */

static void run_child(struct system *system, const struct system_options *options, int events)
{
    const struct bench *bench = system->bench;
    char path[64], instance[SYSTEM_INSTANCE_MAX];
    const char *words[14] = {"realm", "run", path, "--json", "--instance", instance};
    int count = 6;

    snprintf(path, sizeof path, "/proc/self/fd/%d", system->scenario_fd);
    system_instance(system, instance);
    if (options->waiter != NULL) {
        words[count++] = "--waiter";
        words[count++] = options->waiter;
    }
    if (options->without != NULL) {
        words[count++] = "--without";
        words[count++] = options->without;
    }
    /* ctrl-C is the harness's, which asks for an end in its own time; a harness that is killed takes it
     * along. */
    if (setsid() < 0 || prctl(PR_SET_PDEATHSIG, SIGTERM) < 0)
        _exit(1);
    if (dup2(events, STDOUT_FILENO) < 0 || dup2(fileno(system->errors), STDERR_FILENO) < 0)
        _exit(1);
    if (options->one_cpu)
        system_pin(bench, 0, (int)bench->cpus[0]);
    _exit(bench->options.command(count, (char *const *)words));
}

static int memory_file(const char *name, const void *bytes, size_t size)
{
    int fd = memfd_create(name, 0);

    if (fd >= 0 &&
        (bytes != NULL ? write(fd, bytes, size) != (ssize_t)size : ftruncate(fd, (off_t)size) != 0)) {
        close(fd);
        return -1;
    }
    return fd;
}

/* The scenario, with the gate's path in its place; the caller's to free. */
static char *fill_in(const char *scenario, int gate_fd)
{
    char *text = NULL;
    size_t size;
    FILE *stream = open_memstream(&text, &size);
    const char *from = scenario, *at;

    if (stream == NULL)
        return NULL;
    while ((at = strstr(from, "@GATE@")) != NULL) {
        fprintf(stream, "%.*s/proc/%d/fd/%d", (int)(at - from), from, (int)getpid(), gate_fd);
        from = at + strlen("@GATE@");
    }
    fputs(from, stream);
    return fclose(stream) == 0 ? text : NULL;
}

static int prepare(struct system *system, const char *scenario)
{
    system->gate_fd = memory_file("bench-gate", NULL, sizeof(struct gate));
    system->gate = system->gate_fd >= 0 ? gate_map(system->gate_fd) : NULL;
    char *text = fill_in(scenario, system->gate_fd);
    system->scenario_fd = text != NULL ? memory_file("bench-scenario", text, strlen(text)) : -1;
    free(text);
    system->errors = tmpfile();
    system->pids = json_object();
    system->seen = json_array();
    return system->gate == NULL || system->scenario_fd < 0 || system->errors == NULL;
}

static int start(struct system *system, const struct system_options *options)
{
    int pipe_fds[2];

    if (pipe2(pipe_fds, O_CLOEXEC) != 0)
        return 1;
    fcntl(pipe_fds[0], F_SETFL, O_NONBLOCK);
    system->events = pipe_fds[0];
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0)
        run_child(system, options, pipe_fds[1]);
    close(pipe_fds[1]);
    system->front = pid > 0 ? pid : 0;
    return pid < 0;
}

/* --- events --- */

static void take_line(struct system *system, const char *line, size_t size)
{
    json_error_t error;
    json_t *event = json_loadb(line, size, 0, &error);
    const char *name = json_string_value(json_object_get(event, "event"));

    if (name != NULL && strcmp(name, "started") == 0)
        json_object_set(system->pids, json_string_value(json_object_get(event, "realm")),
                        json_object_get(event, "pid"));
    json_array_append(system->seen, event);
    json_decref(event);
}

static void take_events(struct system *system)
{
    while (system->events >= 0) {
        ssize_t got = read(system->events, system->line + system->size, LINE_BYTES - system->size);
        if (got < 0 && errno == EAGAIN)
            return;
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0) {
            close(system->events);
            system->events = -1;
            return;
        }
        system->size += (size_t)got;
        char *from = system->line, *end = system->line + system->size, *newline;
        while ((newline = memchr(from, '\n', (size_t)(end - from))) != NULL) {
            take_line(system, from, (size_t)(newline - from));
            from = newline + 1;
        }
        system->size = (size_t)(end - from);
        memmove(system->line, from, system->size);
        if (system->size == LINE_BYTES)
            system->size = 0; /* no line that is waited for is so long */
    }
}

bool system_runs(struct system *system)
{
    take_events(system);
    return system->events >= 0;
}

static unsigned count_events(const struct system *system, const char *event, const char *member,
                             const char *text)
{
    unsigned count = 0;
    size_t index;
    json_t *one;

    json_array_foreach(system->seen, index, one)
    {
        const char *name = json_string_value(json_object_get(one, "event"));
        const char *there = member != NULL ? json_string_value(json_object_get(one, member)) : NULL;
        if (name != NULL && strcmp(name, event) == 0 &&
            (member == NULL || (there != NULL && strcmp(there, text) == 0)))
            count++;
    }
    return count;
}

/* What the command said, and the first events that tell of something going wrong. */
static void say_why(struct system *system)
{
    static const char *const telling[] = {"log", "start-failed", "offence", "limited", "terminated"};
    char line[1024];
    unsigned shown = 0;
    size_t index;
    json_t *one;

    rewind(system->errors);
    while (fgets(line, sizeof line, system->errors) != NULL)
        fprintf(system->bench->errors, "    %s", line);
    json_array_foreach(system->seen, index, one)
    {
        const char *name = json_string_value(json_object_get(one, "event"));
        bool tells = false;
        for (size_t i = 0; name != NULL && i < sizeof telling / sizeof *telling; i++)
            tells |= strcmp(name, telling[i]) == 0;
        if (!tells || shown++ >= 8)
            continue;
        fputs("    ", system->bench->errors);
        json_dumpf(one, system->bench->errors, JSON_COMPACT);
        fputc('\n', system->bench->errors);
    }
}

int system_await(struct system *system, const char *event, const char *member, const char *text,
                 unsigned count)
{
    uint64_t end_ns = clock_now_ns() + PATIENCE_NS;

    for (;;) {
        bool runs = system_runs(system);
        if (count_events(system, event, member, text) >= count)
            return 0;
        if (!runs || clock_now_ns() >= end_ns || bench_stopped()) {
            if (!bench_stopped()) {
                bench_fail(system->bench, "the system did not come to \"%s\"", event);
                say_why(system);
            }
            return 1;
        }
        poll(&(struct pollfd){.fd = system->events, .events = POLLIN}, 1, 100);
    }
}

/* --- its life --- */

static int await_stations(struct system *system, unsigned count)
{
    uint64_t end_ns = clock_now_ns() + PATIENCE_NS;

    while (!gate_await(&system->gate->ready, count, 50000000)) {
        if (bench_stopped())
            return 1;
        if (!system_runs(system) || clock_now_ns() >= end_ns) {
            bench_fail(system->bench, "the system did not come up");
            say_why(system);
            return 1;
        }
    }
    take_events(system);
    return 0;
}

int system_boot(struct bench *bench, const char *scenario, const struct system_options *options,
                struct system **ret_system)
{
    struct system *system = calloc(1, sizeof *system);

    if (system == NULL)
        return bench_fail(bench, "out of memory");
    system->bench = bench;
    system->number = ++bench->systems;
    system->harness = getpid();
    system->events = system->gate_fd = system->scenario_fd = -1;
    if (prepare(system, scenario) != 0 || start(system, options) != 0) {
        bench_fail(bench, "cannot start a system: %s", strerror(errno));
        system_end(system);
        return 1;
    }
    if (await_stations(system, options->stations) != 0) {
        system_end(system);
        return 1;
    }
    *ret_system = system;
    return 0;
}

/* Reads on, so that the front end is never stopped by a full pipe, until it has ended. */
static void reap(struct system *system)
{
    uint64_t end_ns = clock_now_ns() + PATIENCE_NS;

    while (system_runs(system) && clock_now_ns() < end_ns)
        poll(&(struct pollfd){.fd = system->events, .events = POLLIN}, 1, 100);
    if (system->events >= 0)
        kill(system->front, SIGKILL);
    while (waitpid(system->front, NULL, 0) < 0 && errno == EINTR)
        ;
}

void system_end(struct system *system)
{
    if (system == NULL)
        return;
    if (system->gate != NULL)
        gate_order(system->gate, &(struct gate_order){.task = GATE_END});
    if (system->front > 0) {
        kill(system->front, SIGTERM);
        reap(system);
    }
    if (system->events >= 0)
        close(system->events);
    if (system->errors != NULL)
        fclose(system->errors);
    if (system->gate != NULL)
        munmap(system->gate, sizeof *system->gate);
    if (system->gate_fd >= 0)
        close(system->gate_fd);
    if (system->scenario_fd >= 0)
        close(system->scenario_fd);
    json_decref(system->pids);
    json_decref(system->seen);
    free(system);
}

void system_instance(const struct system *system, char ret_name[SYSTEM_INSTANCE_MAX])
{
    snprintf(ret_name, SYSTEM_INSTANCE_MAX, "bench-%d-%u", (int)system->harness, system->number);
}

struct gate *system_gate(const struct system *system)
{
    return system->gate;
}

pid_t system_realm(struct system *system, const char *name)
{
    return (pid_t)json_integer_value(json_object_get(system->pids, name));
}

void system_each(struct system *system, void (*look)(pid_t pid, void *context), void *context)
{
    const char *name;
    json_t *pid;

    json_object_foreach(system->pids, name, pid) look((pid_t)json_integer_value(pid), context);
}

/* The children of a process's first thread, as the kernel lists them. Return: how many. */
static unsigned children_of(pid_t pid, pid_t *children, unsigned capacity)
{
    char path[64];
    unsigned count = 0;
    int one;

    snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)pid, (int)pid);
    FILE *stream = fopen(path, "r");
    while (stream != NULL && count < capacity && fscanf(stream, "%d", &one) == 1)
        children[count++] = one;
    if (stream != NULL)
        fclose(stream);
    return count;
}

pid_t system_broker(struct system *system)
{
    pid_t launcher, children[64];

    if (children_of(system->front, &launcher, 1) != 1)
        return 0;
    unsigned count = children_of(launcher, children, 64);
    for (unsigned i = 0; i < count; i++) {
        bool realm = false;
        const char *name;
        json_t *pid;
        json_object_foreach(system->pids, name, pid) realm |= json_integer_value(pid) == children[i];
        if (!realm)
            return children[i];
    }
    return 0;
}

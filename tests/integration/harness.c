#include "tests/integration/harness.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Only a hang comes near: sanitizers on a busy machine need seconds. */
#define HANG_MS 60000

struct run {
    char directory[64]; /* the runtime directory, and the scenario */
    char socket[100];
    pid_t front;
    int status;
    bool ended;
    FILE *events;
    json_t *event;
    struct {
        char name[32];
        unsigned count;
    } seen[64];
    int error_fd;
};

const char *harness_bin(void)
{
    static char bin[PATH_MAX];
    char self[PATH_MAX];
    ssize_t size = readlink("/proc/self/exe", self, sizeof self - 1);
    cr_assert_gt(size, 0);
    self[size] = '\0';
    /* build/<variant>/tests/integration/x_test → build/<variant>/bin */
    for (int up = 0; up < 3; up++)
        *strrchr(self, '/') = '\0';
    snprintf(bin, sizeof bin, "%.4000s/bin", self);
    return bin;
}

static char *replace_all(const char *text, const char *what, const char *with)
{
    char *result = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&result, &size);
    for (const char *at; (at = strstr(text, what)); text = at + strlen(what))
        fprintf(out, "%.*s%s", (int)(at - text), text, with);
    fputs(text, out);
    fclose(out);
    return result;
}

/* One runtime directory a run, so that runs beside each other never meet. */
static struct run *run_prepare(void)
{
    struct run *run = calloc(1, sizeof *run);
    cr_assert_not_null(run);
    cr_assert_eq(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), 0);
    snprintf(run->directory, sizeof run->directory, "/tmp/realmkit-test-XXXXXX");
    cr_assert_not_null(mkdtemp(run->directory));
    snprintf(run->socket, sizeof run->socket, "%s/realmkit/default/admin.sock", run->directory);
    return run;
}

static void run_exec(struct run *run, const char *path, const char *const *options)
{
    int stream[2], errors;
    char name[128], command[PATH_MAX];
    const char *words[32] = {"realm", "run", path, "--json"};
    unsigned count = 4;

    for (; options && *options && count < 31; options++)
        words[count++] = *options;
    snprintf(command, sizeof command, "%s/realm", harness_bin());
    snprintf(name, sizeof name, "%s/stderr", run->directory);
    errors = open(name, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
    cr_assert_eq(pipe2(stream, O_CLOEXEC), 0);
    run->front = fork();
    if (run->front == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* a test that fails leaves nothing behind either */
        setenv("XDG_RUNTIME_DIR", run->directory, 1);
        dup2(stream[1], 1);
        dup2(errors, 2);
        execv(command, (char *const *)words);
        _exit(127);
    }
    cr_assert_gt(run->front, 0);
    run->error_fd = errors;
    run->events = fdopen(stream[0], "r");
    close(stream[1]);
}

struct run *run_start_file(const char *path, const char *const *options)
{
    struct run *run = run_prepare();
    run_exec(run, path, options);
    return run;
}

struct run *run_start(const char *scenario, const char *const *options)
{
    struct run *run = run_prepare();
    char path[128];
    char *text = replace_all(scenario, "@BIN@", harness_bin());

    snprintf(path, sizeof path, "%s/scenario.yaml", run->directory);
    FILE *file = fopen(path, "w");
    cr_assert_not_null(file);
    fputs(text, file);
    fclose(file);
    free(text);
    run_exec(run, path, options);
    return run;
}

static void show_errors(struct run *run)
{
    char text[4096];
    ssize_t size = pread(run->error_fd, text, sizeof text - 1, 0);
    if (size > 0) {
        text[size] = '\0';
        fprintf(stderr, "--- stderr of realm run:\n%s", text);
    }
}

static void count_event(struct run *run, const char *name)
{
    for (unsigned i = 0; i < sizeof run->seen / sizeof *run->seen; i++) {
        if (!run->seen[i].name[0])
            snprintf(run->seen[i].name, sizeof run->seen[i].name, "%s", name);
        if (strcmp(run->seen[i].name, name) == 0) {
            run->seen[i].count++;
            return;
        }
    }
}

json_t *run_next_event(struct run *run)
{
    static char line[65536];
    json_error_t error;

    json_decref(run->event);
    run->event = NULL;
    alarm(HANG_MS / 1000);
    char *got = fgets(line, sizeof line, run->events);
    alarm(0);
    if (!got)
        return NULL;
    run->event = json_loads(line, 0, &error);
    cr_assert(json_is_object(run->event), "not one JSON object a line: %s", line);
    const char *name = json_string_value(json_object_get(run->event, "event"));
    cr_assert_not_null(name, "no event: %s", line);
    cr_assert(json_is_integer(json_object_get(run->event, "t_ns")), "no t_ns: %s", line);
    if (getenv("HARNESS_TRACE"))
        fprintf(stderr, "%s", line);
    count_event(run, name);
    return run->event;
}

/* A sanitizer in the box says that it cannot find out the name of its program: that is as it should be. */
static bool is_sanitizers(const json_t *event)
{
    const char *text = json_string_value(json_object_get(event, "text"));
    return text && strstr(text, "WARNING: reading executable name failed");
}

json_t *run_wait_event(struct run *run, const char *event, const char *member, const char *text)
{
    json_t *got;
    while ((got = run_next_event(run))) {
        if (strcmp(json_string_value(json_object_get(got, "event")), event) != 0 || is_sanitizers(got))
            continue;
        const char *value = member ? json_string_value(json_object_get(got, member)) : NULL;
        if (!member || (value && strcmp(value, text) == 0))
            return got;
    }
    show_errors(run);
    cr_assert_fail("the stream ended without event %s %s=%s", event, member ? member : "", text ? text : "");
    return NULL;
}

unsigned run_seen(const struct run *run, const char *event)
{
    for (unsigned i = 0; i < sizeof run->seen / sizeof *run->seen; i++)
        if (strcmp(run->seen[i].name, event) == 0)
            return run->seen[i].count;
    return 0;
}

FILE *run_ask_begin(struct run *run, const char *request)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    strcpy(address.sun_path, run->socket);
    cr_assert_eq(connect(fd, (struct sockaddr *)&address, sizeof address), 0, "%s: %m", run->socket);
    FILE *stream = fdopen(fd, "r+");
    fprintf(stream, "%s\n", request);
    fflush(stream);
    return stream;
}

json_t *run_ask_end(FILE *stream)
{
    char *line = NULL;
    size_t capacity = 0;
    alarm(HANG_MS / 1000);
    ssize_t size = getline(&line, &capacity, stream);
    alarm(0);
    fclose(stream);
    json_t *answer = size > 0 ? json_loads(line, 0, NULL) : NULL;
    cr_assert(size <= 0 || json_is_object(answer));
    free(line);
    return answer;
}

json_t *run_ask(struct run *run, const char *request)
{
    json_t *answer = run_ask_end(run_ask_begin(run, request));
    cr_assert_not_null(answer, "no answer to %s", request);
    return answer;
}

json_t *run_result(struct run *run, const char *request)
{
    json_t *answer = run_ask(run, request);
    char *text = json_dumps(answer, 0);
    cr_assert(json_is_true(json_object_get(answer, "ok")), "%s: %s", request, text);
    free(text);
    json_t *result = json_incref(json_object_get(answer, "result"));
    cr_assert_not_null(result);
    json_decref(answer);
    return result;
}

json_t *row_of(json_t *rows, const char *member, const char *text)
{
    size_t index;
    json_t *row;
    json_array_foreach(rows, index, row)
    {
        const char *value = json_string_value(json_object_get(row, member));
        if (value && strcmp(value, text) == 0)
            return row;
    }
    return NULL;
}

pid_t run_front(const struct run *run)
{
    return run->front;
}

/* The child of a process that was started first. */
static pid_t first_child(pid_t parent)
{
    pid_t best = 0;
    unsigned long long best_start = 0;
    DIR *proc = opendir("/proc");
    for (struct dirent *entry; (entry = readdir(proc));) {
        char path[300], text[1024];
        int pid = atoi(entry->d_name), ppid;
        unsigned long long start;
        if (pid <= 0)
            continue;
        snprintf(path, sizeof path, "/proc/%d/stat", pid);
        FILE *file = fopen(path, "r");
        if (!file)
            continue;
        size_t size = fread(text, 1, sizeof text - 1, file);
        fclose(file);
        text[size] = '\0';
        char *after = strrchr(text, ')');
        if (after &&
            sscanf(after + 2,
                   "%*c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu", &ppid,
                   &start) == 2 &&
            ppid == parent && (!best || start < best_start || (start == best_start && pid < best))) {
            best = pid;
            best_start = start;
        }
    }
    closedir(proc);
    cr_assert_gt(best, 0, "process %d has no child", (int)parent);
    return best;
}

pid_t run_launcher(const struct run *run)
{
    return first_child(run->front);
}

pid_t run_broker(const struct run *run)
{
    return first_child(run_launcher(run));
}

pid_t run_realm_pid(struct run *run, const char *realm)
{
    json_t *rows = run_result(run, "{\"command\":\"ps\"}");
    json_t *row = row_of(rows, "realm", realm);
    cr_assert_not_null(row, "no realm %s", realm);
    pid_t pid = (pid_t)json_integer_value(json_object_get(row, "pid"));
    json_decref(rows);
    cr_assert_gt(pid, 0);
    return pid;
}

int run_finish(struct run *run)
{
    int status;
    while (run_next_event(run))
        ;
    alarm(HANG_MS / 1000);
    cr_assert_eq(waitpid(run->front, &status, 0), run->front);
    alarm(0);
    run->ended = true;
    run->status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return run->status;
}

int run_stop(struct run *run)
{
    kill(run->front, SIGINT);
    return run_finish(run);
}

static unsigned directory_entries(const char *path)
{
    unsigned count = 0;
    DIR *directory = opendir(path);
    if (!directory)
        return 0;
    for (struct dirent *entry; (entry = readdir(directory));)
        if (entry->d_name[0] != '.')
            count++;
    closedir(directory);
    return count;
}

void run_nothing_left(struct run *run)
{
    char path[128];
    struct timespec pause = {.tv_nsec = 10 * 1000 * 1000};

    cr_assert(run->ended);
    /* Orphans of the system are this process's children now: they must all end by themselves. */
    for (int waited = 0;; waited += 10) {
        pid_t pid = waitpid(-1, NULL, WNOHANG);
        if (pid < 0 && errno == ECHILD)
            break;
        if (pid > 0)
            continue;
        cr_assert_lt(waited, HANG_MS, "a process is left, such as %d", (int)first_child(getpid()));
        nanosleep(&pause, NULL);
    }
    if (run->status < 128) {
        snprintf(path, sizeof path, "%s/realmkit/default", run->directory);
        cr_assert_eq(directory_entries(path), 0u, "files are left in %s", path);
    }
    fclose(run->events);
    close(run->error_fd);
    json_decref(run->event);
    snprintf(path, sizeof path, "rm -rf %s", run->directory);
    cr_assert_eq(system(path), 0);
    free(run);
}

char *run_command(struct run *run, int *ret_status, const char *const *words)
{
    int output[2];
    char command[PATH_MAX];
    const char *argv[32] = {"realm"};
    unsigned count = 1;

    for (; *words && count < 31; words++)
        argv[count++] = *words;
    snprintf(command, sizeof command, "%s/realm", harness_bin());
    cr_assert_eq(pipe2(output, O_CLOEXEC), 0);
    pid_t pid = fork();
    if (pid == 0) {
        setenv("XDG_RUNTIME_DIR", run ? run->directory : "/nonexistent", 1);
        dup2(output[1], 1);
        dup2(output[1], 2);
        execv(command, (char *const *)argv);
        _exit(127);
    }
    close(output[1]);
    char *text = NULL;
    size_t size = 0;
    FILE *copy = open_memstream(&text, &size);
    char block[4096];
    ssize_t got;
    alarm(HANG_MS / 1000);
    while ((got = read(output[0], block, sizeof block)) > 0)
        fwrite(block, 1, (size_t)got, copy);
    int status;
    waitpid(pid, &status, 0);
    alarm(0);
    fclose(copy);
    close(output[0]);
    *ret_status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return text;
}

void harness_let_pass(unsigned ms)
{
    struct timespec pause = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};
    while (nanosleep(&pause, &pause) != 0)
        ;
}

static char process_state(pid_t pid)
{
    char path[64], state;
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    FILE *file = fopen(path, "r");
    cr_assert_not_null(file, "process %d is gone", (int)pid);
    cr_assert_eq(fscanf(file, "%*d (%*[^)]) %c", &state), 1);
    fclose(file);
    return state;
}

static unsigned long long process_slices(pid_t pid)
{
    char path[64];
    unsigned long long slices = 0;
    snprintf(path, sizeof path, "/proc/%d/schedstat", (int)pid);
    FILE *file = fopen(path, "r");
    cr_assert_not_null(file);
    cr_assert_eq(fscanf(file, "%*u %*u %llu", &slices), 1);
    fclose(file);
    return slices;
}

void harness_wait_idle(pid_t pid)
{
    unsigned long long before = process_slices(pid), now;
    for (unsigned waited = 0;; waited += 100, before = now) {
        cr_assert_lt(waited, (unsigned)HANG_MS, "process %d is never idle", (int)pid);
        harness_let_pass(100);
        now = process_slices(pid);
        if (now == before && process_state(pid) == 'S')
            return;
    }
}

json_t *run_counts(struct run *run)
{
    harness_wait_idle(run_broker(run));
    return run_result(run, "{\"command\":\"counts\"}");
}

#define POOL_FILLING 8

static bool counts_match(json_t *before, json_t *after)
{
    const char *name;
    json_t *value;
    json_object_foreach(before, name, value)
    {
        json_int_t old = json_integer_value(value), now = json_integer_value(json_object_get(after, name));
        json_int_t slack = strcmp(name, "regions") == 0       ? POOL_FILLING
                           : strcmp(name, "descriptors") == 0 ? 2 * POOL_FILLING
                                                              : 0;
        if (now < old - slack || now > old + slack)
            return false;
    }
    return true;
}

void run_counts_back_to(struct run *run, json_t *before)
{
    for (unsigned waited = 0;; waited += 10) {
        json_t *after = run_result(run, "{\"command\":\"counts\"}");
        bool match = counts_match(before, after);
        char *old = json_dumps(before, 0), *now = json_dumps(after, 0);
        json_decref(after);
        cr_assert(match || waited < HANG_MS / 4, "held before: %s\nafter: %s", old, now);
        free(old);
        free(now);
        if (match)
            break;
        harness_let_pass(10);
    }
    json_decref(before);
}

#include "tests/adversary/system.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ANSWER_MS 20000

/* For give_up: what must not stay. */
static pid_t system_front;
static char system_directory[64];

static void remove_directory(void)
{
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", system_directory);
    if (strncmp(system_directory, "/tmp/realmkit-adversary-", 24) == 0 && system(command) != 0)
        fprintf(stderr, "adversary: %s stays\n", system_directory);
    system_directory[0] = '\0';
}

void give_up(const char *format, ...)
{
    va_list list;
    va_start(list, format);
    fprintf(stderr, "adversary: ");
    vfprintf(stderr, format, list);
    fprintf(stderr, "\n0 passed, 1 failed\n");
    va_end(list);
    if (system_front > 0)
        kill(system_front, SIGKILL);
    remove_directory();
    exit(GAVE_UP);
}

uint64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

const char *system_bin(void)
{
    static char bin[PATH_MAX];
    char self[PATH_MAX];
    ssize_t size = readlink("/proc/self/exe", self, sizeof self - 1);
    if (size <= 0)
        give_up("its own place is not known");
    self[size] = '\0';
    *strrchr(self, '/') = '\0';
    snprintf(bin, sizeof bin, "%s", self);
    return bin;
}

/* The slave side of a new terminal, and the master in *ret_master. */
static int open_terminal(int *ret_master)
{
    int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC), unlock = 0;
    if (master < 0 || ioctl(master, TIOCSPTLCK, &unlock) < 0)
        give_up("no terminal: %s", strerror(errno));
    int slave = open(ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (slave < 0)
        give_up("no terminal: %s", strerror(errno));
    *ret_master = master;
    return slave;
}

static void __attribute__((noreturn))
become_front(const struct running *running, const char *front, const char *path, char *const *words,
             int terminal, int events)
{
    char command[PATH_MAX];
    const char *arguments[40] = {front, "run", path, "--json"};
    unsigned count = 4;

    for (; *words && count < 39; words++)
        arguments[count++] = *words;
    snprintf(command, sizeof command, "%.4000s/%s", system_bin(), front);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    setsid();
    ioctl(terminal, TIOCSCTTY, 0);
    setenv("XDG_RUNTIME_DIR", running->directory, 1);
    dup2(terminal, STDIN_FILENO);
    dup2(events, STDOUT_FILENO);
    execv(command, (char *const *)arguments);
    _exit(127);
}

void system_start(const char *front, const char *scenario, char *const *words, struct running *ret_running)
{
    struct running running = {.terminal = -1};
    char path[128];
    int stream[2];

    snprintf(running.directory, sizeof running.directory, "/tmp/realmkit-adversary-XXXXXX");
    if (!mkdtemp(running.directory) || pipe2(stream, O_CLOEXEC) < 0)
        give_up("no folder or pipe: %s", strerror(errno));
    snprintf(running.socket, sizeof running.socket, "%s/realmkit/default/admin.sock", running.directory);
    snprintf(path, sizeof path, "%s/scenario.yaml", running.directory);
    FILE *file = fopen(path, "w");
    if (!file)
        give_up("%s: %s", path, strerror(errno));
    fputs(scenario, file);
    fclose(file);
    int slave = open_terminal(&running.terminal);
    running.front = fork();
    if (running.front == 0)
        become_front(&running, front, path, words, slave, stream[1]);
    system_front = running.front;
    memcpy(system_directory, running.directory, sizeof system_directory);
    close(slave);
    close(stream[1]);
    running.events = stream[0];
    *ret_running = running;
}

static json_t *take_line(struct running *running)
{
    char *end = memchr(running->text, '\n', running->size);
    if (!end)
        return NULL;
    size_t size = (size_t)(end - running->text) + 1;
    json_t *event = json_loadb(running->text, size - 1, 0, NULL);
    if (!event)
        give_up("not one JSON object a line: %.*s", (int)size, running->text);
    if (getenv("ADVERSARY_TRACE"))
        fprintf(stderr, "%.*s", (int)size, running->text);
    memmove(running->text, running->text + size, running->size - size);
    running->size -= size;
    return event;
}

json_t *system_event(struct running *running, unsigned ms)
{
    const uint64_t end = now_ms() + ms;
    json_t *event;

    while (running->size == 0 || !(event = take_line(running))) {
        uint64_t now = now_ms();
        struct pollfd fd = {.fd = running->events, .events = POLLIN};
        if (poll(&fd, 1, now < end ? (int)(end - now) : 0) <= 0)
            return NULL;
        if (running->size + 65536 > running->capacity) {
            running->capacity = running->capacity * 2 + 131072;
            running->text = realloc(running->text, running->capacity);
            if (!running->text)
                give_up("no memory");
        }
        ssize_t got = read(running->events, running->text + running->size, 65536);
        if (got <= 0)
            give_up("the system has ended");
        running->size += (size_t)got;
    }
    return event;
}

static int connect_admin(const struct running *running)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct timeval limit = {.tv_sec = ANSWER_MS / 1000};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    snprintf(address.sun_path, sizeof address.sun_path, "%.100s", running->socket);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) < 0)
        give_up("%s: %s", running->socket, strerror(errno));
    return fd;
}

json_t *system_ask(struct running *running, json_t *request)
{
    char *text = json_dumps(request, JSON_COMPACT), *line = NULL;
    size_t capacity = 0;
    FILE *stream = fdopen(connect_admin(running), "r+");

    fprintf(stream, "%s\n", text);
    fflush(stream);
    if (getline(&line, &capacity, stream) <= 0)
        give_up("no answer to %s", text);
    fclose(stream);
    json_t *answer = json_loads(line, 0, NULL);
    json_t *result = NULL;
    if (json_is_true(json_object_get(answer, "ok")))
        result = json_incref(json_object_get(answer, "result"));
    else
        fprintf(stderr, "%s: %s", text, line);
    json_decref(answer);
    json_decref(request);
    free(line);
    free(text);
    return result;
}

/* The child that a process has had longest. */
static pid_t first_child(pid_t parent)
{
    char path[64];
    int pid = 0;
    snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)parent, (int)parent);
    FILE *file = fopen(path, "r");
    if (file && fscanf(file, "%d", &pid) != 1)
        pid = 0;
    if (file)
        fclose(file);
    return pid;
}

bool system_find_processes(struct running *running)
{
    pid_t launcher = first_child(running->front), broker = launcher ? first_child(launcher) : 0;
    bool same = !running->launcher || (launcher == running->launcher && broker == running->broker);
    running->launcher = launcher;
    running->broker = broker;
    return same && launcher > 0 && broker > 0;
}

bool system_terminal_quiet(struct running *running)
{
    struct pollfd fd = {.fd = running->terminal, .events = POLLIN};
    /* What is typed is echoed to the master. */
    return poll(&fd, 1, 0) == 0 || !(fd.revents & POLLIN);
}

bool system_shows_plain(const struct running *running, const char *realm)
{
    char command[PATH_MAX + 256];
    bool plain = true, any = false;
    int c;

    snprintf(command, sizeof command, "XDG_RUNTIME_DIR='%s' '%s/realm' logs '%s' 2>&1", running->directory,
             system_bin(), realm);
    FILE *output = popen(command, "r");
    while (output && (c = getc(output)) != EOF) {
        any = true;
        plain = plain && c != 127 && (c >= 32 || c == '\n' || c == '\t');
    }
    return output && pclose(output) == 0 && any && plain;
}

int system_stop(struct running *running)
{
    int status;

    kill(running->front, SIGINT);
    while (running->events >= 0) {
        char bytes[4096];
        if (read(running->events, bytes, sizeof bytes) <= 0)
            break;
    }
    waitpid(running->front, &status, 0);
    close(running->events);
    close(running->terminal);
    free(running->text);
    remove_directory();
    system_front = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

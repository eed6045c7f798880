/*
 * The realm's process: what the launcher gave it, its clock, its processors, its log.
 *
 * Rule: the environment is read here and nowhere else, once. A process whose descriptor 3 is no sequenced
 * unix socket, or whose environment does not parse, is not a realm, and nothing is taken from it.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <realm/error.h>
#include <realm/types.h>

#include "librealm/os/linux/fault.h"
#include "librealm/os/linux/linux.h"
#include "librealm/proto/control.h"
#include "librealm/proto/launch.h"
#include "librealm/ring/atomics.h"

#define LOG_FD 2

#if defined(__SANITIZE_ADDRESS__)
/*
 * AddressSanitizer in the box: it may neither change limits nor look at the other threads, which it does to
 * find leaks. It asks before main, so what tells a realm is its control socket; by a bare call, since the
 * sanitizer's own wrappers are not ready yet.
 */
const char *__asan_default_options(void);
__attribute__((no_sanitize("address", "undefined"))) const char *__asan_default_options(void)
{
    int type = 0;
    socklen_t size = sizeof type;
    long result = syscall(SYS_getsockopt, REALM_CONTROL_FD, SOL_SOCKET, SO_TYPE, &type, &size);
    return result == 0 && type == SOCK_SEQPACKET ? "disable_coredump=0:detect_leaks=0" : "";
}
#endif

static bool is_control_socket(int fd)
{
    int type = 0, domain = 0;
    socklen_t size = sizeof type;
    if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) != 0)
        return false;
    size = sizeof domain;
    if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) != 0)
        return false;
    return type == SOCK_SEQPACKET && domain == AF_UNIX;
}

/* A descriptor's number and nothing else. */
static bool parse_fd(const char *text, int *ret_fd)
{
    if (*text < '0' || *text > '9')
        return false;
    char *end;
    errno = 0;
    long value = strtol(text, &end, 10);
    if (errno != 0 || *end != '\0' || value > INT_MAX)
        return false;
    *ret_fd = (int)value;
    return true;
}

static int hex_digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* fd:parameters-in-hex, of a ring that is there already: nobody can make one in the box. */
static bool parse_ring(const char *text, struct realm_os *os)
{
    unsigned char *bytes = (unsigned char *)&os->ring_params;
    char number[16];
    const char *colon = strchr(text, ':');
    if (colon == NULL || (size_t)(colon - text) >= sizeof number ||
        strlen(colon + 1) != 2 * sizeof os->ring_params)
        return false;
    memcpy(number, text, (size_t)(colon - text));
    number[colon - text] = '\0';
    for (size_t i = 0; i < sizeof os->ring_params; i++) {
        int high = hex_digit(colon[1 + 2 * i]), low = hex_digit(colon[2 + 2 * i]);
        if (high < 0 || low < 0)
            return false;
        bytes[i] = (unsigned char)(high << 4 | low);
    }
    return parse_fd(number, &os->ring);
}

static bool parse_waiter(const char *text, enum realm_waiter_kind *ret_kind)
{
    if (text == NULL || strcmp(text, "auto") == 0)
        *ret_kind = REALM_WAITER_AUTO;
    else if (strcmp(text, "uring") == 0)
        *ret_kind = REALM_WAITER_URING;
    else if (strcmp(text, "pipe") == 0)
        *ret_kind = REALM_WAITER_PIPE;
    else
        return false;
    return true;
}

/* name=fd,name=fd: splits a copy of the text in place. */
static int parse_files(struct realm_os *os, const char *text)
{
    if (text == NULL || *text == '\0')
        return 0;
    size_t count = 1;
    for (const char *at = text; *at != '\0'; at++)
        count += *at == ',';
    os->files_text = strdup(text);
    os->files = calloc(count, sizeof *os->files);
    if (os->files_text == NULL || os->files == NULL)
        return -ENOMEM;

    for (char *rest = os->files_text; rest != NULL;) {
        char *item = strsep(&rest, ",");
        char *equals = strrchr(item, '=');
        struct os_file *file = &os->files[os->files_count];
        if (equals == NULL || equals == item || !parse_fd(equals + 1, &file->fd))
            return REALM_E_BAD_ARGUMENT;
        *equals = '\0';
        file->name = item;
        os->files_count++;
    }
    return 0;
}

static int read_environment(struct realm_os *os)
{
    const char *hint = getenv("REALM_HINT_FD");
    if (hint != NULL && !parse_fd(hint, &os->hint))
        return REALM_E_BAD_ARGUMENT;
    const char *ring = getenv("REALM_URING");
    if (ring != NULL && !parse_ring(ring, os))
        return REALM_E_BAD_ARGUMENT;
    if (!parse_waiter(getenv("REALM_WAITER"), &os->waiter))
        return REALM_E_BAD_ARGUMENT;
    return parse_files(os, getenv("REALM_FILES"));
}

static unsigned count_cpus(void)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0)
        return (unsigned)CPU_COUNT(&set);
    /* The set is too small for this machine: then it has many. */
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    return online > 1 ? (unsigned)online : 1;
}

/* A hint into the pipe of a peer that has just died must not kill this realm. */
static void ignore_broken_pipes(void)
{
    struct sigaction action;
    if (sigaction(SIGPIPE, NULL, &action) == 0 && action.sa_handler == SIG_DFL) {
        action.sa_handler = SIG_IGN;
        (void)sigaction(SIGPIPE, &action, NULL);
    }
}

/* Tells the launcher that nothing more will be opened. It is called as the first of all, since the broker
 * reads nothing before; in a process without a launcher it is a call that fails. */
static void say_loaded(void)
{
    (void)syscall(SYS_openat, REALM_LOADED_DIRECTORY, "", O_RDONLY, 0);
}

int realm_os_open(struct realm_os **ret_os)
{
    say_loaded();
    if (!is_control_socket(REALM_CONTROL_FD))
        return REALM_E_BAD_ARGUMENT;
    struct realm_os *os = calloc(1, sizeof *os);
    if (os == NULL)
        return -ENOMEM;
    os->control = REALM_CONTROL_FD;
    os->hint = os->ring = -1;
    int error = read_environment(os);
    if (error == 0)
        error = realm_fault_install();
    if (error != 0) {
        realm_os_close(os);
        return error;
    }
    os->cpus = count_cpus();
    ignore_broken_pipes();
    *ret_os = os;
    return 0;
}

void realm_os_close(struct realm_os *os)
{
    if (os == NULL)
        return;
    free(os->files);
    free(os->files_text);
    free(os);
}

uint64_t realm_os_now_ns(struct realm_os *os)
{
    (void)os;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * REALM_SEC + (uint64_t)now.tv_nsec;
}

struct timespec realm_os_timespec(uint64_t ns)
{
    return (struct timespec){.tv_sec = (time_t)(ns / REALM_SEC), .tv_nsec = (long)(ns % REALM_SEC)};
}

struct timespec realm_os_remaining(uint64_t deadline_ns)
{
    uint64_t now_ns = realm_os_now_ns(NULL);
    return realm_os_timespec(deadline_ns > now_ns ? deadline_ns - now_ns : 0);
}

unsigned realm_os_cpus(struct realm_os *os)
{
    return os->cpus;
}

void realm_os_spin(struct realm_os *os)
{
    (void)os;
    realm_spin_pause();
}

int realm_os_file(struct realm_os *os, const char *name)
{
    for (unsigned i = 0; i < os->files_count; i++) {
        if (strcmp(os->files[i].name, name) == 0)
            return os->files[i].fd;
    }
    return -ENOENT;
}

void realm_os_log(struct realm_os *os, const char *text, size_t size)
{
    (void)os;
    while (size != 0) {
        /* A pipe that polls writable takes PIPE_BUF bytes without waiting. */
        struct pollfd log = {.fd = LOG_FD, .events = POLLOUT};
        if (poll(&log, 1, 0) != 1 || (log.revents & POLLOUT) == 0)
            return;
        ssize_t written = write(LOG_FD, text, size < PIPE_BUF ? size : PIPE_BUF);
        if (written <= 0)
            return;
        text += written;
        size -= (size_t)written;
    }
}

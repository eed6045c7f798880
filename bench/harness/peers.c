#include "bench/harness/peers.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/measure/clock.h"

#define GATE_FD     3
#define PATIENCE_NS UINT64_C(90000000000)

const struct peer_kind peer_table[] = {
    {.name = "pipe", .packages = "libc6", .wait = "default", .times = 25, .quick = true},
    {.name = "eventfd", .packages = "libc6", .wait = "default"},
    {.name = "seqpacket", .packages = "libc6", .wait = "default", .times = 30},
    {.name = "tcp", .packages = "libc6", .wait = "default"},
    {.name = "sdbus", .packages = "libsystemd-dev", .wait = "default", .times = 60},
    {.name = "zeromq", .packages = "libzmq3-dev", .wait = "default", .times = 80},
    {.name = "nng", .packages = "libnng-dev", .wait = "default", .times = 150},
    {.name = "iceoryx",
     .packages = "iceoryx libiceoryx-binding-c-dev",
     .wait = "spin",
     .times = 10,
     .polls = true},
};
const size_t peer_count = sizeof peer_table / sizeof peer_table[0];

struct peer {
    struct bench *bench;
    const struct peer_kind *kind;
    pid_t pid;
    int gate_fd;
    struct gate *gate;
    FILE *errors;
};

/* Beside the realm command, as in the build tree; else where `make install` puts such programs. */
static bool find_program(const struct bench *bench, const struct peer_kind *kind, char *path, size_t capacity)
{
    char folder[512];

    snprintf(folder, sizeof folder, "%s", bench->options.program);
    char *slash = strrchr(folder, '/');
    if (slash == NULL)
        return false;
    *slash = '\0';
    snprintf(path, capacity, "%s/bench_peer_%s", folder, kind->name);
    if (access(path, X_OK) == 0)
        return true;
    snprintf(path, capacity, "%s/../libexec/realmkit/bench_peer_%s", folder, kind->name);
    return access(path, X_OK) == 0;
}

bool peer_installed(const struct bench *bench, const struct peer_kind *kind)
{
    char path[640];

    return find_program(bench, kind, path, sizeof path);
}

static void run_child(struct peer *peer, bool same_core)
{
    const struct bench *bench = peer->bench;
    char path[640], cpus[2][16];

    snprintf(cpus[0], sizeof cpus[0], "%u", bench->cpus[0]);
    snprintf(cpus[1], sizeof cpus[1], "%u", bench->cpus[same_core ? 0 : 1]);
    if (!find_program(bench, peer->kind, path, sizeof path) || setsid() < 0 ||
        prctl(PR_SET_PDEATHSIG, SIGTERM) < 0 || dup2(fileno(peer->errors), STDERR_FILENO) < 0 ||
        dup2(fileno(peer->errors), STDOUT_FILENO) < 0 || dup2(peer->gate_fd, GATE_FD) < 0 ||
        fcntl(GATE_FD, F_SETFD, 0) < 0)
        _exit(1);
    execl(path, path, cpus[0], cpus[1], (char *)NULL);
    _exit(1);
}

static void say_why(struct peer *peer)
{
    char line[512];

    rewind(peer->errors);
    while (fgets(line, sizeof line, peer->errors) != NULL)
        fprintf(peer->bench->errors, "    %s", line);
}

/* Both sides of a peer are stations: each does its part of an order. */
static int await_ready(struct peer *peer)
{
    uint64_t end_ns = clock_now_ns() + PATIENCE_NS;

    while (!gate_await(&peer->gate->ready, 2, 50000000)) {
        if (bench_stopped())
            return 1;
        if (waitpid(peer->pid, NULL, WNOHANG) != 0 || clock_now_ns() >= end_ns) {
            bench_fail(peer->bench, "%s did not start", peer->kind->name);
            say_why(peer);
            return 1;
        }
    }
    return 0;
}

int peer_start(struct bench *bench, const struct peer_kind *kind, bool same_core, struct peer **ret_peer)
{
    struct peer *peer = calloc(1, sizeof *peer);

    if (peer == NULL)
        return bench_fail(bench, "out of memory");
    peer->bench = bench;
    peer->kind = kind;
    peer->errors = tmpfile();
    peer->gate_fd = memfd_create("bench-gate", MFD_CLOEXEC);
    if (peer->errors == NULL || peer->gate_fd < 0 || ftruncate(peer->gate_fd, sizeof *peer->gate) != 0 ||
        (peer->gate = gate_map(peer->gate_fd)) == NULL) {
        peer_end(peer);
        return bench_fail(bench, "%s: %s", kind->name, strerror(errno));
    }
    fflush(NULL);
    peer->pid = fork();
    if (peer->pid == 0)
        run_child(peer, same_core);
    if (peer->pid < 0 || await_ready(peer) != 0) {
        peer_end(peer);
        return 1;
    }
    *ret_peer = peer;
    return 0;
}

void peer_end(struct peer *peer)
{
    if (peer == NULL)
        return;
    if (peer->pid > 0) {
        gate_order(peer->gate, &(struct gate_order){.task = GATE_END});
        kill(peer->pid, SIGTERM);
        while (waitpid(peer->pid, NULL, 0) < 0 && errno == EINTR)
            ;
    }
    if (peer->gate != NULL)
        munmap(peer->gate, sizeof *peer->gate);
    if (peer->gate_fd >= 0)
        close(peer->gate_fd);
    if (peer->errors != NULL)
        fclose(peer->errors);
    free(peer);
}

const struct peer_kind *peer_kind_of(const struct peer *peer)
{
    return peer->kind;
}

void peer_take_part(struct peer *peer, struct participant *participant)
{
    participant->gate = peer->gate;
    participant->system = NULL;
    participant->process = peer->pid;
    participant->pids = NULL; /* they stand in the gate */
    participant->pids_count = 0;
    participant->stations = 2;
    participant->answering = 1;
}

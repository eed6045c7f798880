#include "bench/peers/peer.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/measure/clock.h"
#include "bench/measure/gate.h"
#include "bench/measure/payload.h"
#include "librealm/ring/atomics.h"

#define GATE_FD 3

static struct gate *gate;
static pid_t family, daemon_pid;
static struct payload_side side; /* each process its own */

int peer_failed(const char *what)
{
    fprintf(stderr, "%s: %s\n", what, strerror(errno));
    return 1;
}

int peer_over(void)
{
    return realm_load_relaxed(&gate->order.task) == GATE_END;
}

pid_t peer_family(void)
{
    return family;
}

static void count_pid(pid_t pid)
{
    for (size_t i = 0; i < GATE_PIDS; i++) {
        if (gate->pids[i] == 0) {
            gate->pids[i] = (uint32_t)pid;
            return;
        }
    }
}

pid_t peer_daemon(const char *const *words)
{
    pid_t parent = getpid(), pid = fork();

    if (pid == 0) {
        sigset_t none;
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
        if (prctl(PR_SET_PDEATHSIG, SIGTERM) < 0 || getppid() != parent)
            _exit(1);
        execvp(words[0], (char *const *)words);
        _exit(127);
    }
    if (pid > 0)
        count_pid(pid);
    daemon_pid = pid;
    return pid;
}

static void pin(const char *cpu)
{
    cpu_set_t set;

    CPU_ZERO(&set);
    CPU_SET(strtoul(cpu, NULL, 10), &set);
    if (sched_setaffinity(0, sizeof set, &set) != 0)
        peer_failed("cannot stay on one processor");
}

/* --- the answering side --- */

static int answer(const struct peer_way *way, const struct gate_order *order)
{
    int error = 0;

    payload_answer_init(&side, order->size);
    for (uint32_t i = 0; i < order->count && error == 0; i++) {
        error = way->receive(side.in, order->size);
        if (error == 0)
            error = way->reply(side.out, order->size);
        payload_asked(&side, side.in, order->size);
    }
    return error != 0 || side.wrong;
}

/* --- the asking side --- */

static int ask(const struct peer_way *way, const struct gate_order *order, struct gate_figures *figures)
{
    static struct histogram histogram;
    int error = 0;
    uint64_t start_ns = clock_now_ns();

    side.number = 1;
    side.size = order->size;
    side.wrong = 0;
    histogram_clear(&histogram);
    for (uint32_t i = 0; i < order->count && error == 0; i++) {
        payload_ask(&side);
        uint64_t before_ns = clock_now_ns();
        error = way->ask(side.out, side.in, order->size);
        histogram_add(&histogram, clock_now_ns() - before_ns);
        payload_answered(&side, order->size);
    }
    figures->elapsed_ns = (double)(clock_now_ns() - start_ns);
    gate_figures(figures, &histogram, 1);
    return error != 0 || side.wrong;
}

/* Station 0 asks, station 1 answers: its figures say only whether it failed. */
static int stay(const struct peer_way *way, unsigned station)
{
    uint32_t turn = 0;
    const struct gate_order *order;

    gate_ready(gate);
    while ((order = gate_next(gate, &turn))->task != GATE_END) {
        struct gate_figures *figures = &gate->figures[station];
        figures->failed = (station == 0 ? ask(way, order, figures) : answer(way, order)) != 0;
        gate_finish(gate);
    }
    return 0;
}

/* --- the two processes, and this one, which only waits for their end --- */

static void play(const struct peer_way *way, unsigned station, const char *cpu, const sigset_t *mask)
{
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != family)
        _exit(1);
    sigprocmask(SIG_SETMASK, mask, NULL);
    pin(cpu);
    int error = station == 0 ? way->open_client() : way->open_server();
    if (error == 0)
        error = stay(way, station);
    if (way->close)
        way->close();
    exit(error); /* what the peer's library does at an end is part of it */
}

static pid_t start(const struct peer_way *way, unsigned station, const char *cpu, const sigset_t *mask)
{
    pid_t pid = fork();

    if (pid == 0)
        play(way, station, cpu, mask);
    if (pid > 0)
        count_pid(pid);
    return pid;
}

/*
 * Nothing is left of a peer: whatever ends first, or asks for an end, ends all of it. Both sides get a moment
 * to leave by themselves, since some libraries clean up; a side that sleeps in the middle of a round is
 * killed.
 */
static void end_all(pid_t pids[2], const sigset_t *taken)
{
    const struct timespec moment = {.tv_sec = 3};

    gate_order(gate, &(struct gate_order){.task = GATE_END});
    while (pids[0] > 0 || pids[1] > 0) {
        for (unsigned i = 0; i < 2; i++)
            if (pids[i] > 0 && waitpid(pids[i], NULL, WNOHANG) == pids[i])
                pids[i] = 0;
        if ((pids[0] > 0 || pids[1] > 0) && sigtimedwait(taken, NULL, &moment) < 0)
            break;
    }
    for (unsigned i = 0; i < 2; i++)
        if (pids[i] > 0)
            kill(pids[i], SIGKILL);
    if (daemon_pid > 0)
        kill(daemon_pid, SIGTERM); /* it has files to remove */
    while (wait(NULL) > 0 || errno == EINTR)
        ;
}

int peer_main(int argc, char **argv, const struct peer_way *way)
{
    pid_t pids[2];
    sigset_t taken, mask;
    int number, status = 0;

    if (argc != 3 || (gate = gate_map(GATE_FD)) == NULL) {
        fprintf(stderr,
                "usage: %s SERVER_CPU CLIENT_CPU, with a gate as descriptor %d; `realm bench` does it\n",
                argv[0], GATE_FD);
        return 2;
    }
    family = getpid();
    sigemptyset(&taken);
    sigaddset(&taken, SIGTERM);
    sigaddset(&taken, SIGCHLD);
    sigprocmask(SIG_BLOCK, &taken, &mask);
    if (way->prepare && way->prepare() != 0)
        return 1;
    pids[1] = start(way, 1, argv[1], &mask);
    pids[0] = start(way, 0, argv[2], &mask);
    if (pids[0] < 0 || pids[1] < 0)
        status = peer_failed("cannot fork");
    else
        sigwait(&taken, &number);
    end_all(pids, &taken);
    if (way->tidy)
        way->tidy();
    return status;
}

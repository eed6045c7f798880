/*
 * The gate: a page of shared memory by which the harness tells measuring processes what to do, and they tell
 * it what came out.
 *
 * A process that takes part is a *station*; it sleeps on `turn`. The harness writes the order, moves the turn
 * on and wakes; each station does what the order says, writes its figures into its own slot, and adds itself
 * to `done`. While nothing is ordered nobody runs, so that many systems and peers can stand ready and be
 * measured one after the other, round by round. Realms get the gate as a file of their scenario, other
 * programs as a descriptor. The harness and its stations trust each other.
 */
#ifndef BENCH_MEASURE_GATE_H
#define BENCH_MEASURE_GATE_H

#include <stdint.h>

#include "bench/measure/floors.h"
#include "bench/measure/histogram.h"

#define GATE_STATIONS 72u
#define GATE_PIDS     8u

enum gate_task {
    GATE_END = 1, /* leave */
    GATE_LINES,   /* floors (floors.h): count round trips or messages */
    GATE_FUTEX,
    GATE_RING,
    GATE_CALL,    /* realm_call */
    GATE_SHARE,   /* one of `batch` stations' calls to one service, spread over the period */
    GATE_SEND,    /* realm_send, or with a batch realm_send_many; count is a multiple of FLOOR_BLOCK, batch a
                     divisor of it */
    GATE_CONNECT, /* connect and disconnect */
    GATE_PEER,    /* what the peer's program is for */
    GATE_OWN,     /* what only this case's program knows */
};

struct gate_order {
    uint32_t task;
    uint32_t size;      /* bytes of payload each way */
    uint32_t count;     /* operations of each station */
    uint32_t batch;     /* operations together; 1: one by one */
    uint64_t period_ns; /* between the starts of operations, on a fixed grid; 0: one after the other */
};

/* `batch` of GATE_OWN to a client that is to lose its channel: what it does meanwhile. */
enum gate_traffic { GATE_ASLEEP, GATE_COPYING };

/* What a station has measured. The quantiles are of one operation. */
struct gate_figures {
    double p50_ns, p99_ns, p999_ns;
    double elapsed_ns; /* of all its operations together */
    double extra_ns;   /* a second p50, where a task has two */
    uint64_t count;
    uint32_t failed; /* not 0: an operation failed or a payload was wrong */
};

struct gate {
    _Alignas(64) uint32_t turn;
    struct gate_order order;
    _Alignas(64) uint32_t done; /* stations that have finished the turn */
    uint32_t ready;             /* stations that have come so far */
    uint32_t pids[GATE_PIDS];   /* further processes whose CPU time counts; 0: none */
    struct gate_figures figures[GATE_STATIONS];
    _Alignas(4096) struct floor_area floor;
};

/* Maps a gate. Return: the gate, or NULL. */
struct gate *gate_map(int fd);

/* --- a station's side --- */

/* Tells the harness that this station is there, and sleeps until the first order; then, each time, until the
 * next. *turn is the station's own memory of it, 0 at first. */
const struct gate_order *gate_next(struct gate *gate, uint32_t *turn);
void gate_ready(struct gate *gate);
void gate_finish(struct gate *gate);

/* Fills figures from a histogram of which each entry is `batch` operations together. */
void gate_figures(struct gate_figures *figures, const struct histogram *histogram, uint32_t batch);

/* --- the harness's side --- */

void gate_order(struct gate *gate, const struct gate_order *order);
/* Waits until a word (done or ready) is at least `count`, or for timeout_ns. Return: whether it is. */
int gate_await(uint32_t *word, uint32_t count, uint64_t timeout_ns);

#endif

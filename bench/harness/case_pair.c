/*
 * One realm calls another: floor, own and peers in interleaved rounds. The floor is played by the very
 * processes whose calls it is compared with, on the same processors.
 */
#include <stdio.h>
#include <string.h>

#include "bench/harness/cases.h"
#include "bench/harness/pair.h"
#include "bench/harness/peers.h"
#include "bench/harness/rounds.h"

#define ROUND_NS       UINT64_C(30000000)
#define ROUND_QUICK_NS UINT64_C(15000000)

struct pair {
    struct bench *bench;
    const struct bench_case *one;
    struct system *system;
    pid_t pids[2];
    struct participant floor, own, peers[PEERS_MAX];
    struct peer *running[PEERS_MAX];
    size_t peers_count;
};

static bool parked(const struct bench_case *one)
{
    return strcmp(one->wait, "default") != 0 && strcmp(one->wait, "spin") != 0;
}

/* Why nobody can wait in the case's way here; NULL: it is possible. */
static const char *impossible(const struct bench *bench, const struct bench_case *one)
{
    return strcmp(one->wait, "uring") == 0 ? bench->options.no_uring : NULL;
}

static bool same_core(const struct bench_case *one)
{
    return strcmp(one->placement, "same-core") == 0;
}

static int boot(struct pair *pair)
{
    const struct bench_case *one = pair->one;
    const struct system_options options = {
        .waiter = parked(one) ? one->wait : NULL,
        .one_cpu = parked(one) || same_core(one),
        .stations = 1,
    };

    return pair_boot(pair->bench, &options, same_core(one), &pair->system, pair->pids);
}

static uint64_t round_ns(const struct bench *bench)
{
    return bench->options.quick ? ROUND_QUICK_NS : ROUND_NS;
}

static void take_part(struct pair *pair, struct participant *participant, const char *name,
                      enum gate_task task)
{
    const struct bench_case *one = pair->one;

    pair_participant(pair->system, pair->pids, name, participant);
    participant->round_ns = round_ns(pair->bench);
    participant->order = (struct gate_order){
        .task = task, .size = one->size, .batch = one->batch, .period_ns = one->period_ns};
}

static const char *floor_name(enum gate_task floor)
{
    return floor == GATE_LINES ? "lines" : floor == GATE_FUTEX ? "futex" : floor == GATE_RING ? "ring" : NULL;
}

static void add_floor(struct pair *pair, const struct participant *participant, struct row *row)
{
    unsigned rounds = pair->bench->options.rounds;
    struct row floor;

    row->floor = floor_name(pair->one->floor);
    if (row->floor == NULL)
        return;
    rounds_row(&pair->floor, rounds, &floor);
    if (pair->one->floor == GATE_RING) {
        row->floor_value = floor.per_s;
        row->ratio = statistics_of_ratio(participant->per_s, pair->floor.per_s, rounds);
    } else {
        row->floor_value = floor.p50_ns;
        row->ratio = statistics_of_ratio(participant->p50_ns, pair->floor.p50_ns, rounds);
    }
}

static void report(struct pair *pair)
{
    const struct bench_case *one = pair->one;
    struct row row = {.name = one->name, .placement = one->placement, .wait = one->wait, .goal = one->goal};

    rounds_row(&pair->own, pair->bench->options.rounds, &row);
    add_floor(pair, &pair->own, &row);
    bench_row(pair->bench, &row);
}

static struct goal peer_goal(const struct pair *pair, const struct peer_kind *kind)
{
    if (same_core(pair->one) || kind->times <= 0)
        return (struct goal){GOAL_NONE, 0};
    return (struct goal){GOAL_TIMES_AT_LEAST, kind->times};
}

static void report_peer(struct pair *pair, size_t index)
{
    unsigned rounds = pair->bench->options.rounds;
    const struct participant *peer = &pair->peers[index];
    const struct peer_kind *kind = peer_kind_of(pair->running[index]);
    struct row row = {.name = kind->name,
                      .placement = pair->one->placement,
                      .wait = kind->wait,
                      .goal = peer_goal(pair, kind)};

    rounds_row(peer, rounds, &row);
    add_floor(pair, peer, &row);
    row.times = statistics_of_ratio(peer->p50_ns, pair->own.p50_ns, rounds);
    bench_row(pair->bench, &row);
}

/* A peer that is not there is a row that says how to get it. */
static void report_absent(struct pair *pair, const struct peer_kind *kind)
{
    char note[160];

    snprintf(note, sizeof note, "not installed: apt-get install %s, then make", kind->packages);
    bench_row(pair->bench, &(struct row){.name = kind->name,
                                         .placement = pair->one->placement,
                                         .wait = kind->wait,
                                         .size_bytes = pair->one->size,
                                         .goal = peer_goal(pair, kind),
                                         .note = note});
}

static int start_peers(struct pair *pair)
{
    for (size_t i = 0; i < peer_count && pair->one->peers; i++) {
        const struct peer_kind *kind = &peer_table[i];
        if ((pair->bench->options.quick && !kind->quick) || (kind->polls && same_core(pair->one)))
            continue;
        if (!peer_installed(pair->bench, kind)) {
            report_absent(pair, kind);
            continue;
        }
        struct peer *peer;
        if (peer_start(pair->bench, kind, same_core(pair->one), &peer) != 0)
            return 1;
        pair->running[pair->peers_count] = peer;
        struct participant *participant = &pair->peers[pair->peers_count++];
        take_part(pair, participant, kind->name, GATE_PEER);
        peer_take_part(peer, participant);
    }
    return 0;
}

static int measure(struct pair *pair)
{
    struct participant *all[PARTICIPANTS_MAX];
    size_t count = 0;

    if (boot(pair) != 0 || start_peers(pair) != 0)
        return 1;
    if (pair->one->floor != 0) {
        take_part(pair, &pair->floor, "floor", pair->one->floor);
        all[count++] = &pair->floor;
    }
    take_part(pair, &pair->own, pair->one->name, pair->one->task);
    all[count++] = &pair->own;
    for (size_t i = 0; i < pair->peers_count; i++)
        all[count++] = &pair->peers[i];
    if (rounds_run(pair->bench, all, count, pair->bench->options.rounds) != 0)
        return 1;
    report(pair);
    for (size_t i = 0; i < pair->peers_count; i++)
        report_peer(pair, i);
    return 0;
}

int case_pair(struct bench *bench, const struct bench_case *one)
{
    static struct pair pair; /* large, and there is one at a time */
    const char *why = impossible(bench, one);

    if (why != NULL) {
        bench_row(bench, &(struct row){.name = one->name,
                                       .size_bytes = one->size,
                                       .placement = one->placement,
                                       .wait = one->wait,
                                       .goal = one->goal,
                                       .note = why});
        return 0;
    }
    memset(&pair, 0, sizeof pair);
    pair.bench = bench;
    pair.one = one;
    int status = measure(&pair);
    for (size_t i = 0; i < pair.peers_count; i++)
        peer_end(pair.running[i]);
    system_end(pair.system);
    return status;
}

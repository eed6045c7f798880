/*
 * More awake than there are processors: four pairs that call as fast as they can on two processors, left to
 * the scheduler. Default waiting, which may spin, against the same four pairs that never spin; what counts is
 * the time that a call takes on the whole, which is the number of pairs by the rate of all.
 */
#include <string.h>

#include "bench/harness/cases.h"
#include "bench/harness/rounds.h"

#define PAIRS     4u
#define ROUND_NS  UINT64_C(60000000)
#define GATE_FILE "files: {gate: {path: @GATE@, mode: rw}}"
#define PAIR(number)                                                                                         \
    "  - {name: server" number ", program: bench_server, args: [s" number "], " GATE_FILE "}\n"              \
    "  - {name: caller" number ", program: bench_caller, args: [\"" number "\", s" number "], " GATE_FILE    \
    "}\n"
#define SERVICE(number) "  - {name: s" number ", provider: server" number ", access: [caller" number "]}\n"

static const char scenario[] = "system: bench\nrealms:\n" PAIR("0") PAIR("1") PAIR("2")
    PAIR("3") "services:\n" SERVICE("0") SERVICE("1") SERVICE("2") SERVICE("3");

struct crowd {
    const struct bench *bench;
    struct system *system;
    pid_t pids[2 * PAIRS];
    size_t count;
    struct participant participant;
    double time_ns[BENCH_ROUNDS_MAX]; /* of a call, by the rate of all */
};

static void take_pid(pid_t pid, void *context)
{
    struct crowd *crowd = context;

    system_pin(crowd->bench, pid, -1);
    if (crowd->count < 2 * PAIRS)
        crowd->pids[crowd->count++] = pid;
}

static int boot(struct bench *bench, const struct bench_case *one, bool parked, struct crowd *crowd)
{
    const struct system_options options = {.one_cpu = parked, .stations = PAIRS};

    crowd->bench = bench;
    if (system_boot(bench, scenario, &options, &crowd->system) != 0)
        return 1;
    system_each(crowd->system, take_pid, crowd);
    crowd->participant.name = parked ? "parked" : "default";
    crowd->participant.gate = system_gate(crowd->system);
    crowd->participant.system = crowd->system;
    crowd->participant.pids = crowd->pids;
    crowd->participant.pids_count = crowd->count;
    crowd->participant.stations = PAIRS;
    crowd->participant.round_ns = ROUND_NS / PAIRS;
    crowd->participant.order = (struct gate_order){.task = GATE_CALL, .size = one->size};
    return 0;
}

static void take_times(struct crowd *crowd, unsigned rounds)
{
    for (unsigned round = 0; round < rounds; round++)
        crowd->time_ns[round] = 1e9 * PAIRS / crowd->participant.per_s[round];
}

static int measure(struct bench *bench, const struct bench_case *one, struct crowd *own, struct crowd *parked)
{
    unsigned rounds = bench->options.rounds;

    if (boot(bench, one, false, own) != 0 || boot(bench, one, true, parked) != 0)
        return 1;
    struct participant *const both[] = {&own->participant, &parked->participant};
    if (rounds_run(bench, both, 2, rounds) != 0)
        return 1;
    take_times(own, rounds);
    take_times(parked, rounds);
    struct row row = {.name = one->name, .wait = one->wait, .goal = one->goal};
    struct row asleep = {.name = one->name, .wait = "parked"};
    rounds_row(&own->participant, rounds, &row);
    rounds_row(&parked->participant, rounds, &asleep);
    row.floor = "parked";
    row.floor_value = 1e9 * PAIRS / asleep.per_s;
    row.ratio = statistics_of_ratio(own->time_ns, parked->time_ns, rounds);
    bench_row(bench, &asleep);
    bench_row(bench, &row);
    return 0;
}

int case_oversubscribed(struct bench *bench, const struct bench_case *one)
{
    static struct crowd own, parked; /* large, and there is one at a time */

    memset(&own, 0, sizeof own);
    memset(&parked, 0, sizeof parked);
    int status = measure(bench, one, &own, &parked);
    system_end(own.system);
    system_end(parked.system);
    return status;
}

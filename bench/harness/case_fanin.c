/*
 * Fan-in: 64 clients of one server, each asleep most of the time, so that the server sleeps, parked on all of
 * them, between two messages. What counts is the server's CPU time a message, against that of a server with
 * one client whose messages come just as often. Both systems run at once; the idle one is asleep.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/harness/cases.h"
#include "bench/harness/rounds.h"

#define CLIENTS  64u
#define MESSAGES 512u /* a round */

struct fan {
    struct system *system;
    pid_t server;
    struct participant participant;
};

/* The scenario of so many clients; the caller's to free. NULL: no memory. */
static char *scenario_of(unsigned clients)
{
    char *text = NULL;
    size_t size;
    FILE *stream = open_memstream(&text, &size);

    if (stream == NULL)
        return NULL;
    fputs("system: bench\nrealms:\n"
          "  - {name: server, program: bench_server, files: {gate: {path: @GATE@, mode: rw}}}\n",
          stream);
    for (unsigned i = 0; i < clients; i++)
        fprintf(stream,
                "  - {name: c%u, program: bench_caller, args: [\"%u\"], files: {gate: {path: @GATE@, mode: "
                "rw}}}\n",
                i, i);
    fputs("services:\n  - {name: bench, provider: server, access: [all]}\n", stream);
    return fclose(stream) == 0 ? text : NULL;
}

struct pinning {
    const struct bench *bench;
    pid_t server;
};

static void pin_client(pid_t pid, void *context)
{
    const struct pinning *pinning = context;

    if (pid != pinning->server)
        system_pin(pinning->bench, pid, (int)pinning->bench->cpus[1]);
}

static int boot(struct bench *bench, const struct bench_case *one, unsigned clients, const char *name,
                struct fan *fan)
{
    char *scenario = scenario_of(clients);
    const struct system_options options = {.stations = clients};

    if (scenario == NULL)
        return bench_fail(bench, "out of memory");
    int error = system_boot(bench, scenario, &options, &fan->system);
    free(scenario);
    if (error != 0)
        return error;
    fan->server = system_realm(fan->system, "server");
    system_each(fan->system, pin_client, &(struct pinning){bench, fan->server});
    system_pin(bench, fan->server, (int)bench->cpus[0]);
    fan->participant.name = name;
    fan->participant.gate = system_gate(fan->system);
    fan->participant.system = fan->system;
    fan->participant.pids = &fan->server; /* of the server alone */
    fan->participant.pids_count = 1;
    fan->participant.stations = clients;
    fan->participant.order = (struct gate_order){.task = GATE_SHARE,
                                                 .size = one->size,
                                                 .count = MESSAGES / clients,
                                                 .batch = clients,
                                                 .period_ns = one->period_ns * clients};
    return 0;
}

static int measure(struct bench *bench, const struct bench_case *one, struct fan *many, struct fan *single)
{
    unsigned rounds = bench->options.rounds;

    if (boot(bench, one, CLIENTS, "64 clients", many) != 0 || boot(bench, one, 1, "one client", single) != 0)
        return 1;
    struct participant *const both[] = {&many->participant, &single->participant};
    if (rounds_run(bench, both, 2, rounds) != 0)
        return 1;
    struct row row = {.name = one->name, .placement = one->placement, .wait = one->wait, .goal = one->goal};
    struct row alone = {.name = "fanin-one", .placement = one->placement, .wait = one->wait};
    rounds_row(&many->participant, rounds, &row);
    rounds_row(&single->participant, rounds, &alone);
    row.floor = "one client's CPU us";
    row.floor_value = alone.cpu_s * 1e6;
    row.ratio = statistics_of_ratio(many->participant.cpu_s, single->participant.cpu_s, rounds);
    bench_row(bench, &alone);
    bench_row(bench, &row);
    return 0;
}

int case_fanin(struct bench *bench, const struct bench_case *one)
{
    static struct fan many, single; /* large, and there is one at a time */

    memset(&many, 0, sizeof many);
    memset(&single, 0, sizeof single);
    int status = measure(bench, one, &many, &single);
    system_end(many.system);
    system_end(single.system);
    return status;
}

#include "bench/harness/pair.h"

static const char scenario[] =
    "system: bench\n"
    "realms:\n"
    "  - {name: server, program: bench_server, files: {gate: {path: @GATE@, mode: rw}}}\n"
    "  - {name: caller, program: bench_caller, files: {gate: {path: @GATE@, mode: rw}}}\n"
    "services:\n"
    "  - {name: bench, provider: server, access: [caller]}\n";

int pair_boot(struct bench *bench, const struct system_options *options, bool same_core,
              struct system **ret_system, pid_t ret_pids[2])
{
    struct system *system;

    if (system_boot(bench, scenario, options, &system) != 0)
        return 1;
    ret_pids[0] = system_realm(system, "server");
    ret_pids[1] = system_realm(system, "caller");
    system_pin(bench, ret_pids[0], (int)bench->cpus[0]);
    system_pin(bench, ret_pids[1], (int)bench->cpus[same_core ? 0 : 1]);
    *ret_system = system;
    return 0;
}

int pair_case(struct bench *bench, const struct bench_case *one, pair_measure *measure)
{
    struct system *system;
    pid_t pids[2];

    if (pair_boot(bench, &(struct system_options){.stations = 1}, false, &system, pids) != 0)
        return 1;
    int status = measure(bench, one, system, pids);
    system_end(system);
    return status;
}

void pair_participant(struct system *system, const pid_t pids[2], const char *name,
                      struct participant *participant)
{
    participant->name = name;
    participant->gate = system_gate(system);
    participant->system = system;
    participant->pids = pids;
    participant->pids_count = 2;
    participant->stations = 1;
}

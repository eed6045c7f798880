#include "bench/realms/bench.h"

void bench_settle(struct realm *realm)
{
    while (realm_run_once(realm, 100 * REALM_MSEC) == 0)
        ;
}

struct gate *bench_gate(struct realm *realm)
{
    int fd = realm_file(realm, "gate");
    struct gate *gate = fd >= 0 ? gate_map(fd) : NULL;

    if (gate == NULL)
        realm_log(realm, "there is no gate");
    return gate;
}

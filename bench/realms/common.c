/* What the realms of the bench have in common. */
#include "bench/realms/bench.h"

#include "bench/measure/payload.h"

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

int bench_echo(struct realm_channel *channel, size_t size)
{
    static struct payload_side side;
    struct realm_reply reply = {.data = side.in, .capacity = sizeof side.in};

    side.size = size;
    payload_ask(&side);
    int error = realm_call(channel, BENCH_ECHO, side.out, side.size, &reply, BENCH_DEADLINE);
    if (error != 0)
        return error;
    payload_answered(&side, reply.size);
    return reply.status != 0 || side.wrong ? REALM_E_PEER_FAULT : 0;
}

int bench_station(void (*obey)(struct realm *realm, struct gate *gate, const struct gate_order *order))
{
    struct realm *realm;
    const struct gate_order *order;
    uint32_t turn = 0;

    if (realm_open(&realm) != 0)
        return 1;
    struct gate *gate = bench_gate(realm);
    if (gate == NULL)
        return 1;
    gate_ready(gate);
    while ((order = gate_next(gate, &turn))->task != GATE_END) {
        obey(realm, gate, order);
        gate_finish(gate);
    }
    realm_close(realm);
    return 0;
}

/*
 * A client that loses its channel: a station that, on order, connects, has traffic of the ordered kind, says
 * so, and goes on until the call fails. When that was is what it has to tell.
 */
#include "bench/measure/clock.h"
#include "bench/realms/bench.h"

/* Asleep: a call that is never answered. Copying: one call of the largest size after the other. */
static int call(struct realm_channel *channel, uint32_t kind)
{
    static struct payload_side side;
    struct realm_reply reply = {.data = side.in, .capacity = sizeof side.in};

    if (kind == GATE_ASLEEP)
        return realm_call(channel, BENCH_HOLD, NULL, 0, &reply, BENCH_DEADLINE);
    side.size = PAYLOAD_MAX;
    payload_ask(&side);
    int error = realm_call(channel, BENCH_ECHO, side.out, side.size, &reply, BENCH_DEADLINE);
    if (error != 0)
        return error;
    payload_answered(&side, reply.size);
    return reply.status != 0 || side.wrong ? REALM_E_PEER_FAULT : 0;
}

static int obey(struct realm *realm, struct gate *gate, const struct gate_order *order, uint64_t *ret_ns)
{
    struct realm_channel *channel;
    int error = realm_connect(realm, BENCH_SERVICE, BENCH_DEADLINE, &channel);

    if (error == 0)
        error = call(channel, GATE_COPYING);
    if (error != 0)
        return error;
    gate_ready(gate);
    while (error == 0)
        error = call(channel, order->batch);
    *ret_ns = clock_now_ns();
    realm_disconnect(channel);
    return error;
}

int main(void)
{
    struct realm *realm;
    const struct gate_order *order;
    uint32_t turn = 0;
    int error = realm_open(&realm);

    if (error != 0)
        return 1;
    struct gate *gate = bench_gate(realm);
    if (gate == NULL)
        return 1;
    gate_ready(gate);
    while ((order = gate_next(gate, &turn))->task != GATE_END) {
        error = obey(realm, gate, order, &gate->figures[0].count);
        gate->figures[0].failed = error != REALM_E_REVOKED;
        if (error != REALM_E_REVOKED)
            realm_log(realm, "the traffic ended with: %s", realm_error_text(error));
        gate_finish(gate);
    }
    realm_close(realm);
    return 0;
}

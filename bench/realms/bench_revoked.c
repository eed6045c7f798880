/*
 * A client that loses its channel: a station that, on order, connects, has traffic of the ordered kind, says
 * so, and goes on until the call fails. When that was is what it has to tell.
 */
#include "bench/measure/clock.h"
#include "bench/measure/payload.h"
#include "bench/realms/bench.h"

/* Asleep: a call that is never answered. Copying: one call of the largest size after the other. */
static int call(struct realm_channel *channel, uint32_t kind)
{
    if (kind == GATE_ASLEEP)
        return realm_call(channel, BENCH_HOLD, NULL, 0, NULL, BENCH_DEADLINE);
    return bench_echo(channel, PAYLOAD_MAX);
}

/* Return: what ended the traffic, at *ret_ns. */
static int lose(struct realm *realm, struct gate *gate, uint32_t kind, uint64_t *ret_ns)
{
    struct realm_channel *channel;
    int error = realm_connect(realm, BENCH_SERVICE, BENCH_DEADLINE, &channel);

    if (error == 0)
        error = call(channel, GATE_COPYING);
    if (error != 0)
        return error;
    gate_ready(gate);
    while (error == 0)
        error = call(channel, kind);
    *ret_ns = clock_now_ns();
    realm_disconnect(channel);
    return error;
}

static void obey(struct realm *realm, struct gate *gate, const struct gate_order *order)
{
    int error = lose(realm, gate, order->batch, &gate->figures[0].count);

    gate->figures[0].failed = error != REALM_E_REVOKED;
    if (error != REALM_E_REVOKED)
        realm_log(realm, "the traffic ended with: %s", realm_error_text(error));
}

int main(void)
{
    return bench_station(obey);
}

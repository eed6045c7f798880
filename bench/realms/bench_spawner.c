/*
 * The parent of a template: a station that, on order, spawns instances one after the other. Each opens its
 * realm and registers its service; it is connected to and asked something. The time is from the request to
 * spawn until the checked answer is here; ending the instance is not in it.
 */
#include <stdio.h>

#include "bench/measure/clock.h"
#include "bench/realms/bench.h"

static int ask(struct realm_channel *channel)
{
    static struct payload_side side;
    struct realm_reply reply = {.data = side.in, .capacity = sizeof side.in};

    side.size = 64;
    payload_ask(&side);
    int error = realm_call(channel, BENCH_ECHO, side.out, side.size, &reply, BENCH_DEADLINE);
    if (error != 0)
        return error;
    payload_answered(&side, reply.size);
    return reply.status != 0 || side.wrong ? REALM_E_PEER_FAULT : 0;
}

static int start_one(struct realm *realm, uint64_t *ret_ns)
{
    static unsigned number;
    char name[24];
    const struct realm_spawn spawn = {.program = "fresh", .name = name};
    struct realm_channel *channel;

    snprintf(name, sizeof name, "fresh%u", ++number);
    const uint64_t start_ns = clock_now_ns();
    int error = realm_spawn(realm, &spawn, NULL);
    if (error == 0)
        error = realm_connect(realm, BENCH_SERVICE, BENCH_DEADLINE, &channel);
    if (error != 0)
        return error;
    error = ask(channel);
    *ret_ns = clock_now_ns() - start_ns;
    realm_disconnect(channel);
    return error != 0 ? error : realm_kill(realm, name);
}

static int obey(struct realm *realm, const struct gate_order *order, struct gate_figures *figures)
{
    static struct histogram starts;
    uint64_t ns;
    int error = 0;

    histogram_clear(&starts);
    for (uint32_t i = 0; i < order->count && error == 0; i++) {
        error = start_one(realm, &ns);
        if (error == 0)
            histogram_add(&starts, ns);
    }
    if (error != 0)
        realm_log(realm, "a start: %s", realm_error_text(error));
    gate_figures(figures, &starts, 1);
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
        gate->figures[0].failed = obey(realm, order, &gate->figures[0]) != 0;
        gate_finish(gate);
    }
    realm_close(realm);
    return 0;
}

/*
 * The parent of a template: a station that, on order, spawns instances one after the other. Each opens its
 * realm and registers its service; it is connected to and asked something. The time is from the request to
 * spawn until the checked answer is here; ending the instance is not in it.
 */
#include <stdio.h>

#include "bench/measure/clock.h"
#include "bench/realms/bench.h"

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
    error = bench_echo(channel, 64);
    *ret_ns = clock_now_ns() - start_ns;
    realm_disconnect(channel);
    return error != 0 ? error : realm_kill(realm, name);
}

static void obey(struct realm *realm, struct gate *gate, const struct gate_order *order)
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
    gate_figures(&gate->figures[0], &starts, 1);
    gate->figures[0].failed = error != 0;
}

int main(void)
{
    return bench_station(obey);
}

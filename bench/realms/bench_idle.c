/*
 * A realm with nothing to do: `bench_idle` sleeps until the system stops; `bench_idle connect` first makes
 * enough calls that the rings of its channel have wrapped, says "settled", and then sleeps.
 */
#include <string.h>

#include "bench/realms/bench.h"

#define CALLS 200u /* of two lines each way: a region has 124 */

static int settle(struct realm *realm)
{
    static struct payload_side side;
    struct realm_reply reply = {.data = side.in, .capacity = sizeof side.in};
    struct realm_channel *channel;
    int error = realm_connect(realm, BENCH_SERVICE, BENCH_DEADLINE, &channel);

    side.size = 64;
    for (unsigned i = 0; i < CALLS && error == 0; i++) {
        payload_ask(&side);
        error = realm_call(channel, BENCH_ECHO, side.out, side.size, &reply, BENCH_DEADLINE);
        side.wrong |= reply.status != 0;
        payload_answered(&side, reply.size);
    }
    if (error == 0 && !side.wrong)
        realm_log(realm, "settled");
    else
        realm_log(realm, "settling: %s", error ? realm_error_text(error) : "a wrong payload");
    return error != 0 ? error : side.wrong;
}

int main(int argc, char **argv)
{
    struct realm *realm = NULL;
    int error = realm_open(&realm);

    if (error == 0 && argc > 1 && strcmp(argv[1], "connect") == 0)
        error = settle(realm);
    if (error == 0)
        error = realm_run(realm);
    realm_close(realm);
    return error != 0;
}

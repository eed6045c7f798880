/*
 * A client that makes a million calls between two stops (SIGSTOP to itself), so that a test can look at the
 * rest of the system right before and right after.
 */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include <realm/realm.h>

#define CALLS 1000000u

int main(void)
{
    struct realm *realm;
    struct realm_channel *channel;
    uint64_t answers = 0;

    if (realm_open(&realm) || realm_connect(realm, "echo", 20 * REALM_SEC, &channel))
        return 1;
    /* What the connect left to do (a region for the next one, to be acknowledged) is done first. */
    while (realm_run_once(realm, 200 * REALM_MSEC) == 0)
        ;
    puts("ready");
    fflush(stdout);
    raise(SIGSTOP);
    for (uint32_t i = 0; i < CALLS; i++) {
        uint32_t back = 0;
        struct realm_reply reply = {.data = &back, .capacity = sizeof back};
        if (realm_call(channel, 1, &i, sizeof i, &reply, 20 * REALM_SEC) || back != i)
            return 1;
        answers++;
    }
    raise(SIGSTOP);
    printf("%" PRIu64 " calls\n", answers);
    realm_close(realm);
    return 0;
}

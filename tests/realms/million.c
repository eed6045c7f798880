/*
 * A client that makes a million calls between two halts, so that a test can look at the rest of the system
 * right before and right after. It halts at a file named `gate`, until a byte comes through, and says so by
 * one byte into a file named `halts`: neither is anything that the Memory Manager sees.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <realm/realm.h>

#define CALLS 1000000u

static void halt(struct realm *realm)
{
    char byte = '.';
    if (write(realm_file(realm, "halts"), &byte, 1) != 1 || read(realm_file(realm, "gate"), &byte, 1) != 1)
        exit(1);
}

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
    halt(realm);
    for (uint32_t i = 0; i < CALLS; i++) {
        uint32_t back = 0;
        struct realm_reply reply = {.data = &back, .capacity = sizeof back};
        if (realm_call(channel, 1, &i, sizeof i, &reply, 20 * REALM_SEC) || back != i)
            return 1;
        answers++;
    }
    halt(realm);
    printf("%" PRIu64 " calls\n", answers);
    realm_close(realm);
    return 0;
}

/*
 * lona_child: realm C1, a child of the realm that provides "logger".
 *
 * The hierarchy lets a child call its parent, so it logs one line. It was granted nothing else, so every
 * other service that its arguments name must refuse it. It fails if either turns out differently.
 *
 * Usage in a scenario: args: [SERVICE...], the services that must refuse it.
 */
#include <realm/realm.h>

#include <stdio.h>
#include <string.h>

#include "sim/services/lona.h"

static int log_through_parent(struct realm *realm)
{
    static const char text[] = "hello from your child";
    struct realm_channel *logger;
    int error = realm_connect(realm, "logger", 5 * REALM_SEC, &logger);

    if (error != 0) {
        realm_log(realm, "connect to \"logger\": %s", realm_error_text(error));
        return error;
    }
    error = realm_send(logger, LOGGER_LINE, text, strlen(text), REALM_SEC);
    /* A one-way message has no receipt; a call behind it, on the same channel, has: the order is kept. */
    if (error == 0)
        error = realm_call(logger, LOGGER_COUNT, NULL, 0, NULL, 5 * REALM_SEC);
    realm_log(realm, "log through \"logger\": %s", error != 0 ? realm_error_text(error) : "done");
    realm_disconnect(logger);
    return error;
}

/* Return: 0 if the policy refuses the service. */
static int expect_refusal(struct realm *realm, const char *service)
{
    struct realm_channel *channel;
    int error = realm_connect(realm, service, 5 * REALM_SEC, &channel);

    if (error == 0) {
        realm_log(realm, "connected to \"%s\", which should have refused", service);
        realm_disconnect(channel);
        return 1;
    }
    realm_log(realm, "connect to \"%s\": %s", service, realm_error_text(error));
    return error == REALM_E_DENIED ? 0 : error;
}

int main(int argc, char **argv)
{
    struct realm *realm;
    int failed = 0;

    if (realm_open(&realm) != 0) {
        fprintf(stderr, "lona_child: this program is started by a scenario (realm run)\n");
        return 1;
    }
    failed |= log_through_parent(realm);
    for (int i = 1; i < argc; i++)
        failed |= expect_refusal(realm, argv[i]);
    realm_close(realm);
    return failed != 0;
}

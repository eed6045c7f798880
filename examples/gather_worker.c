/* gather_worker SERVICE MILLISECONDS: answers every question after that time. */
#include <realm/realm.h>

#include <stdio.h>
#include <stdlib.h>

struct work {
    uint64_t token;
};

static void done(struct realm *realm, struct realm_timer *timer, void *context)
{
    struct work *work = context;

    (void)timer;
    realm_reply(realm, work->token, 0, 42, NULL, 0);
    free(work);
}

static void take(struct realm *realm, const struct realm_request *request, void *context)
{
    const uint64_t *delay_ns = context;
    struct work *work = malloc(sizeof *work);

    if (work == NULL)
        return; /* the caller's deadline ends its call */
    work->token = request->token;
    if (realm_timer_start(realm, *delay_ns, 0, done, work, NULL) != 0)
        free(work);
}

int main(int argc, char **argv)
{
    uint64_t delay_ns = argc > 2 ? strtoull(argv[2], NULL, 10) * REALM_MSEC : 0;
    struct realm *realm = NULL;
    int error = argc > 1 ? realm_open(&realm) : REALM_E_BAD_ARGUMENT;

    if (error == 0)
        error = realm_register(realm, argv[1], take, &delay_ns, NULL);
    if (error == 0)
        error = realm_run(realm);
    if (error != 0)
        fprintf(stderr, "gather_worker: %s\n", realm_error_text(error));
    realm_close(realm);
    return error != 0;
}

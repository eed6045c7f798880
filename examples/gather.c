/*
 * gather MILLISECONDS SERVICE...: asks several services at once, and says who answered in time.
 *
 * All calls are under way together, so it takes as long as the slowest, and never longer than the deadline.
 */
#include <realm/realm.h>

#include <stdio.h>
#include <stdlib.h>

struct question {
    const char *service;
    unsigned *open; /* questions that are not answered yet */
};

static void answered(struct realm *realm, const struct realm_completion *completion, void *context)
{
    struct question *question = context;

    if (completion->result == 0)
        realm_log(realm, "%s: %llu", question->service, (unsigned long long)completion->value);
    else
        realm_log(realm, "%s: %s", question->service, realm_error_text(completion->result));
    if (--*question->open == 0)
        realm_stop(realm);
}

static int ask(struct realm *realm, struct question *question, uint64_t patience_ns)
{
    struct realm_channel *channel;
    int error = realm_connect(realm, question->service, 5 * REALM_SEC, &channel);

    if (error == 0)
        error = realm_call_start(channel, 1, NULL, 0, patience_ns, answered, question, NULL);
    if (error == 0)
        ++*question->open;
    return error;
}

int main(int argc, char **argv)
{
    struct question questions[16];
    unsigned open = 0;
    struct realm *realm = NULL;
    uint64_t patience_ns = argc > 1 ? strtoull(argv[1], NULL, 10) * REALM_MSEC : 0;
    int error = realm_open(&realm);

    for (int i = 2; i < argc && i < 18 && error == 0; i++) {
        questions[i - 2] = (struct question){.service = argv[i], .open = &open};
        error = ask(realm, &questions[i - 2], patience_ns);
    }
    if (error == 0 && open != 0)
        error = realm_run(realm);
    if (error != 0)
        fprintf(stderr, "gather: %s\n", realm_error_text(error));
    realm_close(realm);
    return error != 0;
}

/*
 * A realm that serves, or that calls a service and does the steps that its words name, in their order:
 *
 *     PROGRAM serve WORD...     PROGRAM call STEP...
 *
 * The step `wait`, which is in no table, runs the loop until the realm is asked to stop.
 */
#ifndef TESTS_REALMS_STEPS_H
#define TESTS_REALMS_STEPS_H

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <realm/realm.h>

struct step {
    const char *word;
    int (*run)(struct realm *realm, struct realm_channel **channel); /* it may put another in its place */
};

struct steps {
    const char *service;
    int (*serve)(struct realm *realm, char **words);
    const struct step *table; /* up to a word that is NULL */
};

static inline int steps_do(const struct steps *steps, struct realm *realm, struct realm_channel **channel,
                           const char *word)
{
    for (const struct step *step = steps->table; step->word; step++)
        if (strcmp(step->word, word) == 0)
            return step->run(realm, channel);
    return strcmp(word, "wait") == 0 ? realm_run(realm) : REALM_E_BAD_ARGUMENT;
}

static inline int steps_call(const struct steps *steps, struct realm *realm, char **words)
{
    struct realm_channel *channel;
    int error = realm_connect(realm, steps->service, 20 * REALM_SEC, &channel);
    for (; *words && !error; words++)
        error = steps_do(steps, realm, &channel, *words);
    return error;
}

/* The program's whole main. */
static inline int steps_main(const struct steps *steps, int argc, char **argv)
{
    struct realm *realm = NULL;
    int error = argc < 3 ? REALM_E_BAD_ARGUMENT : realm_open(&realm);
    if (!error)
        error = strcmp(argv[1], "serve") == 0 ? steps->serve(realm, argv + 2)
                                              : steps_call(steps, realm, argv + 2);
    if (error)
        fprintf(stderr, "%s: %s\n", argv[0], realm_error_name(error));
    realm_close(realm);
    return error != 0;
}

#endif

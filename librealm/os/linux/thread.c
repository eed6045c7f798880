/*
 * Threads of a realm, for its workers.
 *
 * The stack is small: all of it counts as the realm's private memory, whatever of it is used. Signals are not
 * touched: a thread has the mask of the one that made it, in which SIGBUS is not blocked (fault.c).
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include <realm/error.h>

#include "librealm/os/os.h"

#define STACK_BYTES (256u * 1024u)

struct realm_os_thread {
    pthread_t id;
    void (*main)(void *argument);
    void *argument;
};

static void *run(void *argument)
{
    const struct realm_os_thread *thread = argument;
    thread->main(thread->argument);
    return NULL;
}

int realm_os_thread_start(struct realm_os *os, void (*main)(void *argument), void *argument,
                          struct realm_os_thread **ret_thread)
{
    (void)os;
    pthread_attr_t attributes;
    struct realm_os_thread *thread = malloc(sizeof *thread);
    if (thread == NULL)
        return -ENOMEM;
    *thread = (struct realm_os_thread){.main = main, .argument = argument};
    int error = pthread_attr_init(&attributes);
    if (error == 0) {
        error = pthread_attr_setstacksize(&attributes, STACK_BYTES);
        if (error == 0)
            error = pthread_create(&thread->id, &attributes, run, thread);
        pthread_attr_destroy(&attributes);
    }
    if (error != 0) {
        free(thread);
        return error == EAGAIN ? REALM_E_LIMIT : -error;
    }
    *ret_thread = thread;
    return 0;
}

void realm_os_thread_join(struct realm_os_thread *thread)
{
    (void)pthread_join(thread->id, NULL);
    free(thread);
}

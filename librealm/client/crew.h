/*
 * A crew: threads with a mailbox each, and the one thread that gives them work (crew.c).
 */
#ifndef REALM_CLIENT_CREW_H
#define REALM_CLIENT_CREW_H

#include <stdbool.h>
#include <stdint.h>

#include <realm/workers.h>

#include "librealm/client/list.h"
#include "librealm/os/os.h"

/* How workers wake whoever gives work: one for all crews of a realm. */
struct realm_crew_bell {
    uint32_t returned; /* changes with each piece of work that is done; its sleeper waits here */
    uint32_t sleeps;   /* the giver's: it sleeps, or is about to */
};

struct realm_crew;

struct realm_worker {
    /* the giver's */
    struct realm_list of_state; /* idle ones: in the order in which they became so; or at work */
    struct realm_os_thread *thread;
    uint64_t token;
    struct realm_crew *crew;
    void *context;
    /* both sides', on lines apart from the next worker's and from what is the giver's alone */
    uint8_t apart[64];
    uint32_t given;  /* the giver's: counts; the worker sleeps on it */
    uint32_t sleeps; /* the worker's */
    uint32_t done;   /* the worker's: the number given that it has done */
    int32_t status;
    struct realm_request request;
    struct realm_answer answer;
};

struct realm_crew {
    struct realm_os *os;
    struct realm_crew_bell *bell;
    struct realm_list of_realm;
    struct realm_list idle, at_work;
    realm_work *work;
    bool spins;
    uint32_t ending;
    unsigned count;
    struct realm_worker workers[];
};

/* Starts the threads. bell is borrowed; spins: there is more than one processor. Return: 0; REALM_E_LIMIT;
 * -ENOTSUP; -ENOMEM; -errno. */
int realm_crew_open(struct realm_os *os, struct realm_crew_bell *bell, bool spins, unsigned count,
                    realm_work *work, void *const *contexts, struct realm_crew **ret_crew);
/* Waits until each has finished what it is at, and ends them. What they returned can still be asked for. */
void realm_crew_end(struct realm_crew *crew);
void realm_crew_free(struct realm_crew *crew); /* after realm_crew_end */

/* The worker that has been idle longest; NULL: all are at work. Its request is the giver's to fill. */
static inline struct realm_worker *realm_crew_idle(struct realm_crew *crew)
{
    if (realm_list_empty(&crew->idle))
        return NULL;
    return REALM_LIST_OF(crew->idle.next, struct realm_worker, of_state);
}

/* Hands it the request that it was filled with. */
void realm_crew_give(struct realm_worker *worker);
/* A worker that has done its work: idle from now on, its status and answer to be read before it is given any
 * more. NULL: none has. */
struct realm_worker *realm_crew_returned(struct realm_crew *crew);

/* Before sleeping on the bell: from here on whoever returns something wakes it. *ret_seen is what the bell
 * held: ask for what was returned after this, then wait for it to change. */
void realm_crew_listen(struct realm_crew_bell *bell, uint32_t *ret_seen);
void realm_crew_listen_end(struct realm_crew_bell *bell);

#endif

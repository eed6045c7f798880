/*
 * A crew of worker threads.
 *
 *     giver:  fill the request → given + 1 → wake the worker, if it sleeps
 *     worker: look at given: spin, then sleep on it → work → done = given → bell + 1 → wake the giver, if it
 *             sleeps
 *
 * The rule: a mailbox has one side at a time. The giver has it until it stores given, the worker until it
 * stores done, so no request is served twice or by two; and each wait is the ring's: store that one sleeps,
 * full fence, look again, then wait for the very word that the other changes before it looks who sleeps.
 */
#include "librealm/client/crew.h"

#include <errno.h>
#include <stdlib.h>

#include <realm/error.h>

#include "librealm/core/assert.h"
#include "librealm/ring/atomics.h"

/* A worker looks for so long before it sleeps, as long as that finds something; else half as long the next
 * time, down to nothing, and one time in many all of it again. */
#define SPIN_TURNS   1000u
#define RETRY_SLEEPS 64u

/* --- the worker's side --- */

struct patience {
    uint32_t turns, sleeps;
};

static bool spin(const struct realm_worker *worker, uint32_t seen, struct patience *patience)
{
    uint32_t turns = patience->turns;
    if (turns == 0 && ++patience->sleeps >= RETRY_SLEEPS) {
        patience->sleeps = 0;
        turns = SPIN_TURNS;
    }
    for (uint32_t turn = 0; turn < turns && worker->crew->spins; turn++) {
        if (realm_load_acquire(&worker->given) != seen) {
            patience->turns = SPIN_TURNS;
            return true;
        }
        realm_spin_pause();
    }
    patience->turns /= 2;
    return false;
}

static void await_work(struct realm_worker *worker, uint32_t seen, struct patience *patience)
{
    if (spin(worker, seen, patience))
        return;
    /* That it sleeps, before the look at what is given. */
    realm_store_and_fence(&worker->sleeps, 1);
    const struct realm_os_word word = {.address = &worker->given, .seen = seen};
    while (realm_load_acquire(&worker->given) == seen)
        (void)realm_os_wait(worker->crew->os, &word, 1, REALM_FOREVER);
    realm_store_relaxed(&worker->sleeps, 0);
}

static void work_until_the_end(void *argument)
{
    struct realm_worker *worker = argument;
    struct realm_crew *crew = worker->crew;
    struct patience patience = {.turns = SPIN_TURNS};
    for (uint32_t seen = 0;; seen++) {
        await_work(worker, seen, &patience);
        if (realm_load_acquire(&crew->ending) != 0)
            return;
        worker->answer.value = 0;
        worker->answer.size = 0;
        worker->status = crew->work(&worker->request, &worker->answer, worker->context);
        realm_store_release(&worker->done, seen + 1u);
        /* That it is done, before the look at who sleeps. */
        (void)realm_announce(&crew->bell->returned, 1);
        if (realm_load_ordered(&crew->bell->sleeps) != 0)
            realm_os_wake(crew->os, &crew->bell->returned);
    }
}

/* --- the giver's side --- */

static void post(struct realm_worker *worker)
{
    realm_store_and_fence(&worker->given, worker->given + 1u);
    if (realm_load_relaxed(&worker->sleeps) != 0)
        realm_os_wake(worker->crew->os, &worker->given);
}

void realm_crew_give(struct realm_worker *worker)
{
    worker->token = worker->request.token;
    realm_list_remove(&worker->of_state);
    realm_list_insert(&worker->crew->at_work, &worker->of_state);
    post(worker);
}

struct realm_worker *realm_crew_returned(struct realm_crew *crew)
{
    for (struct realm_list *at = crew->at_work.next; at != &crew->at_work; at = at->next) {
        struct realm_worker *worker = REALM_LIST_OF(at, struct realm_worker, of_state);
        if (realm_load_acquire(&worker->done) != worker->given)
            continue;
        realm_list_remove(at);
        realm_list_insert(&crew->idle, at);
        return worker;
    }
    return NULL;
}

void realm_crew_listen(struct realm_crew_bell *bell, uint32_t *ret_seen)
{
    /* That it sleeps, before the looks at what was returned. */
    realm_store_ordered(&bell->sleeps, 1);
    *ret_seen = realm_load_ordered(&bell->returned);
}

void realm_crew_listen_end(struct realm_crew_bell *bell)
{
    realm_store_relaxed(&bell->sleeps, 0);
}

/* --- beginning and end --- */

/* Sleeps until a worker has done what it was given. */
static void await_done(struct realm_crew *crew, const struct realm_worker *worker)
{
    struct realm_os_word word = {.address = &crew->bell->returned};
    while (realm_load_acquire(&worker->done) != worker->given) {
        realm_crew_listen(crew->bell, &word.seen);
        if (realm_load_acquire(&worker->done) != worker->given)
            (void)realm_os_wait(crew->os, &word, 1, REALM_FOREVER);
        realm_crew_listen_end(crew->bell);
    }
}

void realm_crew_end(struct realm_crew *crew)
{
    for (struct realm_list *at = crew->at_work.next; at != &crew->at_work; at = at->next)
        await_done(crew, REALM_LIST_OF(at, struct realm_worker, of_state));
    realm_store_release(&crew->ending, 1);
    for (unsigned i = 0; i < crew->count; i++) {
        struct realm_worker *worker = &crew->workers[i];
        const uint32_t given = worker->given;
        post(worker);
        realm_os_thread_join(worker->thread);
        worker->given = given;
    }
}

void realm_crew_free(struct realm_crew *crew)
{
    free(crew);
}

int realm_crew_open(struct realm_os *os, struct realm_crew_bell *bell, bool spins, unsigned count,
                    realm_work *work, void *const *contexts, struct realm_crew **ret_crew)
{
    struct realm_crew *crew = calloc(1, sizeof *crew + count * sizeof crew->workers[0]);
    if (!crew)
        return -ENOMEM;
    *crew = (struct realm_crew){.os = os, .bell = bell, .work = work, .spins = spins};
    realm_list_init(&crew->of_realm);
    realm_list_init(&crew->idle);
    realm_list_init(&crew->at_work);
    int error = 0;
    while (crew->count < count && !error) {
        struct realm_worker *worker = &crew->workers[crew->count];
        worker->crew = crew;
        worker->context = contexts ? contexts[crew->count] : NULL;
        realm_list_init(&worker->of_state);
        realm_list_insert(&crew->idle, &worker->of_state);
        error = realm_os_thread_start(os, work_until_the_end, worker, &worker->thread);
        crew->count += !error;
    }
    if (error) {
        realm_crew_end(crew);
        realm_crew_free(crew);
        return error;
    }
    *ret_crew = crew;
    return 0;
}

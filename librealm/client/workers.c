/*
 * Worker threads of an endpoint: how the loop gives requests to a crew, and answers for it.
 *
 * The rule: channels, tokens and the Memory Manager are the loop's alone. A worker sees private copies, so a
 * channel may be revoked, or its client die, while it is at work: what it answers then finds its token stale.
 * An endpoint is in scope while one of its workers is idle; else its requests stay where they are.
 */
#include "librealm/client/internal.h"

#include <errno.h>

#include "librealm/core/assert.h"

int realm_workers_start(struct realm_endpoint *endpoint, unsigned count, realm_work *work,
                        void *const *contexts)
{
    struct realm *realm = endpoint->realm;
    if (count == 0 || count > REALM_WORKERS_MAX || endpoint->handler || endpoint->crew)
        return REALM_E_BAD_ARGUMENT;
    int error = realm_crew_open(realm->os, &realm->crew_bell, realm->cpus > 1, count, work, contexts,
                                &endpoint->crew);
    if (!error)
        realm_list_insert(&realm->crews, &endpoint->crew->of_realm);
    return error;
}

struct realm_request *realm_workers_place(struct realm_endpoint *endpoint)
{
    return &realm_crew_idle(endpoint->crew)->request;
}

void realm_workers_give(struct realm_endpoint *endpoint)
{
    struct realm *realm = endpoint->realm;
    realm_crew_give(realm_crew_idle(endpoint->crew));
    realm->crews_at_work++;
    /* What is made urgent by this request is the worker's; this thread serves nothing. */
    realm->serving.active = false;
}

static void answer(struct realm *realm, const struct realm_worker *worker)
{
    realm_assert(worker->answer.size <= REALM_PAYLOAD_MAX);
    realm->crews_at_work--;
    /* A client that is gone needs no answer; one for which there is no memory either loses it. */
    if (worker->token != 0)
        (void)realm_reply(realm, worker->token, worker->status, worker->answer.value, worker->answer.data,
                          worker->answer.size);
}

static void collect_of(struct realm *realm, struct realm_crew *crew)
{
    const struct realm_worker *worker;
    while ((worker = realm_crew_returned(crew)))
        answer(realm, worker);
}

void realm_workers_collect(struct realm *realm)
{
    realm->crew_seen = realm_load_acquire(&realm->crew_bell.returned);
    for (struct realm_list *at = realm->crews.next; at != &realm->crews; at = at->next)
        collect_of(realm, REALM_LIST_OF(at, struct realm_crew, of_realm));
}

void realm_workers_end(struct realm_endpoint *endpoint)
{
    struct realm_crew *crew = endpoint->crew;
    if (!crew)
        return;
    realm_crew_end(crew);
    collect_of(endpoint->realm, crew);
    endpoint->crew = NULL;
    realm_list_remove(&crew->of_realm);
    realm_crew_free(crew);
}

/*
 * A crew of workers and the thread that gives them work: each piece is done once, by one worker, and its
 * answer is the one that comes back; whoever sleeps is woken. Each round uses a crew of another size, and
 * ends it while some are at work.
 *
 *     workers_stress [PIECES]     in each of six rounds (default 60000, a tenth under ThreadSanitizer); exit
 * 0 or 1
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "librealm/client/crew.h"
#include "librealm/ring/atomics.h"

#if defined(__SANITIZE_THREAD__)
static uint32_t pieces = 6000;
#else
static uint32_t pieces = 60000;
#endif

/* A worker's own, without any lock: two in one mailbox would be a race. */
struct own {
    uint64_t sum;
    uint32_t served;
};

static int32_t work(const struct realm_request *request, struct realm_answer *answer, void *context)
{
    struct own *own = context;
    own->served++;
    own->sum += request->op;
    for (uint32_t i = 0; i < request->size; i++)
        answer->data[i] = (uint8_t)~request->data[i];
    answer->size = request->size;
    answer->value = request->op * 3u;
    /* Some take longer: then the giver, or other workers, go to sleep. */
    for (volatile uint32_t step = 0; step < (request->op % 64 == 0 ? 20000u : request->op % 16u); step++)
        ;
    return (int32_t)(request->op % 1000u);
}

static void fail(const char *what)
{
    fprintf(stderr, "workers_stress: %s\n", what);
    exit(1);
}

static void check(const struct realm_worker *worker)
{
    const uint64_t op = worker->request.op;
    if (worker->answer.value != op * 3u || worker->status != (int32_t)(op % 1000u) ||
        worker->answer.size != worker->request.size || worker->token != op + 1)
        fail("a wrong answer");
    for (size_t i = 0; i < worker->answer.size; i++) {
        if (worker->answer.data[i] != (uint8_t) ~(uint8_t)(op + i))
            fail("wrong bytes");
    }
}

static void give(struct realm_worker *worker, uint32_t op)
{
    worker->request.op = op;
    worker->request.token = op + 1u;
    worker->request.size = op % 60u;
    for (uint32_t i = 0; i < worker->request.size; i++)
        worker->request.data[i] = (uint8_t)(op + i);
    realm_crew_give(worker);
}

static uint32_t collect(struct realm_crew *crew, uint8_t *answered)
{
    uint32_t count = 0;
    const struct realm_worker *worker;
    while ((worker = realm_crew_returned(crew))) {
        check(worker);
        if (answered[worker->request.op]++)
            fail("one piece was done twice");
        count++;
    }
    return count;
}

/* Sleeps until somebody returns something, unless somebody has. */
static void await(struct realm_crew *crew, struct realm_crew_bell *bell)
{
    struct realm_os_word word = {.address = &bell->returned};
    bool any = false;
    realm_crew_listen(bell, &word.seen);
    for (struct realm_list *at = crew->at_work.next; at != &crew->at_work; at = at->next) {
        const struct realm_worker *worker = REALM_LIST_OF(at, struct realm_worker, of_state);
        any |= realm_load_acquire(&worker->done) == worker->given;
    }
    if (!any && realm_os_wait(NULL, &word, 1, REALM_FOREVER) < 0)
        fail("a wait failed");
    realm_crew_listen_end(bell);
}

static void round_with(unsigned count, bool spins)
{
    static struct realm_crew_bell bell;
    struct realm_crew *crew;
    struct own owns[8] = {{0}};
    void *contexts[8];
    for (unsigned i = 0; i < 8; i++)
        contexts[i] = &owns[i];
    uint8_t *answered = calloc(pieces, 1);
    if (!answered || realm_crew_open(NULL, &bell, spins, count, work, contexts, &crew) != 0)
        fail("no crew");
    uint32_t given = 0, back = 0;
    while (given < pieces) {
        struct realm_worker *worker = realm_crew_idle(crew);
        if (worker)
            give(worker, given++);
        back += collect(crew, answered);
        if (!realm_crew_idle(crew))
            await(crew, &bell);
    }
    realm_crew_end(crew);
    back += collect(crew, answered);
    if (back != pieces)
        fail("a piece was lost");
    uint64_t sum = 0;
    uint32_t served = 0;
    for (unsigned i = 0; i < 8; i++) {
        sum += owns[i].sum;
        served += owns[i].served;
    }
    if (served != pieces || sum != (uint64_t)pieces * (pieces - 1u) / 2u)
        fail("the workers did something else than what they were given");
    realm_crew_free(crew);
    free(answered);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        pieces = (uint32_t)strtoul(argv[1], NULL, 10);
    for (unsigned round = 0; round < 6; round++)
        round_with(1u << (round % 3u) << (round % 2u), round < 3);
    printf("workers_stress: 6 rounds of %u\n", pieces);
    return 0;
}

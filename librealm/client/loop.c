/*
 * The event loop's one step, of which realm_run, realm_run_once and realm_receive are three faces.
 *
 *     what the Memory Manager has to say → a timer that is due, a call that has ended, a client that is gone,
 * the next client in turn that has a request → nothing: spin a little → nothing still: park all and sleep
 *
 * A step takes one of these and then returns, and its caller runs the handler. So a
 * handler may run a step of its own, on the same endpoint or another, or end any of them.
 *
 * The rule: nobody waits for ever because others are busy. Clients of an endpoint take turns, so do
 * endpoints, and so do requests, timers and completions; and while there is always something to do, the loop
 * still looks for those who sleep every so often.
 */
#include "librealm/client/internal.h"

/* A busy loop looks for wake-ups and control packets after so many turns, or so much time if it has reason
 * to look at the clock. */
#define POLL_TURNS      64u
#define POLL_TURNS_IDLE 256u /* nobody is parked: only the control socket, which has the epoch as well */
#define POLL_NS         50000u

static int look_around(struct realm *realm)
{
    uint32_t turns = ++realm->turns;
    if (realm->parked_count == 0)
        return turns < POLL_TURNS_IDLE ? 0 : realm_sleep_poll(realm);
    uint64_t now_ns = realm_os_now_ns(realm->os);
    if (realm->polled_at_ns == 0)
        realm->polled_at_ns = now_ns;
    if (turns < POLL_TURNS && now_ns - realm->polled_at_ns < POLL_NS)
        return 0;
    return realm_sleep_poll(realm);
}

/* The next client in scope that has something. Endpoints take turns too. */
static bool next_turn(struct realm *realm, struct realm_endpoint *only, struct realm_turn *ret_turn)
{
    if (only)
        return realm_endpoint_turn(only, ret_turn);
    /* The first node stays the mark of a full round while the list turns. */
    struct realm_list *end = realm->endpoints.previous;
    if (end == &realm->endpoints)
        return false;
    for (;;) {
        struct realm_list *node = realm->endpoints.next;
        struct realm_endpoint *endpoint = REALM_LIST_OF(node, struct realm_endpoint, of_realm);
        bool found = realm_endpoint_in_scope(endpoint, NULL) && realm_endpoint_turn(endpoint, ret_turn);
        realm_list_rotate(&realm->endpoints);
        if (found)
            return true;
        if (node == end)
            return false;
    }
}

/* Whether nothing can ever come any more. */
static bool is_over(const struct realm *realm, const struct realm_endpoint *only)
{
    return realm->gone && (only ? only->clients == 0 : realm->links_open == 0);
}

static uint64_t earlier(uint64_t one_ns, uint64_t other_ns)
{
    return one_ns < other_ns ? one_ns : other_ns;
}

/* Of the timers and of the calls that were started: one deadline for all. */
static uint64_t next_deadline(const struct realm *realm)
{
    return earlier(realm_timer_next(realm), realm_pending_due(realm));
}

/* Takes the next request in scope. Return: 0; REALM_E_WOULD_BLOCK: there is none; -errno. */
static int look_for_request(struct realm *realm, struct realm_endpoint *only, struct realm_taken taken,
                            struct realm_found *ret_found)
{
    struct realm_turn turn;
    while (next_turn(realm, only, &turn)) {
        struct realm_endpoint *endpoint = turn.client->endpoint;
        struct realm_request *request =
            !only && endpoint->crew ? realm_workers_place(endpoint) : taken.request;
        int error = request ? realm_request_take(&turn, request) : realm_view_open(&turn, taken.view);
        if (error == REALM_E_WOULD_BLOCK)
            continue; /* its claims were false, and it is gone; or there was only padding */
        if (!error)
            *ret_found = (struct realm_found){.kind = REALM_FOUND_REQUEST, .client = turn.client};
        return error;
    }
    return REALM_E_WOULD_BLOCK;
}

/* Whether a client is gone, and is to be told of. */
static bool leaving(const struct realm *realm, struct realm_found *ret_found)
{
    if (realm_list_empty(&realm->left))
        return false;
    ret_found->kind = REALM_FOUND_LEAVING;
    return true;
}

static bool is_due(struct realm *realm, unsigned kind, struct realm_taken taken,
                   struct realm_found *ret_found)
{
    if (kind == REALM_FOUND_TIMER)
        return realm_timer_due(realm);
    if (kind == REALM_FOUND_LEAVING)
        return leaving(realm, ret_found);
    return realm_pending_next(realm, taken.request->data, &ret_found->call);
}

/* Each kind has its turn, from the one after the last: none waits for ever because of the others. */
static int look_for_any(struct realm *realm, struct realm_taken taken, struct realm_found *ret_found)
{
    unsigned kind = realm->last;
    for (unsigned looks = 0; looks < REALM_FOUND_KINDS; looks++) {
        kind = kind + 1u < REALM_FOUND_KINDS ? kind + 1u : 0;
        if (kind == REALM_FOUND_REQUEST) {
            int error = look_for_request(realm, NULL, taken, ret_found);
            if (error != REALM_E_WOULD_BLOCK)
                return error;
        } else if (is_due(realm, kind, taken, ret_found)) {
            ret_found->kind = (enum realm_found_kind)kind;
            return 0;
        }
    }
    /* It may have gone as its requests were looked at. */
    return leaving(realm, ret_found) ? 0 : REALM_E_WOULD_BLOCK;
}

int realm_loop_look(struct realm *realm, struct realm_endpoint *only, struct realm_taken taken,
                    struct realm_found *ret_found)
{
    int error = realm_hear(realm);
    if (error)
        return error;
    if (__builtin_expect(realm->crews_at_work != 0, 0))
        realm_workers_collect(realm);
    if (realm->stopped)
        return !only && leaving(realm, ret_found) ? 0 : REALM_E_STOPPED;
    error = only ? look_for_request(realm, only, taken, ret_found) : look_for_any(realm, taken, ret_found);
    if (error != REALM_E_WOULD_BLOCK)
        return error;
    return is_over(realm, only) ? REALM_E_MM_GONE : REALM_E_WOULD_BLOCK;
}

int realm_loop_next(struct realm *realm, struct realm_endpoint *only, uint64_t timeout_ns,
                    struct realm_taken taken, struct realm_found *ret_found)
{
    struct realm_wait wait = {.timeout_ns = timeout_ns};
    bool last_look = false;
    realm->serving.active = false;
    realm_view_end(realm);
    realm_request_settle(realm);
    int error = look_around(realm);
    if (error)
        return error;
    for (;;) {
        error = realm_loop_look(realm, only, taken, ret_found);
        if (error != REALM_E_WOULD_BLOCK)
            return error;
        if (last_look)
            return timeout_ns == REALM_POLL ? REALM_E_WOULD_BLOCK : REALM_E_TIMEOUT;
        if (timeout_ns == REALM_POLL) {
            error = realm_sleep_poll(realm);
            if (error)
                return error;
            last_look = true;
            continue;
        }
        realm_wait_start(realm, &wait);
        uint64_t deadline_ns = earlier(wait.deadline_ns, only ? REALM_FOREVER : next_deadline(realm));
        if (realm_sleep_spin(realm, only, realm_time_left(realm, deadline_ns)))
            continue;
        error = realm_sleep_wait(realm, only, deadline_ns);
        if (error == REALM_E_TIMEOUT)
            last_look = deadline_ns == wait.deadline_ns;
        else if (error)
            return error;
    }
}

int realm_run_once(struct realm *realm, uint64_t timeout_ns)
{
    struct realm_request request;
    struct realm_found found = {.kind = REALM_FOUND_REQUEST};
    /* A handler that runs a step of its own goes on serving its request afterwards. */
    const struct realm_serving outer = realm->serving;
    int error = realm_loop_next(realm, NULL, timeout_ns, (struct realm_taken){.request = &request}, &found);
    if (error)
        return error;
    realm->last = found.kind;
    if (found.kind == REALM_FOUND_REQUEST && found.client->endpoint->crew)
        realm_workers_give(found.client->endpoint);
    else if (found.kind == REALM_FOUND_REQUEST)
        found.client->endpoint->handler(realm, &request, found.client->endpoint->context);
    else if (found.kind == REALM_FOUND_TIMER)
        realm_timer_fire(realm);
    else if (found.kind == REALM_FOUND_LEAVING)
        realm_leave_tell(realm);
    else
        realm_pending_deliver(realm, found.call);
    realm->serving = outer;
    return 0;
}

int realm_run(struct realm *realm)
{
    int error = 0;
    while (!error && !realm->stop) {
        error = realm_run_once(realm, REALM_FOREVER);
        if (error == REALM_E_TIMEOUT)
            error = 0;
    }
    realm->stop = false;
    return error == REALM_E_STOPPED ? 0 : error;
}

void realm_stop(struct realm *realm)
{
    realm->stop = true;
}

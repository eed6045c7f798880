/*
 * How the loop spins, sleeps and wakes.
 *
 * To sleep it parks every active client in scope, arms it in the waiter, and waits in one system call for
 * all of them, the control socket and the deadline. A client that stays quiet stays parked and armed while
 * others are served, so a sleep costs as much as there were active clients, not as there are clients.
 *
 * The rule: a parked client is always armed, and an armed one parked. So a wake-up can be trusted to come,
 * and one that finds the ring empty was made by the peer for nothing: with io_uring it is counted against
 * it. (Hints in a shared pipe cannot be attributed.)
 */
#include "librealm/client/internal.h"

#define WAKES_MAX 64u

/* How long a sleep on a word lasts before the pipe is looked at, where one wait cannot have both. */
#define SLICE_NS (1u * REALM_MSEC)

int realm_sleep_open(struct realm *realm)
{
    if (realm->waiter)
        return 0;
    int error = realm_waiter_open(realm->os, REALM_WAITER_AUTO, &realm->waiter);
    if (!error && realm->gone)
        realm_waiter_ignore_control(realm->waiter);
    return error;
}

int realm_sleep_park_link(struct realm_link *link)
{
    struct realm *realm = link->realm;
    bool pipe = realm_waiter_kind(realm->waiter) == REALM_WAITER_PIPE;
    const uint32_t *word;
    uint32_t seen;
    if (!realm_consumer_park(&link->consumer, pipe ? REALM_PARKED_PIPE : REALM_PARKED_FUTEX, &word, &seen))
        return REALM_E_WOULD_BLOCK;
    int error = REALM_E_WOULD_BLOCK;
    if (!link->is_server || !realm_client_called(REALM_LIST_OF(link, struct realm_client, link)))
        error = realm_waiter_arm(realm->waiter, link->slot, word, seen);
    if (error)
        realm_consumer_unpark(&link->consumer);
    return error;
}

int realm_sleep_park(struct realm_client *client)
{
    if (client->operating) { /* not read, as long as that is not answered */
        realm_client_move(client, REALM_PLACE_HELD);
        return 0;
    }
    if (client->unpacked_ready != 0)
        return REALM_E_WOULD_BLOCK;
    int error = realm_sleep_park_link(&client->link);
    if (!error)
        realm_client_move(client, REALM_PLACE_PARKED);
    return error;
}

static void wake_client(struct realm_client *client)
{
    realm_consumer_unpark(&client->link.consumer);
    realm_client_move(client, REALM_PLACE_ACTIVE);
}

void realm_sleep_rouse(struct realm_client *client)
{
    if (client->place != REALM_PLACE_PARKED)
        return;
    realm_waiter_disarm(client->link.realm->waiter, client->link.slot);
    wake_client(client);
}

/* Looks at every parked client: hints were lost, or (debug) wakes. Return: how many had something. */
static unsigned scan_parked(struct realm *realm)
{
    unsigned found = realm_pending_scan(realm);
    for (struct realm_list *at = realm->endpoints.next; at != &realm->endpoints; at = at->next) {
        struct realm_list *parked = &REALM_LIST_OF(at, struct realm_endpoint, of_realm)->parked;
        for (struct realm_list *node = parked->next, *next; node != parked; node = next) {
            next = node->next;
            struct realm_client *client = REALM_LIST_OF(node, struct realm_client, of_place);
            const bool full = client->place == REALM_PLACE_FULL;
            if (full ? !realm_kept_fits(client) : !realm_client_ready(client))
                continue;
            realm_waiter_disarm(realm->waiter, client->link.slot);
            if (full)
                realm_kept_woken(client);
            else
                wake_client(client);
            found++;
        }
    }
    return found;
}

/* Whether a wake is to be held against the peer that made it. */
static bool is_attributed(const struct realm *realm)
{
    return realm_waiter_kind(realm->waiter) != REALM_WAITER_PIPE;
}

static void channel_woken(struct realm_channel *channel)
{
    if (!channel->parked)
        return;
    realm_pending_woken(channel);
    if (!realm_consumer_ready(&channel->link.consumer) && is_attributed(channel->link.realm))
        realm_link_spurious(&channel->link, 0);
}

static void client_woken(struct realm_client *client)
{
    if (!realm_client_armed(client))
        return;
    const bool full = client->place == REALM_PLACE_FULL;
    /* Requests of a FULL client are no news: it may push them, and is not read. But each may wake once. */
    const bool something = full ? realm_kept_fits(client) : realm_client_ready(client);
    if (!something && is_attributed(client->link.realm) &&
        realm_link_spurious(&client->link, full ? realm_kept_queued(client) : 0)) {
        /* It is not armed any more. */
        realm_client_move(client, REALM_PLACE_HELD);
        realm_client_free(client);
    } else if (full) {
        realm_kept_woken(client);
    } else {
        wake_client(client);
    }
}

/* It may be a hint from before the slot was last awake, or from its earlier life. */
static void slot_woken(struct realm *realm, uint32_t slot)
{
    struct realm_link *link = realm_link_of_slot(realm, slot);
    if (!link)
        return;
    if (link->is_server)
        client_woken(REALM_LIST_OF(link, struct realm_client, link));
    else
        channel_woken(REALM_LIST_OF(link, struct realm_channel, link));
}

/* Waits in the waiter and sorts out what it reports. */
static int take_wakes(struct realm *realm, uint64_t deadline_ns)
{
    uint32_t wakes[WAKES_MAX];
    unsigned count = 0;
    int error = realm_waiter_wait(realm->waiter, deadline_ns, wakes, WAKES_MAX, &count);
    realm->turns = 0;
    realm->polled_at_ns = 0;
    if (error)
        return error;
    /* All of them, whatever the control socket says: what was reported is no longer armed. */
    for (unsigned i = 0; i < count; i++) {
        if (wakes[i] == REALM_WAKE_CONTROL)
            error = realm_control_drain(realm);
        else if (wakes[i] == REALM_WAKE_SCAN)
            scan_parked(realm);
        else
            slot_woken(realm, wakes[i]);
    }
    return error;
}

int realm_sleep_poll(struct realm *realm)
{
    if (!realm->waiter || realm->parked_count == 0) {
        realm->turns = 0;
        realm->polled_at_ns = 0;
        return realm_control_drain(realm);
    }
    int error = take_wakes(realm, 0);
    return error == REALM_E_TIMEOUT ? 0 : error;
}

/* The same while workers are at work, who wake it too. */
static int sleep_for_workers(struct realm *realm, uint64_t deadline_ns)
{
    struct realm_os_word words[2] = {{.address = &realm->crew_bell.returned},
                                     {.address = &realm->page->epoch, .seen = realm->epoch_seen}};
    realm_crew_listen(&realm->crew_bell, &words[0].seen);
    int error = 0;
    if (words[0].seen != realm->crew_seen) {
        realm_crew_listen_end(&realm->crew_bell);
        return 0;
    }
    if (realm_waiter_kind(realm->waiter) == REALM_WAITER_URING) {
        error = realm_waiter_arm(realm->waiter, REALM_SLOT_CREWS, words[0].address, words[0].seen);
        if (!error)
            error = take_wakes(realm, deadline_ns);
        realm_waiter_disarm(realm->waiter, REALM_SLOT_CREWS);
    } else {
        const uint64_t slice_ns = realm_os_now_ns(realm->os) + SLICE_NS;
        error = realm_os_wait(realm->os, words, 2, slice_ns < deadline_ns ? slice_ns : deadline_ns);
        const bool over = error == REALM_E_TIMEOUT && deadline_ns <= slice_ns;
        if (error >= 0)
            error = take_wakes(realm, 0);
        if (error == REALM_E_TIMEOUT && !over)
            error = 0;
    }
    realm_crew_listen_end(&realm->crew_bell);
    return error;
}

int realm_sleep_wait(struct realm *realm, struct realm_endpoint *only, uint64_t deadline_ns)
{
    int error = realm_sleep_open(realm);
    if (error)
        return error;
    for (struct realm_list *at = realm->endpoints.next; at != &realm->endpoints; at = at->next) {
        struct realm_endpoint *endpoint = REALM_LIST_OF(at, struct realm_endpoint, of_realm);
        if (!realm_endpoint_in_scope(endpoint, only))
            continue;
        while (!realm_list_empty(&endpoint->active)) {
            error = realm_sleep_park(REALM_LIST_OF(endpoint->active.next, struct realm_client, of_place));
            if (error == REALM_E_WOULD_BLOCK)
                return 0;
            if (error)
                return error;
        }
    }
    error = only ? 0 : realm_pending_park(realm);
    if (!error && !only && !realm_list_empty(&realm->left))
        error = REALM_E_WOULD_BLOCK; /* its memory was found to be gone as it was parked */
    if (error)
        return error == REALM_E_WOULD_BLOCK ? 0 : error;
    error =
        realm->crews_at_work != 0 ? sleep_for_workers(realm, deadline_ns) : take_wakes(realm, deadline_ns);
#ifdef REALM_DEBUG
    if (error == REALM_E_TIMEOUT)
        realm->lost_wakes += scan_parked(realm);
#endif
    return error;
}

/* --- in a call made while serving --- */

/* Parks a client whether or not it has something: only what comes from now on is to wake. */
static int listen_to(struct realm_client *client)
{
    struct realm *realm = client->link.realm;
    struct realm_os_word word;
    realm_consumer_listen(&client->link.consumer, REALM_PARKED_FUTEX, &word.address, &word.seen);
    int error = realm_waiter_arm(realm->waiter, client->link.slot, word.address, word.seen);
    if (error) {
        realm_consumer_unpark(&client->link.consumer);
        return error;
    }
    realm_client_move(client, REALM_PLACE_PARKED);
    return 0;
}

/* Looks at all that are awake and, if they are to be listened to, parks them first. */
static int look_for_pressing(struct realm *realm, bool park, enum realm_priority *pressing)
{
    for (struct realm_list *at = realm->endpoints.next; at != &realm->endpoints; at = at->next) {
        struct realm_list *active = &REALM_LIST_OF(at, struct realm_endpoint, of_realm)->active;
        for (struct realm_list *node = active->next, *next; node != active; node = next) {
            next = node->next;
            struct realm_client *client = REALM_LIST_OF(node, struct realm_client, of_place);
            int error = park ? listen_to(client) : 0;
            if (error)
                return error;
            realm->parked_with_something |= park && realm_client_ready(client);
            enum realm_priority presses = realm_client_presses(client);
            if (presses > *pressing)
                *pressing = presses;
        }
    }
    return 0;
}

int realm_sleep_nested(struct realm_link *link, const struct realm_os_word *word, uint64_t deadline_ns,
                       enum realm_priority *pressing)
{
    struct realm *realm = link->realm;
    const enum realm_priority before = *pressing;
    bool uring = realm->waiter && realm_waiter_kind(realm->waiter) == REALM_WAITER_URING;
    int error = 0;
    if (!uring && realm->parked_count != 0)
        error = take_wakes(realm, 0); /* what the pipe says; the reply does not come through it */
    if (!error || error == REALM_E_TIMEOUT)
        error = look_for_pressing(realm, uring, pressing);
    if (error || *pressing > before)
        return error;
    if (uring) {
        error = realm_waiter_arm(realm->waiter, link->slot, word->address, word->seen);
        if (error)
            return error;
        error = take_wakes(realm, deadline_ns);
        realm_waiter_disarm(realm->waiter, link->slot);
        return error;
    }
    const struct realm_os_word words[2] = {*word, {&realm->page->epoch, realm->epoch_seen}};
    uint64_t slice_ns = realm_os_now_ns(realm->os) + SLICE_NS;
    error = realm_os_wait(realm->os, words, 2, slice_ns < deadline_ns ? slice_ns : deadline_ns);
    return error == REALM_E_TIMEOUT && slice_ns < deadline_ns ? 0 : error;
}

void realm_sleep_nested_end(struct realm *realm)
{
    if (!realm->parked_with_something)
        return;
    realm->parked_with_something = false;
    scan_parked(realm);
}

/* --- spinning --- */

static bool any_ready(struct realm *realm, struct realm_endpoint *only)
{
    for (struct realm_list *at = realm->endpoints.next; at != &realm->endpoints; at = at->next) {
        struct realm_endpoint *endpoint = REALM_LIST_OF(at, struct realm_endpoint, of_realm);
        if (!realm_endpoint_in_scope(endpoint, only))
            continue;
        for (struct realm_list *node = endpoint->active.next; node != &endpoint->active; node = node->next) {
            if (realm_client_ready(REALM_LIST_OF(node, struct realm_client, of_place)))
                return true;
        }
    }
    return false;
}

static uint32_t active_in_scope(const struct realm *realm, const struct realm_endpoint *only)
{
    uint32_t count = 0;
    for (struct realm_list *at = realm->endpoints.next; at != &realm->endpoints; at = at->next) {
        struct realm_endpoint *endpoint = REALM_LIST_OF(at, struct realm_endpoint, of_realm);
        if (realm_endpoint_in_scope(endpoint, only))
            count += endpoint->active_count;
    }
    return count;
}

bool realm_sleep_spin(struct realm *realm, struct realm_endpoint *only, uint64_t left_ns)
{
    const bool calling = !only && !realm_list_empty(&realm->calling);
    const bool crews = realm->crews_at_work != 0;
    uint32_t active = active_in_scope(realm, only) + calling + crews;
    if (active == 0)
        return false;
    uint32_t turns = realm_spin_turns(realm, &realm->spin_loop, left_ns);
    if (turns == 0)
        return false;
    /* Many clients share the looks of a turn, so that they do not make it longer. */
    uint32_t rounds = active < REALM_SPIN_LOOKS ? REALM_SPIN_LOOKS / active : 1u;
    if (active > REALM_SPIN_LOOKS)
        turns = turns / (active / REALM_SPIN_LOOKS) + 1u;
    for (uint32_t turn = 0; turn < turns; turn++) {
        for (uint32_t round = 0; round < rounds; round++) {
            if (any_ready(realm, only) || (calling && realm_pending_ready(realm)) ||
                (crews && realm_load_relaxed(&realm->crew_bell.returned) != realm->crew_seen)) {
                realm_spin_learn(realm, &realm->spin_loop, true);
                return true;
            }
        }
        if (realm_epoch_changed(realm))
            return true;
        realm_os_spin(realm->os);
    }
    realm_spin_learn(realm, &realm->spin_loop, false);
    return false;
}

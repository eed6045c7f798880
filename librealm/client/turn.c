/*
 * Whose turn it is.
 *
 * An endpoint takes the most urgent request that any of its clients has; of equally urgent ones, clients take
 * turns: who was served goes to the end of the list. A request is as urgent as its queue, or as its client's
 * boost word raises it.
 *
 * Notifications are taken as a Critical request is.
 *
 * The rule: nobody waits for ever. Of those who wait, a rank that others went before 1024 times has a
 * turn. And nobody's number makes the others slow: beyond the first client that has something, a few dozen
 * are looked at for something more urgent, so a choice costs no more with a thousand clients than with those.
 *
 * The boost is the client's own word and gives it nothing that it has not got: all it sends could be
 * Critical. It raises what is queued here, and what is in service here for as long as that waits elsewhere.
 */
#include "librealm/client/internal.h"

#define LOOKS      32u   /* clients looked at beyond the first that has something */
#define PASSED_MAX 1024u /* requests before a rank that waits */
#define PARK_REQUESTS                                                                                        \
    1024u /* a client that had nothing while so many of others were served is parked alone */

/* The first client in the list's order for each rank, and the queue where its request lies. */
struct choice {
    struct realm_client *client[REALM_QUEUES];
    enum realm_priority queue[REALM_QUEUES];
    unsigned classes; /* bits: those with a client */
    uint64_t bits;    /* not 0: the Critical one has notifications, and no request */
};

/* The rank to which a client's requests are raised; REALM_LOW raises nothing. A claim, like any priority. */
static inline unsigned boost_of(const struct realm_client *client)
{
    uint32_t boost = realm_load_relaxed(&client->link.peer->boost);
    return boost > REALM_CRITICAL ? REALM_CRITICAL : boost == 0 ? REALM_LOW : boost - 1u;
}

static void offer(struct choice *choice, struct realm_client *client, unsigned queue, unsigned boost)
{
    unsigned rank = queue > boost ? queue : boost;
    if (choice->classes & 1u << rank)
        return;
    choice->classes |= 1u << rank;
    choice->client[rank] = client;
    choice->queue[rank] = (enum realm_priority)queue;
}

/* Offers what the client has, its most urgent first. Whether it has anything. */
static bool look_at(struct realm_client *client, struct choice *choice)
{
    uint64_t marked = realm_client_marked(client);
    uint64_t bits = realm_client_bits(client);
    bool normal = realm_consumer_ready(&client->link.consumer);
    if (__builtin_expect((marked | bits | client->unpacked_ready) == 0, 1)) {
        if (normal)
            offer(choice, client, REALM_NORMAL, boost_of(client));
        return normal;
    }
    if (bits != 0 && (choice->classes & 1u << REALM_CRITICAL) == 0) {
        offer(choice, client, REALM_CRITICAL, REALM_CRITICAL);
        choice->bits = bits;
    }
    unsigned boost = boost_of(client);
    for (int queue = REALM_CRITICAL; queue >= REALM_LOW; queue--) {
        bool waits = queue == REALM_NORMAL ? normal : (uint16_t)(marked >> (16 * queue)) != 0;
        if (waits || (client->unpacked_ready >> queue & 1u))
            offer(choice, client, (unsigned)queue, boost);
    }
    return true;
}

/* The highest rank, unless a lower one was passed over too often. */
static unsigned choose(struct realm_endpoint *endpoint, unsigned classes)
{
    unsigned chosen = 31u - (unsigned)__builtin_clz(classes);
    if (__builtin_expect((classes & (classes - 1u)) == 0, 1)) {
        endpoint->passed[chosen] = 0;
        return chosen;
    }
    unsigned highest = chosen;
    for (unsigned rank = 0; rank < highest; rank++) {
        if ((classes & 1u << rank) == 0)
            endpoint->passed[rank] = 0;
        else if (++endpoint->passed[rank] > PASSED_MAX && chosen == highest)
            chosen = rank;
    }
    endpoint->passed[chosen] = 0;
    return chosen;
}

/* A client that is quiet leaves the ones to look at; false: it has something after all. */
static bool leave_quiet(struct realm_client *client)
{
    const struct realm *realm = client->link.realm;
    return !realm->waiter || realm->requests - client->last_served <= PARK_REQUESTS ||
           realm_sleep_park(client) != REALM_E_WOULD_BLOCK;
}

bool realm_endpoint_turn(struct realm_endpoint *endpoint, struct realm_turn *ret_turn)
{
    struct realm *realm = endpoint->realm;
    struct choice choice = {.classes = 0};
    struct realm_list *node = endpoint->active.next, *next;
    uint32_t looks = 0;
    for (uint32_t left = endpoint->active_count; left != 0 && looks < LOOKS; left--, node = next) {
        next = node->next;
        struct realm_client *client = REALM_LIST_OF(node, struct realm_client, of_place);
        if (__builtin_expect(client->pending >= REALM_CLIENT_PENDING_MAX ||
                                 realm->tokens.count >= REALM_PENDING_MAX || client->operating,
                             0)) {
            realm_client_move(client, REALM_PLACE_HELD);
            continue;
        }
        bool found = look_at(client, &choice);
        if (!found && !leave_quiet(client))
            found = look_at(client, &choice);
        if (choice.classes != 0)
            looks++;
        if (!found && client->place == REALM_PLACE_ACTIVE && left > LOOKS) {
            /* The next choice does not begin with it: with many clients each is looked at in its turn. */
            realm_list_remove(node);
            realm_list_insert(&endpoint->active, node);
        }
    }
    if (choice.classes == 0)
        return false;
    unsigned rank = choose(endpoint, choice.classes);
    struct realm_client *client = choice.client[rank];
    *ret_turn = (struct realm_turn){.client = client,
                                    .queue = choice.queue[rank],
                                    .bits = rank == REALM_CRITICAL ? choice.bits : 0,
                                    .rank = (enum realm_priority)rank};
    if (endpoint->active_count > 1) {
        realm_list_remove(&client->of_place);
        realm_list_insert(&endpoint->active, &client->of_place);
    }
    return true;
}

enum realm_priority realm_client_presses(const struct realm_client *client)
{
    uint64_t marked = realm_client_marked(client);
    bool normal = realm_consumer_ready(&client->link.consumer);
    unsigned queue = REALM_LOW;
    if (marked != 0)
        queue = (unsigned)(63 - __builtin_clzll(marked)) / 16u;
    if (normal && queue < REALM_NORMAL)
        queue = REALM_NORMAL;
    if (client->unpacked_ready >> queue != 0)
        queue = 31u - (unsigned)__builtin_clz(client->unpacked_ready);
    unsigned boost = normal || marked != 0 || client->unpacked_ready != 0 || client->pending != 0
                         ? boost_of(client)
                         : REALM_LOW;
    return (enum realm_priority)(queue > boost ? queue : boost);
}

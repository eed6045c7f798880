/*
 * Two regions of a channel in private memory, with the ends that the tests drive: the request direction,
 * from client to server.
 */
#ifndef TESTS_UNIT_RING_PAIR_H
#define TESTS_UNIT_RING_PAIR_H

#include <stdlib.h>
#include <string.h>

#include "librealm/ring/ring.h"

#define PAIR_BYTES REALM_REGION_DEFAULT_BYTES
#define PAIR_LINES 124u

struct pair {
    struct realm_region *client, *server;
    struct realm_producer producer; /* the client's */
    struct realm_consumer consumer; /* the server's */
    uint64_t payload_lines[REALM_CONSUMER_WORDS(REALM_REGION_MAX_BYTES)];
};

/* A size that realm_region_lines accepts; no byte beyond it is the regions'. */
static inline void pair_init_sized(struct pair *pair, size_t bytes, uint32_t limit)
{
    pair->client = aligned_alloc(REALM_LINE, bytes);
    pair->server = aligned_alloc(REALM_LINE, bytes);
    if (pair->client == NULL || pair->server == NULL)
        abort();
    memset(pair->client, 0, bytes);
    memset(pair->server, 0, bytes);
    realm_producer_init(&pair->producer, REALM_NORMAL, pair->client, pair->server, bytes, limit);
    realm_consumer_init(&pair->consumer, REALM_NORMAL, pair->server, pair->client, bytes,
                        pair->payload_lines);
}

static inline void pair_init(struct pair *pair, uint32_t limit)
{
    pair_init_sized(pair, PAIR_BYTES, limit);
}

static inline void pair_deinit(struct pair *pair)
{
    free(pair->client);
    free(pair->server);
}

/*
 * Moves a fresh pair to a position as if so many lines had gone through it. What the lines would hold by
 * then is not known, so each of them is taken for one that mimics a commit.
 */
static inline void pair_start_at(struct pair *pair, uint32_t position, uint32_t messages)
{
    pair->producer.position = pair->producer.seen_lines = pair->consumer.position = position;
    pair->producer.messages = pair->producer.seen_messages = pair->consumer.messages = messages;
    pair->producer.index = pair->consumer.index = position % pair->producer.lines;
    pair->client->head[REALM_NORMAL] = position;
    pair->server->tail_lines[REALM_NORMAL] = position;
    pair->server->tail_messages[REALM_NORMAL] = messages;
    memset(pair->payload_lines, 0xff, sizeof pair->payload_lines);
}

/* Rings the bell, and says how the consumer sleeps. */
static inline uint32_t pair_ring(struct pair *pair)
{
    return realm_region_ring(pair->client, pair->server);
}

/* The entry at a line, as an attacker would write it. */
static inline struct realm_entry *pair_entry(struct pair *pair, uint32_t index)
{
    return (struct realm_entry *)(void *)(pair->client->lines + index * REALM_LINE);
}

#endif

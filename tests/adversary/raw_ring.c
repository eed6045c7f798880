/*
 * The ring, written anew from docs/design/ring.md in the fewest lines: an attacker does not link the library
 * that it attacks.
 */
#include <string.h>
#include <unistd.h>

#include "tests/adversary/raw.h"

uint32_t raw_lines_of(size_t size)
{
    return (uint32_t)((sizeof(struct realm_entry) + size + REALM_LINE - 1) / REALM_LINE);
}

static struct realm_entry *entry_at(const struct realm_region *region, uint32_t lines, uint32_t position)
{
    return (struct realm_entry *)(uintptr_t)(region->lines + (size_t)(position % lines) * REALM_LINE);
}

struct realm_entry *raw_entry(struct raw_channel *channel)
{
    return entry_at(channel->own, channel->lines, channel->out);
}

/* A copy that goes round the end of the ring. */
static void copy_in(struct raw_channel *channel, const void *from, size_t size)
{
    const size_t ring = (size_t)channel->lines * REALM_LINE;
    size_t at = (size_t)(channel->out % channel->lines) * REALM_LINE + sizeof(struct realm_entry);
    for (size_t i = 0; i < size; i++, at++)
        channel->own->lines[at % ring] = ((const uint8_t *)from)[i];
}

static void store_first_word(struct realm_entry *entry, const struct realm_entry *value)
{
    uint64_t word;
    memcpy(&word, value, sizeof word);
    __atomic_store_n((uint64_t *)(void *)entry, word, __ATOMIC_RELEASE);
}

void raw_notify(struct raw_channel *channel)
{
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    if (channel->hint_fd >= 0)
        (void)!write(channel->hint_fd, &channel->packet.peer_slot, sizeof channel->packet.peer_slot);
    __atomic_fetch_add(&channel->own->bell, 1, __ATOMIC_SEQ_CST);
    raw_wake(&channel->own->bell);
}

static void store_rest(struct realm_entry *entry, const struct realm_entry *value)
{
    entry->call = value->call;
    entry->status = value->status;
    entry->tag = value->tag;
}

void raw_push(struct raw_channel *channel, struct realm_entry entry, const void *payload)
{
    copy_in(channel, payload, entry.size);
    entry.commit = channel->out + raw_lines_of(entry.size);
    store_rest(raw_entry(channel), &entry);
    store_first_word(raw_entry(channel), &entry);
    channel->out = entry.commit;
    __atomic_store_n(&channel->own->head[REALM_NORMAL], entry.commit, __ATOMIC_RELEASE);
    raw_notify(channel);
}

void raw_push_lie(struct raw_channel *channel, struct realm_entry entry, uint32_t head)
{
    store_rest(raw_entry(channel), &entry);
    store_first_word(raw_entry(channel), &entry);
    __atomic_store_n(&channel->own->head[REALM_NORMAL], head, __ATOMIC_RELEASE);
    raw_notify(channel);
}

bool raw_pop(struct raw_channel *channel, struct raw_message *ret_message, unsigned ms)
{
    const uint64_t end = raw_now_ms() + ms;
    const struct realm_entry *entry = entry_at(channel->peer, channel->lines, channel->in);
    const size_t ring = (size_t)channel->lines * REALM_LINE;

    while (__atomic_load_n(&channel->peer->head[REALM_NORMAL], __ATOMIC_ACQUIRE) == channel->in) {
        if (raw_now_ms() >= end)
            return false;
        raw_sleep_ms(1);
    }
    ret_message->entry = *entry;
    size_t at = (size_t)(channel->in % channel->lines) * REALM_LINE + sizeof *entry;
    for (size_t i = 0; i < ret_message->entry.size && i < sizeof ret_message->payload; i++, at++)
        ret_message->payload[i] = channel->peer->lines[at % ring];
    channel->in += raw_lines_of(ret_message->entry.size);
    channel->own->tail_messages[REALM_NORMAL] = ++channel->messages;
    __atomic_store_n(&channel->own->tail_lines[REALM_NORMAL], channel->in, __ATOMIC_RELEASE);
    raw_wake(&channel->own->tail_lines[REALM_NORMAL]);
    return true;
}

bool raw_echo(struct raw_channel *channel, uint32_t call, unsigned ms)
{
    static const char text[] = "an honest word";
    static struct raw_message back;
    struct realm_entry entry = {.size = sizeof text, .kind = REALM_MESSAGE_CALL, .call = call, .tag = 1};
    raw_push(channel, entry, text);
    return raw_pop(channel, &back, ms) && back.entry.call == call && back.entry.size == sizeof text &&
           memcmp(back.payload, text, sizeof text) == 0;
}

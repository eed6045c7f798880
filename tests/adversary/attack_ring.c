/*
 * Lies in shared memory towards the honest server, whose reader they must not hurt: the channel is closed as
 * faulty (the broker says so to the liar), or the lie is like silence.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "tests/adversary/attack.h"
#include "tests/adversary/raw.h"

static struct raw_channel channel;

static void open_channel(void)
{
    raw_open();
    raw_connect("echo", &channel);
    if (!raw_echo(&channel, 1, 5000)) {
        outcome("no echo");
        exit(0);
    }
}

static void outcome_closed(void)
{
    const int reason = raw_closed(&channel, 3000);
    if (reason == 10)
        outcome("closed: PEER_FAULT");
    else if (reason >= 0)
        outcome("closed: %d", reason);
    else
        outcome("%s", raw_echo(&channel, 88, 2000) ? "then served" : "not closed");
}

static const struct realm_entry call = {.size = 8, .kind = REALM_MESSAGE_CALL, .call = 9, .tag = 1};

/* An entry with one thing wrong, published as if it were sound. */
static void lie(struct realm_entry entry, uint32_t commit, uint32_t head)
{
    entry.commit = commit;
    raw_push_lie(&channel, entry, head);
    outcome_closed();
}

static void kind_zero(void)
{
    struct realm_entry entry = call;
    open_channel();
    entry.kind = 0;
    lie(entry, channel.out + 1, channel.out + 1);
}

static void kind_unknown(void)
{
    struct realm_entry entry = call;
    open_channel();
    entry.kind = 255;
    lie(entry, channel.out + 1, channel.out + 1);
}

static void size_too_big(void)
{
    struct realm_entry entry = call;
    open_channel();
    entry.size = 65535;
    lie(entry, channel.out + 1, channel.out + 1);
}

static void size_other(void)
{
    struct realm_entry entry = call;
    open_channel();
    entry.size = 4096;
    lie(entry, channel.out + 1, channel.out + 1);
}

static void size_just_over(void)
{
    struct realm_entry entry = call;
    open_channel();
    entry.size = 4097;
    lie(entry, channel.out + raw_lines_of(4097), channel.out + raw_lines_of(4097));
}

static void head_alone(void)
{
    open_channel();
    __atomic_store_n(&channel.own->head[REALM_NORMAL], channel.out + 1, __ATOMIC_RELEASE);
    raw_notify(&channel);
    outcome_closed();
}

static void head_far(void)
{
    open_channel();
    __atomic_store_n(&channel.own->head[REALM_NORMAL], channel.out + 0x40000000, __ATOMIC_RELEASE);
    raw_notify(&channel);
    outcome_closed();
}

static void head_back(void)
{
    open_channel();
    __atomic_store_n(&channel.own->head[REALM_NORMAL], channel.out - 50, __ATOMIC_RELEASE);
    raw_notify(&channel);
    outcome_closed();
}

/* The tail is looked at when the server wants room for its reply. */
static void tail_lie(uint32_t lines, uint32_t messages)
{
    char payload[4096] = "";
    struct realm_entry large = {.size = 4096, .kind = REALM_MESSAGE_CALL, .call = 5, .tag = 1};
    open_channel();
    channel.own->tail_lines[REALM_NORMAL] = lines;
    channel.own->tail_messages[REALM_NORMAL] = messages;
    /* Two replies of 65 lines do not fit into 124: the second makes the server look. */
    raw_push(&channel, large, payload);
    raw_sleep_ms(20);
    channel.own->tail_lines[REALM_NORMAL] = lines;
    channel.own->tail_messages[REALM_NORMAL] = messages;
    /* Its own ring has room only when the server has taken the first. */
    while (channel.out - __atomic_load_n(&channel.peer->tail_lines[REALM_NORMAL], __ATOMIC_ACQUIRE) + 65 >
           channel.lines)
        raw_sleep_ms(1);
    large.call = 6;
    raw_push(&channel, large, payload);
    outcome_closed();
}

static void tail_ahead(void)
{
    tail_lie(0x10000000, 0x10000000);
}

static void tail_back(void)
{
    tail_lie(0u - 100, 0u - 100);
}

/* Lines are taken, messages are not. */
static void tail_unequal(void)
{
    tail_lie(1, 0x7fffffff);
}

/* Nothing at all is said by a commit out of reach: the server waits, as for somebody slow. */
static void commit_far(void)
{
    struct realm_entry entry = call;
    open_channel();
    entry.commit = channel.out + 70000;
    *raw_entry(&channel) = entry;
    raw_notify(&channel);
    raw_sleep_ms(300);
    outcome("%s", raw_echo(&channel, 4, 5000) ? "then served" : "not served");
}

/* The commit is there, head is not: an honest producer is in that state, too. */
static void commit_without_head(void)
{
    struct realm_entry entry = call;
    open_channel();
    entry.commit = channel.out + 1;
    *raw_entry(&channel) = entry;
    for (unsigned i = 0; i < 50; i++) {
        raw_notify(&channel);
        raw_sleep_ms(2);
    }
    __atomic_store_n(&channel.own->head[REALM_NORMAL], channel.out + 1, __ATOMIC_RELEASE);
    raw_notify(&channel);
    channel.out++;
    static struct raw_message reply;
    outcome("%s", raw_pop(&channel, &reply, 5000) ? "then served" : "not served");
}

static void parked_garbage(void)
{
    open_channel();
    channel.own->parked = 0xffffffff;
    unsigned served = 0;
    for (unsigned i = 0; i < 200; i++)
        served += raw_echo(&channel, 100 + i, 5000);
    outcome("%s", served == 200 ? "served" : "not served");
}

/* A server answers, it is not answered. */
static void reply_to_server(void)
{
    struct realm_entry entry = call;
    open_channel();
    entry.kind = REALM_MESSAGE_REPLY;
    lie(entry, channel.out + 1, channel.out + 1);
}

/* A call that is already open. The server may answer both, or close; it must not mix them up. */
static void call_twice(void)
{
    static struct raw_message first, second;
    open_channel();
    raw_push(&channel, call, "12345678");
    raw_push(&channel, call, "abcdefgh");
    bool both = raw_pop(&channel, &first, 3000) && raw_pop(&channel, &second, 3000);
    if (both)
        outcome("%s", memcmp(first.payload, "12345678", 8) == 0 && memcmp(second.payload, "abcdefgh", 8) == 0
                          ? "both answered"
                          : "mixed up");
    else
        outcome_closed();
}

static void priority_high(void)
{
    static struct raw_message reply;
    struct realm_entry entry = call;
    open_channel();
    entry.priority = 255;
    raw_push(&channel, entry, "12345678");
    if (raw_pop(&channel, &reply, 1000))
        outcome("served");
    else
        outcome_closed();
}

/* Calls on and takes no reply: the server's ring for it fills up, and it must serve the others. */
static void never_taking(void)
{
    open_channel();
    for (unsigned i = 0; i < 200; i++) {
        for (unsigned tries = 0; tries < 50; tries++) {
            if (channel.out - __atomic_load_n(&channel.peer->tail_lines[REALM_NORMAL], __ATOMIC_ACQUIRE) +
                    3 <=
                channel.lines)
                break;
            raw_sleep_ms(1);
        }
        struct realm_entry entry = {.size = 100, .kind = REALM_MESSAGE_CALL, .call = i + 10, .tag = 1};
        static const char payload[100];
        raw_push(&channel, entry, payload);
    }
    announce("ready");
    raw_sleep_ms(500);
    outcome("left alone");
}

/* Everything that the region holds changes without end while the server looks. */
static void scribble(void)
{
    uint32_t *words = (uint32_t *)(void *)channel.own;
    uint64_t random = 0x123456789abcdef;
    open_channel();
    words = (uint32_t *)(void *)channel.own;
    const uint64_t end = raw_now_ms() + 1000;
    while (raw_now_ms() < end) {
        for (unsigned i = 0; i < 2000; i++) {
            random = random * 6364136223846793005u + 1442695040888963407u;
            words[(random >> 33) % (REALM_REGION_DEFAULT_BYTES / 4)] = (uint32_t)(random >> 20);
        }
        raw_notify(&channel);
        raw_wake(&channel.own->tail_lines[REALM_NORMAL]);
    }
    outcome_closed();
}

/* The payload changes while it is copied: whatever the server got, it is one copy that it answers with. */
static void changing_payload(void)
{
    static struct raw_message reply;
    struct realm_entry entry = {.size = 4096, .kind = REALM_MESSAGE_CALL, .call = 3, .tag = 1};
    static char payload[4096];
    open_channel();
    for (unsigned i = 0; i < 50; i++) {
        volatile uint8_t *lines = channel.own->lines;
        raw_push(&channel, entry, payload);
        for (unsigned k = 0; k < 20000; k++)
            lines[(channel.out * 64 + k * 64 + 30) % (channel.lines * 64)] = (uint8_t)k;
        if (!raw_pop(&channel, &reply, 5000)) {
            outcome_closed();
            return;
        }
        entry.call++;
    }
    outcome("served");
}

/* Payload that looks like the next lap's commits. */
static void mimicry(void)
{
    struct realm_entry entry = {.size = 4072, .kind = REALM_MESSAGE_CALL, .tag = 1};
    static struct raw_message reply;
    static uint32_t payload[1018];
    open_channel();
    for (unsigned i = 0; i < 300; i++) {
        for (unsigned k = 0; k < 1018; k++)
            payload[k] = channel.out + channel.lines + 1 + (k + 6) / 16;
        entry.call = 1000 + i;
        raw_push(&channel, entry, payload);
        if (!raw_pop(&channel, &reply, 5000) || memcmp(reply.payload, payload, 4072) != 0) {
            outcome("not served");
            return;
        }
    }
    outcome("served");
}

/* Wakes the server's sleep on this channel without a message, as often as it goes. */
static void wake_storm(void)
{
    open_channel();
    const uint64_t end = raw_now_ms() + 1500;
    while (raw_now_ms() < end)
        raw_wake(&channel.own->bell);
    if (raw_echo(&channel, 77, 3000))
        outcome("then served");
    else
        outcome_closed();
}

/* head moves on and back again, so that the server's sleep ends and nothing is there. */
static void head_flutter(void)
{
    open_channel();
    const uint64_t end = raw_now_ms() + 1500;
    while (raw_now_ms() < end) {
        __atomic_store_n(&channel.own->bell, channel.out + 1, __ATOMIC_SEQ_CST);
        raw_wake(&channel.own->bell);
        __atomic_store_n(&channel.own->bell, channel.out, __ATOMIC_SEQ_CST);
        raw_wake(&channel.own->bell);
    }
    /* A bell taken back may leave the server asleep on the value that the next ring has: the liar's own loss,
     * and for one ring only. */
    static struct raw_message back;
    if (raw_echo(&channel, 77, 1000) || (raw_notify(&channel), raw_pop(&channel, &back, 3000)))
        outcome("then served");
    else
        outcome_closed();
}

static void hint_flood(void)
{
    open_channel();
    uint32_t hints[64];
    for (unsigned i = 0; i < 64; i++)
        hints[i] = i * 2654435761u;
    const uint64_t end = raw_now_ms() + 1000;
    while (raw_now_ms() < end)
        /* An odd number of bytes shifts all that come after. */
        if (pwritev2(channel.hint_fd, &(struct iovec){hints, sizeof hints - 1}, 1, -1, RWF_NOWAIT) < 0)
            raw_sleep_ms(1);
    outcome("%s", raw_echo(&channel, 77, 5000) ? "then served" : "not served");
}

/* Whoever lies may touch the region once more after it was taken away for that: SIGBUS. */
static const struct attack ring[] = {
    {"ring-kind-zero", "a message of kind 0", kind_zero, .must = "closed: PEER_FAULT|SIGBUS"},
    {"ring-kind-unknown", "a message of kind 255", kind_unknown, .must = "closed: PEER_FAULT|SIGBUS"},
    {"ring-size-65535", "a message of 65 535 bytes", size_too_big, .must = "closed: PEER_FAULT|SIGBUS"},
    {"ring-size-4097", "a message one byte too long, with the commit that fits it", size_just_over,
     .must = "closed: PEER_FAULT|SIGBUS"},
    {"ring-size-other", "a size that does not fit its commit", size_other,
     .must = "closed: PEER_FAULT|SIGBUS"},
    {"ring-head-alone", "moves head without a message", head_alone,
     .must = "closed: PEER_FAULT|then served|SIGBUS"},
    {"ring-head-far", "moves head by 2^30", head_far, .must = "closed: PEER_FAULT|then served|SIGBUS"},
    {"ring-head-back", "moves head back", head_back, .must = "closed: PEER_FAULT|then served|SIGBUS"},
    {"ring-tail-ahead", "claims to have taken what was never sent", tail_ahead,
     .must = "closed: PEER_FAULT|SIGBUS"},
    {"ring-tail-back", "gives back what it has taken", tail_back, .must = "closed: PEER_FAULT|SIGBUS"},
    {"ring-tail-unequal", "takes lines without messages", tail_unequal, .must = "closed: PEER_FAULT|SIGBUS"},
    {"ring-commit-far", "a commit out of reach", commit_far, .must = "then served"},
    {"ring-commit-early", "a commit without head, and fifty wakes", commit_without_head,
     .must = "then served|closed: PEER_FAULT|SIGBUS"},
    {"ring-parked", "says that it sleeps in every way at once", parked_garbage, .must = "served"},
    {"ring-reply", "replies to a server", reply_to_server, .must = "closed: PEER_FAULT|SIGBUS"},
    {"ring-call-twice", "two calls of one number", call_twice, .must = "both answered|closed: PEER_FAULT"},
    {"ring-priority", "a message of priority 255", priority_high, .must = "served|closed: PEER_FAULT"},
    {"ring-not-taking", "calls 200 times and takes no reply", never_taking, .must = "left alone"},
    {"ring-scribble", "writes random words everywhere for a second", scribble,
     .must = "closed: PEER_FAULT|SIGBUS|then served"},
    {"ring-payload", "changes payload while it is copied", changing_payload,
     .must = "served|closed: PEER_FAULT"},
    {"ring-mimicry", "payload that looks like commits", mimicry, .must = "served"},
    {"ring-wake-storm", "wakes the server without a message for 1.5 s", wake_storm,
     .must = "then served|closed: PEER_FAULT|SIGBUS"},
    {"ring-flutter", "moves the bell on and back for 1.5 s", head_flutter,
     .must = "then served|closed: PEER_FAULT|SIGBUS"},
    {"ring-hint-flood", "fills the server's hint pipe with numbers that are none", hint_flood,
     .must = "then served", .flags = ATTACK_PIPE},
};
ATTACK_THEME(ring_theme, "ring", "Lies in shared memory, towards a server", ring, false);

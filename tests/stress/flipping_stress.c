/*
 * A peer that flips what lies in its own region, while a victim works with it.
 *
 *     flipping_stress [OPERATIONS [SEED]]     of the victim beside a flipping process (default 100000)
 *
 * What counts as a message: bytes in the peer's region that at the moment of taking are a sound entry at the
 * position awaited. Whatever they are, the peer could have sent that message by the rules, since all of the
 * region is its to write. So nothing else may be accepted: no message that is not there, no byte from
 * elsewhere.
 *
 * First systematically, in one process: after a few honest messages each bit of the bookkeeping and of the
 * lines that matter is flipped, each byte set to some values, for every state of the queue that is tried. The
 * victim takes, peeks, sends, parks and rings; what it accepts is compared with a decoder that knows only the
 * layout. Then at random, beside a process that sends honestly and flips bits of every kind of word as it
 * goes.
 *
 * The victim's regions lie between guard pages, the peer's is read-only to it, and each buffer ends at a
 * guard page: what reads or writes too far dies. Under AddressSanitizer its stack and heap are watched, too.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <realm/error.h>
#include <realm/types.h>

#include "librealm/os/os.h"
#include "tests/stress/victim.h"

static uint64_t cases;

static uint64_t draw(uint64_t *random)
{
    *random ^= *random << 13;
    *random ^= *random >> 7;
    *random ^= *random << 17;
    return *random;
}

/* --- the decoder: the layout, and nothing of the ring's code --- */

struct decoded {
    uint32_t commit, size, kind, call, status;
    uint64_t tag;
    uint32_t lines;
};

static uint64_t bytes_at(uint32_t line, uint32_t at, unsigned count)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < count; i++) {
        uint32_t byte = (line % LINES * 64u + at + i) % (LINES * 64u);
        value |= (uint64_t)((const volatile uint8_t *)flipped)[256u + byte] << (8u * i);
    }
    return value;
}

static bool decode(uint32_t index, uint32_t position, struct decoded *ret)
{
    ret->commit = (uint32_t)bytes_at(index, 0, 4);
    ret->size = (uint32_t)bytes_at(index, 4, 2);
    ret->kind = (uint32_t)bytes_at(index, 6, 1);
    ret->call = (uint32_t)bytes_at(index, 8, 4);
    ret->status = (uint32_t)bytes_at(index, 12, 4);
    ret->tag = bytes_at(index, 16, 8);
    ret->lines = (24u + ret->size + 63u) / 64u;
    const uint32_t flags = ret->kind & 0xc0u, kind = ret->kind & 0x3fu; /* a ticket, a batch */
    const bool sound_kind = kind >= 1 && kind <= (flags == 0 ? 4u : 3u) && flags != 0xc0u &&
                            (flags != 0x80u || (int32_t)ret->status > 0);
    return ret->size <= 4096 && sound_kind && ret->commit == position + ret->lines;
}

/* --- systematically --- */

static struct {
    struct realm_region *region;
    struct realm_region *own;
    struct victim victim;
} state;

/* A queue that holds some messages, around the wrap or not, some with payload that mimics commits. */
static void honest_state(unsigned number)
{
    static const uint16_t sizes[] = {8, 40, 41, 100, 0, 600, 4096};
    struct realm_producer sender;
    uint8_t payload[REALM_PAYLOAD_MAX], trash[REALM_PAYLOAD_MAX];
    struct realm_message message = {.kind = REALM_MESSAGE_CALL};
    memset(flipped, 0, BYTES);
    victim_begin();
    realm_producer_init(&sender, REALM_NORMAL, flipped, own, BYTES, REALM_QUEUE_MESSAGES);
    /* So far, all taken; then two that are not, or one that is large. */
    for (unsigned i = 0; i < 30u * number + 2u; i++) {
        message.size = sizes[(i + number) % 7u];
        message.call = i;
        for (uint32_t at = 0; at + 4 <= message.size; at += 4) {
            uint32_t word = number % 2u ? sender.position + LINES + (at + 24u) / 64u + 1u : i + at;
            memcpy(payload + at, &word, 4);
        }
        if (realm_producer_push(&sender, &message, payload) != 0)
            fail("an honest push", i);
        while (i < 30u * number && realm_consumer_pop(&victim.consumer, &message, trash, sizeof trash) == 0)
            ;
    }
    /* The victim has sent as well, and one of its messages was taken. */
    (void)victim_put(200, false);
    (void)victim_put(8, false);
    flipped->tail_messages[REALM_NORMAL] = 1;
    flipped->tail_lines[REALM_NORMAL] = 4;
    (void)realm_region_ring(flipped, own);
}

static void save(void)
{
    memcpy(state.region, flipped, BYTES);
    memcpy(state.own, own, BYTES);
    state.victim = victim;
}

static void restore(void)
{
    memcpy(flipped, state.region, 256u + LINES * 64u);
    memcpy(own, state.own, 256u + LINES * 64u);
    victim = state.victim;
}

/* What is taken is what lies there. */
static void take_all(size_t capacity, bool in_place)
{
    struct realm_message message;
    struct decoded expected;
    for (unsigned i = 0; i <= LINES; i++) {
        uint32_t index = victim.consumer.index, position = victim.consumer.position;
        bool sound = decode(index, position, &expected);
        if (sound && expected.kind == REALM_MESSAGE_PAD) {
            if (index == 0 || index + expected.lines != LINES)
                sound = false;
            index = (index + expected.lines) % LINES;
            sound = sound && decode(index, position + expected.lines, &expected) &&
                    expected.kind != REALM_MESSAGE_PAD;
        }
        if (victim_take(&message, capacity, in_place) != 0)
            return;
        if (!sound)
            fail("a message that is not there", position);
        bool ticket = expected.kind >= 0x80;
        if (message.size != expected.size || message.kind != (expected.kind & 0x3fu) ||
            message.call != expected.call || message.tag != expected.tag ||
            (ticket ? message.ticket : (uint32_t)message.status) != expected.status)
            fail("another message than lies there", position);
        size_t some = message.size < capacity ? message.size : capacity;
        for (uint32_t at = 0; at < some; at++) {
            if (buffer_end[at - capacity] != (uint8_t)bytes_at(index, 24u + at, 1))
                fail("other payload than lies there", at);
        }
    }
    fail("more messages than a queue holds", LINES);
}

/* The victim at work in one of its ways, on what was flipped. */
static void work(unsigned way)
{
    cases++;
    if (way == 1)
        victim_park_and_ring(false);
    take_all(way == 1 ? 10 : REALM_PAYLOAD_MAX, way == 2);
    for (unsigned i = 0; i < 3 && victim_put(way == 3 ? 4096 : 60, way == 2) == 0; i++)
        ;
    victim_park_and_ring(false);
    victim_check();
}

#define WAYS 4u

static void try_byte(uint32_t offset, uint8_t value)
{
    for (unsigned way = 0; way < WAYS; way++) {
        restore();
        ((uint8_t *)flipped)[offset] = value;
        work(way);
    }
}

/* Each bit, and some values of the whole byte. */
static void flip_byte(uint32_t offset)
{
    const uint8_t was = ((const uint8_t *)state.region)[offset];
    for (unsigned bit = 0; bit < 8; bit++)
        try_byte(offset, (uint8_t)(was ^ 1u << bit));
    try_byte(offset, (uint8_t)(was + 1u));
    try_byte(offset, (uint8_t)(was - 1u));
    try_byte(offset, 0xff);
    try_byte(offset, 0);
    try_byte(offset, REALM_MESSAGE_PAD); /* if it is a kind */
}

static void flip_all(void)
{
    for (uint32_t offset = 0; offset < 256; offset++)
        flip_byte(offset);
    /* The entries that are there, and the lines after them: their heads, and a word of payload. */
    for (uint32_t line = 0; line < 8; line++) {
        for (uint32_t at = 0; at < 32; at++)
            flip_byte(256u + (state.victim.consumer.index + line) % LINES * 64u + at);
    }
}

static void systematically(unsigned states)
{
    state.region = victim_guarded(BYTES);
    state.own = victim_guarded(BYTES);
    for (unsigned number = 0; number < states; number++) {
        honest_state(number);
        save();
        flip_all();
    }
    printf("each bit of %u states: %llu cases, %llu messages taken, %llu false claims found\n", states,
           (unsigned long long)cases, (unsigned long long)accepted, (unsigned long long)faults);
    if (accepted == 0 || faults == 0)
        fail("nothing was tried", cases);
}

/* --- at random, beside a process that flips --- */

/* How the two begin anew where a channel would be closed: of the test only, no part of a channel. */
static struct rounds {
    uint32_t wanted; /* the victim wants another round */
    uint32_t ready;  /* the flipper has stopped, and its region is fresh */
    uint32_t go;     /* the victim's is as well */
} * rounds;

static pid_t flipping; /* the other process */

static void await(const uint32_t *word, uint32_t value)
{
    int status;
    while (__atomic_load_n(word, __ATOMIC_ACQUIRE) != value) {
        if (flipping != 0 && waitpid(flipping, &status, WNOHANG) != 0)
            fail("the flipper has ended", (uint64_t)status);
        (void)usleep(0);
    }
}

/* A few bits, each in a word of some kind, or in an entry about to be taken. */
static void flip_some(uint64_t *random, uint32_t index)
{
    static const struct {
        uint16_t offset, bytes;
    } kinds[] = {{0, 4},    /* parked */
                 {4, 4},    /* boost */
                 {8, 8},    /* marks */
                 {16, 8},   /* bits */
                 {128, 4},  /* bell */
                 {132, 16}, /* heads */
                 {192, 16}, /* tails in lines */
                 {208, 16}, /* tails in messages */
                 {0, 256}};
    const size_t count = sizeof kinds / sizeof kinds[0];
    for (uint64_t left = 1 + draw(random) % 3; left != 0; left--) {
        size_t kind = draw(random) % (count + 4);
        uint32_t offset;
        if (kind < count)
            offset = kinds[kind].offset + (uint32_t)(draw(random) % kinds[kind].bytes);
        else
            offset = 256u + (index + LINES - (uint32_t)(draw(random) % 8)) % LINES * 64u +
                     (uint32_t)(draw(random) % (kind == count ? 64 : 24));
        uint8_t *byte = (uint8_t *)flipped + offset;
        __atomic_store_n(byte, (uint8_t)(*byte ^ 1u << draw(random) % 8), __ATOMIC_RELAXED);
    }
}

/* Sends, takes what it was sent, and flips; what the victim sends must be sound. */
__attribute__((noreturn)) static void flipper(uint64_t random)
{
    static struct realm_producer sender;
    static struct realm_consumer taker;
    static uint64_t lines[REALM_CONSUMER_WORDS(BYTES)];
    static uint8_t payload[REALM_PAYLOAD_MAX];
    for (uint32_t round = 0;;) {
        uint32_t wanted = __atomic_load_n(&rounds->wanted, __ATOMIC_ACQUIRE);
        if (wanted == 0) { /* the victim has not begun */
            (void)usleep(0);
            continue;
        }
        if (wanted != round) {
            memset(flipped, 0, BYTES);
            realm_producer_init(&sender, REALM_NORMAL, flipped, own, BYTES, REALM_QUEUE_MESSAGES);
            realm_consumer_init(&taker, REALM_NORMAL, flipped, own, BYTES, lines);
            round = wanted;
            __atomic_store_n(&rounds->ready, round, __ATOMIC_RELEASE);
            await(&rounds->go, round);
        }
        struct realm_message message = {
            .kind = (enum realm_message_kind)(1 + draw(&random) % 3),
            .size = (uint16_t)(draw(&random) % (draw(&random) % 8 ? 100 : REALM_PAYLOAD_MAX + 1u)),
            .tag = draw(&random)};
        if (realm_producer_push(&sender, &message, payload) == 0 &&
            realm_region_ring(flipped, own) != REALM_AWAKE)
            realm_os_wake(NULL, &flipped->bell);
        if (draw(&random) % 4 == 0)
            flip_some(&random, sender.index);
        int error = realm_consumer_pop(&taker, &message, payload, sizeof payload);
        if (error != 0 && error != REALM_E_WOULD_BLOCK)
            fail("the victim has sent what cannot be", (uint64_t)error);
    }
}

static void begin_round(void)
{
    uint32_t round = rounds->wanted + 1u;
    __atomic_store_n(&rounds->wanted, round, __ATOMIC_RELEASE);
    await(&rounds->ready, round);
    victim_begin();
    __atomic_store_n(&rounds->go, round, __ATOMIC_RELEASE);
}

static uint64_t sum_of_buffer(void)
{
    uint64_t sum = 0;
    for (uint32_t at = 0; at < REALM_PAYLOAD_MAX; at++)
        sum =
            sum * 31u + ((const volatile uint8_t *)buffer_end)[(ptrdiff_t)at - (ptrdiff_t)REALM_PAYLOAD_MAX];
    return sum;
}

/* One operation of the victim. Return: false: the channel would be closed. */
static bool operate(uint64_t *random, unsigned *quiet)
{
    struct realm_message message;
    int error = 0;
    switch (draw(random) % 8) {
    case 0:
    case 1:
        error = victim_put((uint16_t)(draw(random) % (draw(random) % 8 ? 100 : REALM_PAYLOAD_MAX + 1u)),
                           draw(random) % 2 == 0);
        break;
    case 2:
        victim_park_and_ring(draw(random) % 16 == 0);
        break;
    default:
        error = victim_take(&message, draw(random) % 4 ? REALM_PAYLOAD_MAX : draw(random) % 64,
                            draw(random) % 2 == 0);
        *quiet = error == 0 ? 0 : *quiet + 1;
        /* What was taken is a copy: it does not change any more, whatever the peer does. */
        if (error == 0 && draw(random) % 64 == 0) {
            uint64_t sum = sum_of_buffer();
            if (sum != sum_of_buffer())
                fail("the copy changes", message.size);
        }
        break;
    }
    victim_check();
    /* A commit out of reach says nothing at all: then a caller waits until its deadline. */
    return error != REALM_E_PEER_FAULT && *quiet < 200;
}

static void beside_a_flipper(uint64_t operations, uint64_t seed)
{
    uint64_t random = seed * UINT64_C(0x9e3779b97f4a7c15) | 1u;
    unsigned quiet = 0;
    cases = accepted = faults = 0;
    rounds = mmap(NULL, sizeof *rounds, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (rounds == MAP_FAILED)
        fail("no memory", sizeof *rounds);
    fflush(stdout);
    flipping = fork();
    if (flipping < 0)
        fail("no process", 0);
    if (flipping == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        flipper(random * 3u | 1u);
    }
    begin_round();
    for (; cases < operations; cases++) {
        if (operate(&random, &quiet))
            continue;
        quiet = 0;
        begin_round();
    }
    int status = 0;
    bool alive = waitpid(flipping, &status, WNOHANG) == 0;
    (void)kill(flipping, SIGKILL);
    if (!alive || waitpid(flipping, &status, 0) != flipping)
        fail("the flipper has ended", (uint64_t)status);
    printf("beside a flipper: %llu operations, %llu messages taken, %llu false claims found, %u channels\n",
           (unsigned long long)cases, (unsigned long long)accepted, (unsigned long long)faults,
           rounds->wanted);
    if (accepted == 0 || faults == 0)
        fail("nothing was tried", cases);
}

int main(int argc, char **argv)
{
    uint64_t operations = argc > 1 ? strtoull(argv[1], NULL, 10) : 100000;
    uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
    victim_map();
    systematically(operations > 1000000 ? 28 : 7);
    beside_a_flipper(operations, seed);
    return 0;
}

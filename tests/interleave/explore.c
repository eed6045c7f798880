/*
 * The explorer: coroutines, memory with store buffers, and the search through all executions.
 *
 * An execution is the list of what was chosen at each point, 0 for "nothing". The search is depth first: the
 * next execution repeats the last one up to the last point where another choice is left, and takes that.
 */
#include "tests/interleave/explore.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

#define POINTS_MAX  20000u
#define STACK_BYTES (256u * 1024u)
#define HELD_MAX    64u
#define PIECE_MAX   2048u
#define TAMPERS_MAX 64u

enum action { GO, SWITCH, HOLD, HOLD_ONE, DRAIN_0, DRAIN_1, REVOKE, TAMPER };
enum state { RUNNABLE, ASLEEP, ENDED };

struct held {
    uint32_t offset, size;
    uint8_t bytes[PIECE_MAX];
};

struct thread {
    ucontext_t context;
    enum state state;
    const uint32_t *sleeps_on; /* NULL: its hint */
    bool hinted;
    bool holds, holds_one;
    struct held held[HELD_MAX];
    unsigned held_count;
};

struct trace {
    const char *what;
    uint8_t thread;
    int32_t offset; /* -1: none */
    uint64_t value;
};

static const struct explore_scenario *scenario;
static bool weak_order;
static unsigned budget, used;

static uint8_t memory[2][EXPLORE_BYTES];
static uint8_t *official[2];
static uint8_t stacks[2][STACK_BYTES] __attribute__((aligned(64)));
static struct thread threads[2];
static unsigned self;
static ucontext_t origin;
static bool revoked, tampered;

static uint8_t chosen[POINTS_MAX], choices[POINTS_MAX];
static unsigned prefix, point_count;
static struct trace traces[POINTS_MAX * 2u];
static unsigned trace_count;

void *explore_region(unsigned thread)
{
    return official[thread];
}

uint8_t *explore_bytes(unsigned thread)
{
    return memory[thread];
}

bool explore_is_revoked(void)
{
    return revoked;
}

bool explore_is_tampered(void)
{
    return tampered;
}

/* --- telling what happened --- */

static void note(const char *what, int32_t offset, uint64_t value)
{
    if (trace_count == sizeof traces / sizeof traces[0])
        explore_fail("no end of steps");
    traces[trace_count++] =
        (struct trace){.what = what, .thread = (uint8_t)self, .offset = offset, .value = value};
}

void explore_fail(const char *format, ...)
{
    va_list arguments;
    printf("%s: ", scenario->name);
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    printf("\n");
    unsigned from = trace_count > 400 ? trace_count - 400 : 0;
    for (unsigned i = from; i < trace_count; i++) {
        const struct trace *step = &traces[i];
        printf("  %u: %*s%s", i, step->thread * 40, "", step->what);
        if (step->offset < 0 && step->value != 0)
            printf(" (%llu)", (unsigned long long)step->value);
        if (step->offset >= 0)
            printf(" %u.%d: %llx", (unsigned)step->offset / EXPLORE_BYTES,
                   (int)((unsigned)step->offset % EXPLORE_BYTES), (unsigned long long)step->value);
        printf("\n");
    }
    fflush(stdout);
    _Exit(1);
}

/* --- memory --- */

/* Where an address lies: the region, or -1 for private memory. */
static int region_of(const void *address, size_t size, uint32_t *ret_offset)
{
    for (int region = 0; region < 2; region++) {
        uintptr_t offset = (uintptr_t)address - (uintptr_t)official[region];
        if (offset >= EXPLORE_BYTES)
            continue;
        if (size > EXPLORE_BYTES - offset)
            explore_fail("%zu bytes at %zu reach beyond the region", size, (size_t)offset);
        *ret_offset = (uint32_t)offset;
        return region;
    }
    return -1;
}

static void see(unsigned thread, uint32_t offset, const uint8_t *bytes, uint32_t size)
{
    if (!revoked)
        memcpy(memory[thread] + offset, bytes, size);
}

static void drain(unsigned number)
{
    struct thread *thread = &threads[number];
    for (unsigned i = 0; i < thread->held_count; i++)
        see(number, thread->held[i].offset, thread->held[i].bytes, thread->held[i].size);
    thread->held_count = 0;
    thread->holds = thread->holds_one = false;
}

static bool overlaps_held(const struct thread *thread, uint32_t offset, uint32_t size)
{
    for (unsigned i = 0; i < thread->held_count; i++) {
        const struct held *held = &thread->held[i];
        if (offset < held->offset + held->size && held->offset < offset + size)
            return true;
    }
    return false;
}

static void put(uint32_t offset, const uint8_t *bytes, uint32_t size, bool release)
{
    struct thread *thread = &threads[self];
    if (thread->held_count == HELD_MAX || (thread->holds_one && release))
        drain(self);
    bool overtakes = thread->holds_one && thread->held_count != 0 && !overlaps_held(thread, offset, size);
    if (!thread->holds || overtakes) {
        see(self, offset, bytes, size);
        return;
    }
    struct held *held = &thread->held[thread->held_count++];
    held->offset = offset;
    held->size = size;
    memcpy(held->bytes, bytes, size);
}

static void get(int region, uint32_t offset, uint8_t *bytes, uint32_t size)
{
    memcpy(bytes, memory[region] + offset, size);
    if ((unsigned)region != self)
        return;
    const struct thread *thread = &threads[self];
    for (unsigned i = 0; i < thread->held_count; i++) {
        const struct held *held = &thread->held[i];
        for (uint32_t at = 0; at < held->size; at++) {
            if (held->offset + at - offset < size)
                bytes[held->offset + at - offset] = held->bytes[at];
        }
    }
}

/* --- threads --- */

static void switch_to(unsigned other)
{
    unsigned before = self;
    self = other;
    swapcontext(&threads[before].context, &threads[other].context);
}

/* The thread cannot go on. If no other can either, what is held back comes out, which wakes nobody. */
static void leave(void)
{
    unsigned other = 1u - self;
    if (threads[other].state != RUNNABLE) {
        drain(0);
        drain(1);
        if (tampered || (threads[self].state == ENDED && threads[other].state == ENDED))
            setcontext(&origin);
        explore_fail("a wake-up is lost: %s", threads[self].state == ASLEEP && threads[other].state == ASLEEP
                                                  ? "both sleep"
                                                  : "one sleeps, and the other has ended");
    }
    switch_to(other);
}

static void run_thread(void)
{
    scenario->threads[self]();
    note("ends", -1, 0);
    threads[self].state = ENDED;
    leave();
}

/* --- points --- */

static unsigned choose(unsigned count)
{
    if (point_count == POINTS_MAX)
        explore_fail("no end of points");
    unsigned choice = point_count < prefix ? chosen[point_count] : 0;
    choices[point_count] = (uint8_t)(used < budget ? count : 1);
    chosen[point_count++] = (uint8_t)choice;
    used += choice != 0;
    return choice;
}

/* Takes the memory away: zeros from now on, and who sleeps is woken by the epoch. */
static void revoke(void)
{
    note("the memory is taken away", -1, 0);
    revoked = true;
    memset(memory, 0, sizeof memory);
    for (unsigned i = 0; i < 2; i++) {
        threads[i].held_count = 0;
        if (threads[i].state == ASLEEP)
            threads[i].state = RUNNABLE;
    }
}

static void point(bool store, bool release)
{
    struct thread *thread = &threads[self];
    for (;;) {
        uint8_t actions[TAMPER + TAMPERS_MAX];
        unsigned count = 0;
        actions[count++] = GO;
        if (threads[1u - self].state == RUNNABLE)
            actions[count++] = SWITCH;
        if (store && !thread->holds)
            actions[count++] = HOLD;
        if (store && !thread->holds && weak_order && !release)
            actions[count++] = HOLD_ONE;
        for (unsigned i = 0; i < 2; i++) {
            if (threads[i].held_count != 0)
                actions[count++] = (uint8_t)(DRAIN_0 + i);
        }
        if (scenario->revokes && !revoked)
            actions[count++] = REVOKE;
        for (unsigned i = 0; i < scenario->tampers; i++)
            actions[count++] = (uint8_t)(TAMPER + i);
        const unsigned action = actions[choose(count)];
        switch (action) {
        case GO:
            return;
        case SWITCH:
            switch_to(1u - self);
            return;
        case HOLD_ONE:
            thread->holds_one = true;
            /* fallthrough */
        case HOLD:
            note(thread->holds_one ? "holds one store back" : "holds its stores back", -1, 0);
            thread->holds = true;
            return;
        case DRAIN_0:
        case DRAIN_1:
            note("what was held back is seen", -1, 0);
            drain(action == DRAIN_0 ? 0 : 1);
            break;
        case REVOKE:
            revoke();
            break;
        default:
            note("the peer tampers with its region", -1, action - TAMPER);
            tampered = true;
            scenario->tamper(action - TAMPER);
            break;
        }
    }
}

uint64_t explore_load(const void *address, unsigned bytes)
{
    uint32_t offset = 0;
    uint64_t value = 0;
    int region = region_of(address, bytes, &offset);
    if (region < 0)
        explore_fail("an atomic load of private memory");
    point(false, false);
    get(region, offset, (uint8_t *)&value, bytes);
    note("load", (int32_t)((unsigned)region * EXPLORE_BYTES + offset), value);
    return value;
}

void explore_store(void *address, uint64_t value, unsigned bytes, bool release)
{
    uint32_t offset = 0;
    if (region_of(address, bytes, &offset) != (int)self)
        explore_fail("a store that is not into the own region");
    point(true, release);
    put(offset, (const uint8_t *)&value, bytes, release);
    note(release ? "store, release" : "store", (int32_t)(self * EXPLORE_BYTES + offset), value);
}

void explore_fence(void)
{
    point(false, false);
    drain(self);
    note("fence", -1, 0);
}

uint32_t explore_load_gone(const uint32_t *gone)
{
    (void)gone;
    return revoked;
}

void *explore_copy(void *to, const void *from, size_t size)
{
    uint32_t to_offset = 0, from_offset = 0;
    int to_region = region_of(to, size, &to_offset), from_region = region_of(from, size, &from_offset);
    if (to_region < 0 && from_region < 0)
        return memcpy(to, from, size);
    if (to_region >= 0 && (from_region >= 0 || to_region != (int)self))
        explore_fail("a copy that is not from private memory into the own region");
    uint32_t piece = ((uint32_t)size / 4u + 7u) & ~7u;
    for (uint32_t at = 0; at < size; at += piece) {
        uint32_t some = (uint32_t)size - at < piece ? (uint32_t)size - at : piece;
        point(to_region >= 0, false);
        if (to_region >= 0)
            put(to_offset + at, (const uint8_t *)from + at, some, false);
        else
            get(from_region, from_offset + at, (uint8_t *)to + at, some);
        unsigned region = (unsigned)(to_region >= 0 ? to_region : from_region);
        note(to_region >= 0 ? "copy in" : "copy out",
             (int32_t)(region * EXPLORE_BYTES + at + (to_region >= 0 ? to_offset : from_offset)), some);
    }
    return to;
}

/* --- the kernel --- */

void explore_wait(const uint32_t *word, uint32_t seen)
{
    uint32_t offset = 0, value;
    int region = region_of(word, sizeof *word, &offset);
    point(false, false);
    if (revoked || region < 0)
        return;
    memcpy(&value, memory[region] + offset, sizeof value);
    note("wait", (int32_t)((unsigned)region * EXPLORE_BYTES + offset), seen);
    if (value != seen)
        return;
    threads[self].sleeps_on = word;
    threads[self].state = ASLEEP;
    leave();
}

void explore_wake(const uint32_t *word)
{
    explore_fence();
    point(false, false);
    note("wake", -1, 0);
    struct thread *other = &threads[1u - self];
    if (other->state == ASLEEP && other->sleeps_on == word)
        other->state = RUNNABLE;
}

void explore_hint(void)
{
    point(false, false);
    note("hint", -1, 0);
    struct thread *other = &threads[1u - self];
    other->hinted = true;
    if (other->state == ASLEEP && other->sleeps_on == NULL)
        other->state = RUNNABLE;
}

void explore_wait_for_hint(void)
{
    point(false, false);
    note("wait for a hint", -1, 0);
    if (!threads[self].hinted && !revoked) {
        threads[self].sleeps_on = NULL;
        threads[self].state = ASLEEP;
        leave();
    }
    threads[self].hinted = false;
}

/* --- the search --- */

static void run_once(unsigned first)
{
    point_count = trace_count = used = 0;
    revoked = tampered = false;
    memset(memory, 0, sizeof memory);
    for (unsigned i = 0; i < 2; i++) {
        struct thread *thread = &threads[i];
        thread->state = RUNNABLE;
        thread->hinted = thread->holds = thread->holds_one = false;
        thread->held_count = 0;
        getcontext(&thread->context);
        thread->context.uc_stack.ss_sp = stacks[i];
        thread->context.uc_stack.ss_size = STACK_BYTES;
        makecontext(&thread->context, run_thread, 0);
    }
    self = first;
    scenario->begin();
    swapcontext(&origin, &threads[first].context);
    scenario->end();
}

/* All executions that begin with this thread. */
static uint64_t search(unsigned first)
{
    prefix = 0;
    for (uint64_t executions = 1;; executions++) {
        run_once(first);
        prefix = point_count;
        while (prefix != 0 && chosen[prefix - 1] + 1u >= choices[prefix - 1])
            prefix--;
        if (prefix == 0)
            return executions;
        chosen[prefix - 1]++;
    }
}

uint64_t explore_all(const struct explore_scenario *what, unsigned deviations, bool weak)
{
    for (unsigned i = 0; i < 2 && official[i] == NULL; i++) {
        void *reserved =
            mmap(NULL, EXPLORE_BYTES, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (reserved == MAP_FAILED)
            abort();
        official[i] = reserved;
    }
    scenario = what;
    budget = deviations;
    weak_order = weak;
    return search(0) + search(1);
}

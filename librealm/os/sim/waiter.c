/*
 * The twin's waiter, in both kinds.
 *
 * As io_uring does it: arming is only noted; the next wait compares the word and arms it for good, and from
 * then on a wake of the word fires it, also while its realm does something else. With the pipe: a slot
 * is reported when its number came as a hint; the word is not looked at.
 */
#include "librealm/os/sim/world.h"

#include <stdlib.h>

#include <realm/error.h>

#include "librealm/ring/atomics.h"

enum slot_state { IDLE, NOTED, ARMED, FIRED };

struct slot {
    const uint32_t *word;
    uint32_t seen;
    enum slot_state state;
};

struct realm_waiter {
    struct realm_os *os;
    enum realm_waiter_kind kind;
    bool ignores_control;
    struct slot *slots;
    uint32_t slots_count;
};

enum realm_waiter_kind realm_waiter_choice(struct realm_os *os)
{
    return os->world->waiter;
}

int realm_waiter_open(struct realm_os *os, enum realm_waiter_kind kind, struct realm_waiter **ret_waiter)
{
    struct realm_waiter *waiter = sim_alloc(sizeof *waiter);
    waiter->os = os;
    waiter->kind = kind == REALM_WAITER_AUTO ? os->world->waiter : kind;
    if (os->waiter)
        abort(); /* one a realm */
    os->waiter = waiter;
    *ret_waiter = waiter;
    return 0;
}

void realm_waiter_close(struct realm_waiter *waiter)
{
    if (!waiter)
        return;
    waiter->os->waiter = NULL;
    free(waiter->slots);
    free(waiter);
}

enum realm_waiter_kind realm_waiter_kind(const struct realm_waiter *waiter)
{
    return waiter->kind;
}

void realm_waiter_ignore_control(struct realm_waiter *waiter)
{
    waiter->ignores_control = true;
}

int realm_waiter_arm(struct realm_waiter *waiter, uint32_t slot, const uint32_t *word, uint32_t seen)
{
    if (slot >= waiter->slots_count) {
        waiter->slots = sim_grow(waiter->slots, (slot + 1u) * sizeof *waiter->slots);
        for (uint32_t i = waiter->slots_count; i <= slot; i++)
            waiter->slots[i] = (struct slot){0};
        waiter->slots_count = slot + 1u;
    }
    if (waiter->slots[slot].state != IDLE)
        abort(); /* arming an armed slot is the client's mistake */
    waiter->slots[slot] = (struct slot){.word = word, .seen = seen, .state = NOTED};
    return 0;
}

void realm_waiter_disarm(struct realm_waiter *waiter, uint32_t slot)
{
    if (slot < waiter->slots_count)
        waiter->slots[slot].state = IDLE;
}

void sim_waiter_woken(struct realm_waiter *waiter, const uint32_t *word)
{
    if (waiter->kind == REALM_WAITER_PIPE)
        return;
    bool fired = false;
    for (uint32_t i = 0; i < waiter->slots_count; i++) {
        if (waiter->slots[i].state == ARMED && waiter->slots[i].word == word) {
            waiter->slots[i].state = FIRED;
            fired = true;
        }
    }
    if (fired && waiter->os->blocked && waiter->os->on_waiter)
        sim_unblock(waiter->os);
}

static void submit(struct realm_waiter *waiter)
{
    for (uint32_t i = 0; i < waiter->slots_count; i++) {
        struct slot *slot = &waiter->slots[i];
        if (slot->state != NOTED)
            continue;
        const struct sim_memory *memory = sim_memory_of(waiter->os->world, slot->word);
        bool changed = waiter->kind == REALM_WAITER_URING &&
                       ((memory && memory->gone) || realm_load_relaxed(slot->word) != slot->seen);
        slot->state = changed ? FIRED : ARMED;
    }
}

static void take_hints(struct realm_waiter *waiter)
{
    struct realm_os *os = waiter->os;
    for (unsigned i = 0; i < os->hints_count; i++) {
        uint32_t slot = os->hints[i];
        if (slot < waiter->slots_count && waiter->slots[slot].state == ARMED)
            waiter->slots[slot].state = FIRED;
    }
    os->hints_count = 0;
}

/* Whatever has happened, as far as there is room to report it. */
static unsigned report(struct realm_waiter *waiter, uint32_t *ret_wakes, unsigned capacity)
{
    struct realm_os *os = waiter->os;
    unsigned count = 0;
    bool control = !waiter->ignores_control && (os->inbox.first || os->world->manager_gone);
    take_hints(waiter);
    if (control && count < capacity)
        ret_wakes[count++] = REALM_WAKE_CONTROL;
    if (os->hints_lost && count < capacity) {
        os->hints_lost = false;
        ret_wakes[count++] = REALM_WAKE_SCAN;
    }
    for (uint32_t i = 0; i < waiter->slots_count && count < capacity; i++) {
        if (waiter->slots[i].state == FIRED) {
            waiter->slots[i].state = IDLE;
            ret_wakes[count++] = i;
        }
    }
    return count;
}

int realm_waiter_wait(struct realm_waiter *waiter, uint64_t deadline_ns, uint32_t *ret_wakes,
                      unsigned capacity, unsigned *ret_count)
{
    struct realm_os *os = waiter->os;
    sim_step(os, "waits for all", 0);
    submit(waiter);
    unsigned count = report(waiter, ret_wakes, capacity);
    if (count == 0) {
        os->on_waiter = waiter;
        bool woken = sim_block(os, deadline_ns);
        os->on_waiter = NULL;
        count = report(waiter, ret_wakes, capacity);
        if (!woken && count == 0)
            return REALM_E_TIMEOUT;
    }
    *ret_count = count;
    return 0;
}

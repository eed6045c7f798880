/*
 * The seam's functions but for memory and the waiter. Each that another realm could notice is a step: others
 * may go on just before it takes effect.
 */
#include "librealm/os/sim/world.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <realm/error.h>

#include "librealm/ring/atomics.h"

int realm_os_open(struct realm_os **ret_os)
{
    struct realm_os *os = sim_current();
    if (!os)
        return REALM_E_BAD_ARGUMENT;
    *ret_os = os;
    return 0;
}

/* The coroutine is the process: what it holds ends with it. */
void realm_os_close(struct realm_os *os)
{
    (void)os;
}

uint64_t realm_os_now_ns(struct realm_os *os)
{
    return os->world->now_ns;
}

unsigned realm_os_cpus(struct realm_os *os)
{
    return os->world->cpus;
}

void realm_os_spin(struct realm_os *os)
{
    sim_step(os, "spins", 0);
    os->world->now_ns += SIM_SPIN_NS;
}

int realm_os_file(struct realm_os *os, const char *name)
{
    (void)os, (void)name;
    return -ENOENT;
}

void realm_os_log(struct realm_os *os, const char *text, size_t size)
{
    int shown = size > 100 ? 100 : (int)size;
    while (shown > 0 && text[shown - 1] == '\n')
        shown--;
    sim_log(os->world, os->name, "says %.*s", shown, text);
}

void realm_os_heap(struct realm_os *os, struct realm_os_heap *ret_heap)
{
    (void)os;
    *ret_heap = (struct realm_os_heap){0};
}

/* Who runs simulated has no threads of its own. */
int realm_os_thread_start(struct realm_os *os, void (*main)(void *argument), void *argument,
                          struct realm_os_thread **ret_thread)
{
    (void)os, (void)main, (void)argument, (void)ret_thread;
    return -ENOTSUP;
}

void realm_os_thread_join(struct realm_os_thread *thread)
{
    (void)thread;
    abort(); /* there never was one */
}

/* --- the control socket --- */

int realm_os_control_send(struct realm_os *os, const void *bytes, size_t size)
{
    sim_step(os, "sends", size);
    if (os->world->manager_gone)
        return REALM_E_MM_GONE;
    if (size > REALM_CONTROL_SIZE_MAX)
        return -EMSGSIZE;
    struct sim_packet *packet = sim_alloc(sizeof *packet);
    memcpy(packet->bytes, bytes, size);
    packet->size = size;
    os->counters.control++;
    sim_manager_post(os->world->manager, os, packet);
    return 0;
}

int realm_os_control_receive(struct realm_os *os, void *bytes, size_t capacity, size_t *ret_size,
                             int *ret_handles, unsigned handles_capacity, unsigned *ret_handles_count)
{
    sim_step(os, "looks at control", 0);
    if (os->control_fails_ns != 0 && os->world->now_ns >= os->control_fails_ns) {
        os->control_fails_ns = 0;
        return -ENOMEM;
    }
    struct sim_packet *packet = sim_queue_pop(&os->inbox);
    if (!packet)
        return os->world->manager_gone ? REALM_E_MM_GONE : REALM_E_WOULD_BLOCK;
    *ret_size = packet->size < capacity ? packet->size : capacity;
    memcpy(bytes, packet->bytes, *ret_size);
    unsigned count = 0;
    for (unsigned i = 0; i < packet->objects_count; i++) {
        if (count < handles_capacity)
            ret_handles[count++] = sim_handle_add(os, packet->objects[i]);
        else
            sim_object_release(os->world, &packet->objects[i]);
    }
    *ret_handles_count = count;
    free(packet);
    return 0;
}

int realm_os_control_wait(struct realm_os *os, uint64_t deadline_ns)
{
    sim_step(os, "waits for control", 0);
    if (os->inbox.first || os->world->manager_gone)
        return 0;
    os->on_control = true;
    return sim_block(os, deadline_ns) ? 0 : REALM_E_TIMEOUT;
}

/* --- words --- */

/* A word's name in the log: its memory and place, not its address. */
static uint64_t word_name(const struct realm_os *os, const uint32_t *word)
{
    const struct sim_memory *memory = sim_memory_of(os->world, word);
    if (!memory)
        return 0;
    return memory->number * UINT64_C(10000) + (uint64_t)((const uint8_t *)word - memory->bytes);
}

int realm_os_wait(struct realm_os *os, const struct realm_os_word *words, unsigned count,
                  uint64_t deadline_ns)
{
    sim_step(os, "waits on", word_name(os, words[0].address));
    for (unsigned i = 0; i < count; i++) {
        const struct sim_memory *memory = sim_memory_of(os->world, words[i].address);
        if ((memory && memory->gone) || realm_load_relaxed(words[i].address) != words[i].seen)
            return 0;
    }
    uint64_t interrupt_ns =
        os->world->interrupt_ns ? os->world->now_ns + os->world->interrupt_ns : REALM_FOREVER;
    bool interrupted = interrupt_ns < deadline_ns;
    os->words = words;
    os->words_count = count;
    bool woken = sim_block(os, interrupted ? interrupt_ns : deadline_ns);
    os->words_count = 0;
    if (woken)
        return 0;
    return interrupted ? REALM_E_WOULD_BLOCK : REALM_E_TIMEOUT;
}

void realm_os_wake(struct realm_os *os, const uint32_t *word)
{
    sim_step(os, "wakes", word_name(os, word));
    os->counters.wakes++;
    sim_wake_word(os->world, word);
}

void realm_os_hint(struct realm_os *os, int handle, uint32_t slot)
{
    sim_step(os, "hints", slot);
    os->counters.wakes++;
    struct realm_os *peer = sim_handle(os, handle)->hints;
    if (!peer)
        abort(); /* a hint into a region is the client's mistake */
    if (peer->ended)
        return;
    if (peer->hints_count < SIM_HINTS_MAX)
        peer->hints[peer->hints_count++] = slot;
    else
        peer->hints_lost = true;
    if (peer->blocked && peer->on_waiter)
        sim_unblock(peer);
}

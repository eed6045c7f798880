/*
 * The scheduler, the clock and the log.
 *
 * Of all that can go on (realms that are not asleep, the Memory Manager if packets wait for it) the seed
 * picks one at each step. If nobody can, the clock jumps to the next deadline; if there is none, the run is
 * over: well, if all realms have ended, and a deadlock else.
 */
#include "librealm/os/sim/world.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "librealm/ring/ring.h"

#define LOG_LINE_MAX 200u

static struct realm_os *current;

struct realm_os *sim_current(void)
{
    return current;
}

void *sim_alloc(size_t size)
{
    void *memory = calloc(1, size);
    if (!memory)
        abort();
    return memory;
}

void *sim_grow(void *memory, size_t size)
{
    void *grown = realloc(memory, size);
    if (!grown)
        abort();
    return grown;
}

/* splitmix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", 2014). */
uint64_t sim_random(struct sim_world *world)
{
    world->random += UINT64_C(0x9e3779b97f4a7c15);
    uint64_t z = world->random;
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

void sim_log(struct sim_world *world, const char *who, const char *format, ...)
{
    if (world->log_capacity - world->log_size < 2u * LOG_LINE_MAX) {
        world->log_capacity = 2u * world->log_capacity + 4096u;
        world->log = sim_grow(world->log, world->log_capacity);
    }
    char *line = world->log + world->log_size;
    int size = snprintf(line, LOG_LINE_MAX, "%llu %s ", (unsigned long long)world->now_ns, who);
    va_list arguments;
    va_start(arguments, format);
    size += vsnprintf(line + size, LOG_LINE_MAX, format, arguments);
    va_end(arguments);
    line[size++] = '\n';
    world->log_size += (size_t)size;
}

struct sim_world *sim_world_new(uint64_t seed)
{
    struct sim_world *world = sim_alloc(sizeof *world);
    world->random = seed;
    world->steps_max = 10u * 1000u * 1000u;
    world->cpus = 2;
    world->waiter = REALM_WAITER_URING;
    world->region_bytes = REALM_REGION_DEFAULT_BYTES;
    world->queue_messages = REALM_QUEUE_MESSAGES;
    world->manager = sim_manager_new(world);
    return world;
}

static void drop_packets(struct sim_world *world, struct sim_queue *queue)
{
    for (struct sim_packet *packet; (packet = sim_queue_pop(queue)) != NULL; free(packet)) {
        for (unsigned i = 0; i < packet->objects_count; i++)
            sim_object_release(world, &packet->objects[i]);
    }
}

/* The realm's process is gone, and with it all that it held. */
static void end_realm(struct realm_os *os, int status)
{
    os->ended = true;
    os->exit = status;
    os->blocked = false;
    realm_waiter_close(os->waiter);
    os->waiter = NULL;
    drop_packets(os->world, &os->inbox);
    sim_memory_release(os);
    sim_fiber_deinit(&os->fiber);
    sim_log(os->world, os->name, "ends %d", status);
    if (!os->world->manager_gone)
        sim_manager_post(os->world->manager, os, NULL);
}

void sim_world_free(struct sim_world *world)
{
    if (!world)
        return;
    for (unsigned i = 0; i < world->realms_count; i++) {
        if (!world->realms[i]->ended)
            end_realm(world->realms[i], SIM_KILLED);
    }
    sim_manager_free(world->manager);
    for (unsigned i = 0; i < world->realms_count; i++) {
        drop_packets(world, &world->realms[i]->record.laden);
        free(world->realms[i]);
    }
    while (world->events) {
        struct sim_event *next = world->events->next;
        free(world->events);
        world->events = next;
    }
    free(world->log);
    free(world);
}

static void run_main(void *argument)
{
    struct realm_os *os = argument;
    os->exit = os->main(os->argument);
    os->ended = true;
}

unsigned sim_world_add_realm(struct sim_world *world, const char *name, int (*main)(void *argument),
                             void *argument)
{
    if (world->realms_count == SIM_REALMS_MAX)
        abort();
    struct realm_os *os = sim_alloc(sizeof *os);
    os->world = world;
    os->number = world->realms_count;
    os->name = name;
    os->main = main;
    os->argument = argument;
    sim_fiber_init(&os->fiber, run_main, os);
    world->realms[world->realms_count] = os;
    return world->realms_count++;
}

/* --- a realm's steps --- */

void sim_step(struct realm_os *os, const char *what, uint64_t detail)
{
    os->counters.steps++;
    sim_log(os->world, os->name, "%s %llu", what, (unsigned long long)detail);
    sim_fiber_yield(&os->fiber);
}

bool sim_block(struct realm_os *os, uint64_t deadline_ns)
{
    if (deadline_ns <= os->world->now_ns)
        return false;
    os->blocked = true;
    os->timed_out = false;
    os->deadline_ns = deadline_ns;
    os->counters.waits++;
    sim_log(os->world, os->name, "sleeps");
    sim_fiber_yield(&os->fiber);
    os->words_count = 0;
    os->on_control = false;
    os->on_waiter = NULL;
    sim_log(os->world, os->name, os->timed_out ? "times out" : "wakes up");
    return !os->timed_out;
}

void sim_unblock(struct realm_os *os)
{
    os->blocked = false;
}

void sim_wake_word(struct sim_world *world, const uint32_t *word)
{
    const struct sim_memory *memory = sim_memory_of(world, word);
    if (memory && memory->gone)
        return; /* who sleeps there can no longer be found */
    for (unsigned i = 0; i < world->realms_count; i++) {
        struct realm_os *os = world->realms[i];
        if (os->ended)
            continue;
        for (unsigned w = 0; os->blocked && w < os->words_count; w++) {
            if (os->words[w].address == word)
                sim_unblock(os);
        }
        if (os->waiter)
            sim_waiter_woken(os->waiter, word);
    }
}

/* --- the run --- */

static void happen(struct sim_world *world, const struct sim_event *event)
{
    struct realm_os *os = world->realms[event->realm];
    switch (event->kind) {
    case SIM_EVENT_STOP:
        sim_manager_tell(world->manager, os, REALM_CONTROL_STOP);
        return;
    case SIM_EVENT_QUERY:
        sim_manager_tell(world->manager, os, REALM_CONTROL_QUERY);
        return;
    case SIM_EVENT_GONE:
        sim_log(world, "manager", "is gone");
        world->manager_gone = true;
        for (unsigned i = 0; i < world->realms_count; i++) {
            struct realm_os *realm = world->realms[i];
            bool listens = realm->on_control || realm->on_waiter;
            if (realm->blocked && listens)
                sim_unblock(realm);
        }
        return;
    }
}

static void past_deadlines(struct sim_world *world)
{
    while (world->events && world->events->at_ns <= world->now_ns) {
        struct sim_event *event = world->events;
        world->events = event->next;
        happen(world, event);
        free(event);
    }
    for (unsigned i = 0; i < world->realms_count; i++) {
        struct realm_os *os = world->realms[i];
        if (os->blocked && os->deadline_ns <= world->now_ns) {
            os->timed_out = true;
            sim_unblock(os);
        }
    }
}

static uint64_t next_deadline(const struct sim_world *world)
{
    uint64_t next_ns = world->events ? world->events->at_ns : REALM_FOREVER;
    for (unsigned i = 0; i < world->realms_count; i++) {
        const struct realm_os *os = world->realms[i];
        if (os->blocked && os->deadline_ns < next_ns)
            next_ns = os->deadline_ns;
    }
    return next_ns;
}

static void resume(struct realm_os *os)
{
    if (os->kill_at_step != 0 && os->counters.steps >= os->kill_at_step) {
        sim_log(os->world, os->name, "is killed");
        end_realm(os, SIM_KILLED);
        return;
    }
    if (os->close_at_step != 0 && os->counters.steps >= os->close_at_step) {
        os->close_at_step = 0;
        sim_manager_close(os->world->manager, os, os->close_reason);
    }
    current = os;
    sim_fiber_resume(&os->fiber);
    current = NULL;
    if (os->ended)
        end_realm(os, os->exit);
}

enum sim_end sim_world_run(struct sim_world *world)
{
    for (;;) {
        past_deadlines(world);
        struct realm_os *ready[SIM_REALMS_MAX + 1u];
        unsigned ready_count = 0, left = 0;
        for (unsigned i = 0; i < world->realms_count; i++) {
            struct realm_os *os = world->realms[i];
            left += !os->ended;
            if (!os->ended && !os->blocked)
                ready[ready_count++] = os;
        }
        if (!world->manager_gone && sim_manager_busy(world->manager))
            ready[ready_count++] = NULL;
        if (ready_count == 0) {
            uint64_t next_ns = next_deadline(world);
            if (left == 0)
                return SIM_ENDED;
            if (next_ns == REALM_FOREVER)
                return SIM_DEADLOCK;
            world->now_ns = next_ns;
            continue;
        }
        if (world->steps++ >= world->steps_max)
            return SIM_TOO_LONG;
        struct realm_os *chosen = ready[sim_random(world) % ready_count];
        if (chosen)
            resume(chosen);
        else if (++world->manager_steps == world->manager_steps_max)
            happen(world, &(struct sim_event){.kind = SIM_EVENT_GONE});
        else
            sim_manager_step(world->manager);
    }
}

/* --- settings and figures --- */

static void add_event(struct sim_world *world, struct sim_event event)
{
    struct sim_event **at = &world->events;
    while (*at && (*at)->at_ns <= event.at_ns)
        at = &(*at)->next;
    struct sim_event *added = sim_alloc(sizeof *added);
    *added = event;
    added->next = *at;
    *at = added;
}

void sim_stop_at(struct sim_world *world, unsigned realm, uint64_t now_ns)
{
    add_event(world, (struct sim_event){.at_ns = now_ns, .kind = SIM_EVENT_STOP, .realm = realm});
}

void sim_query_at(struct sim_world *world, unsigned realm, uint64_t now_ns)
{
    add_event(world, (struct sim_event){.at_ns = now_ns, .kind = SIM_EVENT_QUERY, .realm = realm});
}

void sim_manager_gone_at(struct sim_world *world, uint64_t now_ns)
{
    add_event(world, (struct sim_event){.at_ns = now_ns, .kind = SIM_EVENT_GONE});
}

void sim_manager_gone_at_step(struct sim_world *world, uint64_t step)
{
    world->manager_steps_max = step;
}

void sim_control_fails_at(struct sim_world *world, unsigned realm, uint64_t now_ns)
{
    world->realms[realm]->control_fails_ns = now_ns;
}

void sim_interrupt_every(struct sim_world *world, uint64_t time_ns)
{
    world->interrupt_ns = time_ns;
}

void sim_kill_at_step(struct sim_world *world, unsigned realm, uint64_t step)
{
    world->realms[realm]->kill_at_step = step;
    world->realms[realm]->fiber.doomed = true;
}

void sim_close_at_step(struct sim_world *world, unsigned realm, uint64_t step, int reason)
{
    world->realms[realm]->close_at_step = step;
    world->realms[realm]->close_reason = reason;
}

void sim_world_cpus(struct sim_world *world, unsigned cpus)
{
    world->cpus = cpus;
}

void sim_world_queues(struct sim_world *world, uint32_t region_bytes, uint32_t messages)
{
    world->region_bytes = region_bytes;
    world->queue_messages = messages;
}

void sim_world_waiter(struct sim_world *world, enum realm_waiter_kind kind)
{
    world->waiter = kind;
}

void sim_world_limit(struct sim_world *world, uint64_t steps)
{
    world->steps_max = steps;
}

uint64_t sim_world_now_ns(const struct sim_world *world)
{
    return world->now_ns;
}

const char *sim_world_log(const struct sim_world *world, size_t *ret_size)
{
    *ret_size = world->log_size;
    return world->log;
}

struct sim_counters sim_realm_counters(const struct sim_world *world, unsigned realm)
{
    return world->realms[realm]->counters;
}

struct realm_control_stats sim_realm_stats(const struct sim_world *world, unsigned realm)
{
    return world->realms[realm]->record.stats;
}

int sim_realm_exit(const struct sim_world *world, unsigned realm)
{
    return world->realms[realm]->exit;
}

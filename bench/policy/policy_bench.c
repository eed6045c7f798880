/*
 * The policy engine's speed (`make bench-policy`): decisions and revocation in systems of a thousand and of a
 * hundred thousand realms.
 *
 * The system: N realms, ten below each, all running; a service of each, registered; ten grants to each realm,
 * of services drawn at random. What is timed is policy_decide of a CONNECT: half of the pairs drawn from the
 * grants, half at random, which are denied.
 *
 *   cold  each pair is asked once, in random order over the whole system, so that next to nothing of what one
 *         decision reads has been read by one shortly before: caches and address translations miss.
 *   warm  a few hundred pairs, again and again.
 *
 * Each decision is timed by itself; what two readings of the clock cost by themselves is measured and taken
 * off.
 *
 * Beside the cold figures stands the machine's own: one read of a line that no cache holds, each address
 * known only from the read before, timed alike and in the same run. A decision reads a dozen lines, three of
 * them one after the other.
 *
 * Revocation is told in processor time: what a step costs, not what else the machine does meanwhile.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include <realm/types.h>

#include "librealm/core/assert.h"
#include "mm/policy/policy.h"

#define GRANTS_EACH   10u
#define BELOW         10u
#define COLD          200000u
#define WARM          256u
#define WARM_ROUNDS   200u
#define REVOKED       100000u
#define STEP          256u
#define FAR_BYTES     ((size_t)64 << 20)
#define FAR_READS     100000u
#define HUGE_BYTES    ((size_t)2 << 20)
#define NAME_MAX_HERE 32u

struct pair {
    uint32_t realm, service;
};

struct system {
    struct policy *policy;
    uint32_t count;
    struct policy_realm *realms;
    struct policy_service *services;
    struct pair *grants;
    char (*names)[NAME_MAX_HERE];
};

static uint64_t state = 88172645463325252u;

static uint32_t draw(uint32_t below)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)((state >> 16) % below);
}

static uint64_t read_clock(clockid_t clock)
{
    struct timespec time;
    clock_gettime(clock, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static uint64_t now_ns(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

static uint64_t used_ns(void)
{
    return read_clock(CLOCK_THREAD_CPUTIME_ID);
}

static void *must(void *memory)
{
    if (!memory) {
        fprintf(stderr, "policy_bench: no memory\n");
        exit(1);
    }
    return memory;
}

/* Large blocks lie on huge pages where the kernel has some. */
static void *resize(void *context, void *old, size_t old_size, size_t new_size)
{
    (void)context;
    if (new_size == 0) {
        free(old);
        return NULL;
    }
    size_t alignment = new_size >= HUGE_BYTES ? HUGE_BYTES : 64;
    void *fresh = NULL;
    if (posix_memalign(&fresh, alignment, new_size) != 0)
        return NULL;
    if (alignment == HUGE_BYTES)
        madvise(fresh, new_size, MADV_HUGEPAGE);
    if (old)
        memcpy(fresh, old, old_size < new_size ? old_size : new_size);
    free(old);
    return fresh;
}

static struct policy_outcome put(struct policy *policy, const struct policy_event *event)
{
    struct policy_decision decision;
    struct policy_outcome outcome;
    realm_assert(policy_reserve(policy, event) == 0);
    policy_decide(policy, event, &decision);
    realm_assert(decision.status == 0);
    policy_apply(policy, event, &decision, &outcome);
    return outcome;
}

static struct policy_name name_of(const char *text)
{
    return (struct policy_name){text, strlen(text)};
}

static void add_realm(struct system *system, uint32_t i)
{
    struct policy_declaration declaration = {.parent = i < BELOW ? policy_init_realm(system->policy)
                                                                 : system->realms[i / BELOW - 1],
                                             .name = name_of(system->names[i])};
    realm_assert(policy_add_realm(system->policy, &declaration, &system->realms[i]) == 0);
    realm_assert(policy_add_service(system->policy, name_of(system->names[i]), system->realms[i],
                                    (struct policy_place){i + 1, 1}, &system->services[i]) == 0);
}

static void add_grant(struct system *system, uint32_t i)
{
    struct pair pair = {i / GRANTS_EACH, draw(system->count)};
    struct policy_entry entry = {
        .match = POLICY_MATCH_REALM, .realm = system->realms[pair.realm], .rights = REALM_RIGHT_SEND};
    realm_assert(policy_add_grant(system->policy, system->services[pair.service], &entry) == 0);
    system->grants[i] = pair;
}

static void make(struct system *system, uint32_t count)
{
    const struct policy_memory memory = {.resize = resize};
    const uint8_t key[16] = {1, 2, 3, 4, 5, 6, 7, 8, 9};
    *system = (struct system){.count = count};
    system->realms = must(calloc(count, sizeof *system->realms));
    system->services = must(calloc(count, sizeof *system->services));
    system->grants = must(calloc((size_t)count * GRANTS_EACH, sizeof *system->grants));
    system->names = must(calloc(count, sizeof *system->names));
    realm_assert(policy_new(&memory, key, &system->policy) == 0);
    for (uint32_t i = 0; i < count; i++) {
        snprintf(system->names[i], NAME_MAX_HERE, "service-%u", i);
        add_realm(system, i);
    }
    for (uint32_t i = 0; i < count * GRANTS_EACH; i++)
        add_grant(system, i);
    struct policy_realm init = policy_init_realm(system->policy);
    for (uint32_t i = 0; i < count; i++) {
        struct policy_event start = {.kind = POLICY_START, .actor = init, .subject = system->realms[i]};
        put(system->policy, &start);
        struct policy_event bind = {
            .kind = POLICY_REGISTER, .actor = system->realms[i], .service = name_of(system->names[i])};
        put(system->policy, &bind);
    }
}

static void unmake(struct system *system)
{
    policy_free(system->policy);
    free(system->realms);
    free(system->services);
    free(system->grants);
    free(system->names);
}

static int compare(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

static uint32_t clock_cost_ns(void)
{
    enum { TIMES = 1001 };
    static uint32_t costs[TIMES];
    for (size_t i = 0; i < TIMES; i++) {
        uint64_t before = now_ns();
        costs[i] = (uint32_t)(now_ns() - before);
    }
    qsort(costs, TIMES, sizeof costs[0], compare);
    return costs[TIMES / 2];
}

struct figures {
    uint32_t p50, p99, p999;
};

/* A random cycle through all lines of a large block, followed a read at a time. */
static struct figures time_far_reads(void)
{
    enum { LINE = 64 };
    uint32_t count = FAR_BYTES / LINE, cost = clock_cost_ns(), at = 0;
    uint32_t *order = must(calloc(count, sizeof *order)), *times = must(calloc(FAR_READS, sizeof *times));
    unsigned char *lines = must(resize(NULL, NULL, 0, FAR_BYTES));
    for (uint32_t i = 0; i < count; i++)
        order[i] = i;
    for (uint32_t i = count - 1; i > 0; i--) {
        uint32_t other = draw(i), held = order[i];
        order[i] = order[other];
        order[other] = held;
    }
    for (uint32_t i = 0; i < count; i++)
        memcpy(lines + (size_t)i * LINE, &order[i], sizeof order[i]);
    for (uint32_t i = 0; i < FAR_READS; i++) {
        uint64_t before = now_ns();
        memcpy(&at, lines + (size_t)at * LINE, sizeof at);
        __asm__ volatile("" : "+r"(at));
        uint64_t time = now_ns() - before;
        times[i] = time > cost ? (uint32_t)time - cost : 0;
    }
    qsort(times, FAR_READS, sizeof *times, compare);
    struct figures figures = {times[FAR_READS / 2], times[FAR_READS / 100 * 99],
                              times[FAR_READS / 1000 * 999]};
    free(lines);
    free(order);
    free(times);
    return figures;
}

/* The names are asked from a small buffer of the caller's, as a request's would be. */
static struct figures time_decisions(const struct system *system, const struct pair *pairs, uint32_t distinct,
                                     uint32_t count)
{
    uint32_t *times = must(calloc(count, sizeof *times)), cost = clock_cost_ns();
    size_t allowed = 0;
    for (uint32_t i = 0; i < count; i++) {
        struct pair pair = pairs[i % distinct];
        char name[NAME_MAX_HERE];
        int size = snprintf(name, sizeof name, "service-%u", pair.service);
        struct policy_event event = {
            .kind = POLICY_CONNECT, .actor = system->realms[pair.realm], .service = {name, (size_t)size}};
        struct policy_decision decision;
        uint64_t before = now_ns();
        policy_decide(system->policy, &event, &decision);
        uint64_t time = now_ns() - before;
        times[i] = time > cost ? (uint32_t)time - cost : 0;
        allowed += decision.status == 0;
    }
    realm_assert(allowed > count / 3 && allowed < count);
    qsort(times, count, sizeof *times, compare);
    struct figures figures = {times[count / 2], times[(size_t)count * 99 / 100],
                              times[(size_t)count * 999 / 1000]};
    free(times);
    return figures;
}

static struct pair *draw_pairs(const struct system *system, uint32_t count)
{
    struct pair *pairs = must(calloc(count, sizeof *pairs));
    for (uint32_t i = 0; i < count; i++)
        pairs[i] = i % 2 ? system->grants[draw(system->count * GRANTS_EACH)]
                         : (struct pair){draw(system->count), draw(system->count)};
    return pairs;
}

static struct figures bench_decisions(uint32_t count)
{
    struct system system;
    make(&system, count);
    struct pair *pairs = draw_pairs(&system, COLD);
    struct figures cold = time_decisions(&system, pairs, COLD, COLD);
    struct figures warm = time_decisions(&system, pairs, WARM, WARM * WARM_ROUNDS);
    printf(
        "decision, %6u realms, %7u grants   cold p50 %4u  p99 %5u  p99.9 %5u ns   warm p50 %4u  p99 %5u ns\n",
        count, count * GRANTS_EACH, cold.p50, cold.p99, cold.p999, warm.p50, warm.p99);
    free(pairs);
    unmake(&system);
    return cold;
}

/* A tree of capabilities below one that is kept: a third copies of it, the others of one drawn before. */
static void bench_revocation(bool chains)
{
    struct system system;
    make(&system, 1000);
    struct policy_realm holder = system.realms[0];
    struct policy_event create = {.kind = POLICY_ALLOCATE, .actor = holder, .amount = POLICY_PAGE_BYTES};
    struct policy_capability *made = must(calloc(REVOKED + 1, sizeof *made));
    made[0] = put(system.policy, &create).capability;
    for (uint32_t i = 1; i <= REVOKED; i++) {
        struct policy_event derive = {.kind = POLICY_DERIVE,
                                      .actor = holder,
                                      .subject = holder,
                                      .capability = made[chains && i % 30 != 1 ? i - 1 : 0],
                                      .mode = POLICY_COPY,
                                      .rights = REALM_RIGHT_READ,
                                      .window = {0, POLICY_PAGE_BYTES}};
        made[i] = put(system.policy, &derive).capability;
    }
    struct policy_event revoke = {.kind = POLICY_REVOKE, .actor = holder, .capability = made[0]};
    uint64_t begun = used_ns(), longest = 0;
    put(system.policy, &revoke);
    uint64_t marked = used_ns() - begun;
    for (bool done = false; !done;) {
        uint64_t before = used_ns();
        done = policy_clear(system.policy, STEP, NULL, NULL);
        uint64_t step = used_ns() - before;
        longest = step > longest ? step : longest;
    }
    printf("revoke %u capabilities, %s   dead after %.1f us, cleared after %.1f ms, longest step of %u %.1f "
           "us\n",
           REVOKED, chains ? "30 deep" : "flat   ", (double)marked / 1e3, (double)(used_ns() - begun) / 1e6,
           STEP, (double)longest / 1e3);
    free(made);
    unmake(&system);
}

int main(void)
{
    struct figures small = bench_decisions(1000), large = bench_decisions(100000), far = time_far_reads();
    printf("one far read                              p50 %4u  p99 %5u  p99.9 %5u ns\n", far.p50, far.p99,
           far.p999);
    printf("cold, 1 000 to 100 000 realms: x %.1f; a cold decision is %.1f far reads\n",
           (double)large.p50 / (double)(small.p50 ? small.p50 : 1),
           (double)large.p50 / (double)(far.p50 ? far.p50 : 1));
    bench_revocation(false);
    bench_revocation(true);
    return 0;
}

/*
 * The one file that names a memory order.
 *
 * Shared words are plain uint32_t in a layout; every access to one goes through here, so that the compiler
 * reads or writes it exactly once, and so that each order stands beside the reason for it.
 */
#ifndef REALM_RING_ATOMICS_H
#define REALM_RING_ATOMICS_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Pairs with realm_store_release of the same word: what the writer stored before it is seen after this. */
static inline uint32_t realm_load_acquire(const uint32_t *word)
{
    return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}

/* A claim read once, with no order: it decides nothing by itself. */
static inline uint32_t realm_load_relaxed(const uint32_t *word)
{
    return __atomic_load_n(word, __ATOMIC_RELAXED);
}

static inline void realm_store_release(uint32_t *word, uint32_t value)
{
    __atomic_store_n(word, value, __ATOMIC_RELEASE);
}

static inline void realm_store_relaxed(uint32_t *word, uint32_t value)
{
    __atomic_store_n(word, value, __ATOMIC_RELAXED);
}

/*
 * The words of an entry are 64 bits wide: the first holds the commit together with size and kind, so that
 * one load sees all of them or none. may_alias: the same bytes are a struct realm_entry in private memory.
 */
typedef uint64_t realm_word64 __attribute__((__may_alias__));

static inline uint64_t realm_load_acquire64(const realm_word64 *word)
{
    return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}

static inline uint64_t realm_load_relaxed64(const realm_word64 *word)
{
    return __atomic_load_n(word, __ATOMIC_RELAXED);
}

static inline void realm_store_release64(realm_word64 *word, uint64_t value)
{
    __atomic_store_n(word, value, __ATOMIC_RELEASE);
}

static inline void realm_store_relaxed64(realm_word64 *word, uint64_t value)
{
    __atomic_store_n(word, value, __ATOMIC_RELAXED);
}

/*
 * The full fence of the sleep protocol. A producer stores its cursor, fences, loads the sleeper's parked
 * word; a sleeper stores its parked word, fences, loads the cursor. With a fence on both sides at least one
 * of the two loads sees the other's store: no wake is lost. (Each alone is a store followed by a load,
 * which x86 too may reorder.)
 */
static inline void realm_fence_full(void)
{
#if defined(__SANITIZE_THREAD__)
    /* ThreadSanitizer does not model fences; an atomic exchange of a private word orders as much. */
    uint32_t word = 0;
    (void)__atomic_exchange_n(&word, 1u, __ATOMIC_SEQ_CST);
#else
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
#endif
}

/*
 * A release store and the full fence behind it, as one: on x86 an exchange is both, and cheaper than a store
 * and a fence.
 */
static inline void realm_store_and_fence(uint32_t *word, uint32_t value)
{
#if defined(__x86_64__) || defined(__SANITIZE_THREAD__)
    (void)__atomic_exchange_n(word, value, __ATOMIC_SEQ_CST);
#else
    __atomic_store_n(word, value, __ATOMIC_RELEASE);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
#endif
}

/*
 * Loads a region's gone word after a copy out of the region, or a store into it. The fault handler stores the
 * word before it maps other memory over the region; whoever saw any byte of that memory sees the word. The
 * fence keeps the loads of the copy before this one; the handler of this thread's own faults runs in between,
 * and the compiler moves no access to memory over the fence.
 */
static inline uint32_t realm_load_gone(const uint32_t *gone)
{
#if defined(__SANITIZE_THREAD__)
    return __atomic_load_n(gone, __ATOMIC_ACQUIRE);
#else
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    return __atomic_load_n(gone, __ATOMIC_RELAXED);
#endif
}

/* The full fence's little sisters, of the fault handler and of whoever hands out an address again: each says
 * what it does, then looks at what the other has said. One of the two looks sees the other's word. */
static inline uint32_t realm_announce(uint32_t *word, uint32_t change)
{
    return __atomic_fetch_add(word, change, __ATOMIC_SEQ_CST); /* what it was before */
}

static inline void realm_store_ordered(uint32_t *word, uint32_t value)
{
    __atomic_store_n(word, value, __ATOMIC_SEQ_CST);
}

static inline uint32_t realm_load_ordered(const uint32_t *word)
{
    return __atomic_load_n(word, __ATOMIC_SEQ_CST);
}

/* Takes a line away from others, for writing. Decides nothing. */
static inline void realm_prefetch_write(const void *line)
{
#if defined(__x86_64__)
    /* Processors without this instruction take it for none. */
    __asm__ __volatile__("prefetchw %0" : : "m"(*(const char *)line));
#else
    __builtin_prefetch(line, 1);
#endif
}

/* One turn of a spinning wait: lets the sibling hardware thread run and spares the memory bus. */
static inline void realm_spin_pause(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ __volatile__("yield" ::: "memory");
#endif
}

#endif

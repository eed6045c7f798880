/*
 * A place of the arena is used again while a handler of its last life may still be on its way: docs/design/
 * revocation.md, librealm/os/linux/fault.c.
 *
 * One thread has touched a region that was truncated: its handler begins at any moment. Another thread unmaps
 * that region and maps a new one at the same address. Shown: the handler never covers the new region with
 * zeros, and never says that it is gone.
 *
 * Each transition is preceded by the statement that it models; quotes.sh compares. -DNO_… leaves out or weakens
 * one of them: each must be found. The calls of mmap are not taken for fences.
 */
#define IN_FLIGHT 0
#define STATE     1 /* LIVE or FREE */
#define GONE      2
#define WORDS     3

#define LIVE 0
#define FREE 1

#define THREADS 2
#include "tso.pml"

/* What lies at the address. */
mtype = { OLD, RESERVED, NEW, ZEROS }
mtype mapped = OLD;
bool handled, renewed;

proctype handler(byte me)
{
	byte seen;
	bool readable;
#ifdef NO_FENCE_HANDLER
	store_release(IN_FLIGHT, 1);
#else
	/* librealm/os/linux/fault.c on_fault: (void)realm_announce(&arena.in_flight, 1); */
	exchange(IN_FLIGHT, 1);
#endif
#ifdef NO_LIVE_LOOK
	seen = LIVE;
#else
	/* librealm/os/linux/fault.c mend: uint32_t state = realm_load_ordered(&arena.state[place]); */
	seen = load(STATE);
#endif
	if
	:: seen == LIVE ->
#ifdef NO_FAULT_LOOK
		readable = false;
#else
		/* librealm/os/linux/fault.c realm_fault_readable: return syscall(SYS_rt_sigprocmask, no_such_way, (const void *)word, NULL, 8) != 0 && errno == EINVAL; */
		readable = (mapped == NEW || mapped == ZEROS);
#endif
		if
		:: !readable ->
			/* librealm/os/linux/fault.c mend: realm_store_release(&arena.gone[place], 1); */
			store_release(GONE, 1);
			/* librealm/os/linux/fault.c map_zeros: void *mapped = (void *)syscall(SYS_mmap, place, bytes, protection, */
			mapped = ZEROS
		:: readable
		fi
	:: seen == FREE
	fi;
	/* librealm/os/linux/fault.c on_fault: (void)realm_announce(&arena.in_flight, UINT32_MAX); */
	exchange(IN_FLIGHT, 0);
	handled = true
}

proctype owner(byte me)
{
	byte seen;
	/* librealm/os/linux/fault.c realm_fault_unmap: realm_store_ordered(&arena.state[place], PLACE_FREE); */
	store_release(STATE, FREE);
#ifndef NO_FENCE_FREE
	/* librealm/ring/atomics.h realm_store_ordered: __atomic_store_n(word, value, __ATOMIC_SEQ_CST); */
	fence;
#endif
	/* librealm/os/linux/fault.c realm_fault_unmap: void *reserved = mmap(memory, arena.length[place] * arena.place_bytes, PROT_NONE, */
	mapped = RESERVED;
#ifndef NO_WAIT
	do
	:: true ->
		/* librealm/os/linux/fault.c realm_fault_quiesce: while (realm_load_ordered(&arena.in_flight) != 0) */
		seen = load(IN_FLIGHT);
		if
		:: seen == 0 -> break
		:: seen != 0
		fi
	od;
#endif
	/* librealm/os/linux/fault.c map_place: void *memory = mmap(arena.base + place * arena.place_bytes, bytes, */
	mapped = NEW;
	/* librealm/os/linux/fault.c map_place: realm_store_relaxed(&arena.gone[place], 0); */
	store_relaxed(GONE, 0);
	/* librealm/os/linux/fault.c map_place: realm_store_ordered(&arena.state[place], writable ? PLACE_WRITABLE : PLACE_READ_ONLY); */
	store_release(STATE, LIVE);
	/* librealm/ring/atomics.h realm_store_ordered: __atomic_store_n(word, value, __ATOMIC_SEQ_CST); */
	fence;
	renewed = true
}

init
{
	atomic {
		run store_buffer(0);
		run store_buffer(1);
		run handler(0);
		run owner(1)
	};
	/* Both are done, and nothing is in a buffer any more. */
	handled && renewed && processors[0].count == 0 && processors[1].count == 0;
	assert(mapped == NEW);
	assert(memory[GONE] == 0)
}

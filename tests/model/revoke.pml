/*
 * Revocation while both ends work: docs/design/revocation.md.
 *
 * A peer pushes MESSAGES messages into its region, each of two words of payload, and rings; a realm takes them,
 * sleeps when there is none, on the peer's bell and on its own epoch; the broker revokes at any moment, or never. The
 * realm has a second thread that touches the region too, so that either may run the fault handler for both.
 *
 * A thread sees the region through the realm's page table, which is memory like any other: the truncated page
 * faults, zeros cover it from the moment at which a handler maps them. What the peer stores after the
 * truncation goes nowhere. The broker's system calls are fences: a truncation returns when no processor has
 * the page any more. The handler's mapping is a release store.
 *
 * Shown: no torn message is taken, none that was stored after the truncation; whoever finds the memory gone
 * finds the bit that says why; and nobody sleeps for ever: a revoked realm ends.
 *
 * Each transition is preceded by the statement that it models; quotes.sh compares. -DNO_…, -DEARLY_… and
 * -DLATE_… leave out or misplace one: each must be found.
 */
#ifndef MESSAGES
#define MESSAGES 2
#endif

/* The peer's region. */
#define COMMIT 0 /* of the line that is awaited next: the number of the message */
#define FIRST  1
#define SECOND 2
#define BELL   3
#define REGION 4 /* words */
/* The realm's region; it is truncated as well, but what its own threads find there is their own affair. */
#define PARKED 4
#define TAIL   5
/* The realm's control page, written by the broker. */
#define BIT   6
#define EPOCH 7
/* Private memory of the realm: shared by its threads. */
#define GONE  8
#define ZEROS 9 /* its page table: zeros lie over the peer's region */
#define WORDS 10

#define THREADS 4
#define PEER    0
#define REALM   1
#define OTHER   2
#define BROKER  3
#include "tso.pml"

bool truncated;      /* both regions: no page is behind them any more */
bool asleep;         /* the realm, on its words */
bool found_by_bell, found_by_epoch; /* the kernel would find it by this address */
byte last_before;    /* the last message whose commit was in memory at the truncation */
bool over;           /* the realm has heard of the revocation, or has taken everything */

/* --- memory that may go --- */

/* A load from the peer's region. A fault runs the handler, in the thread whose touch it was, and is repeated. */
inline read(WHERE, RESULT)
{
	/* the kernel: the page table, and the signal */
	do
	:: atomic { load(ZEROS) == 1 -> RESULT = 0; break }
	:: atomic { load(ZEROS) == 0 && !truncated -> RESULT = memory[WHERE]; break }
	:: atomic { load(ZEROS) == 0 && truncated -> skip }; handler()
	od
}

inline handler()
{
	/* librealm/os/linux/fault.c mend: if (state == PLACE_FREE || touched - place >= arena.length[place] || realm_fault_readable(address)) */
	atomic {
		if
		:: load(ZEROS) == 1 -> mended = true
		:: load(ZEROS) == 0 -> mended = false
		fi
	};
	if
	:: mended
	:: !mended ->
#ifdef LATE_GONE
		store_release(ZEROS, 1);
#endif
		/* librealm/os/linux/fault.c mend: realm_store_release(&arena.gone[place], 1); */
		store_release(GONE, 1);
#ifndef LATE_GONE
		/* librealm/os/linux/fault.c map_zeros: void *mapped = (void *)syscall(SYS_mmap, place, bytes, protection, */
		store_release(ZEROS, 1)
#endif
	fi;
	mended = false
}

/* --- the broker --- */

proctype broker(byte me)
{
#ifdef EARLY_TRUNCATION
	atomic { truncated = true; last_before = memory[COMMIT] };
#endif
#ifdef EARLY_EPOCH
	store_release(EPOCH, 1);
	fence;
#endif
	/* mm/broker/page.c page_set_revoked: realm_store_release(word, realm_load_relaxed(word) | UINT32_C(1) << (slot % 32)); */
	store_release(BIT, 1);
#if !defined(NO_EPOCH) && !defined(EARLY_EPOCH) && !defined(LATE_EPOCH)
	/* mm/broker/page.c page_change: realm_store_release(&page->epoch, realm_load_relaxed(&page->epoch) + 1); */
	store_release(EPOCH, 1);
#endif
#ifndef EARLY_TRUNCATION
	/* mm/broker/revoke.c revoke_take_away: gone = ftruncate(channel->server.region.write_fd, 0) == 0 && gone; */
	atomic { fence -> truncated = true; last_before = memory[COMMIT] };
#endif
#ifndef NO_EPOCH_WAKE
	/* mm/broker/page.c page_wake: syscall(SYS_futex, &page->epoch, FUTEX_WAKE, INT_MAX, NULL, NULL, 0); */
	atomic { fence -> asleep = (found_by_epoch -> false : asleep) };
#endif
#ifdef LATE_EPOCH
	store_release(EPOCH, 1)
#endif
}

/* --- the peer: as in park.pml, with one line --- */

proctype peer(byte me)
{
	byte number, sleeper;
	do
	:: number < MESSAGES ->
		/* The one line is free when the message in it was taken; and once revoked, nobody says so. */
		if
		:: memory[TAIL] == number
		:: truncated
		fi;
		number++;
		/* librealm/ring/producer.c realm_producer_push: write_payload(producer, payload, message->size); */
		store_relaxed(FIRST, number); store_relaxed(SECOND, number);
		/* librealm/ring/producer.c publish: realm_store_release64(&shared[0], words[0]); */
		store_release(COMMIT, number);
		/* librealm/ring/ring.h realm_region_ring: realm_store_and_fence(&own->bell, realm_load_relaxed(&own->bell) + 1u); */
		store_release(BELL, number);
#ifndef NO_FENCE_BELL
		/* librealm/ring/atomics.h realm_store_and_fence: (void)__atomic_exchange_n(word, value, __ATOMIC_SEQ_CST); */
		fence;
#endif
		/* librealm/ring/ring.h realm_region_ring: return realm_load_relaxed(&peer->parked) & (REALM_PARKED_FUTEX | REALM_PARKED_PIPE); */
		sleeper = (truncated -> 0 : memory[PARKED]);
		if
		:: sleeper != 0 ->
			/* librealm/client/link.c realm_link_wake: realm_os_wake(link->realm->os, &link->own->bell); */
			atomic {
				if
				:: found_by_bell && !truncated -> asleep = false
				:: else
				fi
			}
		:: sleeper == 0
		fi
	:: number == MESSAGES -> break
	od
}

/* --- the realm --- */

/* A look at the control page: librealm/client/internal.h. */
inline hear()
{
	/* librealm/client/internal.h realm_epoch_changed: return realm_load_acquire(&realm->page->epoch) != realm->epoch_seen; */
	epoch = load(EPOCH);
	if
	:: epoch != epoch_seen ->
		/* librealm/client/control.c realm_control_drain: realm->epoch_seen = realm_load_acquire(&realm->page->epoch); */
		epoch_seen = load(EPOCH);
		/* librealm/client/link.c realm_link_is_revoked: return (realm_load_acquire(&page->revoked[link->slot / 32u]) >> (link->slot % 32u)) & 1u; */
		revoked = load(BIT);
		over = (revoked == 1 -> true : over)
	:: epoch == epoch_seen
	fi
}

/* The memory is gone: the bit says why, or the peer is accused of it. */
inline ask_why()
{
	/* librealm/client/link.c realm_link_gone: if (realm_link_is_revoked(link)) */
	revoked = load(BIT);
	assert(revoked == 1);
	over = true
}

inline lost()
{
#ifdef NO_GONE_LOOK
	gone = 0
#else
	/* librealm/ring/consumer.c consumer_lost: if (__builtin_expect(realm_load_gone(consumer->peer_gone) == 0, 1)) */
	gone = load(GONE)
#endif
}

inline pop()
{
	/* librealm/ring/consumer.c examine: words[0] = realm_load_acquire64(&shared[0]); */
	read(COMMIT, commit);
	if
	:: commit == taken + 1 ->
		/* librealm/ring/consumer.c realm_consumer_pop: read_payload(consumer, payload, size); */
		read(FIRST, first); read(SECOND, second);
		/* librealm/ring/consumer.c release: if (consumer_lost(consumer)) */
		lost();
		if
		:: gone == 0 ->
			assert(first == commit && second == commit);
			assert(!truncated || commit <= last_before);
			taken++;
			/* librealm/ring/consumer.c release: realm_store_release(&consumer->own->tail_lines[consumer->queue], consumer->position); */
			store_release(TAIL, taken)
		:: gone != 0 -> ask_why()
		fi
	:: commit != taken + 1 ->
		/* librealm/ring/consumer.c consumer_nothing: (void)consumer_lost(consumer); */
		lost();
		if
		:: gone == 0
		:: gone != 0 -> ask_why()
		fi
	fi;
	commit = 0;
	first = 0;
	second = 0
}

inline park()
{
	/* librealm/ring/consumer.c realm_consumer_listen: realm_store_and_fence(&own->parked, space | (uint32_t)how); */
	store_release(PARKED, 1);
#ifndef NO_FENCE_PARK
	/* librealm/ring/atomics.h realm_store_and_fence: (void)__atomic_exchange_n(word, value, __ATOMIC_SEQ_CST); */
	fence;
#endif
	/* librealm/ring/consumer.c realm_consumer_listen: *ret_seen = realm_load_acquire(&consumer->peer->bell); */
	read(BELL, seen);
#ifndef NO_SECOND_LOOK
	/* librealm/ring/consumer.c realm_consumer_park: if (realm_consumer_ready(consumer) || consumer_lost(consumer)) { */
	read(COMMIT, commit); lost();
#endif
	if
	:: commit == taken + 1 || gone != 0
	:: commit != taken + 1 && gone == 0 ->
		/* librealm/client/call.c sleep_on: words[count] = (struct realm_os_word){.address = &realm->page->epoch, .seen = realm->epoch_seen}; */
		/* librealm/client/call.c sleep_on: int error = realm_os_wait(realm->os, words, count + 1u, call->wait.deadline_ns); */
		wait()
	fi;
	commit = 0;
	seen = 0;
	/* librealm/ring/consumer.c realm_consumer_unpark: realm_store_relaxed(&own->parked, realm_load_relaxed(&own->parked) & REALM_PARKED_SPACE); */
	store_relaxed(PARKED, 0)
}

/* The kernel compares both words and goes to sleep as one step. A truncated page answers at once. Under zeros
 * the bell is another word, which nobody wakes. */
inline wait()
{
	/* the kernel: FUTEX_WAITV */
	atomic {
		if
		:: load(ZEROS) == 0 && truncated -> skip
		:: load(ZEROS) == 0 && !truncated && memory[BELL] != seen -> skip
		:: load(ZEROS) == 1 && seen != 0 -> skip
#ifndef NO_EPOCH_IN_WAIT
		:: memory[EPOCH] != epoch_seen -> skip
#endif
		:: else -> asleep = true; found_by_bell = (load(ZEROS) == 0);
#ifndef NO_EPOCH_IN_WAIT
			found_by_epoch = true
#endif
		fi
	};
	atomic {
		!asleep ->
		found_by_bell = false;
		found_by_epoch = false
	}
}

proctype realm(byte me)
{
	byte taken, commit, first, second, seen, epoch, epoch_seen, revoked, gone;
	bool mended;
	do
	:: !over && taken < MESSAGES ->
		hear();
		if
		:: !over -> pop()
		:: !over -> park()
		:: over
		fi
	:: over || taken == MESSAGES -> break
	od;
	over = true
}

/* Another thread of the realm looks at the region, as often as it likes. */
proctype other(byte me)
{
	byte commit;
	bool mended;
	do
	:: !over ->
		/* librealm/ring/ring.h realm_consumer_ready: uint32_t commit = realm_load_acquire((const uint32_t *)(const void *)line); */
		read(COMMIT, commit);
		commit = 0
	:: break
	od
}

init
{
	atomic {
		run store_buffer(PEER);
		run store_buffer(REALM);
		run store_buffer(OTHER);
		run store_buffer(BROKER);
		run peer(PEER);
		run realm(REALM);
		run other(OTHER);
		if
		:: run broker(BROKER)
		:: true
		fi
	}
}

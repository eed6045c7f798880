/*
 * Notifications: docs/design/ring.md, N1 and N2, and librealm/ring/bits.h.
 *
 * A client tells NEWS things, one after the other, each by storing it and setting one and the same bit; a server
 * takes the bit whenever it finds it, looks at what there is, and sleeps on the bell when there is none. Shown:
 * the server sees the last of the news, whichever bits were set already when they were set again; that is, it
 * never sleeps for ever (which would be an invalid end state) before it has.
 *
 * Each transition is preceded by the statement that it models; quotes.sh compares. -DNO_… leaves out one: each
 * must be found.
 */
#ifndef NEWS
#define NEWS 4
#endif

#define TOLD   0 /* the news: memory of whoever uses notifications */
#define BITS   1
#define TAKEN  2
#define BELL   3
#define PARKED 4
#define WORDS  5

#define THREADS 2
#include "tso.pml"

bool asleep;

proctype client(byte me)
{
	byte number, toggled, taken, bell, sleeper;
	do
	:: number < NEWS ->
		number++;
		/* the caller: tells something */
		store_relaxed(TOLD, number);
#ifndef NO_FENCE_RAISE
		/* librealm/ring/bits.h realm_bits_raise: realm_fence_full(); */
		fence;
#endif
		/* librealm/ring/bits.h realm_bits_raise: uint64_t fresh = bits & ~(*toggled ^ realm_load_relaxed64(&peer->bits_taken)); */
		taken = load(TAKEN);
		if
		:: taken == toggled ->
			toggled = 1 - toggled;
			/* librealm/ring/bits.h realm_bits_raise: realm_store_release64(&own->bits, *toggled); */
			store_release(BITS, toggled);
			/* librealm/ring/ring.h realm_region_ring: realm_store_and_fence(&own->bell, realm_load_relaxed(&own->bell) + 1u); */
			bell = load(BELL); store_release(BELL, bell + 1);
#ifndef NO_FENCE_BELL
			/* librealm/ring/atomics.h realm_store_and_fence: (void)__atomic_exchange_n(word, value, __ATOMIC_SEQ_CST); */
			fence;
#endif
			/* librealm/ring/ring.h realm_region_ring: return realm_load_relaxed(&peer->parked) & (REALM_PARKED_FUTEX | REALM_PARKED_PIPE); */
			sleeper = load(PARKED);
			if
			:: sleeper != 0 ->
				/* librealm/client/link.c realm_link_wake: realm_os_wake(link->realm->os, &link->own->bell); */
				atomic { fence -> asleep = false }
			:: sleeper == 0
			fi
		:: taken != toggled /* set already */
		fi
	:: number == NEWS -> break
	od
}

inline look()
{
	/* librealm/ring/bits.h realm_bits_set: return realm_load_acquire64(&peer->bits) ^ taken; */
	bits = load(BITS);
	found = (bits != taken)
}

proctype server(byte me)
{
	byte taken, bits, news, seen;
	bool found;
	do
	:: news < NEWS ->
		look();
		if
		:: found ->
			taken = bits;
			/* librealm/ring/bits.h realm_bits_take: realm_store_release64(&own->bits_taken, *taken); */
			store_release(TAKEN, taken);
#ifndef NO_FENCE_TAKE
			/* librealm/ring/bits.h realm_bits_take: realm_fence_full(); */
			fence;
#endif
			/* the caller: looks at what there is */
			bits = load(TOLD);
			assert(bits >= news);
			news = bits
		:: !found
		:: !found ->
			/* librealm/ring/consumer.c realm_consumer_listen: realm_store_and_fence(&own->parked, space | (uint32_t)how); */
			store_release(PARKED, 1);
#ifndef NO_FENCE_PARK
			/* librealm/ring/atomics.h realm_store_and_fence: (void)__atomic_exchange_n(word, value, __ATOMIC_SEQ_CST); */
			fence;
#endif
			/* librealm/ring/consumer.c realm_consumer_listen: *ret_seen = realm_load_acquire(&consumer->peer->bell); */
			seen = load(BELL);
#ifndef NO_SECOND_LOOK
			/* librealm/client/sleep.c realm_sleep_park_link: if (!link->is_server || !realm_client_called(REALM_LIST_OF(link, struct realm_client, link))) */
			look();
#endif
			if
			:: found
			:: !found ->
				/* the kernel: IORING_OP_FUTEX_WAIT compares and goes to sleep as one step */
				atomic {
					if
					:: memory[BELL] != seen -> skip
					:: else -> asleep = true
					fi
				};
				!asleep
			fi;
			/* librealm/ring/consumer.c realm_consumer_unpark: realm_store_relaxed(&own->parked, realm_load_relaxed(&own->parked) & REALM_PARKED_SPACE); */
			store_relaxed(PARKED, 0)
		fi;
		found = false;
		bits = 0;
		seen = 0
	:: news == NEWS -> break
	od
}

init
{
	atomic {
		run store_buffer(0);
		run store_buffer(1);
		run client(0);
		run server(1)
	}
}

/*
 * Going to sleep, and waking: docs/design/ring.md, P1 to P5, C1 to C6, S1 to S3.
 *
 * One queue of two lines, entries of one line. The producer pushes MESSAGES messages, rings after each or after
 * several, and sleeps when there is no room; the consumer takes them and sleeps when there is none. Either may
 * as well look again, as often as it likes, before it sleeps.
 *
 * Shown: every message is taken, once, in order, whole; an honest peer is never accused; and nobody sleeps for
 * ever (which would be an invalid end state). The kernel promises two things: a futex wait compares and goes to
 * sleep as one step, and a wake is a fence. With -DPIPE the consumer waits for a hint instead and
 * nothing is compared. With -DMARKED the queue is not Normal, so the consumer looks at the marks.
 *
 * Each transition is preceded by the statement that it models: file, function, statement. quotes.sh compares.
 * -DNO_… and -DEARLY_… leave out or misplace one of them: each must be found.
 */
#ifndef MESSAGES
#define MESSAGES 4
#endif
#define LINES 2

#define COMMIT        0 /* LINES words */
#define PAYLOAD       2 /* LINES words */
#define HEAD          4
#define MARKS         5
#define BELL          6
#define CONSUMER      7 /* parked of the consumer's region: 1 if it sleeps */
#define PRODUCER      8 /* parked of the producer's region: 1 if it sleeps for room */
#define TAIL_LINES    9
#define TAIL_MESSAGES 10
#define WORDS         11

#define THREADS 2
#include "tso.pml"

bool consumer_asleep, producer_asleep, hint;

/* The kernel's futex wait: compares and goes to sleep as one step. */
inline wait(w, seen, asleep)
{
	/* the kernel: FUTEX_WAIT, or IORING_OP_FUTEX_WAIT */
	atomic {
		if
		:: memory[w] != seen -> skip
		:: else -> asleep = true
		fi
	};
	!asleep
}

/*
 * The kernel's wake. It is a full fence before it looks for sleepers (kernel/futex/waitwake.c, barrier B): so
 * what was stored before the call is seen by whoever it wakes, or keeps who has not gone to sleep yet awake.
 * The look for room without a fence (give_room) needs that.
 */
inline wake(asleep)
{
#ifndef NO_FENCE_WAKE
	/* the kernel: FUTEX_WAKE */
	fence;
#endif
	/* the kernel: FUTEX_WAKE */
	asleep = false
}

/* --- the producer --- */

inline ring()
{
	/* librealm/ring/ring.h realm_region_ring: realm_store_and_fence(&own->bell, realm_load_relaxed(&own->bell) + 1u); */
	bell = load(BELL); store_release(BELL, bell + 1);
#ifndef NO_FENCE_BELL
	/* librealm/ring/atomics.h realm_store_and_fence: (void)__atomic_exchange_n(word, value, __ATOMIC_SEQ_CST); */
	fence;
#endif
	/* librealm/ring/ring.h realm_region_ring: return realm_load_relaxed(&peer->parked) & (REALM_PARKED_FUTEX | REALM_PARKED_PIPE); */
	sleeper = load(CONSUMER);
	if
	:: sleeper != 0 ->
#ifdef PIPE
		/* librealm/client/link.c realm_link_wake: realm_os_hint(link->realm->os, link->hint, link->peer_slot); */
		hint = true
#else
		/* librealm/client/link.c realm_link_wake: realm_os_wake(link->realm->os, &link->own->bell); */
		wake(consumer_asleep)
#endif
	:: else
	fi;
	owed = false
}

#define FITS (position - seen_lines + 1 <= LINES)

inline refresh()
{
	/* librealm/ring/producer.c producer_refresh: uint32_t tail_lines = realm_load_acquire(&producer->peer->tail_lines[producer->queue]); */
	tail_lines = load(TAIL_LINES);
	/* librealm/ring/producer.c producer_refresh: uint32_t tail_messages = realm_load_relaxed(&producer->peer->tail_messages[producer->queue]); */
	tail_messages = load(TAIL_MESSAGES);
	/* librealm/ring/producer.c producer_refresh: if (waiting_lines > producer->position - producer->seen_lines || */
	assert(tail_lines >= seen_lines && tail_lines <= position);
	/* librealm/ring/producer.c producer_refresh: waiting_messages > producer->messages - producer->seen_messages || waiting_messages > waiting_lines) */
	assert(tail_messages >= tail_lines && tail_messages <= position);
	seen_lines = tail_lines
}

inline push()
{
#ifdef EARLY_COMMIT
	store_release(COMMIT + position % LINES, position + 1);
#endif
	/* librealm/ring/producer.c realm_producer_push: write_payload(producer, payload, message->size); */
	store_relaxed(PAYLOAD + position % LINES, position + 1);
#ifndef EARLY_COMMIT
#ifdef NO_RELEASE_COMMIT
	store_relaxed(COMMIT + position % LINES, position + 1);
#else
	/* librealm/ring/producer.c publish: realm_store_release64(&shared[0], words[0]); */
	store_release(COMMIT + position % LINES, position + 1);
#endif
#endif
	/* librealm/ring/producer.c publish: realm_store_release(&producer->own->head[producer->queue], commit); */
	store_release(HEAD, position + 1);
	position++;
#ifdef MARKED
	/* librealm/ring/producer.c store_mark: realm_store_release64(&own->marks, others | realm_marks_of(producer->queue, producer->messages)); */
	store_release(MARKS, position);
#endif
	owed = true
}

inline park_for_room()
{
	/* librealm/ring/producer.c realm_producer_park: realm_store_and_fence(&own->parked, realm_load_relaxed(&own->parked) | REALM_PARKED_SPACE); */
	store_release(PRODUCER, 1);
#ifndef NO_FENCE_ROOM
	/* librealm/ring/atomics.h realm_store_and_fence: (void)__atomic_exchange_n(word, value, __ATOMIC_SEQ_CST); */
	fence;
#endif
	/* librealm/ring/producer.c realm_producer_park: if (producer_refresh(producer) != 0 || producer_fits(producer, entry_lines((uint32_t)size))) { */
	refresh();
	if
#ifndef NO_LOOK_ROOM
	:: FITS
	:: !FITS ->
#else
	:: true ->
#endif
		/* librealm/client/call.c sleep_on: int error = realm_os_wait(realm->os, words, count + 1u, call->wait.deadline_ns); */
		wait(TAIL_LINES, seen_lines, producer_asleep)
	fi;
	/* librealm/ring/producer.c realm_producer_unpark: realm_store_relaxed(&own->parked, realm_load_relaxed(&own->parked) & ~(uint32_t)REALM_PARKED_SPACE); */
	store_relaxed(PRODUCER, 0)
}

proctype producer(byte me)
{
	byte position, seen_lines, tail_lines, tail_messages, bell, sleeper;
	bool owed;
	do
	:: position < MESSAGES && FITS ->
		push();
		if
		:: ring()
		:: true /* several, and one ring */
		fi
	:: position < MESSAGES && !FITS ->
		if
		:: owed -> ring()
		:: !owed
		fi;
		/* librealm/ring/producer.c producer_room: int error = producer_refresh(producer); */
		refresh();
		if
		:: true
		:: !FITS -> park_for_room()
		fi
	:: position == MESSAGES -> break
	od;
	if
	:: owed -> ring()
	:: !owed
	fi
}

/* --- the consumer --- */

/* What says that something is there: the line itself, or the marks. */
inline look()
{
#ifdef MARKED
	/* librealm/client/server.h realm_client_marked: uint64_t waiting = realm_load_acquire64(&link->peer->marks) ^ link->marks_taken; */
	found = (load(MARKS) != taken)
#else
	/* librealm/ring/ring.h realm_consumer_ready: uint32_t commit = realm_load_acquire((const uint32_t *)(const void *)line); */
	found = (load(COMMIT + taken % LINES) == taken + 1)
#endif
}

inline pop()
{
	/* librealm/ring/consumer.c examine: words[0] = realm_load_acquire64(&shared[0]); */
	commit = load(COMMIT + taken % LINES);
	/* librealm/ring/consumer.c examine: ret_entry->commit != consumer->position + count) */
	assert(commit == taken + 1);
#ifdef EARLY_TAIL
	store_relaxed(TAIL_MESSAGES, taken + 1);
	store_release(TAIL_LINES, taken + 1);
#endif
	/* librealm/ring/consumer.c realm_consumer_pop: read_payload(consumer, payload, size); */
	payload = load(PAYLOAD + taken % LINES);
	assert(payload == taken + 1);
	taken++;
#ifndef EARLY_TAIL
	/* librealm/ring/consumer.c release: realm_store_relaxed(&consumer->own->tail_messages[consumer->queue], consumer->messages); */
	store_relaxed(TAIL_MESSAGES, taken);
#ifdef NO_RELEASE_TAIL
	store_relaxed(TAIL_LINES, taken);
#else
	/* librealm/ring/consumer.c release: realm_store_release(&consumer->own->tail_lines[consumer->queue], consumer->position); */
	store_release(TAIL_LINES, taken);
#endif
#endif
	/* librealm/client/request.c realm_request_popped: realm->owed = give_room(client) ? NULL : client; */
	owed = true;
	/* librealm/client/request.c give_room: if (__builtin_expect((realm_load_relaxed(&peer->parked) & REALM_PARKED_SPACE) == 0, 1)) */
	wanted = load(PRODUCER);
	wake_producer()
}

inline wake_producer()
{
	if
	:: wanted != 0 ->
		/* librealm/client/request.c give_room: realm_os_wake(client->link.realm->os, &client->link.own->tail_lines[client->popped->queue]); */
		wake(producer_asleep);
		owed = false
	:: wanted == 0
	fi
}

/* The look behind a fence may be put off, but not beyond the next sleep. */
inline settle()
{
#ifndef NO_FENCE_TAIL
	/* librealm/ring/consumer.c realm_consumer_space_wanted: realm_fence_full(); */
	fence;
#endif
	/* librealm/ring/consumer.c realm_consumer_space_wanted: return (realm_load_relaxed(&consumer->peer->parked) & REALM_PARKED_SPACE) != 0; */
	wanted = load(PRODUCER);
	/* librealm/client/request.c realm_request_settle: realm_os_wake(realm->os, &client->link.own->tail_lines[client->popped->queue]); */
	wake_producer();
	/* librealm/client/request.c realm_request_settle: realm->owed = NULL; */
	owed = false
}

inline park()
{
#ifdef EARLY_LOOK
	look();
	if
	:: !found ->
#endif
	/* librealm/ring/consumer.c realm_consumer_listen: realm_store_and_fence(&own->parked, space | (uint32_t)how); */
	store_release(CONSUMER, 1);
#ifndef NO_FENCE_PARK
	/* librealm/ring/atomics.h realm_store_and_fence: (void)__atomic_exchange_n(word, value, __ATOMIC_SEQ_CST); */
	fence;
#endif
#ifdef EARLY_SECOND_LOOK
	look();
#endif
	/* librealm/ring/consumer.c realm_consumer_listen: *ret_seen = realm_load_acquire(&consumer->peer->bell); */
	seen = load(BELL);
#if !defined(NO_SECOND_LOOK) && !defined(EARLY_LOOK) && !defined(EARLY_SECOND_LOOK)
	/* librealm/ring/consumer.c realm_consumer_park: if (realm_consumer_ready(consumer) || consumer_lost(consumer)) { */
	look();
#endif
	if
	:: found
	:: !found ->
#ifdef PIPE
		/* librealm/os/linux/waiter_pipe.c realm_waiter_pipe_wait: int ready = ppoll(fds, 2, deadline_ns == REALM_FOREVER ? NULL : &remaining, NULL); */
		atomic { hint -> hint = false }
#else
		/* librealm/client/call.c sleep_on: int error = realm_os_wait(realm->os, words, count + 1u, call->wait.deadline_ns); */
		wait(BELL, seen, consumer_asleep)
#endif
	fi;
	/* librealm/ring/consumer.c realm_consumer_unpark: realm_store_relaxed(&own->parked, realm_load_relaxed(&own->parked) & REALM_PARKED_SPACE); */
	store_relaxed(CONSUMER, 0)
#ifdef EARLY_LOOK
	:: found
	fi
#endif
}

proctype consumer(byte me)
{
	byte taken, commit, payload, seen, wanted;
	bool found, owed;
	do
	:: taken < MESSAGES ->
		look();
		if
		:: found -> pop()
		:: !found
#ifdef NO_SETTLE
		:: !found -> park()
#else
		:: !found && !owed -> park()
		:: owed ->
			/* librealm/client/loop.c realm_loop_next: realm_request_settle(realm); */
			settle()
#endif
		fi;
		found = false
	:: taken == MESSAGES -> break /* the producer has no more, so it waits for no room */
	od
}

init
{
	atomic {
		run store_buffer(0);
		run store_buffer(1);
		run producer(0);
		run consumer(1)
	}
}

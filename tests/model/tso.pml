/*
 * Memory as processors with store buffers see it.
 *
 * SPIN executes one statement after the other, in one order for all: a store is seen by everybody at once, and
 * a fence does nothing. No real machine is like that. Here each thread has a buffer of stores that are its own
 * until a step of the buffer carries the oldest into memory; a load finds the thread's own latest store, else
 * memory. That is x86-TSO. With -DWEAK a store that is no release may overtake older stores to other words,
 * as on aarch64. Loads are done in the order of the program in both: acquire is what keeps them there.
 *
 * A fence waits until the buffer is empty. The rule of the models: nothing else waits for that, not even a
 * system call, unless the model says so beside the call.
 *
 * A model defines WORDS and THREADS before it includes this; in each process `me` is the thread's number.
 */
#define BUFFER 4

typedef processor {
	byte count;
	byte word[BUFFER];
	byte value[BUFFER];
	bool release[BUFFER]
}

byte memory[WORDS];
processor processors[THREADS];

#define HOLDS(i, w) (processors[me].count > i && processors[me].word[i] == (w))

#define load(w) \
	(HOLDS(3, w) -> processors[me].value[3] : \
	(HOLDS(2, w) -> processors[me].value[2] : \
	(HOLDS(1, w) -> processors[me].value[1] : \
	(HOLDS(0, w) -> processors[me].value[0] : memory[w]))))

inline buffer_store(ADDRESS, VALUE, ORDER)
{
	atomic {
		processors[me].count < BUFFER ->
		processors[me].word[processors[me].count] = ADDRESS;
		processors[me].value[processors[me].count] = VALUE;
		processors[me].release[processors[me].count] = ORDER;
		processors[me].count++
	}
}

#define store_relaxed(w, v) buffer_store(w, v, false)
#define store_release(w, v) buffer_store(w, v, true)

/* As an expression: true when nothing is held back. */
#define fence (processors[me].count == 0)

/* An atomic read-modify-write, sequentially consistent. */
#define exchange(w, v) atomic { fence -> memory[w] = v }

#define MOVE(to, from) \
	processors[me].word[to] = processors[me].word[from]; \
	processors[me].value[to] = processors[me].value[from]; \
	processors[me].release[to] = processors[me].release[from]

/* The entry at PLACE goes to memory; what is behind it moves up, and the free place is cleared, so that states that
 * are the same look the same. */
inline drain(PLACE)
{
	d_step {
		memory[processors[me].word[PLACE]] = processors[me].value[PLACE];
		if
		:: PLACE <= 0 -> MOVE(0, 1)
		:: else
		fi;
		if
		:: PLACE <= 1 -> MOVE(1, 2)
		:: else
		fi;
		if
		:: PLACE <= 2 -> MOVE(2, 3)
		:: else
		fi;
		processors[me].word[3] = 0;
		processors[me].value[3] = 0;
		processors[me].release[3] = false;
		processors[me].count--
	}
}

#define OVERTAKES(i, j) (processors[me].word[i] != processors[me].word[j])
#define WAITS(i)        (processors[me].count > i)
#define ORDERED(i)      (processors[me].release[i])

proctype store_buffer(byte me)
{
end:
	do
	:: atomic { WAITS(0) -> drain(0) }
#ifdef WEAK
	:: atomic { WAITS(1) && !ORDERED(1) && OVERTAKES(1, 0) -> drain(1) }
	:: atomic { WAITS(2) && !ORDERED(2) && OVERTAKES(2, 0) && OVERTAKES(2, 1) -> drain(2) }
	:: atomic { WAITS(3) && !ORDERED(3) && OVERTAKES(3, 0) && OVERTAKES(3, 1) && OVERTAKES(3, 2) -> drain(3) }
#endif
	od
}

/*
 * What the measuring realms and the answering one have agreed on. Each file bench/realms/bench_*.c is a realm
 * program of its own, linked with librealm and bench/measure; scenarios are written by bench/harness.
 */
#ifndef BENCH_REALMS_BENCH_H
#define BENCH_REALMS_BENCH_H

#include <realm/realm.h>

#include "bench/measure/gate.h"

#define BENCH_SERVICE  "bench"
#define BENCH_DEADLINE (60 * REALM_SEC) /* only a hang reaches it */

/* What may be asked of the answering realm. A status that is not 0 says that a payload was wrong. */
enum bench_op {
    BENCH_BEGIN = 1, /* u32 size → nothing; from now on messages of this size, numbered from 1 */
    BENCH_NEXT = 2,  /* the next request → the reply that was ready */
    BENCH_ECHO = 3,  /* any request of a payload → the reply that belongs to it; for many clients at once */
    BENCH_FLOOR = 4, /* u32 kind, size, count, batch → nothing; then it answers that floor */
    BENCH_COUNT = 5, /* one way: the next message */
    BENCH_SYNC = 6,  /* nothing → value: how many messages have come since BENCH_BEGIN */
    BENCH_HOLD = 7,  /* anything → no answer, ever */
};

/* Does what the control socket still asks for, so that the realm can stay away from its event loop: a realm
 * that does not take its regions is ended after 2 s. */
void bench_settle(struct realm *realm);

/* One echo of so many bytes, checked. Return: 0; as realm_call; REALM_E_PEER_FAULT: the answer was wrong. */
int bench_echo(struct realm_channel *channel, size_t size);

/* A whole station: opens the realm and does what is ordered at its gate, until it is told to end. obey fills
 * in the first figures. Return: the program's status. */
int bench_station(void (*obey)(struct realm *realm, struct gate *gate, const struct gate_order *order));

/* The gate that the scenario hands over as the file "gate"; NULL: there is none, and said. */
struct gate *bench_gate(struct realm *realm);

#endif

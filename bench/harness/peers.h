/*
 * Peers: other ways to send 64 bytes there and back, measured by programs of their own (bench/peers), outside
 * of any box, since the box forbids what most of them need.
 */
#ifndef BENCH_HARNESS_PEERS_H
#define BENCH_HARNESS_PEERS_H

#include "bench/harness/rounds.h"

#define PEERS_MAX 14u

struct peer_kind {
    const char *name;     /* of the row, and of its program: bench_peer_<name> */
    const char *packages; /* what it needs */
    const char *wait;     /* as the rows call it */
    double times;         /* how many times faster than it a call is to be, on two processors; 0: no goal */
    bool polls;           /* busy: makes no sense on one processor */
    bool quick;           /* part of --quick */
};

extern const struct peer_kind peer_table[];
extern const size_t peer_count;

struct peer;

/* Whether its program was built: it is, if its library was there. */
bool peer_installed(const struct bench *bench, const struct peer_kind *kind);

/* Starts it, and waits until both its sides stand ready. Return: 0; 1: failed, and said. */
int peer_start(struct bench *bench, const struct peer_kind *kind, bool same_core, struct peer **ret_peer);
void peer_end(struct peer *peer); /* NULL is a no-op */

const struct peer_kind *peer_kind_of(const struct peer *peer);

/* Fills in what of a participant is the peer's. */
void peer_take_part(struct peer *peer, struct participant *participant);

#endif

/*
 * What the services of the Lona system (sim/scenarios/lona.yaml) and their clients agree on: operation
 * numbers, what travels with each, and the verdicts. Values are packed as <realm/pack.h> says.
 */
#ifndef SIM_SERVICES_LONA_H
#define SIM_SERVICES_LONA_H

#include <realm/types.h>

/* A service's verdict: the status of its reply. */
enum lona_status {
    LONA_OK = 0,
    LONA_MORE = 1,        /* a page of a longer answer: ask again from where it says */
    LONA_BAD_REQUEST = 2, /* the request is not laid out as this file says */
    LONA_UNKNOWN_OP = 3,
    LONA_NOT_FOUND = 4,
    LONA_FULL = 5,       /* the service's own limit is reached */
    LONA_SUPERSEDED = 6, /* a later request of the same client took this one's place */
};

/* "database": lines of text, numbered from 0 in the order in which they came. */
enum database_op {
    DATABASE_PUT = 1,   /* the bytes of one line, without a newline → value: its number */
    DATABASE_GET = 2,   /* u64 number → the bytes of the line */
    DATABASE_COUNT = 3, /* nothing → value: how many lines there are */
    DATABASE_QUERY = 4, /* u64 first, bytes word → one u64 for each line that contains the word, beginning
                           at line `first`; LONA_MORE: value is the line to ask from next */
};

/* The most matches that fit into one reply. */
#define DATABASE_PAGE (REALM_PAYLOAD_MAX / sizeof(uint64_t))

/* "logger": lines for its log. */
enum logger_op {
    LOGGER_LINE = 1,  /* one-way: the bytes of a line, printable ASCII */
    LOGGER_COUNT = 2, /* nothing → value: how many lines it has taken, from everybody */
};

/* "network": a loopback; what is sent to it comes back, or to whoever waits. */
enum network_op {
    NETWORK_ECHO = 1,   /* bytes → the same bytes */
    NETWORK_WAIT = 2,   /* nothing → the bytes of the next packet, when one comes */
    NETWORK_PACKET = 3, /* a packet's bytes, one-way or as a call → value: how many waited for it */
};

#endif

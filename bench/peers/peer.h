/*
 * What every peer's program consists of: a file bench_peer_<name>.c with its struct peer_way, and this
 * frame around it (peer.c). The frame forks the answering side, keeps both on their processors, and makes
 * round trips when the gate orders them. Both sides write and check every payload.
 */
#ifndef BENCH_PEERS_PEER_H
#define BENCH_PEERS_PEER_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct peer_way {
    /* Before the fork: descriptors that both sides share. NULL: nothing to do. All return 0, or 1: it failed,
     * which is said on standard error. */
    int (*prepare)(void);
    /* After it, once each. The answering side opens first; the asking side may have to try again. */
    int (*open_server)(void);
    int (*open_client)(void);
    /* One message each way, of size bytes. */
    int (*ask)(const void *request, void *reply, size_t size); /* send one, wait for the other */
    int (*receive)(void *request, size_t size);
    int (*reply)(const void *reply, size_t size);
    /* When a side leaves. NULL: nothing to do. */
    void (*close)(void);
    /* When all is over, in the process that did prepare: what the peer's library leaves behind. NULL:
     * nothing. */
    void (*tidy)(void);
};

/* To be called by main with its arguments: CPU of the answering side, CPU of the asking side. The gate is
 * descriptor 3. Returns the exit status. */
int peer_main(int argc, char **argv, const struct peer_way *way);

/* Says on standard error what failed, with errno's text. Return: 1. */
int peer_failed(const char *what);

/* Whether the order to leave has come: for ways that poll, so that they get to close. */
int peer_over(void);

/* A name for a socket or segment that no other run uses: this process family's number. */
pid_t peer_family(void);

/* Starts a daemon that the peer needs, which dies with this process. Its CPU time counts. Return: its pid;
 * -1. */
pid_t peer_daemon(const char *const *words);

#endif

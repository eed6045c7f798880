/*
 * Carrying a system's events to standard output, and requests to end to the launcher.
 */
#ifndef TOOLS_STREAM_H
#define TOOLS_STREAM_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct stream_options {
    bool json;       /* events as they come; else for people */
    bool quiet;      /* only what went wrong */
    uint64_t for_ns; /* 0: until the system ends by itself */
};

struct stream;

/*
 * Makes one, and from now on takes SIGINT, SIGTERM and SIGHUP of this process; SIGPIPE is ignored.
 * Return: 0; -errno.
 */
int stream_new(const struct stream_options *options, struct stream **ret_stream);
void stream_free(struct stream *stream); /* NULL is a no-op */

/*
 * Stays until the launcher (a child) has ended and all events are printed. events, the read end of their
 * pipe, is taken over. The first signal, the end of the time, or an output that nobody reads any more ask
 * the system to end; a second signal kills it.
 * Returns the exit status.
 */
int stream_run(struct stream *stream, int events, pid_t launcher);

#endif

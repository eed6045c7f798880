/*
 * What realms print: the broker reads the pipes of their stdout and stderr, cuts it into lines (at most
 * 1 KiB each, bytes that are not UTF-8 replaced), and keeps the last 1 MiB of lines of all realms together
 * and of each realm what its limit says. A realm that prints without end costs the broker a bounded share of
 * its time.
 */
#ifndef MM_BROKER_LOGS_H
#define MM_BROKER_LOGS_H

#include <stddef.h>
#include <stdint.h>

#include "mm/broker/events.h"
#include "mm/broker/poll.h"

#define LOGS_REALM_BYTES (32u * 1024u) /* kept of a realm, if nobody says otherwise */

struct logs;

struct logs_line {
    uint64_t t_ns;
    uint64_t number;    /* counts up, over all realms */
    const char *realm;  /* name */
    const char *stream; /* "out", "err", or "mm" for what the broker itself says of the realm */
    const char *text;   /* UTF-8, no newline */
};

int logs_new(struct poll *poll, struct events *events, struct logs **ret_logs);
void logs_free(struct logs *logs);

/* Takes over the read end of a pipe, until its end, and keeps at most so much of that realm from now on. name
 * is copied. Return: 0; -errno (fd is closed). */
int logs_take_fd(struct logs *logs, const char *realm, const char *stream, int fd, uint32_t keep_bytes);
/* Takes what a realm has printed so far, within its share: so that its last words come before its end. */
void logs_drain(struct logs *logs, const char *realm);
/* One line of the broker's own. */
void logs_say(struct logs *logs, const char *realm, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Called for each new line, after it is stored; one watcher (the admin socket). */
void logs_watch(struct logs *logs, void (*line)(void *context, const struct logs_line *line), void *context);
/* Steps through the kept lines, oldest first; realm NULL: all. *cursor starts at 0; NULL at the end. */
const struct logs_line *logs_next(const struct logs *logs, const char *realm, uint64_t *cursor);

#endif

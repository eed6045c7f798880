/*
 * The event stream: one JSON object a line, written without waiting. What does not fit while its reader
 * is slow is dropped, counted, and reported as {"event":"dropped","count":n} once there is room.
 */
#ifndef MM_BROKER_EVENTS_H
#define MM_BROKER_EVENTS_H

#include "mm/broker/poll.h"

struct events;

/* fd: write end of a pipe, made non-blocking here; -1: events go nowhere. Borrowed. Return: 0; -errno. */
int events_new(struct poll *poll, int fd, struct events **ret_events);
void events_free(struct events *events); /* writes what fits; NULL is a no-op */

/*
 * Adds {"event":event,"t_ns":…} and the members that a jansson json_pack format (an object, such as
 * "{s:s, s:i}", or NULL for none) describes. Text that is not UTF-8 must have been made so by the caller.
 */
void events_emit(struct events *events, const char *event, const char *format, ...);

/* Nanoseconds since the broker started: the t_ns of events and logs. */
uint64_t events_now_ns(const struct events *events);

#endif

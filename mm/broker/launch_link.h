/*
 * The broker's link to the launcher: what it asks for, and what it hears back.
 */
#ifndef MM_BROKER_LAUNCH_LINK_H
#define MM_BROKER_LAUNCH_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct broker;
struct broker_args;
struct broker_realm;
struct launch_link;

/* What a region is for. */
enum launch_purpose { LAUNCH_FOR_POOL, LAUNCH_FOR_PAGE, LAUNCH_FOR_MEMORY };

/* fd is borrowed. Return: 0; -errno. */
int launch_new(struct broker *broker, int fd, struct launch_link **ret_link);
void launch_free(struct launch_link *link); /* NULL is a no-op */

/* Starts the incarnation realm->id, with these arguments after the declaration's. Answered by
 * lifecycle_started or lifecycle_not_started. Return: 0; REALM_E_LIMIT: too much waits for the launcher;
 * -ENOMEM. */
int launch_spawn(struct broker_realm *realm, const struct broker_args *args);

/* Answered by pool_made or lifecycle_page_made. Return: as launch_spawn. */
int launch_regions(struct broker_realm *realm, enum launch_purpose purpose, uint32_t count, uint32_t bytes);

/* Asks for what it says about parts of so many bytes, with a descriptor of each unless it is to be made; they
 * must stay open until the answer has come, to memory_opened. Return: as launch_spawn; a renewal is never
 * LIMIT, so its caller keeps to one of a part at a time. */
struct launch_memory;
int launch_memory(struct broker *broker, const struct launch_memory *ask, const int *fds, unsigned count,
                  uint32_t bytes);

/* Moves the limit of private memory of the present incarnation. Answered by bounds_moved, if it still runs.
 * Return: as launch_spawn. */
int launch_limit(struct broker_realm *realm, uint64_t private_bytes);

/* Kills the process of the present incarnation. Cannot fail: it needs no memory. */
void launch_kill(struct broker_realm *realm);

/* The system ends: kill all, then exit. Cannot fail. */
void launch_stop(struct broker *broker);

/* Nothing waits to be sent. */
bool launch_flushed(const struct launch_link *link);

size_t launch_queued(const struct launch_link *link);  /* packets that wait to be sent */
size_t launch_pending(const struct launch_link *link); /* requests that wait for an answer */

#endif

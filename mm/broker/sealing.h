/*
 * SEAL: memory that nobody writes any more.
 */
#ifndef MM_BROKER_SEALING_H
#define MM_BROKER_SEALING_H

struct broker_memory;
struct broker_realm;
struct launch_memory;
struct realm_control_cookie;

void sealing_request(struct broker_realm *realm, const struct realm_control_cookie *request);
/* The realm has ended, and with it what it asked for. */
void sealing_drop(struct broker_realm *realm);

/* Of the memory: parts were made or could not be. */
void sealing_go_on(struct broker_memory *memory);
/* The answer to what was asked for a realm that seals. fds: as memory_opened. */
void sealing_opened(const struct launch_memory *asked, const int *fds);

#endif

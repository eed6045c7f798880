/*
 * The admin socket: the command line's side of the broker. One JSON object a line in, one out
 * (docs/design/overview.md has the table). Its peers are the user's own programs, yet nothing they send may
 * crash or stall the broker: lines, answers and connections are bounded, and nothing here waits.
 */
#ifndef MM_BROKER_ADMIN_H
#define MM_BROKER_ADMIN_H

struct admin;
struct broker;

/* listener: a listening unix stream socket, borrowed. Return: 0; -errno. */
int admin_new(struct broker *broker, int listener, struct admin **ret_admin);
void admin_free(struct admin *admin); /* NULL is a no-op */

#endif

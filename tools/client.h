/*
 * The command line's side of the admin socket (docs/design/overview.md): one JSON object a line there and
 * back.
 */
#ifndef TOOLS_CLIENT_H
#define TOOLS_CLIENT_H

#include <jansson.h>
#include <stdbool.h>

#include "tools/arguments.h"

struct client;

/*
 * Connects to the running system that the arguments name. That none is running, and how to start one, is
 * said on standard error. Return: EXIT_FINE; EXIT_FAILED; EXIT_USAGE.
 */
int client_open(const struct arguments *arguments, struct client **ret_client);
void client_close(struct client *client); /* NULL is a no-op */

/* Sends a request, which it takes over; NULL is out of memory. Return: as client_open. */
int client_send(struct client *client, json_t *request);

/*
 * The next line, an object, the caller's. wait: as long as it takes; else 10 s.
 * Return: as client_open; EXIT_FINE with *ret_line NULL: the system has ended.
 */
int client_receive(struct client *client, bool wait, json_t **ret_line);

/*
 * Opens, asks (taking over request), and closes. An error that the system answers is printed with its fix.
 * Return: EXIT_FINE: *ret_result is the caller's; EXIT_FAILED; EXIT_USAGE.
 */
int client_ask(const struct arguments *arguments, json_t *request, json_t **ret_result);

/* The result of an answer, borrowed; or the error printed and NULL. */
json_t *client_result(const json_t *answer);

#endif

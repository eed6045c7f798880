/*
 * A connection to a system's admin socket (docs/design/overview.md). Asking and reading the answer are apart,
 * so that what a request sets off can be timed from the moment at which it was sent.
 */
#ifndef BENCH_HARNESS_ADMIN_H
#define BENCH_HARNESS_ADMIN_H

#include "bench/harness/system.h"

/* Return: 0; 1: failed, and said. *ret_fd is the caller's to close. */
int admin_open(struct bench *bench, const struct system *system, int *ret_fd);

/* Sends a request, one JSON object with its newline. Return: as admin_open. */
int admin_ask(struct bench *bench, int fd, const char *request);

/* Waits for the answer, and has it say that the request was done. Return: as admin_open. */
int admin_answered(struct bench *bench, int fd);

#endif

/*
 * A realm's resource limits, as the kernel keeps them.
 */
#ifndef MM_LAUNCHER_LIMITS_H
#define MM_LAUNCHER_LIMITS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

#include "mm/config/config.h"

/* In the child: takes the limits on. files_limit: RLIMIT_NOFILE as the user had it. own_namespace: it is
 * alone in its user namespace, and its threads can be counted. Return: 0; -errno. */
int limits_enter(const struct mm_limits *limits, const struct rlimit *files_limit, bool own_namespace);

/*
 * In the launcher: moves a realm's limit of private memory, as far as the hard one allows. *ret_bytes is
 * where it is then: RLIM_INFINITY in a program with a sanitizer, which has none. Return: 0; -errno.
 */
int limits_move(pid_t realm, uint64_t private_bytes, uint64_t *ret_bytes);

#endif

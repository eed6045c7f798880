/* Trying whether there is a cgroup that is ours to divide. */
#ifndef MM_SANDBOX_PROBE_CGROUP_H
#define MM_SANDBOX_PROBE_CGROUP_H

#include <stdbool.h>
#include <stddef.h>

#include "mm/sandbox/verdict.h"

struct sandbox_verdict sandbox_try_cgroup(void);

/* The folder of this process's cgroup of version 2. Return: whether there is one and its path fits. */
bool sandbox_cgroup_folder(char *ret_path, size_t capacity);

/* The folder of this process's cgroup of version 1 that counts processes, if cgroups can be made in it. */
bool sandbox_pids_folder(char *ret_path, size_t capacity);

#endif

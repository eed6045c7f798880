/*
 * What one realm process will get: its program, arguments, environment and descriptors, all made before the
 * fork, so that the child has nothing left to decide, to open or to allocate.
 */
#ifndef MM_LAUNCHER_PLAN_H
#define MM_LAUNCHER_PLAN_H

#include <stdint.h>

#include "librealm/proto/launch.h"
#include "mm/config/config.h"
#include "mm/launcher/box.h"
#include "mm/launcher/program.h"
#include "mm/launcher/ring.h"

#define PLAN_FILES_MAX 64u
#define PLAN_FDS_MAX   (4u + PLAN_FILES_MAX + 1u) /* 0 to 3, files, hint pipe */
#define PLAN_ENDS_MAX  4u

/* Where and why a start failed; the fields of struct realm_launch_failed. */
struct plan_failure {
    uint32_t stage; /* enum realm_launch_stage */
    int32_t error;  /* errno, positive */
    uint32_t detail;
};

struct plan {
    const struct mm_realm *realm; /* the configuration's */
    struct program program;       /* what is executed in the box; without one, both -1 */
    char **argv;                  /* its strings belong to the configuration, or to the fields below */
    char *environment[4];
    int fds[PLAN_FDS_MAX]; /* fds[n] becomes the realm's descriptor n */
    unsigned fds_count;
    int ends[PLAN_ENDS_MAX]; /* the broker's: control socket, stdout, stderr, write end of the hint pipe */
    unsigned ends_count;
    bool ring;                     /* it gets one, at descriptor fds_count … */
    char ring_text[RING_TEXT_MAX]; /* … and this variable: written by the child, the environment's last */
    char name[REALM_NAME_MAX + 1];
    char args[REALM_SPAWN_ARGS_BYTES];
};

/*
 * Makes the plan for a decoded request. In a box a provider gets a ring, if there are any; whoever has none
 * and can make none gets a hint pipe. Opening cannot wait for another process (a FIFO without its other end
 * is an error), and what is opened is no directory and no terminal.
 *
 * Return: 0; REALM_E_NOT_STARTED: *ret_failure says why, nothing is left open. *ret_plan is the caller's.
 */
int plan_new(const struct mm_config *config, const struct box *box, const struct realm_launch_spawn *request,
             struct plan **ret_plan, struct plan_failure *ret_failure);

/* Closes what is still open in it (a descriptor that was taken out is -1). NULL is a no-op. */
void plan_free(struct plan *plan);

#endif

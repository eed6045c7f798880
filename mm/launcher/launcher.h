/*
 * The launcher: the only part of Realmkit that forks, opens files, makes memory and starts programs.
 *
 * It is the parent of the broker and of every realm. It does what the launch protocol lists and nothing
 * else (librealm/proto/launch.h), reports exits, and outlives the broker just long enough to end what is
 * left: after `orphan_grace_ns` it kills every realm. When it dies itself, the kernel kills all its
 * children (PR_SET_PDEATHSIG). It is single-threaded.
 */
#ifndef MM_LAUNCHER_H
#define MM_LAUNCHER_H

#include <stdint.h>
#include <sys/types.h>

#include "librealm/os/os.h"
#include "mm/config/config.h"

struct cgroup;

struct launcher_options {
    const struct mm_config *config;
    enum realm_waiter_kind waiter; /* AUTO, or what realms are told to use */
    unsigned parts; /* enum sandbox_part bits that the machine gives: what the box is made of */
    int landlock_abi;
    int weakened;                /* for the adversary suite: see struct sandbox_filter_options; -1: nothing */
    const struct cgroup *cgroup; /* of the system; NULL: none */
    uint64_t orphan_grace_ns;
    uint64_t loading_ns; /* that a program has from its exec until it is loaded; 0: LOADER_DEADLINE_NS */
    int events; /* write end of the event stream (one JSON object a line), for what the launcher itself says
                 */
    /* The broker's whole life; runs in a process of its own, returns its exit status. */
    int (*broker)(void *context, int launcher_socket);
    void *broker_context;
    const int *keep; /* descriptors that the broker needs and the launcher closes after the fork */
    unsigned keep_count;
};

/*
 * Becomes the launcher: forks the broker, serves it until the system has ended, kills and reaps every child.
 * The caller's process is a fresh child of the front end, and exits with what this returns.
 * Return: 0: the system ended as asked; 1: the broker died; -errno: it could not start.
 */
int launcher_run(const struct launcher_options *options);

#endif

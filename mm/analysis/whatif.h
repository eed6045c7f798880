/*
 * A system that does not run, to be asked what would be: a configuration loaded into a policy engine of its
 * own, in which events can be decided and applied. Neither input nor output, and no clock: memory only.
 */
#ifndef MM_ANALYSIS_WHATIF_H
#define MM_ANALYSIS_WHATIF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mm/config/config.h"
#include "mm/policy/policy.h"

#define WHATIF_INSTANCES_MAX 96u /* that are added by paths */

struct whatif {
    const struct mm_config *config; /* borrowed */
    struct policy *policy;
    struct policy_realm *realms; /* by the configuration's numbers */
    struct policy_service *services;
    struct {
        struct policy_realm parent, realm;
        const char *name; /* borrowed */
    } instances[WHATIF_INSTANCES_MAX];
    size_t instances_count;
};

/* Nothing runs in it yet. Return: 0; -ENOMEM; REALM_E_*: the configuration is not sound. */
int whatif_init(struct whatif *whatif, const struct mm_config *config);
/* The same system without quotas: what is never allowed there is not allowed with them. */
int whatif_init_unlimited(struct whatif *whatif, const struct mm_config *config);
void whatif_deinit(struct whatif *whatif); /* zeroed memory is fine */

/*
 * Decides an event and applies it if it is allowed. ret_capability may be NULL.
 * Return: 0: ret_decision says what was decided; -ENOMEM.
 */
int whatif_do(struct whatif *whatif, const struct policy_event *event, struct policy_decision *ret_decision,
              struct policy_capability *ret_capability);

/* A realm by the way to it from the top: declarations, and the names of instances. */
struct whatif_step {
    uint32_t declaration;
    const char *name; /* of an instance; NULL: the declaration itself */
};
struct whatif_path {
    struct whatif_step steps[POLICY_DEPTH_MAX];
    size_t count;
};

/* The way to a declaration. A template's is that of an instance with the template's own name. */
void whatif_path_of(const struct mm_config *config, uint32_t realm, struct whatif_path *ret_path);

/*
 * Finds the realm that a path leads to, adding instances that are not there yet, and starts all that do not
 * run on the way. Return: 0: *ret_decision is that of the first START that was refused, else of status 0;
 * -ENOMEM; REALM_E_*: the policy does not take such an instance.
 */
int whatif_start(struct whatif *whatif, const struct whatif_path *path, struct policy_realm *ret_realm,
                 struct policy_decision *ret_decision);

/* Lets the declared provider, or the realm at `path` (not NULL), register a service, if it may. Return: 0;
 * -ENOMEM. */
int whatif_register(struct whatif *whatif, uint32_t service, const struct whatif_path *path);

struct policy_name whatif_name(const char *text);

/* --- questions --- */

enum question_kind {
    QUESTION_CONNECT,
    QUESTION_REGISTER,
    QUESTION_GRANT,
    QUESTION_GATE,
    QUESTION_LOOK,
    QUESTION_START
};

struct question {
    enum question_kind kind;
    struct whatif_path actor;
    struct whatif_path subject;  /* GRANT, START: the child */
    struct whatif_path provider; /* who serves now; count 0: the declared provider */
    const char *service;         /* name or alias: CONNECT, REGISTER, GRANT */
    uint32_t rights;             /* CONNECT, GRANT: wanted; SEND is among them */
    uint32_t gate;
};

#define QUESTION_STEPS_MAX 64u

struct question_answer {
    struct policy_decision decision;
    bool started;     /* the actor and the subject could; else the decision is that of the START refused */
    uint32_t limited; /* rule QUOTA: the declaration whose limit it is, or MM_INIT */
    bool satisfied;   /* allowed, with all the rights that are wanted */
    size_t steps_count;
    struct policy_step steps[QUESTION_STEPS_MAX]; /* of a CONNECT: the first of steps_count */
};

/* Asks a configuration in which nothing but the realms concerned runs. Return: 0; -ENOMEM; REALM_E_*. */
int question_ask(const struct mm_config *config, const struct question *question,
                 struct question_answer *ret_answer);

#endif

/*
 * The broker: setting up, the loop, and giving everything back.
 *
 * A round of the loop runs what is due (packets, timers, the launcher's answers). Then, when no list is
 * being walked any more, come the things that a round only takes note of: waiting connects are tried again,
 * offenders are ended, instances that are over are forgotten, what the policy has let go of is cleared away,
 * and the end of the system is looked for.
 */
#include "mm/broker/broker.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/resource.h>

#include <jansson.h>

#include "mm/broker/authority.h"
#include "mm/broker/connect.h"
#include "mm/broker/cookies.h"
#include "mm/broker/diagnosis.h"
#include "mm/broker/ending.h"
#include "mm/broker/launch_link.h"
#include "mm/broker/lifecycle.h"
#include "mm/broker/memory.h"
#include "mm/broker/realms.h"
#include "mm/broker/restart.h"
#include "mm/broker/revoke.h"
#include "mm/broker/state.h"
#include "mm/sandbox/features.h"
#include "mm/sandbox/filter.h"

static void *resize(void *context, void *memory, size_t old_size, size_t new_size)
{
    (void)context;
    (void)old_size;
    if (new_size > 0)
        return realloc(memory, new_size);
    free(memory);
    return NULL;
}

static int make_policy(struct broker *broker)
{
    uint8_t key[16];
    if (getrandom(key, sizeof(key), 0) != sizeof(key))
        return -EIO;
    struct policy_memory memory = {.resize = resize};
    int error = policy_new(&memory, key, &broker->policy);
    return error ? error : realms_declare(broker);
}

/* Each realm costs a few descriptors and each channel two, four while it is made. */
static uint64_t raise_descriptor_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return UINT64_MAX;
    const rlim_t before = limit.rlim_cur;
    limit.rlim_cur = limit.rlim_max;
    return setrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_max : before;
}

static int set_up(struct broker *broker)
{
    int error = poll_new(&broker->poll);
    if (!error)
        error = events_new(broker->poll, broker->options.events, &broker->events);
    if (!error)
        error = logs_new(broker->poll, broker->events, &broker->logs);
    if (!error)
        error = cookies_new(&broker->cookies);
    if (!error)
        error = make_policy(broker);
    if (!error)
        error = launch_new(broker, broker->options.launcher, &broker->launch);
    if (!error && broker->options.admin_listener >= 0)
        error = admin_new(broker, broker->options.admin_listener, &broker->admin);
    return error;
}

static const char *waiter_name(enum realm_waiter_kind waiter)
{
    return waiter == REALM_WAITER_URING ? "uring" : waiter == REALM_WAITER_PIPE ? "pipe" : "auto";
}

/* What the box has to do without. */
static json_t *missing_parts(const struct broker *broker)
{
    json_t *missing = json_array();
    for (unsigned part = SANDBOX_USERNS; part <= SANDBOX_CGROUP; part <<= 1)
        if (!(broker->options.parts & part))
            json_array_append_new(missing, json_string(sandbox_part_name(part)));
    return missing;
}

/* In the order of the file, so that a scenario is read from top to bottom. */
static void boot(struct broker *broker)
{
    const struct mm_config *config = broker->config;
    json_t *missing = missing_parts(broker);
    events_emit(broker->events, "booted", "{s:s, s:I, s:s, s:s, s:O}", "system",
                config->system ? config->system : "", "realms", (json_int_t)config->realms_count, "waiter",
                waiter_name(broker->options.waiter), "cgroup",
                broker->options.cgroup ? broker->options.cgroup : "none", "missing", missing);
    json_decref(missing);
    for (size_t i = 0; i < config->realms_count; i++) {
        const struct mm_realm *declaration = &config->realms[i];
        if (!declaration->start || declaration->template || declaration->parent != MM_INIT)
            continue;
        if (lifecycle_start(broker->declared[i], policy_init_realm(broker->policy), NULL, NULL))
            logs_say(broker->logs, declaration->name, "cannot be started: too many at once");
    }
}

int broker_new(const struct broker_options *options, struct broker **ret_broker)
{
    struct broker *broker = calloc(1, sizeof(*broker));
    if (!broker)
        return -ENOMEM;
    broker->options = *options;
    broker->config = options->config;
    broker->next_id = 2; /* 0 is nobody, 1 is init */
    connect_init(broker);
    revoke_init(broker);
    authority_init(broker);
    ending_init(broker);
    broker->descriptors_max = raise_descriptor_limit();
    int error = set_up(broker);
    if (error) {
        broker_free(broker);
        return error;
    }
    boot(broker);
    *ret_broker = broker;
    return 0;
}

int broker_step(struct broker *broker, bool wait)
{
    int error = wait ? poll_once(broker->poll) : poll_peek(broker->poll);
    if (error)
        return error;
    do {
        connect_retry(broker);
        lifecycle_end_offenders(broker);
        authority_clear(broker);
    } while (broker->waits_changed || broker->offenders);
    realms_sweep(broker);
    ending_check(broker);
    return 0;
}

void broker_free(struct broker *broker)
{
    if (!broker)
        return;
    /* With every phase over, severing asks for no kills: the launcher ends what is left by itself. */
    for (struct broker_realm *realm = broker->realms; realm; realm = realm->next)
        realm->phase = BROKER_TERMINATED;
    for (struct broker_realm *realm = broker->realms; realm; realm = realm->next) {
        restart_cancel(realm);
        lifecycle_sever(realm);
    }
    admin_free(broker->admin);
    launch_free(broker->launch);
    memory_deinit(broker);
    realms_free_all(broker);
    revoke_deinit(broker);
    diagnosis_free(broker);
    cookies_free(broker->cookies);
    policy_free(broker->policy);
    logs_free(broker->logs);
    events_free(broker->events);
    poll_free(broker->poll);
    free(broker);
}

/* From here on nothing is opened, connected or started. jansson seeds its tables from a file: now. */
static int confine(void)
{
    json_object_seed(0);
    return sandbox_confine(SANDBOX_FILTER_BROKER);
}

int broker_run(const struct broker_options *options)
{
    struct broker *broker;
    int error = broker_new(options, &broker);
    if (error)
        return error;
    if ((options->parts & SANDBOX_SECCOMP) != 0)
        error = confine();
    while (!error && !broker->ended)
        error = broker_step(broker, true);
    int result = error ? error : broker->exit_code;
    broker_free(broker);
    return result;
}

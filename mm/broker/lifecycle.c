/*
 * The life of an incarnation.
 *
 *     start ─▶ STARTING ─▶ RUNNING ──────────────▶ ended ─▶ TERMINATED, or WAITING ─▶ start
 *                  └───────────┴──▶ ENDING (killed) ──┘
 *
 * Ending has two halves. Severing gives back what the incarnation owned in the broker and tells its peers;
 * it happens at the first sign of the end: its socket is closed, it is killed, or its exit is reported.
 * Ended is when the launcher has reaped the process, and only then may a new incarnation begin.
 *
 * The rule: severing is the one place where an incarnation's possessions are given back, so every way
 * to die gives back the same.
 */
#include "mm/broker/lifecycle.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <jansson.h>
#include <realm/error.h>

#include "librealm/core/assert.h"
#include "mm/config/stop_point.h"
#include "librealm/ring/ring.h"
#include "mm/broker/bounds.h"
#include "mm/broker/channels.h"
#include "mm/broker/connect.h"
#include "mm/broker/control.h"
#include "mm/broker/delivery.h"
#include "mm/broker/denials.h"
#include "mm/broker/holdings.h"
#include "mm/broker/launch_link.h"
#include "mm/broker/mapping.h"
#include "mm/broker/memory.h"
#include "mm/broker/page.h"
#include "mm/broker/penalty.h"
#include "mm/broker/pool.h"
#include "mm/broker/realms.h"
#include "mm/broker/registry.h"
#include "mm/broker/restart.h"
#include "mm/broker/revoke.h"
#include "mm/broker/sealing.h"
#include "mm/broker/state.h"

void lifecycle_init(struct broker_realm *realm)
{
    realm->hint_fd = realm->page_fd = -1;
    control_init(realm);
    delivery_init(realm);
    restart_init(realm);
    denials_init(realm);
}

/* --- beginning --- */

/* What is no question for the policy. */
static int may_start(struct broker_realm *realm)
{
    if (realms_active(realm) || realms_has_active_descendant(realm))
        return REALM_E_EXISTS;
    if (realm->broker->stopping)
        return REALM_E_NOT_STARTED;
    if (restart_allowed(realm, poll_now_ns()))
        return 0;
    bounds_starts_reached(realm);
    return REALM_E_NOT_STARTED;
}

/* Whether the policy lets the actor start it, now. */
static int decide_start(struct broker *broker, const struct policy_event *event,
                        struct policy_decision *ret_decision)
{
    int error = policy_reserve(broker->policy, event);
    if (error)
        return error;
    policy_decide(broker->policy, event, ret_decision);
    return ret_decision->status == REALM_E_STALE ? REALM_E_NOT_STARTED : ret_decision->status;
}

static void take_args(struct broker_realm *realm, const struct broker_args *args)
{
    free(realm->args.bytes);
    realm->args = *args;
}

int lifecycle_start(struct broker_realm *realm, struct policy_realm actor, const struct broker_args *args,
                    struct policy_decision *ret_refusal)
{
    struct broker *broker = realm->broker;
    struct policy_event event = {.kind = POLICY_START, .actor = actor, .subject = realm->policy};
    struct policy_decision decision = {0};
    int error = may_start(realm);
    if (!error)
        error = decide_start(broker, &event, &decision);
    if (ret_refusal)
        *ret_refusal = decision.status ? decision : (struct policy_decision){0};
    if (error)
        return error;

    const uint64_t last_id = realm->id;
    realm->id = broker->next_id;
    error = launch_spawn(realm, args ? args : &realm->args);
    if (error) {
        realm->id = last_id;
        return error;
    }
    broker->next_id++;
    realm->phase = BROKER_STARTING;
    policy_apply(broker->policy, &event, &decision, NULL);
    if (args)
        take_args(realm, args);
    restart_count(realm);
    MM_STOP_POINT("broker-spawn");
    realm->cause = BROKER_CAUSE_NONE;
    realm->pid = 0;
    realm->severed = realm->loaded = realm->hello = realm->welcomed = false;
    realm->failed = false;
    realm->waiter = 0;
    realm->second_packets = 0;
    realm->memory_bytes = realms_declaration(realm)->limits.memory_bytes;
    realm->limits_told = realm->quotas_told = 0;
    realm->memory_parts = 0;
    penalty_start(realm);
    realm->delivery.last_sequence = 0;
    memset(&realm->stats, 0, sizeof(realm->stats));
    realm->queried = false;
    realm->started_ns = poll_now_ns();
    broker->client_started = broker->client_started || !realms_declaration(realm)->provider;
    return 0;
}

static void tell_parent(struct broker_realm *realm, enum realm_state state, int wait_status)
{
    struct broker_realm *parent = realm->parent;
    if (!parent || !parent->hello || parent->severed)
        return;
    struct realm_control_child packet = {.child = realm->id, .state = state, .wait_status = wait_status};
    realm_control_header_init(&packet.header, REALM_CONTROL_CHILD, 0);
    if (realm_control_name_init(&packet.name, realm->name, strlen(realm->name)) == 0)
        delivery_send(parent, &packet, false);
}

static void answer_spawner(struct broker_realm *realm, int status)
{
    if (realm->spawner)
        delivery_reply(realm->spawner, realm->spawn_xid, status, status ? 0 : realm->id,
                       realm->spawn_decision);
    realm->spawner = NULL;
}

/* The children that start with their parent; an instance has none that do. */
static void start_children(struct broker_realm *parent)
{
    struct broker *broker = parent->broker;
    for (size_t i = 0; !parent->instance && i < broker->config->realms_count; i++) {
        const struct mm_realm *declaration = &broker->config->realms[i];
        if (!declaration->start || declaration->parent != parent->declaration)
            continue;
        if (lifecycle_start(broker->declared[i], policy_init_realm(broker->policy), NULL, NULL))
            logs_say(broker->logs, declaration->name, "cannot be started with its parent");
    }
}

void lifecycle_started(struct broker_realm *realm, const struct realm_launch_spawned *event, const int *fds)
{
    struct broker *broker = realm->broker;
    if (realm->phase != BROKER_STARTING) { /* killed meanwhile: the kill is on its way */
        for (unsigned i = 0; i < 3 + event->has_hint; i++)
            close(fds[i]);
        return;
    }
    realm->phase = BROKER_RUNNING;
    realm->pid = event->pid;
    realm->control.fd = fds[0];
    realm->hint_fd = event->has_hint ? fds[3] : -1;
    const uint32_t log_bytes = bounds_log_bytes(realm);
    if (logs_take_fd(broker->logs, realm->name, "out", fds[1], log_bytes) ||
        logs_take_fd(broker->logs, realm->name, "err", fds[2], log_bytes))
        logs_say(broker->logs, realm->name, "its output is lost: no memory");
    events_emit(broker->events, "started", "{s:s, s:I, s:i}", "realm", realm->name, "id",
                (json_int_t)realm->id, "pid", (int)realm->pid);
    MM_STOP_POINT("broker-started");
    answer_spawner(realm, 0);
    tell_parent(realm, REALM_STATE_RUNNING, 0);
    if (launch_regions(realm, LAUNCH_FOR_PAGE, 1, PAGE_BYTES))
        lifecycle_offend(realm, "needed more memory than there is");
    start_children(realm);
}

void lifecycle_loaded(struct broker_realm *realm)
{
    if (realm->phase != BROKER_RUNNING || realm->severed || realm->loaded)
        return;
    realm->loaded = true;
    MM_STOP_POINT("broker-loaded");
    if (poll_add(realm->broker->poll, &realm->control, EPOLLIN))
        lifecycle_offend(realm, "needed more memory than there is");
}

static void welcome(struct broker_realm *realm)
{
    if (!realm->hello || !realm->page || realm->welcomed)
        return;
    realm->welcomed = true;
    struct realm_control_welcome packet = {.realm = realm->id};
    realm_control_header_init(&packet.header, REALM_CONTROL_WELCOME, realm->hello_xid);
    int error = realm_control_name_init(&packet.name, realm->name, strlen(realm->name));
    realm_assert(error == 0); /* it was checked when the record was made */
    int fd = realm->page_fd;
    realm->page_fd = -1;
    delivery_send_laden(realm, &packet, &fd, 1, 1, 0);
    events_emit(realm->broker->events, "opened", "{s:s}", "realm", realm->name);
    pool_refill(realm);
}

void lifecycle_page_made(struct broker_realm *realm, int write_fd, int read_fd)
{
    int error = write_fd < 0 ? -1 : page_map(write_fd, &realm->page);
    if (write_fd >= 0)
        close(write_fd);
    if (error) {
        if (read_fd >= 0)
            close(read_fd);
        lifecycle_offend(realm, "needed more memory than there is");
        return;
    }
    realm->page_fd = read_fd;
    welcome(realm);
}

void lifecycle_hello(struct broker_realm *realm, uint64_t xid, uint32_t waiter)
{
    realm->hello = true;
    realm->hello_xid = xid;
    MM_STOP_POINT("broker-hello");
    realm->waiter = waiter;
    welcome(realm);
}

/* --- ending --- */

static void close_descriptor(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

static void give_back(struct broker_realm *realm)
{
    while (realm->channels)
        channels_close(realm->channels, REALM_E_PEER_DEAD, realm, CHANNELS_LAST_LOOK);
    holdings_drop(realm);
    mapping_drop(realm);
    sealing_drop(realm);
    revoke_ended(realm);
    connect_drop(realm);
    /* Last, when no packet of a peer's refers to anything of this realm's any more. */
    delivery_clear(realm);
    control_close(realm);
    pool_clear(realm);
    close_descriptor(&realm->hint_fd);
    close_descriptor(&realm->page_fd);
    page_unmap(realm->page);
    realm->page = NULL;
    free(realm->slots);
    realm->slots = NULL;
    realm->slots_words = 0;
}

static void end_in_policy(struct broker_realm *realm)
{
    struct policy_event event = {.kind = POLICY_END, .actor = realm->policy};
    struct policy_decision decision;
    policy_decide(realm->broker->policy, &event, &decision);
    realm_assert(decision.status == 0);
    policy_apply(realm->broker->policy, &event, &decision, NULL);
}

void lifecycle_sever(struct broker_realm *realm)
{
    if (realm->severed)
        return;
    realm->severed = true;
    MM_STOP_POINT("broker-sever");
    for (struct broker_holding *holding = realm->holdings; holding; holding = holding->next)
        memory_leave(holding, memory_survivor(holding));
    end_in_policy(realm);
    registry_withdraw_all(realm);
    give_back(realm);
    denials_flush(realm);
    for (struct broker_realm *other = realm->broker->realms; other; other = other->next)
        if (other->parent == realm)
            broker_kill(realm->broker, other, BROKER_CAUSE_PARENT);
}

void broker_kill(struct broker *broker, struct broker_realm *realm, enum broker_cause cause)
{
    if (realm->phase == BROKER_WAITING) {
        restart_cancel(realm);
        realm->phase = BROKER_TERMINATED;
        realm->failed = realm->failed && cause == BROKER_CAUSE_STOP; /* else somebody gave it up */
        broker->sweep_due = true;
    }
    if (realm->phase != BROKER_STARTING && realm->phase != BROKER_RUNNING)
        return;
    realm->phase = BROKER_ENDING;
    realm->cause = cause;
    lifecycle_sever(realm);
    launch_kill(realm);
}

/* The process is no more, or never was. */
static void ended(struct broker_realm *realm, bool failure)
{
    struct broker *broker = realm->broker;
    lifecycle_sever(realm);
    poll_timer_stop(broker->poll, &realm->leaving);
    answer_spawner(realm, REALM_E_NOT_STARTED);
    realm->kill_due = false;
    realm->phase = BROKER_TERMINATED;
    realm->failed = failure && !broker->stopping;
    broker->sweep_due = true;
    if (realm->failed)
        restart_consider(realm);
}

static void offend_now(struct broker_realm *realm, const char *what)
{
    events_emit(realm->broker->events, "offence", "{s:s, s:s}", "realm", realm->name, "what", what);
    logs_say(realm->broker->logs, realm->name, "ended: it %s", what);
    broker_kill(realm->broker, realm, BROKER_CAUSE_OFFENCE);
}

static void still_there(struct poll_timer *timer)
{
    offend_now(broker_container(timer, struct broker_realm, leaving),
               "closed its control socket and went on running");
}

void lifecycle_left(struct broker_realm *realm)
{
    lifecycle_sever(realm);
    realm->leaving.fire = still_there;
    poll_timer_start(realm->broker->poll, &realm->leaving, poll_now_ns() + BROKER_LEAVE_DEADLINE_NS);
}

static void describe_exit(struct broker_realm *realm, int wait_status)
{
    if (WIFEXITED(wait_status)) {
        snprintf(realm->exit, sizeof(realm->exit), "%d", WEXITSTATUS(wait_status));
        return;
    }
    const char *name = sigabbrev_np(WTERMSIG(wait_status));
    if (name)
        snprintf(realm->exit, sizeof(realm->exit), "SIG%s", name);
    else
        snprintf(realm->exit, sizeof(realm->exit), "signal %d", WTERMSIG(wait_status));
}

void lifecycle_exited(struct broker_realm *realm, int wait_status)
{
    if (!realms_active(realm))
        return;
    describe_exit(realm, wait_status);
    lifecycle_sever(realm);
    logs_drain(realm->broker->logs, realm->name);
    events_emit(realm->broker->events, "terminated", "{s:s, s:I, s:s}", "realm", realm->name, "id",
                (json_int_t)realm->id, "exit", realm->exit);
    tell_parent(realm, REALM_STATE_TERMINATED, wait_status);
    bool own = realm->cause == BROKER_CAUSE_NONE && wait_status != 0;
    ended(realm, own || realm->cause == BROKER_CAUSE_OFFENCE);
}

static const char *stage_name(uint32_t stage)
{
    static const char *const names[] = {[REALM_STAGE_RESOURCES] = "resources",
                                        [REALM_STAGE_FORK] = "fork",
                                        [REALM_STAGE_FILE] = "file",
                                        [REALM_STAGE_EXEC] = "exec",
                                        [REALM_STAGE_REGIONS] = "regions"};
    return stage < sizeof(names) / sizeof(names[0]) && names[stage] ? names[stage] : "?";
}

void lifecycle_not_started(struct broker_realm *realm, const struct realm_launch_failed *event)
{
    struct broker *broker = realm->broker;
    const struct mm_realm *declaration = realms_declaration(realm);
    if (realm->phase != BROKER_STARTING && realm->phase != BROKER_ENDING)
        return;
    const char *path = declaration->program;
    if (event->stage == REALM_STAGE_FILE && event->detail < declaration->files_count)
        path = declaration->files[event->detail].path;
    const char *error = strerrordesc_np(event->error);
    if (!error)
        error = "unknown error";
    logs_say(broker->logs, realm->name, "cannot be started: %s: %s", path, error);
    events_emit(broker->events, "start-failed", "{s:s, s:s, s:s, s:s}", "realm", realm->name, "stage",
                stage_name(event->stage), "error", error, "path", path);
    ended(realm, realm->cause == BROKER_CAUSE_NONE);
}

/* --- offences --- */

void lifecycle_offend(struct broker_realm *realm, const char *what)
{
    if (realm->offence || realm->severed)
        return;
    realm->offence = what;
    realm->next_offender = realm->broker->offenders;
    realm->broker->offenders = realm;
}

void lifecycle_end_offenders(struct broker *broker)
{
    while (broker->offenders) {
        struct broker_realm *realm = broker->offenders;
        const char *what = realm->offence;
        broker->offenders = realm->next_offender;
        realm->offence = NULL;
        offend_now(realm, what);
    }
}

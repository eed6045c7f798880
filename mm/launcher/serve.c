/*
 * The broker's requests are decoded into checked structs before anything happens (proto/launch.h). A packet
 * that does not decode means that the broker is not what it was: it is treated as dead. A request that is
 * well formed but cannot be met (a program that is not declared, an id that is in use) is answered FAILED.
 *
 * Order: for one realm the broker hears SPAWNED before EXITED, or FAILED and nothing else. A start is under
 * way until its report pipe says how it ended, so an exit that is reaped earlier settles it first.
 */
#include "mm/launcher/serve.h"

#include <assert.h>
#include <errno.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <realm/error.h>
#include <realm/types.h>

#include "mm/config/stop_point.h"
#include "mm/launcher/incoming.h"
#include "mm/launcher/limits.h"
#include "mm/launcher/memory.h"

#define START_DEADLINE_NS (UINT64_C(5) * REALM_SEC) /* from fork to exec */
#define ROUND_REQUESTS    64u

uint64_t serve_now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * REALM_SEC + (uint64_t)now.tv_nsec;
}

int serve_init(struct serve *serve, const struct mm_config *config, const struct box *box, int socket)
{
    *serve = (struct serve){.config = config, .box = box, .socket = socket};
    outgoing_init(&serve->outgoing);
    int error = children_init(&serve->children);
    if (error)
        return error;
    error = loaders_init(&serve->loaders);
    if (error)
        children_deinit(&serve->children);
    return error;
}

void serve_deinit(struct serve *serve)
{
    for (unsigned i = 0; i < serve->starting_count; i++)
        spawn_deinit(&serve->starting[i]);
    serve->starting_count = 0;
    outgoing_deinit(&serve->outgoing);
    loaders_deinit(&serve->loaders);
    children_deinit(&serve->children);
    close(serve->socket);
    serve->socket = -1;
}

void serve_mute(struct serve *serve)
{
    if (serve->muted)
        return;
    serve_flush(serve);
    serve->muted = true;
    outgoing_deinit(&serve->outgoing);
    (void)shutdown(serve->socket, SHUT_WR); /* fails only if the broker is gone already */
}

void serve_flush(struct serve *serve)
{
    serve->crowded = false;
    switch (outgoing_flush(&serve->outgoing, serve->socket)) {
    case REALM_E_LIMIT:
        serve->crowded = true;
        break;
    case REALM_E_MM_GONE:
        /* What the broker said before it went is still to be read; only our side is silent from now on. */
        serve->muted = true;
        outgoing_deinit(&serve->outgoing);
        break;
    default:
        break;
    }
}

/* Takes over the descriptors. Out of memory, the broker would wait for an answer for ever: so it is better
 * off without a launcher that says half of what happens. */
static void say(struct serve *serve, const void *packet, const int *fds, unsigned fds_count)
{
    if (serve->muted) {
        for (unsigned i = 0; i < fds_count; i++)
            close(fds[i]);
        return;
    }
    if (outgoing_take(&serve->outgoing, packet, fds, fds_count) < 0)
        serve_mute(serve);
    else
        serve_flush(serve);
}

void serve_end(struct serve *serve)
{
    struct realm_launch_header packet;

    realm_launch_header_init(&packet, REALM_LAUNCH_END, 0);
    say(serve, &packet, NULL, 0);
}

static void say_failed(struct serve *serve, uint64_t xid, uint64_t realm, const struct plan_failure *failure)
{
    struct realm_launch_failed packet = {.realm = realm};

    realm_launch_header_init(&packet.header, REALM_LAUNCH_FAILED, xid);
    packet.error = failure->error;
    packet.stage = failure->stage;
    packet.detail = failure->detail;
    say(serve, &packet, NULL, 0);
}

static void say_spawned(struct serve *serve, struct spawn *spawn)
{
    struct realm_launch_spawned packet = {.realm = spawn->realm, .pid = spawn->pid};

    realm_launch_header_init(&packet.header, REALM_LAUNCH_SPAWNED, spawn->xid);
    MM_STOP_POINT("launcher-spawned");
    packet.has_hint = spawn->ends_count == PLAN_ENDS_MAX;
    const unsigned count = spawn->ends_count;
    spawn->ends_count = 0;
    say(serve, &packet, spawn->ends, count);
}

static void say_loaded(struct serve *serve, uint64_t realm, enum realm_launch_shut shut, uint32_t opens)
{
    struct realm_launch_loaded packet = {.realm = realm, .shut = shut, .opens = opens};

    realm_launch_header_init(&packet.header, REALM_LAUNCH_LOADED, 0);
    MM_STOP_POINT("launcher-loaded");
    say(serve, &packet, NULL, 0);
}

static void say_exited(struct serve *serve, uint64_t realm, int wait_status)
{
    struct realm_launch_exited packet = {.realm = realm, .wait_status = wait_status};

    realm_launch_header_init(&packet.header, REALM_LAUNCH_EXITED, 0);
    MM_STOP_POINT("launcher-exited");
    say(serve, &packet, NULL, 0);
}

/* --- requests --- */

static int start_realm(struct serve *serve, const struct realm_launch_spawn *request,
                       struct plan_failure *ret_failure)
{
    struct plan *plan;

    *ret_failure = (struct plan_failure){.stage = REALM_STAGE_RESOURCES, .error = EEXIST};
    if (children_find_realm(&serve->children, request->realm) != NULL)
        return REALM_E_NOT_STARTED;
    ret_failure->error = EUSERS;
    if (serve->children.count == CHILDREN_MAX)
        return REALM_E_NOT_STARTED;
    int error = plan_new(serve->config, serve->box, request, &plan, ret_failure);
    if (error)
        return error;

    assert(serve->starting_count < SERVE_STARTING_MAX);
    struct spawn *spawn = &serve->starting[serve->starting_count];
    error = spawn_start(plan, serve->box, request, serve_now_ns() + START_DEADLINE_NS, spawn, ret_failure);
    plan_free(plan);
    if (error)
        return error;
    serve->starting_count++;
    children_add(&serve->children, spawn->pid, spawn->realm);
    return 0;
}

static void serve_spawn(struct serve *serve, const struct realm_launch_spawn *request)
{
    struct plan_failure failure;

    MM_STOP_POINT("launcher-spawn");
    if (start_realm(serve, request, &failure))
        say_failed(serve, request->header.xid, request->realm, &failure);
}

/* A realm that is not there has ended already, and that was or will be said. */
static void serve_kill(struct serve *serve, const struct realm_launch_kill *request)
{
    const struct child *child = children_find_realm(&serve->children, request->realm);

    if (child != NULL)
        children_kill(child->pid);
    MM_STOP_POINT("launcher-kill");
}

/* One that has ended meanwhile needs no limit. */
static void serve_limit(struct serve *serve, const struct realm_launch_limit *request)
{
    const struct child *child = children_find_realm(&serve->children, request->realm);
    struct realm_launch_limited packet = {.realm = request->realm};

    if (child == NULL)
        return;
    packet.error = -limits_move(child->pid, request->private_bytes, &packet.private_bytes);
    realm_launch_header_init(&packet.header, REALM_LAUNCH_LIMITED, request->header.xid);
    say(serve, &packet, NULL, 0);
}

static void serve_regions(struct serve *serve, const struct realm_launch_regions *request)
{
    struct realm_launch_made packet = {.count = request->count, .bytes = request->bytes};
    int fds[2 * REALM_LAUNCH_REGIONS_MAX];

    int error = memory_make(request->count, request->bytes, fds, fds + request->count);
    if (error) {
        const struct plan_failure failure = {.stage = REALM_STAGE_REGIONS, .error = -error};
        say_failed(serve, request->header.xid, 0, &failure);
        return;
    }
    MM_STOP_POINT("launcher-regions");
    realm_launch_header_init(&packet.header, REALM_LAUNCH_MADE, request->header.xid);
    say(serve, &packet, fds, 2 * request->count);
}

static void serve_memory(struct serve *serve, const struct realm_launch_memory *request, const int *from)
{
    struct realm_launch_opened packet = {.count = request->count, .bytes = request->bytes};
    int fds[REALM_CONTROL_PARTS_MAX];

    int error = memory_open(request, from, fds);
    if (error) {
        const struct plan_failure failure = {.stage = REALM_STAGE_REGIONS, .error = -error};
        say_failed(serve, request->header.xid, 0, &failure);
        return;
    }
    MM_STOP_POINT("launcher-memory");
    realm_launch_header_init(&packet.header, REALM_LAUNCH_OPENED, request->header.xid);
    say(serve, &packet, fds, request->count);
}

bool serve_ready(const struct serve *serve)
{
    return serve->starting_count < SERVE_STARTING_MAX && serve->outgoing.count < SERVE_BACKLOG_MAX;
}

static void serve_request(struct serve *serve, const struct incoming *incoming)
{
    const union realm_launch_request *request = &incoming->request;

    switch (request->header.type) {
    case REALM_LAUNCH_SPAWN:
        serve_spawn(serve, &request->spawn);
        break;
    case REALM_LAUNCH_KILL:
        serve_kill(serve, &request->kill);
        break;
    case REALM_LAUNCH_REGIONS:
        serve_regions(serve, &request->regions);
        break;
    case REALM_LAUNCH_LIMIT:
        serve_limit(serve, &request->limit);
        break;
    case REALM_LAUNCH_MEMORY:
        serve_memory(serve, &request->memory, incoming->fds);
        break;
    default: /* the decoder lets no other type through */
        break;
    }
}

int serve_take(struct serve *serve, bool only_stop)
{
    struct incoming incoming;

    for (unsigned i = 0; i < ROUND_REQUESTS && (only_stop || serve_ready(serve)); i++) {
        int error = incoming_take(serve->socket, &incoming);
        if (error == REALM_E_WOULD_BLOCK)
            return 0;
        if (error)
            return error;
        const bool stop = incoming.request.header.type == REALM_LAUNCH_STOP;
        if (!stop && !only_stop)
            serve_request(serve, &incoming);
        incoming_close(&incoming);
        if (stop)
            return REALM_E_STOPPED;
    }
    return 0;
}

/* --- starts under way, and exits --- */

static void remove_starting(struct serve *serve, unsigned index)
{
    spawn_deinit(&serve->starting[index]);
    serve->starting[index] = serve->starting[--serve->starting_count];
}

/*
 * The program runs. In a box a dynamic one has its time to load; a static one needs nothing any more, and nor
 * does one that has no box.
 */
static void say_running(struct serve *serve, struct spawn *spawn)
{
    struct loader *loader = loaders_find(&serve->loaders, spawn->realm);

    say_spawned(serve, spawn);
    if (loader != NULL && loader->program >= 0) {
        loader->deadline_ns = serve_now_ns() + serve->box->loading_ns;
        return;
    }
    if (loader != NULL)
        loaders_shut(&serve->loaders, loader);
    say_loaded(serve, spawn->realm, REALM_SHUT_STATIC, 0);
}

static void say_not_running(struct serve *serve, const struct spawn *spawn,
                            const struct plan_failure *failure)
{
    struct loader *loader = loaders_find(&serve->loaders, spawn->realm);
    struct child *child = children_find_pid(&serve->children, spawn->pid);

    if (loader != NULL)
        loaders_shut(&serve->loaders, loader);
    assert(child != NULL);
    child->silent = true;
    say_failed(serve, spawn->xid, spawn->realm, failure);
}

/* What its report says by now. Listeners are taken on the way. */
static int read_report(struct serve *serve, struct spawn *spawn, struct plan_failure *ret_failure)
{
    for (;;) {
        int listener;
        int error = spawn_settle(spawn, &listener, ret_failure);
        if (error != REALM_E_WOULD_BLOCK || listener < 0)
            return error;
        loaders_take(&serve->loaders, spawn, listener);
        spawn->program = -1;
    }
}

/* Announces how one start ended, if it has. true: it is no longer under way. */
static bool settle(struct serve *serve, unsigned index, bool overdue)
{
    struct spawn *spawn = &serve->starting[index];
    struct plan_failure failure;

    int error = read_report(serve, spawn, &failure);
    if (error == REALM_E_WOULD_BLOCK && !overdue)
        return false;
    if (error == REALM_E_WOULD_BLOCK) {
        failure = (struct plan_failure){.stage = REALM_STAGE_EXEC, .error = ETIMEDOUT};
        children_kill(spawn->pid);
    }
    if (error == 0)
        say_running(serve, spawn);
    else
        say_not_running(serve, spawn, &failure);
    remove_starting(serve, index);
    return true;
}

/* --- programs that are being loaded --- */

unsigned serve_prepare(const struct serve *serve, struct pollfd *fds)
{
    for (unsigned i = 0; i < serve->starting_count; i++)
        fds[i] = (struct pollfd){.fd = serve->starting[i].report, .events = POLLIN};
    loaders_prepare(&serve->loaders, fds + serve->starting_count);
    return serve->starting_count + serve->loaders.count;
}

/* A program that asks after its exec runs, also if poll looked at its report before and at its listener after
 * the exec. */
static void note_running(struct serve *serve, const struct loader *loader)
{
    for (unsigned i = 0; i < serve->starting_count; i++)
        serve->starting[i].told |= serve->starting[i].realm == loader->realm;
}

void serve_note(struct serve *serve, const struct pollfd *fds)
{
    for (unsigned i = 0; i < serve->starting_count; i++)
        serve->starting[i].told = fds[i].revents != 0;
    loaders_note(&serve->loaders, fds + serve->starting_count);
    for (unsigned i = 0; i < serve->loaders.count; i++) {
        const struct loader *loader = &serve->loaders.entries[i];
        if (loader->ready && loader->executed && loader->deadline_ns == UINT64_MAX)
            note_running(serve, loader);
    }
}

/* Answers what is there to answer. Return: whether the box is to be shut, and why. */
static int serve_loader(struct loader *loader, uint64_t now_ns)
{
    int shut = loader->ready ? loader_serve(loader) : 0;

    if (shut == 0 && loader->deadline_ns <= now_ns)
        shut = REALM_SHUT_DEADLINE;
    return shut;
}

/* Last to first: the last one takes the place of one that is shut. */
static void serve_loaders(struct serve *serve, uint64_t now_ns)
{
    for (unsigned i = serve->loaders.count; i-- > 0;) {
        struct loader *loader = &serve->loaders.entries[i];
        const uint64_t realm = loader->realm;
        const int shut = serve_loader(loader, now_ns);
        if (shut == 0)
            continue;
        const uint32_t opens = loader->opens;
        loaders_shut(&serve->loaders, loader);
        if (shut > 0)
            say_loaded(serve, realm, (enum realm_launch_shut)shut, opens);
    }
}

void serve_settle(struct serve *serve)
{
    const uint64_t now_ns = serve_now_ns();

    /* Only where there is something: each would cost a system call, for every wake-up of the others. */
    for (unsigned i = 0; i < serve->starting_count;) {
        const bool overdue = serve->starting[i].deadline_ns <= now_ns;
        if ((!serve->starting[i].told && !overdue) || !settle(serve, i, overdue))
            i++;
    }
    /* After those, so that what is heard of a program that loads is heard of one that runs. */
    serve_loaders(serve, now_ns);
}

bool serve_exited(struct serve *serve, pid_t pid, int wait_status)
{
    /* The process is gone, and with it every writer of its report: this settles it one way or the other. */
    for (unsigned i = 0; i < serve->starting_count; i++) {
        if (serve->starting[i].pid == pid) {
            (void)settle(serve, i, true);
            break;
        }
    }
    const struct child *child = children_find_pid(&serve->children, pid);
    if (child == NULL)
        return false;
    struct loader *loader = loaders_find(&serve->loaders, child->realm);
    if (loader != NULL)
        loaders_shut(&serve->loaders, loader);
    cgroup_leave(&serve->box->cgroup, child->realm);
    if (!child->silent)
        say_exited(serve, child->realm, wait_status);
    children_remove(&serve->children, pid);
    return true;
}

uint64_t serve_deadline_ns(const struct serve *serve)
{
    uint64_t earliest_ns = loaders_deadline_ns(&serve->loaders);

    for (unsigned i = 0; i < serve->starting_count; i++)
        if (serve->starting[i].deadline_ns < earliest_ns)
            earliest_ns = serve->starting[i].deadline_ns;
    return earliest_ns;
}

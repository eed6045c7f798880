/*
 * The fake launcher answers in the order of asking and makes real memfds, so seals and sizes are the kernel's
 * own.
 */
#include "tests/unit/broker/world.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <realm/error.h>

static uint64_t clock_ns;

uint64_t world_now_ns(void)
{
    return clock_ns;
}

unsigned open_descriptors(void)
{
    unsigned count = 0;
    DIR *dir = opendir("/proc/self/fd");
    cr_assert_not_null(dir);
    while (readdir(dir))
        count++;
    closedir(dir);
    return count;
}

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/lsan_interface.h>
void expect_no_leaks(void)
{
    cr_assert_eq(__lsan_do_recoverable_leak_check(), 0);
}
#else
void expect_no_leaks(void)
{
}
#endif

/* --- the scenario --- */

static void init_realm(struct world *world, unsigned index, const char *name, uint32_t parent)
{
    static char *no_args[] = {NULL};
    world->realms[index] = (struct mm_realm){
        .name = (char *)(uintptr_t)name,
        .program = (char *)(uintptr_t) "/bin/realm",
        .args = no_args,
        .parent = parent,
        .start_limit_count = 5,
        .start_limit_ns = 10 * REALM_SEC,
        .place = {10 + index, 5},
    };
}

static void init_service(struct world *world, unsigned index, const char *name, uint32_t provider,
                         struct mm_access access)
{
    world->access[index] = access;
    world->access[index].place = (struct mm_place){31 + index, 40};
    world->realms[provider].provider = true;
    world->services[index] = (struct mm_service){
        .name = (char *)(uintptr_t)name,
        .provider = provider,
        .access = &world->access[index],
        .access_count = 1,
        .place = {31 + index, 5},
    };
}

void world_init(struct world *world)
{
    memset(world, 0, sizeof(*world));
    init_realm(world, A, "A", MM_INIT);
    init_realm(world, B, "B", MM_INIT);
    init_realm(world, C, "C", MM_INIT);
    init_realm(world, D, "D", MM_INIT);
    init_realm(world, C1, "C1", C);
    init_realm(world, T, "T", C);
    init_realm(world, U, "U", MM_INIT);
    world->realms[T].template = world->realms[U].template = true;
    world->realms[B].start = true;
    init_service(world, DATABASE, "database", B, (struct mm_access){.kind = MM_ACCESS_REALM, .realm = A});
    init_service(world, LOGGER, "logger", C, (struct mm_access){.kind = MM_ACCESS_CHILDREN});
    init_service(world, NETWORK, "network", D, (struct mm_access){.kind = MM_ACCESS_REALM, .realm = A});
    world->aliases[0] = (struct mm_alias){.name = (char *)(uintptr_t) "endpoint:1"};
    world->services[DATABASE].aliases = &world->aliases[0];
    world->services[DATABASE].aliases_count = 1;
    world->config = (struct mm_config){
        .system = (char *)(uintptr_t) "test",
        .source = (char *)(uintptr_t) "some/where/test.yaml",
        .realms = world->realms,
        .realms_count = WORLD_REALMS,
        .services = world->services,
        .services_count = WORLD_SERVICES,
    };
    world->launcher = -1;
    world->seen = json_array();
    clock_ns = 1000 * REALM_SEC;
    poll_set_clock(world_now_ns);
}

static int launcher_ends[2];
static int events_ends[2];

void world_start(struct world *world)
{
    cr_assert_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, launcher_ends), 0);
    cr_assert_eq(pipe2(events_ends, O_CLOEXEC | O_NONBLOCK), 0);
    cr_assert_geq(fcntl(events_ends[1], F_SETPIPE_SZ, 1 << 20), 0);
    world->launcher = launcher_ends[0];
    world->events = events_ends[0];
    struct broker_options options = {
        .config = &world->config,
        .launcher = launcher_ends[1],
        .admin_listener = -1,
        .events = events_ends[1],
    };
    cr_assert_eq(broker_new(&options, &world->broker), 0);
    world_settle(world);
}

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

static void close_process(struct process *process)
{
    process_forget(process);
    close_fd(&process->socket);
    close_fd(&process->out);
    close_fd(&process->err);
    close_fd(&process->hint);
    process->alive = false;
}

void world_deinit(struct world *world)
{
    broker_free(world->broker);
    for (unsigned i = 0; i < world->processes_count; i++) {
        close_process(world->processes[i]);
        free(world->processes[i]);
    }
    close_fd(&launcher_ends[1]);
    close_fd(&world->launcher);
    close_fd(&events_ends[1]);
    close_fd(&world->events);
    json_decref(world->seen);
    free(world->partial);
    poll_set_clock(NULL);
}

/* --- the launcher --- */

void world_answer(struct world *world, const void *packet, size_t size, const int *fds, unsigned fds_count)
{
    struct iovec part = {(void *)(uintptr_t)packet, size};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    _Alignas(struct cmsghdr) char control[CMSG_SPACE(REALM_LAUNCH_FDS_MAX * sizeof(int))] = {0};
    if (fds_count > 0) {
        message.msg_control = control;
        message.msg_controllen = CMSG_SPACE(fds_count * sizeof(int));
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(fds_count * sizeof(int));
        memcpy(CMSG_DATA(header), fds, fds_count * sizeof(int));
    }
    cr_assert_eq(sendmsg(world->launcher, &message, MSG_NOSIGNAL), (ssize_t)size, "%s", strerror(errno));
}

void world_fail(struct world *world, uint64_t xid, uint64_t realm, uint32_t stage)
{
    struct realm_launch_failed failed = {.realm = realm, .error = ENOENT, .stage = stage};
    realm_launch_header_init(&failed.header, REALM_LAUNCH_FAILED, xid);
    world_answer(world, &failed, sizeof(failed), NULL, 0);
}

void world_say_loaded(struct world *world, const struct process *process)
{
    struct realm_launch_loaded loaded = {.realm = process->id, .shut = REALM_SHUT_LOADED};
    realm_launch_header_init(&loaded.header, REALM_LAUNCH_LOADED, 0);
    world_answer(world, &loaded, sizeof(loaded), NULL, 0);
}

static void spawn(struct world *world, const struct realm_launch_spawn *request)
{
    if (world->hold_spawns) {
        world->held_spawns_count++;
        return;
    }
    if (world->fail_spawns) {
        world_fail(world, request->header.xid, request->realm, REALM_STAGE_EXEC);
        return;
    }
    cr_assert_lt(world->processes_count, WORLD_PROCESSES);
    struct process *process = calloc(1, sizeof(*process));
    cr_assert_not_null(process);
    world->processes[world->processes_count++] = process;
    process->world = world;
    process->id = request->realm;
    process->program = request->program;
    process->alive = true;
    process->hint = -1;
    process->args_count = request->args_count;
    memcpy(process->args, request->args, sizeof(process->args));
    snprintf(process->name, sizeof(process->name), "%s", (const char *)request->name.text);
    int sockets[2], out[2], err[2], hint[2];
    cr_assert_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets), 0);
    cr_assert_eq(pipe2(out, O_CLOEXEC), 0);
    cr_assert_eq(pipe2(err, O_CLOEXEC), 0);
    process->socket = sockets[1];
    process->out = out[1];
    process->err = err[1];
    if (world->with_hints) {
        cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, hint), 0);
        process->hint = hint[0];
    }
    struct realm_launch_spawned spawned = {
        .realm = request->realm, .pid = 1000 + (int)request->realm, .has_hint = world->with_hints};
    realm_launch_header_init(&spawned.header, REALM_LAUNCH_SPAWNED, request->header.xid);
    int fds[4] = {sockets[0], out[0], err[0], world->with_hints ? hint[1] : -1};
    world_answer(world, &spawned, sizeof(spawned), fds, 3 + spawned.has_hint);
    for (unsigned i = 0; i < 3 + spawned.has_hint; i++)
        close(fds[i]);
    if (!world->hold_loaded)
        world_say_loaded(world, process);
}

static void regions(struct world *world, const struct realm_launch_regions *request)
{
    bool pool = request->bytes != 4096;
    if (pool && world->hold_regions)
        return;
    if (pool && world->fail_regions) {
        world_fail(world, request->header.xid, 0, REALM_STAGE_REGIONS);
        return;
    }
    int fds[REALM_LAUNCH_FDS_MAX];
    for (uint32_t i = 0; i < request->count; i++) {
        char path[64];
        fds[i] = memfd_create("region", MFD_CLOEXEC | MFD_ALLOW_SEALING);
        cr_assert_geq(fds[i], 0);
        cr_assert_eq(ftruncate(fds[i], pool && world->short_regions ? 4096 : request->bytes), 0);
        snprintf(path, sizeof(path), "/proc/self/fd/%d", fds[i]);
        fds[request->count + i] = open(path, O_RDONLY | O_CLOEXEC);
        cr_assert_geq(fds[request->count + i], 0);
    }
    struct realm_launch_made made = {.count = request->count, .bytes = request->bytes};
    realm_launch_header_init(&made.header, REALM_LAUNCH_MADE, request->header.xid);
    world_answer(world, &made, sizeof(made), fds, 2 * request->count);
    for (uint32_t i = 0; i < 2 * request->count; i++)
        close(fds[i]);
}

static struct process *process_of_id(struct world *world, uint64_t id)
{
    for (unsigned i = 0; i < world->processes_count; i++)
        if (world->processes[i]->id == id)
            return world->processes[i];
    return NULL;
}

void process_exit(struct process *process, int wait_status)
{
    struct world *world = process->world;
    close_process(process);
    struct realm_launch_exited exited = {.realm = process->id, .wait_status = wait_status};
    realm_launch_header_init(&exited.header, REALM_LAUNCH_EXITED, 0);
    if (world->launcher >= 0)
        send(world->launcher, &exited, sizeof(exited), MSG_NOSIGNAL);
    world_settle(world);
}

static void kill_process(struct world *world, const struct realm_launch_kill *request)
{
    struct process *process = process_of_id(world, request->realm);
    world->kills++;
    if (!process || !process->alive || process->orphan)
        return;
    process->alive = false; /* its inbox stays: what it was sent can still be read */
    close_fd(&process->out);
    close_fd(&process->err);
    struct realm_launch_exited exited = {.realm = process->id, .wait_status = SIGKILL};
    realm_launch_header_init(&exited.header, REALM_LAUNCH_EXITED, 0);
    world_answer(world, &exited, sizeof(exited), NULL, 0);
}

static void move_limit(struct world *world, const struct realm_launch_limit *request)
{
    struct realm_launch_limited limited = {.realm = request->realm, .private_bytes = request->private_bytes};
    if (world->fail_limits)
        limited.error = EPERM;
    realm_launch_header_init(&limited.header, REALM_LAUNCH_LIMITED, request->header.xid);
    world_answer(world, &limited, sizeof(limited), NULL, 0);
}

bool world_serve(struct world *world)
{
    uint8_t packet[REALM_CONTROL_SIZE_MAX];
    union realm_launch_request request;
    if (world->launcher < 0)
        return false;
    if (world->hold_memory && world_memory_next(world))
        return false;
    int fds[REALM_CONTROL_PARTS_MAX];
    unsigned fds_count = 0;
    ssize_t size = world_receive(world, packet, sizeof(packet), fds, &fds_count);
    if (size <= 0)
        return false;
    cr_assert_eq(realm_launch_decode_request(packet, (size_t)size, &request), 0);
    cr_assert_eq(realm_launch_request_fds(&request), fds_count);
    switch (request.header.type) {
    case REALM_LAUNCH_SPAWN:
        spawn(world, &request.spawn);
        break;
    case REALM_LAUNCH_KILL:
        kill_process(world, &request.kill);
        break;
    case REALM_LAUNCH_REGIONS:
        regions(world, &request.regions);
        break;
    case REALM_LAUNCH_LIMIT:
        move_limit(world, &request.limit);
        break;
    case REALM_LAUNCH_MEMORY:
        world_memory(world, &request.memory, fds);
        break;
    default:
        world->told_to_stop = true;
        break;
    }
    for (unsigned i = 0; i < fds_count; i++)
        close(fds[i]);
    return true;
}

/* --- events --- */

static void take_line(struct world *world, const char *line, size_t size)
{
    json_error_t error;
    json_t *event = json_loadb(line, size, 0, &error);
    cr_assert_not_null(event, "not JSON: %.*s", (int)size, line);
    json_array_append_new(world->seen, event);
}

static void read_events(struct world *world)
{
    char buffer[4096];
    ssize_t size;
    while ((size = read(world->events, buffer, sizeof(buffer))) > 0) {
        world->partial = realloc(world->partial, world->partial_size + (size_t)size);
        memcpy(world->partial + world->partial_size, buffer, (size_t)size);
        world->partial_size += (size_t)size;
        char *end;
        while ((end = memchr(world->partial, '\n', world->partial_size))) {
            size_t length = (size_t)(end - world->partial);
            take_line(world, world->partial, length);
            world->partial_size -= length + 1;
            memmove(world->partial, end + 1, world->partial_size);
        }
    }
}

const char *event_text(const json_t *event, const char *key)
{
    const char *text = json_string_value(json_object_get(event, key));
    return text ? text : "";
}

json_t *world_event(struct world *world, const char *event, const char *key, const char *value)
{
    read_events(world);
    for (size_t i = json_array_size(world->seen); i-- > 0;) {
        json_t *candidate = json_array_get(world->seen, i);
        if (strcmp(event_text(candidate, "event"), event) == 0 &&
            (!key || strcmp(event_text(candidate, key), value) == 0))
            return candidate;
    }
    return NULL;
}

size_t world_events(struct world *world, const char *event)
{
    read_events(world);
    size_t count = 0;
    for (size_t i = 0; i < json_array_size(world->seen); i++)
        count += strcmp(event_text(json_array_get(world->seen, i), "event"), event) == 0;
    return count;
}

/* --- running it --- */

void world_settle(struct world *world)
{
    for (unsigned idle = 0; idle < 8; idle++) {
        cr_assert_eq(broker_step(world->broker, false), 0);
        while (world_serve(world))
            idle = 0;
    }
    read_events(world);
}

void world_advance(struct world *world, uint64_t ns)
{
    clock_ns += ns;
    world_settle(world);
}

struct process *world_process(struct world *world, const char *name)
{
    for (unsigned i = world->processes_count; i-- > 0;)
        if (world->processes[i]->alive && strcmp(world->processes[i]->name, name) == 0)
            return world->processes[i];
    return NULL;
}

int world_spawn(struct world *world, const char *program, const char *name)
{
    struct broker_spawn request = {.program = program, .name = name};
    struct broker_realm *realm;
    int error = broker_spawn(world->broker, &request, &realm);
    world_settle(world);
    return error;
}

struct broker_counts world_counts(struct world *world)
{
    struct broker_counts counts;
    broker_count(world->broker, &counts);
    return counts;
}

struct process *world_open(struct world *world, const char *name)
{
    struct process *process = world_process(world, name);
    if (!process) {
        cr_assert_eq(world_spawn(world, name, NULL), 0);
        process = world_process(world, name);
    }
    cr_assert_not_null(process);
    process_hello(process);
    cr_assert_not_null(process_letter(process, REALM_CONTROL_WELCOME, 1));
    return process;
}

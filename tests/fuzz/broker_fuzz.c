/*
 * The broker end to end: realms that send it any packets, and administrators that write it any lines, in the
 * world of the unit tests (a launcher that forks nothing, a clock that the script moves). The input is a
 * script (broker_script.h).
 *
 * Whatever they do: the broker does not crash, hang or leak; each packet that it sends decodes, each event
 * and each answer on the admin socket is a line of JSON; in the end a realm that took no part still
 * serves one that comes new, and an administrator is answered; and when all realms have ended, nothing is
 * left of them: no channel, region, cookie, descriptor, and in the policy no use of anything.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "mm/broker/admin.h"
#include "tests/fuzz/broker_script.h"
#include "tests/unit/broker/world.h"

#define STEPS_MAX 64u
#define CLIENTS   3u
#define WITNESS   WORLD_REALMS

struct client {
    int fd; /* -1: none */
    char text[1 << 16];
    size_t size;
};

static struct world world;
static struct admin *admin;
static int listener;
static struct sockaddr_un address = {.sun_family = AF_UNIX};
static socklen_t address_size;
static struct client clients[CLIENTS];
static struct mm_access anybody = {.kind = MM_ACCESS_ALL};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* --- administrators --- */

static void client_connect(struct client *client)
{
    client->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    client->size = 0;
    cr_assert_geq(client->fd, 0);
    cr_assert_eq(connect(client->fd, (struct sockaddr *)&address, address_size), 0, "%s", strerror(errno));
    world_settle(&world);
}

static void client_close(struct client *client)
{
    if (client->fd >= 0)
        close(client->fd);
    client->fd = -1;
    world_settle(&world);
}

/* Takes the whole lines that have come: each is a JSON object. Return: how many. */
static unsigned client_lines(struct client *client)
{
    unsigned lines = 0;
    char *newline;
    while ((newline = memchr(client->text, '\n', client->size))) {
        size_t size = (size_t)(newline - client->text) + 1;
        json_t *object = json_loadb(client->text, size - 1, 0, NULL);
        cr_assert(json_is_object(object), "%.*s", (int)size, client->text);
        json_decref(object);
        client->size -= size;
        memmove(client->text, newline + 1, client->size);
        lines++;
    }
    cr_assert_lt(client->size, sizeof client->text, "a line of this world is shorter");
    return lines;
}

static unsigned client_read(struct client *client)
{
    unsigned lines = 0;
    while (client->fd >= 0) {
        ssize_t got = recv(client->fd, client->text + client->size, sizeof client->text - client->size, 0);
        if (got < 0 && errno == EAGAIN)
            break;
        if (got <= 0) { /* the broker has had enough of it */
            client_close(client);
            break;
        }
        client->size += (size_t)got;
        lines += client_lines(client);
        world_settle(&world);
    }
    return lines;
}

static unsigned client_say(struct client *client, const void *bytes, size_t size)
{
    if (client->fd < 0)
        client_connect(client);
    (void)!send(client->fd, bytes, size, MSG_NOSIGNAL);
    world_settle(&world);
    return client_read(client);
}

static void step_admin(struct script *script, struct client *client)
{
    static uint8_t bytes[4096];
    static char much[80000];
    switch (draw_below(&script->draw, 8)) {
    case 0:
        client_say(client, bytes, script_bytes(script, bytes, sizeof bytes));
        break;
    case 1:
        client_say(client, "\n", 1);
        break;
    case 2: /* more than a request may have */
        memset(much, 'x', sizeof much);
        client_say(client, much, sizeof much);
        break;
    case 3:
        if (client->fd >= 0)
            shutdown(client->fd, SHUT_WR);
        break;
    case 4:
        client_close(client);
        break;
    default: {
        json_t *object = script_command(script);
        char *line = json_dumps(object, JSON_COMPACT);
        cr_assert_not_null(line);
        client_say(client, line, strlen(line));
        client_say(client, "\n", draw_chance(&script->draw, 240));
        free(line);
        json_decref(object);
    }
    }
}

/* --- realms --- */

/* One of those that take part. NULL: none is there. */
static struct process *draw_process(struct script *script)
{
    struct process *there[WORLD_PROCESSES];
    unsigned count = 0;
    for (unsigned i = 0; i < world.processes_count; i++)
        if (world.processes[i]->socket >= 0 && strcmp(world.processes[i]->name, "witness") != 0)
            there[count++] = world.processes[i];
    return count > 0 ? there[draw_below(&script->draw, count)] : NULL;
}

/* Everybody takes what has come. */
static void pump_all(struct script *script)
{
    struct pollfd sockets[WORLD_PROCESSES];
    for (unsigned round = 0; round < 8; round++) {
        for (unsigned i = 0; i < world.processes_count; i++)
            sockets[i] = (struct pollfd){.fd = world.processes[i]->socket, .events = POLLIN};
        if (poll(sockets, world.processes_count, 0) <= 0)
            return;
        for (unsigned i = 0; i < world.processes_count; i++) {
            struct process *process = world.processes[i];
            if (!(sockets[i].revents & POLLIN))
                continue;
            process_pump(process);
            for (unsigned j = 0; j < process->inbox_count; j++)
                script_saw(script, process->id, &process->inbox[j].packet);
            process_forget(process);
        }
    }
}

static void say(struct script *script, struct process *process, bool well_formed)
{
    uint8_t packet[REALM_CONTROL_SIZE_MAX];
    script->actor = process ? process->id : 0;
    size_t size = well_formed ? script_packet(script, packet) : script_bytes(script, packet, sizeof packet);
    if (process)
        (void)!send(process->socket, packet, size, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void hello(struct process *process)
{
    struct realm_control_hello packet = {.waiter = 1};
    realm_control_header_init(&packet.header, REALM_CONTROL_HELLO, 1);
    if (process)
        (void)!send(process->socket, &packet, sizeof packet, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void change(struct script *script, struct process *process)
{
    if (!process)
        return;
    switch (draw_below(&script->draw, 5)) {
    case 0:
        process_exit(process, (int)draw_below(&script->draw, 2) << 8);
        break;
    case 1: /* it hangs up, and is still there */
        close(process->socket);
        process->socket = -1;
        break;
    case 2: /* it maps nothing and acknowledges nothing any more */
        process->keep = !process->keep;
        break;
    case 3:
        (void)!write(process->out, "a line\n", draw_below(&script->draw, 8));
        break;
    default: /* it says hello, perhaps twice */
        hello(process);
        break;
    }
}

/* Starts one of the configuration, or any of the scripts' own, and lets it say hello. */
static void start(struct script *script)
{
    static const struct {
        const char *program, *name;
    } choices[] = {{"A", NULL},  {"B", NULL}, {"C", NULL}, {"D", NULL},
                   {"C1", NULL}, {"T", "t1"}, {"U", "u1"}};
    unsigned choice = draw_below(&script->draw, 7);
    const char *name = choices[choice].name ? choices[choice].name : choices[choice].program;
    struct process *process = world_process(&world, name);
    if (!process && world_spawn(&world, choices[choice].program, choices[choice].name) == 0)
        hello(world_process(&world, name));
}

static void change_launcher(struct script *script)
{
    unsigned choice = draw_below(&script->draw, 6);
    world.fail_regions = choice == 1;
    world.short_regions = choice == 2;
    world.fail_spawns = choice == 3;
    world.fail_limits = choice == 4;
    world.fail_memory = choice == 5 ? draw_byte(&script->draw) : 0;
}

static void step(struct script *script)
{
    static const uint64_t times[] = {1, 50, 1000, 3000, 12000};
    unsigned verb = draw_below(&script->draw, 16);
    if (verb < 9) {
        struct process *process = draw_process(script);
        for (unsigned left = 1 + draw_below(&script->draw, 3); left > 0; left--)
            say(script, process, draw_chance(&script->draw, 240));
    } else if (verb < 12) {
        step_admin(script, &clients[draw_below(&script->draw, CLIENTS)]);
    } else if (verb == 12) {
        world_advance(&world, times[draw_below(&script->draw, 5)] * REALM_MSEC);
    } else if (verb == 13) {
        change(script, draw_process(script));
    } else if (verb == 14) {
        change_launcher(script);
    } else {
        start(script);
    }
    /* Nobody stays behind the delay for a wrong cookie. */
    world_advance(&world, 2 * REALM_MSEC);
    pump_all(script);
}

/* --- before and after --- */

static void init_world(void)
{
    world_init(&world);
    world.access[DATABASE].rights =
        REALM_RIGHT_SEND | REALM_RIGHT_GRANT | REALM_RIGHT_MINT | REALM_RIGHT_REVOKE;
    world.realms[D].debug = true;
    world.realms[D].gates = 2;
    world.realms[A].quota.limited[MM_RESOURCE_CAPABILITIES] = true;
    world.realms[A].quota.limit[MM_RESOURCE_CAPABILITIES] = 6;
    world.realms[WITNESS] = world.realms[B];
    world.realms[WITNESS].name = (char *)(uintptr_t) "witness";
    world.services[WORLD_SERVICES] = (struct mm_service){.name = (char *)(uintptr_t) "witness",
                                                         .provider = WITNESS,
                                                         .access = &anybody,
                                                         .access_count = 1,
                                                         .place = {40, 5}};
    world.config.realms_count++;
    world.config.services_count++;
    world_start(&world);
}

static void begin(struct script *script)
{
    init_world();
    for (unsigned i = 0; i < CLIENTS; i++)
        clients[i].fd = -1;
    listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int size = snprintf(address.sun_path + 1, sizeof address.sun_path - 1, "realm-fuzz-%d", getpid());
    address_size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)size);
    cr_assert_eq(bind(listener, (struct sockaddr *)&address, address_size), 0, "%s", strerror(errno));
    cr_assert_eq(listen(listener, 8), 0);
    cr_assert_eq(admin_new(world.broker, listener, &admin), 0);
    cr_assert_eq(process_register(world_open(&world, "witness"), "witness", NULL), 0);
    for (unsigned i = 0; i < 4; i++)
        world_open(&world, (const char *[]){"B", "D", "A", "C"}[i]);
    cr_assert_eq(process_register(world_process(&world, "B"), "database", NULL), 0);
    cr_assert_eq(process_register(world_process(&world, "D"), "network", NULL), 0);
    cr_assert_eq(process_connect(world_process(&world, "A"), "database", 0, 2), 0);
    cr_assert_eq(process_connect(world_process(&world, "A"), "network", 0, 3), 0);
    pump_all(script);
}

/* Honest ones are served, whoever else is there. (A system that is about to end starts nobody.) */
static void still_serves(struct script *script)
{
    client_close(&clients[0]);
    cr_assert_eq(client_say(&clients[0], "{\"command\":\"ps\"}\n", 17), 1);
    cr_assert_geq(clients[0].fd, 0);
    if (world.broker->stopping)
        return;
    world.fail_regions = world.short_regions = world.fail_spawns = world.fail_limits = false;
    world.fail_memory = 0;
    world_advance(&world, 60 * REALM_SEC);
    struct process *witness = world_process(&world, "witness");
    if (!witness || witness->socket < 0)
        return; /* an administrator has ended it */
    if (world_spawn(&world, "U", "honest") != 0)
        return; /* … or has taken its name */
    struct process *process = world_open(&world, "honest");
    process_named(process, REALM_CONTROL_CONNECT, "witness", 0, 77);
    process_pump(witness);
    process_pump(process);
    cr_assert_not_null(process_letter(process, REALM_CONTROL_CONNECTED, 77));
    pump_all(script);
}

static bool alive(void)
{
    for (unsigned i = 0; i < world.processes_count; i++)
        if (world.processes[i]->alive)
            return true;
    return false;
}

/* All end; nothing is left but the declarations. */
static void all_end(void)
{
    for (unsigned round = 0; round < 8 && alive(); round++) {
        for (unsigned i = 0; i < world.processes_count; i++)
            if (world.processes[i]->alive)
                process_exit(world.processes[i], 0);
        world_advance(&world, 60 * REALM_SEC);
    }
    cr_assert(world.broker->ended);
    struct broker_counts counts = world_counts(&world), none = {.records = WITNESS + 1};
    cr_assert_arr_eq(&counts, &none, sizeof counts);
    for (unsigned i = 0; i < POLICY_RESOURCES; i++) {
        struct policy_usage usage;
        cr_assert_eq(policy_get_usage(world.broker->policy, policy_init_realm(world.broker->policy),
                                      (enum policy_resource)i, &usage),
                     0);
        cr_assert_eq(usage.use, 0, "%s: %llu", policy_resource_name((enum policy_resource)i),
                     (unsigned long long)usage.use);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct script script = {.draw = {data, size}, .xid = 1000};
    unsigned descriptors = open_descriptors();
    begin(&script);
    for (unsigned steps = 0; script.draw.size > 0 && steps < STEPS_MAX; steps++)
        step(&script);
    still_serves(&script);
    all_end();
    for (unsigned i = 0; i < CLIENTS; i++)
        client_close(&clients[i]);
    admin_free(admin);
    close(listener);
    world_deinit(&world);
    cr_assert_eq(open_descriptors(), descriptors, "a descriptor is left open");
    return 0;
}

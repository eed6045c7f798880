/*
 * A realm that stands still at a stop point, to be killed there (tests/integration/kill_matrix_test.c).
 *
 * `parent SPOINT SN CPOINT CN MS DO` starts "server SPOINT SN MS DO" and "client CPOINT CN MS DO", then says
 * what it hears of its children. `server [POINT N MS DO]` registers "echo", answers two requests, unregisters
 * at the third, and waits for the end; with DO 1 it answers nothing, and stays. `client [POINT N MS DO]`
 * connects, waiting so many milliseconds for the server (a minute), calls three times, and disconnects; with
 * DO 1 it then stays until it is ended; with DO 2 it seals memory before it calls.
 *
 * POINT N: to stop at the N-th passing of that point ("-": nowhere). That the third request makes the server
 * leave means that the client has taken both replies by then, however slow it is.
 *
 * It says what it learns in its log and in the file "report", which is still there when the broker is not.
 * At its point it says so and waits for its death. It goes on with a SIGCONT, or when the Memory Manager has
 * ended.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <realm/realm.h>

#include "librealm/proto/control.h"

#define CALL_NS    (60 * REALM_SEC) /* only a hang comes near */
#define SERVED_MAX 2u

static struct realm *realm;
static const char *stop_point = "-";
static unsigned long stop_passing;
static bool hold, seals;

static void say(const char *format, ...)
{
    char line[256];
    va_list arguments;
    va_start(arguments, format);
    int size = vsnprintf(line, sizeof line - 1, format, arguments);
    va_end(arguments);
    if (size < 0 || (size_t)size > sizeof line - 2)
        return;
    line[size++] = '\n';
    int report = realm ? realm_file(realm, "report") : -1;
    if (report >= 0)
        (void)!write(report, line, (size_t)size);
    (void)!write(STDOUT_FILENO, line, (size_t)size);
}

static volatile sig_atomic_t go_on;

static void continued(int signal)
{
    (void)signal;
    go_on = 1;
}

/* Called by librealm where the build has stop points. */
void realm_stop_point(const char *name);
void realm_stop_point(const char *name)
{
    static unsigned long passed;
    struct pollfd control = {.fd = REALM_CONTROL_FD}; /* no events: only its hang-up */

    name = strchr(name, ':') + 1;
    if (strcmp(name, stop_point) != 0 || ++passed != stop_passing)
        return;
    say("stopped at %s", name);
    /* The signal may come just before the poll: so that is no longer than a moment. */
    while (!go_on && poll(&control, 1, 20) != 1)
        ;
}

static const char *text_of(int error)
{
    return error < 0 ? strerror(-error) : error ? realm_error_name(error) : "REALM_OK";
}

static int stay(void)
{
    int error = realm_run(realm);
    if (error)
        say("run: %s", text_of(error));
    return 0;
}

/* --- the client --- */

static void seal(void)
{
    struct realm_capability capability;
    struct realm_memory *memory;
    int error = realm_memory_allocate(realm, 8192, 2, &capability);
    if (!error)
        error = realm_memory_map(realm, capability.cookie, REALM_RIGHT_READ | REALM_RIGHT_WRITE, &memory);
    if (!error)
        error = realm_memory_write(memory, 0, "sealed", 7);
    if (!error)
        error = realm_memory_seal(realm, capability.cookie);
    say("seal: %s", text_of(error));
}

static int client(uint64_t patience_ns)
{
    struct realm_channel *channel;
    int error = realm_connect(realm, "echo", patience_ns, &channel);
    say("connect: %s", text_of(error));
    if (error)
        return 0;
    if (seals)
        seal();
    for (unsigned i = 1; i <= SERVED_MAX + 1; i++) {
        char data[16] = {0};
        struct realm_reply reply = {.data = data, .capacity = sizeof data};
        error = realm_call(channel, i, "payload", 8, &reply, CALL_NS);
        if (!error && (reply.value != i || reply.size != 8 || memcmp(data, "payload", 8) != 0))
            say("call %u: a wrong reply", i);
        else
            say("call %u: %s", i, text_of(error));
    }
    realm_disconnect(channel);
    return hold ? stay() : 0;
}

/* --- the server --- */

static struct realm_endpoint *endpoint;
static size_t clients_said;
static unsigned requests;

/* A client may have come and called in one turn of the loop, so this is said by whoever is next to run. */
static void say_clients(void)
{
    if (!endpoint || realm_endpoint_clients(endpoint) == clients_said)
        return;
    clients_said = realm_endpoint_clients(endpoint);
    say("clients %zu", clients_said);
}

static void echo(struct realm *self, const struct realm_request *request, void *context)
{
    (void)context;
    say_clients();
    requests++;
    if (hold)
        say("holding");
    else if (requests <= SERVED_MAX)
        realm_reply(self, request->token, 0, request->op, request->data, request->size);
}

static int server(void)
{
    int error = realm_register(realm, "echo", echo, NULL, &endpoint);
    say("register: %s", text_of(error));
    if (error)
        return 0;
    for (;;) {
        error = realm_run_once(realm, 20 * REALM_MSEC);
        if (error == REALM_E_STOPPED)
            return 0;
        if (error && error != REALM_E_TIMEOUT && error != REALM_E_WOULD_BLOCK) {
            say("run: %s", text_of(error));
            return 0;
        }
        say_clients();
        if (endpoint && !hold && requests > SERVED_MAX) {
            realm_unregister(endpoint);
            endpoint = NULL;
            say("left");
        }
    }
}

/* --- the parent: librealm has no call yet that tells of children, so it reads its socket itself --- */

static void acknowledge(uint64_t sequence)
{
    struct realm_control_ack ack = {.sequence = sequence};
    ack.header = (struct realm_control_header){
        .version = REALM_CONTROL_VERSION, .type = REALM_CONTROL_ACK, .size = sizeof ack};
    (void)!send(REALM_CONTROL_FD, &ack, sizeof ack, MSG_NOSIGNAL);
}

static void child_ended(const struct realm_control_child *child)
{
    int status = child->wait_status;
    if (child->state != REALM_STATE_TERMINATED)
        return;
    if (WIFSIGNALED(status))
        say("child %s SIG%s", (const char *)child->name.text, sigabbrev_np(WTERMSIG(status)));
    else
        say("child %s %d", (const char *)child->name.text, WEXITSTATUS(status));
}

/* Return: whether there is more to come. */
static int hear(void)
{
    union {
        struct realm_control_header header;
        struct realm_control_pool pool;
        struct realm_control_child child;
        char bytes[REALM_CONTROL_SIZE_MAX];
    } packet;
    _Alignas(struct cmsghdr) char control[CMSG_SPACE(16 * sizeof(int))];
    struct iovec part = {&packet, sizeof packet};
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    ssize_t size = recvmsg(REALM_CONTROL_FD, &message, 0);
    if (size <= 0)
        return size < 0 && errno == EINTR;
    for (struct cmsghdr *at = CMSG_FIRSTHDR(&message); at; at = CMSG_NXTHDR(&message, at)) {
        int fd;
        for (size_t i = 0; i < (at->cmsg_len - CMSG_LEN(0)) / sizeof fd; i++) {
            memcpy(&fd, CMSG_DATA(at) + i * sizeof fd, sizeof fd);
            close(fd);
        }
    }
    if (packet.header.type == REALM_CONTROL_STOP)
        exit(0);
    if (packet.header.type == REALM_CONTROL_POOL)
        acknowledge(packet.pool.sequence);
    else if (packet.header.type == REALM_CONTROL_CHILD)
        child_ended(&packet.child);
    return 1;
}

static void start(const char *program, char **stop, char **last)
{
    const char *args[] = {stop[0], stop[1], last[0], last[1], NULL};
    struct realm_spawn spawn = {.program = program, .args = args};
    say("spawn %s: %s", program, text_of(realm_spawn(realm, &spawn, NULL)));
}

static int parent(char **words)
{
    start("server", words, words + 4);
    start("client", words + 2, words + 4);
    say("watching");
    while (hear())
        ;
    say("gone");
    return 1;
}

int main(int argc, char **argv)
{
    signal(SIGPIPE, SIG_IGN);
    signal(SIGCONT, continued);
    if (argc < 2)
        return 2;
    const bool has_words = argc == 6;
    if (has_words) {
        stop_point = argv[2];
        stop_passing = strtoul(argv[3], NULL, 10);
        hold = strcmp(argv[5], "1") == 0;
        seals = strcmp(argv[5], "2") == 0;
    }
    int error = realm_open(&realm);
    if (error) {
        say("open: %s", text_of(error));
        return 1;
    }
    if (strcmp(argv[1], "parent") == 0 && argc == 8)
        return parent(argv + 2);
    if (strcmp(argv[1], "server") == 0)
        return server();
    return client(has_words ? strtoul(argv[4], NULL, 10) * REALM_MSEC : CALL_NS);
}

/*
 * Connections of the admin socket.
 *
 * A connection has a fixed buffer for its request and at most one answer under way: the next line is looked
 * at when the answer to the last has been taken. So what one client can make the broker hold is bounded by
 * one request and one answer, whatever it sends and however little it reads. Who makes no progress for
 * PATIENCE_NS is closed, so that sixteen idle clients do not lock everybody out; only a connection that
 * follows the logs may be silent for ever, and is closed when it lets too many lines wait.
 *
 * One line is served in a round of the loop: many requests in one packet do not stop the broker.
 */
#include "mm/broker/admin.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "mm/broker/admin_answers.h"
#include "mm/broker/admin_commands.h"
#include "mm/broker/state.h"

#define CONNECTIONS   16u
#define REQUEST_BYTES ((size_t)64 * 1024)
#define ANSWER_BYTES  ((size_t)16 * 1024 * 1024)
#define FOLLOW_BYTES  ((size_t)4 * 1024 * 1024) /* lines that may wait for a follower */
#define SEND_BYTES    ((size_t)256 * 1024)      /* in one round */
#define AGAIN_NS      (UINT64_C(100) * REALM_MSEC)
#define PATIENCE_NS   (UINT64_C(30) * REALM_SEC)

struct admin_client {
    struct poll_source source;
    struct poll_timer patience;
    struct admin *admin;
    struct admin_client *next, **link;
    uint32_t listening; /* EPOLL*, as the source was added */
    struct admin_follow follow;
    bool input_over; /* nothing more comes in */
    bool last;       /* closes when the answer under way has been taken */
    char *output;
    size_t output_start, output_end, output_capacity;
    size_t input_size;
    char input[REQUEST_BYTES + 1]; /* the newline is not counted */
};

struct admin {
    struct broker *broker;
    struct poll_source listener;
    struct poll_timer listen_again;
    struct admin_client *clients;
    unsigned count;
};

static void client_close(struct admin_client *client)
{
    struct admin *admin = client->admin;

    poll_remove(admin->broker->poll, &client->source);
    poll_timer_stop(admin->broker->poll, &client->patience);
    close(client->source.fd);
    *client->link = client->next;
    if (client->next)
        client->next->link = client->link;
    admin->count--;
    free(client->output);
    free(client);
}

static void progress(struct admin_client *client)
{
    poll_timer_start(client->admin->broker->poll, &client->patience, poll_now_ns() + PATIENCE_NS);
}

static void patience_over(struct poll_timer *timer)
{
    struct admin_client *client =
        (struct admin_client *)((char *)timer - offsetof(struct admin_client, patience));

    if (client->follow.on && client->output_start == client->output_end)
        progress(client);
    else
        client_close(client);
}

/* --- output --- */

static bool pending(const struct admin_client *client)
{
    return client->output_start < client->output_end;
}

/* Adds one line. false: out of memory, or more than limit bytes would wait. */
static bool put(struct admin_client *client, const json_t *object, size_t limit)
{
    const size_t size = object ? json_dumpb(object, NULL, 0, JSON_COMPACT) + 1 : 0;
    const size_t waiting = client->output_end - client->output_start;

    if (size <= 1 || waiting + size > limit)
        return false;
    if (waiting > 0 && client->output_end + size > client->output_capacity) {
        memmove(client->output, client->output + client->output_start, waiting);
        client->output_start = 0;
        client->output_end = waiting;
    }
    if (client->output_end + size > client->output_capacity) {
        const size_t doubled = 2 * client->output_capacity;
        const size_t capacity = waiting + size > doubled ? waiting + size : doubled;
        char *output = realloc(client->output, capacity);
        if (output == NULL)
            return false;
        client->output = output;
        client->output_capacity = capacity;
    }
    (void)json_dumpb(object, client->output + client->output_end, size, JSON_COMPACT);
    client->output_end += size;
    client->output[client->output_end - 1] = '\n';
    return true;
}

/* Sends a round's share of what waits. false: nobody is there any more. */
static bool send_some(struct admin_client *client)
{
    for (size_t total = 0; pending(client) && total < SEND_BYTES;) {
        ssize_t size = send(client->source.fd, client->output + client->output_start,
                            client->output_end - client->output_start, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (size < 0 && (errno == EAGAIN || errno == EINTR))
            return true;
        if (size <= 0)
            return false;
        client->output_start += (size_t)size;
        total += (size_t)size;
        progress(client);
    }
    if (pending(client))
        return true;
    /* A large answer's memory is not kept for the small ones that follow. */
    free(client->output);
    client->output = NULL;
    client->output_start = client->output_end = client->output_capacity = 0;
    return true;
}

/* --- input --- */

/* false: the connection has failed. */
static bool receive(struct admin_client *client)
{
    const size_t room = sizeof client->input - client->input_size;

    ssize_t size = recv(client->source.fd, client->input + client->input_size, room, MSG_DONTWAIT);
    if (size < 0)
        return errno == EAGAIN || errno == EINTR;
    if (size == 0)
        client->input_over = true;
    /* Who follows has said all it had to say. */
    if (!client->follow.on)
        client->input_size += (size_t)size;
    return true;
}

/* Whether the buffer holds something to answer: a line, too much of one, or all of one that was cut. */
static bool has_turn(const struct admin_client *client)
{
    if (client->follow.on || client->last || client->input_size == 0)
        return false;
    return client->input_over || client->input_size == sizeof client->input ||
           memchr(client->input, '\n', client->input_size) != NULL;
}

static bool refuse_and_close(struct admin_client *client, const char *fix, const char *error)
{
    json_t *answer = admin_commands_refuse(fix, "%s", error);
    bool done = put(client, answer, ANSWER_BYTES);

    json_decref(answer);
    client->last = true;
    return done;
}

/* Answers the first line of the buffer. false: memory is short. */
static bool take_turn(struct admin_client *client)
{
    const char *newline = memchr(client->input, '\n', client->input_size);

    if (newline == NULL && client->input_over)
        return refuse_and_close(client, "end each request with a newline", "the last request is not whole");
    if (newline == NULL)
        return refuse_and_close(client, "say less", "the request is longer than 64 KiB");
    const size_t size = (size_t)(newline - client->input);
    json_t *answer = admin_commands_execute(client->admin->broker, client->input, size, &client->follow);
    bool done = put(client, answer, ANSWER_BYTES);
    if (!done && answer)
        done = refuse_and_close(client, "ask for less", "the answer is longer than 16 MiB");
    json_decref(answer);
    client->input_size -= size + 1;
    memmove(client->input, newline + 1, client->input_size);
    progress(client);
    return done;
}

/* --- the loop's side --- */

/* What to be called for next. A turn that is due needs no event, and a socket is nearly always writable. */
static uint32_t interest(const struct admin_client *client)
{
    if (pending(client) || has_turn(client))
        return EPOLLOUT;
    return client->input_over ? 0 : EPOLLIN;
}

static void ready(struct poll_source *source, uint32_t events)
{
    struct admin_client *client =
        (struct admin_client *)((char *)source - offsetof(struct admin_client, source));
    bool alive = (events & (EPOLLERR | EPOLLHUP)) == 0 || (events & EPOLLIN) != 0;

    if (alive && pending(client))
        alive = send_some(client);
    if (alive && (events & EPOLLIN) != 0 && !has_turn(client))
        alive = receive(client);
    if (alive && !pending(client) && has_turn(client))
        alive = take_turn(client) && send_some(client);
    if (alive && !pending(client) && !has_turn(client))
        alive = !client->last && (!client->input_over || client->follow.on);
    if (!alive) {
        client_close(client);
        return;
    }
    const uint32_t wanted = interest(client);
    if (wanted == client->listening)
        return;
    client->listening = wanted;
    if (poll_change(client->admin->broker->poll, source, wanted) < 0)
        client_close(client);
}

/* A new line of a log, for all who follow it. */
static void new_line(void *context, const struct logs_line *line)
{
    struct admin *admin = context;
    struct admin_client *next;
    json_t *object = NULL;

    for (struct admin_client *client = admin->clients; client; client = next) {
        next = client->next;
        if (!client->follow.on || (!client->follow.all && strcmp(client->follow.realm, line->realm) != 0))
            continue;
        if (object == NULL)
            object = admin_answers_line(line);
        if (!put(client, object, FOLLOW_BYTES)) {
            client_close(client);
            continue;
        }
        if (client->listening != EPOLLOUT) {
            client->listening = EPOLLOUT;
            progress(client);
            if (poll_change(admin->broker->poll, &client->source, EPOLLOUT) < 0)
                client_close(client);
        }
    }
    json_decref(object);
}

/* --- accepting --- */

/* The socket's folder lets in nobody else; this holds if somebody has opened it up. */
static bool peer_is_allowed(int fd)
{
    struct ucred peer;
    socklen_t size = sizeof peer;

    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
        return false;
    return peer.uid == geteuid() || peer.uid == 0;
}

/* A short word of why, which fits any socket's buffer, and the end. */
static void turn_away(int fd, const char *fix, const char *error)
{
    json_t *answer = admin_commands_refuse(fix, "%s", error);
    char *text = answer ? json_dumps(answer, JSON_COMPACT) : NULL;

    if (text) {
        struct iovec parts[] = {{text, strlen(text)}, {(char *)"\n", 1}};
        const struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
        (void)sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    }
    free(text);
    json_decref(answer);
    close(fd);
}

static int client_new(struct admin *admin, int fd)
{
    struct admin_client *client = calloc(1, sizeof *client);
    if (client == NULL)
        return -ENOMEM;
    client->admin = admin;
    client->source = (struct poll_source){.fd = fd, .ready = ready};
    client->patience.fire = patience_over;
    client->listening = EPOLLIN;
    int error = poll_add(admin->broker->poll, &client->source, EPOLLIN);
    if (error) {
        free(client);
        return error;
    }
    client->next = admin->clients;
    client->link = &admin->clients;
    if (client->next)
        client->next->link = &client->next;
    admin->clients = client;
    admin->count++;
    progress(client);
    return 0;
}

static void listen_again(struct poll_timer *timer)
{
    struct admin *admin = (struct admin *)((char *)timer - offsetof(struct admin, listen_again));

    if (poll_add(admin->broker->poll, &admin->listener, EPOLLIN) < 0)
        poll_timer_start(admin->broker->poll, timer, poll_now_ns() + AGAIN_NS);
}

static void stop_listening(struct admin *admin)
{
    poll_remove(admin->broker->poll, &admin->listener);
    poll_timer_start(admin->broker->poll, &admin->listen_again, poll_now_ns() + AGAIN_NS);
}

static void accept_one(struct poll_source *source, uint32_t events)
{
    struct admin *admin = (struct admin *)((char *)source - offsetof(struct admin, listener));

    (void)events;
    int fd = accept4(source->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0) {
        /* Out of descriptors, say: the caller still waits, and asking again at once would be a busy loop. */
        if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
            stop_listening(admin);
        return;
    }
    if (!peer_is_allowed(fd))
        turn_away(fd, "ask as the user who runs this system", "this system is another user's");
    else if (admin->count >= CONNECTIONS)
        turn_away(fd, "end one of them, or wait", "sixteen connections are open already");
    else if (client_new(admin, fd) < 0)
        turn_away(fd, "try again later", "memory is short");
}

/* --- the interface --- */

int admin_new(struct broker *broker, int listener, struct admin **ret_admin)
{
    /* A connection that went away before it was accepted must not make the broker wait for the next. */
    const int flags = fcntl(listener, F_GETFL);
    if (flags < 0 || fcntl(listener, F_SETFL, flags | O_NONBLOCK) < 0)
        return -errno;
    struct admin *admin = calloc(1, sizeof *admin);
    if (admin == NULL)
        return -ENOMEM;
    admin->listen_again.fire = listen_again;
    admin->broker = broker;
    admin->listener = (struct poll_source){.fd = listener, .ready = accept_one};
    int error = poll_add(broker->poll, &admin->listener, EPOLLIN);
    if (error) {
        free(admin);
        return error;
    }
    logs_watch(broker->logs, new_line, admin);
    *ret_admin = admin;
    return 0;
}

void admin_free(struct admin *admin)
{
    if (admin == NULL)
        return;
    logs_watch(admin->broker->logs, NULL, NULL);
    for (struct admin_client *client = admin->clients, *next; client; client = next) {
        next = client->next;
        (void)send_some(client);
        client_close(client);
    }
    poll_timer_stop(admin->broker->poll, &admin->listen_again);
    poll_remove(admin->broker->poll, &admin->listener);
    free(admin);
}

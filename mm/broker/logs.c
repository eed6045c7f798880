/*
 * Lines, in two orders: all of them in one list, oldest first, and each realm's own among them. What is over
 * a limit goes from the front of the list that is over it. A line costs its text and LINE_COST, so that empty
 * lines cannot outgrow the limits.
 *
 * Pipes are read a little at a time. A window of time has a budget, in all and for one pipe; a pipe that has
 * used it up is not read until the next window, and then its writer waits for room like any writer of a
 * full pipe. Nothing is lost by that, and nobody but that realm is slowed down.
 *
 * The rule: what is kept and told on is UTF-8 without control characters (but tabs): it can be printed on a
 * terminal as it is. Each byte or character that is not becomes U+FFFD.
 */
#include "mm/broker/logs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <realm/types.h>

#include "librealm/core/name.h"

#define LINE_BYTES  1024u
#define LINE_COST   64u
#define ALL_BYTES   ((size_t)1024 * 1024)
#define BUCKETS     1024u /* of lines by number */
#define READ_BYTES  4096u
#define WINDOW_NS   (UINT64_C(100) * REALM_MSEC)
#define WINDOW_ALL  ((size_t)512 * 1024)
#define WINDOW_PIPE ((size_t)128 * 1024)
#define REPLACEMENT "\xef\xbf\xbd"

struct log_line {
    struct logs_line line; /* realm points to the source's name, text to bytes */
    struct log_realm *source;
    struct log_line *next, *previous; /* of all lines */
    struct log_line *next_of_realm;
    struct log_line *next_of_bucket;
    size_t cost;
    char bytes[];
};

/* A name that has lines or pipes; it goes when it has neither. */
struct log_realm {
    struct log_realm *next;
    struct log_line *first, **last;
    size_t cost;
    size_t limit; /* of the cost */
    unsigned pipes;
    char name[];
};

struct log_pipe {
    struct poll_source source;
    struct logs *logs;
    struct log_pipe *next, **link;
    struct log_realm *realm;
    const char *stream;
    uint64_t window; /* the one that used counts for */
    size_t used;
    bool paused;
    size_t size;                   /* of the line so far */
    uint8_t line[LINE_BYTES + 1u]; /* one over, so that a full line can be told from a longer one */
};

struct logs {
    struct poll *poll;
    struct events *events;
    struct log_line *first, *last;
    struct log_line *buckets[BUCKETS];
    struct log_realm *realms;
    struct log_pipe *pipes;
    size_t cost;
    uint64_t number; /* of the last line */
    struct poll_timer window_end;
    uint64_t window; /* counts up */
    size_t used;
    void (*watch)(void *context, const struct logs_line *line);
    void *watch_context;
};

/* --- realms --- */

static struct log_realm *find_realm(const struct logs *logs, const char *name)
{
    for (struct log_realm *realm = logs->realms; realm; realm = realm->next)
        if (strcmp(realm->name, name) == 0)
            return realm;
    return NULL;
}

static struct log_realm *obtain_realm(struct logs *logs, const char *name)
{
    struct log_realm *realm = find_realm(logs, name);
    if (realm)
        return realm;
    const size_t size = strlen(name) + 1;
    realm = calloc(1, sizeof *realm + size);
    if (realm == NULL)
        return NULL;
    memcpy(realm->name, name, size);
    realm->last = &realm->first;
    realm->limit = LOGS_REALM_BYTES;
    realm->next = logs->realms;
    logs->realms = realm;
    return realm;
}

static void release_realm(struct logs *logs, struct log_realm *realm)
{
    if (realm->first != NULL || realm->pipes > 0)
        return;
    struct log_realm **link = &logs->realms;
    while (*link != realm)
        link = &(*link)->next;
    *link = realm->next;
    free(realm);
}

/* --- lines --- */

static struct log_line **bucket(struct logs *logs, uint64_t number)
{
    return &logs->buckets[number % BUCKETS];
}

/* Forgets a realm's oldest line. */
static void drop_line(struct logs *logs, struct log_realm *realm)
{
    struct log_line *line = realm->first;

    realm->first = line->next_of_realm;
    if (realm->first == NULL)
        realm->last = &realm->first;
    realm->cost -= line->cost;
    logs->cost -= line->cost;
    *(line->previous ? &line->previous->next : &logs->first) = line->next;
    *(line->next ? &line->next->previous : &logs->last) = line->previous;
    struct log_line **link = bucket(logs, line->line.number);
    while (*link != line)
        link = &(*link)->next_of_bucket;
    *link = line->next_of_bucket;
    free(line);
}

static void make_room(struct logs *logs, struct log_realm *realm, size_t cost)
{
    while (realm->first && realm->cost + cost > realm->limit)
        drop_line(logs, realm);
    while (logs->first && logs->cost + cost > ALL_BYTES) {
        struct log_realm *oldest = logs->first->source;
        drop_line(logs, oldest);
        if (oldest != realm)
            release_realm(logs, oldest);
    }
}

/* Keeps a line that is fit to be kept, and tells who watches. */
static void keep_line(struct logs *logs, struct log_realm *realm, const char *stream, const char *text,
                      size_t size)
{
    struct log_line *line = calloc(1, sizeof *line + size + 1);
    if (line == NULL)
        return;
    memcpy(line->bytes, text, size);
    line->cost = size + LINE_COST;
    line->source = realm;
    line->line = (struct logs_line){.t_ns = events_now_ns(logs->events),
                                    .number = ++logs->number,
                                    .realm = realm->name,
                                    .stream = stream,
                                    .text = line->bytes};
    make_room(logs, realm, line->cost);
    *realm->last = line;
    realm->last = &line->next_of_realm;
    realm->cost += line->cost;
    logs->cost += line->cost;
    line->previous = logs->last;
    *(logs->last ? &logs->last->next : &logs->first) = line;
    logs->last = line;
    line->next_of_bucket = *bucket(logs, logs->number);
    *bucket(logs, logs->number) = line;

    events_emit(logs->events, "log", "{s:s, s:s, s:s}", "realm", realm->name, "stream", stream, "text",
                line->bytes);
    if (logs->watch)
        logs->watch(logs->watch_context, &line->line);
}

/* C0 but for the tab, DEL, and C1 (two bytes, from C2 80 to C2 9F). */
static bool is_control(const uint8_t *text)
{
    if (text[0] == 0xc2)
        return text[1] < 0xa0;
    return (text[0] < 0x20 && text[0] != '\t') || text[0] == 0x7f;
}

/* Makes one raw line fit to be kept: in one piece if it fits into LINE_BYTES, else in several. */
static void keep_raw(struct logs *logs, struct log_realm *realm, const char *stream, const uint8_t *raw,
                     size_t size)
{
    char text[LINE_BYTES];
    size_t used = 0;

    if (size > 0 && raw[size - 1] == '\r')
        size--;
    for (size_t at = 0; at < size;) {
        size_t step = realm_utf8_step(raw + at, size - at);
        const void *from = raw + at;
        size_t bytes = step;
        if (step == 0 || is_control(raw + at)) {
            from = REPLACEMENT;
            bytes = sizeof REPLACEMENT - 1;
        }
        if (used + bytes > sizeof text) {
            keep_line(logs, realm, stream, text, used);
            used = 0;
        }
        memcpy(text + used, from, bytes);
        used += bytes;
        at += step ? step : 1;
    }
    keep_line(logs, realm, stream, text, used);
}

void logs_say(struct logs *logs, const char *realm, const char *format, ...)
{
    char text[LINE_BYTES];
    va_list arguments;

    struct log_realm *source = obtain_realm(logs, realm);
    if (source == NULL)
        return;
    va_start(arguments, format);
    int size = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (size > 0)
        keep_raw(logs, source, "mm", (const uint8_t *)text, strlen(text));
    release_realm(logs, source);
}

/* --- pipes --- */

static void close_pipe(struct log_pipe *pipe)
{
    struct logs *logs = pipe->logs;

    poll_remove(logs->poll, &pipe->source);
    close(pipe->source.fd);
    *pipe->link = pipe->next;
    if (pipe->next)
        pipe->next->link = pipe->link;
    pipe->realm->pipes--;
    release_realm(logs, pipe->realm);
    free(pipe);
}

/*
 * A line that is too long is cut between two characters: up to three bytes at its end may be the beginning
 * of one, and begin the next line then.
 */
static size_t cut_length(const uint8_t *line, size_t size)
{
    for (size_t tail = 1; tail <= 3; tail++) {
        uint8_t byte = line[size - tail];
        if (byte < 0x80)
            break;
        if (byte >= 0xc0) {
            size_t wants = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
            return wants > tail ? size - tail : size;
        }
    }
    return size;
}

static void end_line(struct log_pipe *pipe, size_t size)
{
    keep_raw(pipe->logs, pipe->realm, pipe->stream, pipe->line, size);
    pipe->used += LINE_COST;
    pipe->logs->used += LINE_COST;
}

/* Takes bytes that were read into the line so far, and ends it where a newline or its length says so. */
static void feed(struct log_pipe *pipe, const uint8_t *bytes, size_t size)
{
    for (size_t at = 0; at < size;) {
        const uint8_t *newline = memchr(bytes + at, '\n', size - at);
        size_t part = newline ? (size_t)(newline - (bytes + at)) : size - at;
        size_t room = sizeof pipe->line - pipe->size;
        if (part > room)
            part = room;
        memcpy(pipe->line + pipe->size, bytes + at, part);
        pipe->size += part;
        at += part;
        if (pipe->size == sizeof pipe->line) {
            size_t cut = cut_length(pipe->line, LINE_BYTES);
            end_line(pipe, cut);
            pipe->size -= cut;
            memmove(pipe->line, pipe->line + cut, pipe->size);
        } else if (newline && bytes + at == newline) {
            end_line(pipe, pipe->size);
            pipe->size = 0;
            at++;
        }
    }
}

static void pause_pipe(struct log_pipe *pipe)
{
    struct logs *logs = pipe->logs;

    poll_remove(logs->poll, &pipe->source);
    pipe->paused = true;
    if (!logs->window_end.armed)
        poll_timer_start(logs->poll, &logs->window_end, poll_now_ns() + WINDOW_NS);
}

static void window_over(struct poll_timer *timer)
{
    struct logs *logs = (struct logs *)((char *)timer - offsetof(struct logs, window_end));
    struct log_pipe *next;

    logs->window++;
    logs->used = 0;
    for (struct log_pipe *pipe = logs->pipes; pipe; pipe = next) {
        next = pipe->next;
        if (!pipe->paused)
            continue;
        pipe->paused = false;
        if (poll_add(logs->poll, &pipe->source, EPOLLIN) < 0)
            close_pipe(pipe);
    }
}

/* The timer runs only while somebody prints; a window in which nobody does lasts until somebody does. */
static bool over_budget(struct log_pipe *pipe)
{
    struct logs *logs = pipe->logs;

    if (pipe->window != logs->window) {
        pipe->window = logs->window;
        pipe->used = 0;
    }
    if (!logs->window_end.armed)
        poll_timer_start(logs->poll, &logs->window_end, poll_now_ns() + WINDOW_NS);
    return pipe->used >= WINDOW_PIPE || logs->used >= WINDOW_ALL;
}

/* One reading. false: nothing more can be had now, and the pipe may be closed. */
static bool read_some(struct log_pipe *pipe)
{
    uint8_t bytes[READ_BYTES];

    if (over_budget(pipe)) {
        pause_pipe(pipe);
        return false;
    }
    ssize_t size = read(pipe->source.fd, bytes, sizeof bytes);
    if (size < 0 && (errno == EAGAIN || errno == EINTR))
        return false;
    if (size <= 0) {
        if (pipe->size > 0)
            end_line(pipe, pipe->size);
        close_pipe(pipe);
        return false;
    }
    pipe->used += (size_t)size;
    pipe->logs->used += (size_t)size;
    feed(pipe, bytes, (size_t)size);
    return true;
}

static void readable(struct poll_source *source, uint32_t ready)
{
    (void)ready;
    (void)read_some((struct log_pipe *)((char *)source - offsetof(struct log_pipe, source)));
}

void logs_drain(struct logs *logs, const char *realm)
{
    struct log_pipe *next;

    for (struct log_pipe *pipe = logs->pipes; pipe; pipe = next) {
        next = pipe->next;
        if (strcmp(pipe->realm->name, realm) == 0 && !pipe->paused)
            while (read_some(pipe))
                ;
    }
}

int logs_take_fd(struct logs *logs, const char *realm, const char *stream, int fd, uint32_t keep_bytes)
{
    struct log_pipe *pipe = calloc(1, sizeof *pipe);
    struct log_realm *owner = pipe ? obtain_realm(logs, realm) : NULL;
    int error = owner ? 0 : -ENOMEM;
    const int flags = fcntl(fd, F_GETFL);

    if (error == 0 && (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0))
        error = -errno;
    if (error == 0) {
        pipe->source = (struct poll_source){.fd = fd, .ready = readable};
        error = poll_add(logs->poll, &pipe->source, EPOLLIN);
    }
    if (error) {
        if (owner)
            release_realm(logs, owner);
        free(pipe);
        close(fd);
        return error;
    }
    owner->limit = keep_bytes;
    pipe->logs = logs;
    pipe->realm = owner;
    pipe->stream = strcmp(stream, "err") == 0 ? "err" : "out";
    pipe->next = logs->pipes;
    pipe->link = &logs->pipes;
    if (pipe->next)
        pipe->next->link = &pipe->next;
    logs->pipes = pipe;
    owner->pipes++;
    return 0;
}

/* --- the rest of the interface --- */

int logs_new(struct poll *poll, struct events *events, struct logs **ret_logs)
{
    struct logs *logs = calloc(1, sizeof *logs);
    if (logs == NULL)
        return -ENOMEM;
    logs->poll = poll;
    logs->events = events;
    logs->window_end.fire = window_over;
    *ret_logs = logs;
    return 0;
}

void logs_free(struct logs *logs)
{
    if (logs == NULL)
        return;
    poll_timer_stop(logs->poll, &logs->window_end);
    for (struct log_pipe *pipe = logs->pipes, *next; pipe; pipe = next) {
        next = pipe->next;
        close_pipe(pipe);
    }
    while (logs->first) {
        struct log_realm *realm = logs->first->source;
        drop_line(logs, realm);
        release_realm(logs, realm);
    }
    free(logs);
}

void logs_watch(struct logs *logs, void (*line)(void *context, const struct logs_line *line), void *context)
{
    logs->watch = line;
    logs->watch_context = context;
}

/* The first kept line after a number whose own line is gone. */
static const struct log_line *first_after(const struct logs *logs, uint64_t number)
{
    const struct log_line *line = logs->first;

    while (line && line->line.number <= number)
        line = line->next;
    return line;
}

const struct logs_line *logs_next(const struct logs *logs, const char *realm, uint64_t *cursor)
{
    const struct log_line *line = logs->buckets[*cursor % BUCKETS];

    while (line && line->line.number != *cursor)
        line = line->next_of_bucket;
    line = line ? line->next : first_after(logs, *cursor);
    while (line && realm && strcmp(line->line.realm, realm) != 0)
        line = line->next;
    if (line == NULL)
        return NULL;
    *cursor = line->line.number;
    return &line->line;
}

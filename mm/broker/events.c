/*
 * A buffer between the broker, which never waits, and the reader of its events, who may be slow.
 *
 * Lines are rendered straight into the buffer and leave it from the front, whole lines of at most PIPE_BUF
 * bytes at a time: the kernel writes these whole or not at all, so that a broker that is killed in the
 * middle leaves no half line for the launcher's last words to run into.
 *
 * The rule: the buffer does not grow. What a realm prints (`log`) may fill half of it, so that a talkative
 * realm cannot push out what the broker itself has to say.
 */
#include "mm/broker/events.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <jansson.h>

#define BUFFER_BYTES ((size_t)1024 * 1024)
#define LOG_BYTES    (BUFFER_BYTES / 2)
#define ROUND_BYTES  ((size_t)64 * 1024) /* written in one round of the loop */

struct events {
    struct poll *poll;
    struct poll_source source;
    uint64_t started_ns;
    uint64_t dropped; /* since the last report of it */
    size_t start;     /* of what waits in the buffer … */
    size_t end;       /* … and its end */
    char *buffer;
};

uint64_t events_now_ns(const struct events *events)
{
    return poll_now_ns() - events->started_ns;
}

/* --- writing --- */

/* Nobody reads, or nobody ever will: from now on events go nowhere. */
static void go_nowhere(struct events *events)
{
    poll_remove(events->poll, &events->source);
    events->source.fd = -1;
    events->start = events->end = 0;
    events->dropped = 0;
}

/* How many bytes go in one write: whole lines within PIPE_BUF; or, of a longer line, all there is of it. */
static size_t batch(const char *text, size_t size)
{
    if (size <= PIPE_BUF)
        return size;
    const char *last = memrchr(text, '\n', PIPE_BUF);
    if (last == NULL)
        last = memchr(text, '\n', size);
    return last == NULL ? size : (size_t)(last - text) + 1;
}

/* Writes until the reader is behind, or the round's share is used up. */
static void write_some(struct events *events)
{
    size_t total = 0;

    while (events->start < events->end && total < ROUND_BYTES) {
        const char *text = events->buffer + events->start;
        ssize_t size = write(events->source.fd, text, batch(text, events->end - events->start));
        if (size < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        if (size < 0) {
            go_nowhere(events);
            return;
        }
        events->start += (size_t)size;
        total += (size_t)size;
    }
    if (events->start == events->end)
        events->start = events->end = 0;
}

/* Moves what waits to the front, but only if that frees a good part: so its cost is spread over many lines.
 */
static void compact(struct events *events)
{
    if (events->start < BUFFER_BYTES / 4)
        return;
    memmove(events->buffer, events->buffer + events->start, events->end - events->start);
    events->end -= events->start;
    events->start = 0;
}

/* Renders a line behind the others, if the buffer then holds no more than limit bytes. */
static bool append(struct events *events, const json_t *object, size_t limit)
{
    const size_t size = json_dumpb(object, NULL, 0, JSON_COMPACT) + 1;

    if (size == 1 || events->end - events->start + size > limit)
        return false;
    if (BUFFER_BYTES - events->end < size)
        compact(events);
    if (BUFFER_BYTES - events->end < size)
        return false;
    (void)json_dumpb(object, events->buffer + events->end, size, JSON_COMPACT);
    events->end += size;
    events->buffer[events->end - 1] = '\n';
    return true;
}

static bool append_event(struct events *events, const char *event, json_t *members, size_t limit)
{
    json_t *object = json_pack("{s:s, s:I}", "event", event, "t_ns", (json_int_t)events_now_ns(events));
    bool done = false;

    if (object != NULL && (members == NULL || json_object_update(object, members) == 0))
        done = append(events, object, limit);
    json_decref(object);
    return done;
}

/* The report stands exactly where lines are missing. */
static void report_dropped(struct events *events)
{
    if (events->dropped == 0)
        return;
    json_t *members = json_pack("{s:I}", "count", (json_int_t)events->dropped);
    if (members != NULL && append_event(events, "dropped", members, BUFFER_BYTES))
        events->dropped = 0;
    json_decref(members);
}

/*
 * Adds an event, behind a report if lines are missing before it: both or none, else a full buffer would fill
 * up with reports.
 */
static bool append_with_report(struct events *events, const char *event, json_t *members, size_t limit)
{
    const uint64_t dropped = events->dropped;
    const size_t waiting = events->end - events->start;
    report_dropped(events);
    if (events->dropped == 0 && append_event(events, event, members, limit))
        return true;
    /* Take the report back; the buffer may have been compacted meanwhile. */
    events->end = events->start + waiting;
    events->dropped = dropped;
    return false;
}

static void writable(struct poll_source *source, uint32_t ready)
{
    struct events *events = (struct events *)((char *)source - offsetof(struct events, source));

    if ((ready & EPOLLOUT) == 0) {
        go_nowhere(events);
        return;
    }
    write_some(events);
    if (source->fd < 0)
        return;
    if (events->start == events->end)
        report_dropped(events);
    if (events->start == events->end)
        poll_remove(events->poll, source);
}

/* --- the interface --- */

int events_new(struct poll *poll, int fd, struct events **ret_events)
{
    if (fd >= 0) {
        int flags = fcntl(fd, F_GETFL);
        if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
            return -errno;
    }
    struct events *events = calloc(1, sizeof *events);
    char *buffer = malloc(BUFFER_BYTES);
    if (events == NULL || buffer == NULL) {
        free(events);
        free(buffer);
        return -ENOMEM;
    }
    *events = (struct events){
        .poll = poll, .source = {.fd = fd, .ready = writable}, .started_ns = poll_now_ns(), .buffer = buffer};
    *ret_events = events;
    return 0;
}

void events_free(struct events *events)
{
    if (events == NULL)
        return;
    if (events->source.fd >= 0) {
        size_t before;
        report_dropped(events);
        do {
            before = events->end - events->start;
            write_some(events);
        } while (events->end - events->start < before);
        poll_remove(events->poll, &events->source);
    }
    free(events->buffer);
    free(events);
}

void events_emit(struct events *events, const char *event, const char *format, ...)
{
    const size_t limit = strcmp(event, "log") == 0 ? LOG_BYTES : BUFFER_BYTES;
    json_t *members = NULL;

    if (events->source.fd < 0)
        return;
    if (format != NULL) {
        va_list arguments;
        va_start(arguments, format);
        members = json_vpack_ex(NULL, 0, format, arguments);
        va_end(arguments);
    }
    if ((format != NULL && members == NULL) || !append_with_report(events, event, members, limit))
        events->dropped++;
    json_decref(members);
    if (events->end == 0 || events->source.added)
        return;
    /* What cannot be waited for (a regular file) is always writable. */
    if (poll_add(events->poll, &events->source, EPOLLOUT) < 0)
        write_some(events);
}

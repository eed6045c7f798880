/*
 * The event stream: one JSON object a line, bounded, never waiting.
 */
#include <criterion/criterion.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

#include "mm/broker/events.h"

static struct poll *loop;
static struct events *events;
static int ends[2];
static char text[4 * 1024 * 1024];
static size_t text_size;
static json_int_t lasts; /* emitted by take_all */

static void open_stream(void)
{
    signal(SIGPIPE, SIG_IGN);
    cr_assert_eq(poll_new(&loop), 0);
    cr_assert_eq(pipe2(ends, O_CLOEXEC), 0);
    cr_assert_eq(fcntl(ends[0], F_SETFL, O_NONBLOCK), 0);
    cr_assert_eq(events_new(loop, ends[1], &events), 0);
    text_size = 0;
}

static void close_stream(void)
{
    events_free(events);
    poll_free(loop);
    close(ends[0]);
    close(ends[1]);
}

/* Takes what the pipe holds now; false if that is nothing. */
static bool take(void)
{
    ssize_t size = read(ends[0], text + text_size, sizeof text - 1 - text_size);
    if (size <= 0)
        return false;
    text_size += (size_t)size;
    text[text_size] = '\0';
    return true;
}

/* Runs the loop and reads until all that waits in the buffer has come. */
static void take_all(void)
{
    while (take())
        ;
    /* One event more tells the end; where the buffer is full it is dropped like others, so it is repeated. */
    while (strstr(text, "\"last\"") == NULL) {
        events_emit(events, "last", NULL);
        lasts++;
        cr_assert_eq(poll_peek(loop), 0);
        while (take())
            ;
    }
}

/* The next line as an object; NULL at the end. */
static json_t *next_line(char **at)
{
    char *newline = strchr(*at, '\n');
    if (newline == NULL)
        return NULL;
    json_t *object = json_loadb(*at, (size_t)(newline - *at), 0, NULL);
    cr_assert_not_null(object, "not JSON: %.*s", (int)(newline - *at), *at);
    *at = newline + 1;
    return object;
}

/* Goal: an event is one line: its name, its time, then its members in their order. */
Test(events, one_line, .init = open_stream, .fini = close_stream)
{
    events_emit(events, "started", "{s:s, s:i, s:i}", "realm", "A", "id", 7, "pid", 8);
    take_all();
    char *at = text;
    json_t *object = next_line(&at);
    cr_assert_str_eq(json_string_value(json_object_get(object, "event")), "started");
    cr_assert(json_is_integer(json_object_get(object, "t_ns")));
    cr_assert_eq(json_integer_value(json_object_get(object, "pid")), 8);
    cr_assert_eq(strncmp(text, "{\"event\":\"started\",\"t_ns\":", 25), 0);
    cr_assert_str_not_empty(strstr(text, ",\"realm\":\"A\",\"id\":7,\"pid\":8}\n"));
    json_decref(object);
}

/* Goal: quotes, newlines and control characters in a member stay inside their line. */
Test(events, escapes, .init = open_stream, .fini = close_stream)
{
    const char *nasty = "a\"b\\c\nd\x01\x1b[2J\xc3\xa9";
    events_emit(events, "log", "{s:s}", "text", nasty);
    take_all();
    char *at = text;
    json_t *object = next_line(&at);
    cr_assert_str_eq(json_string_value(json_object_get(object, "text")), nasty);
    json_decref(object);
}

/* Goal: times do not go back. */
Test(events, time_goes_on, .init = open_stream, .fini = close_stream)
{
    json_int_t last = 0;
    for (int i = 0; i < 100; i++)
        events_emit(events, "tick", NULL);
    take_all();
    char *at = text;
    for (json_t *object; (object = next_line(&at)); json_decref(object)) {
        json_int_t t_ns = json_integer_value(json_object_get(object, "t_ns"));
        cr_assert_geq(t_ns, last);
        last = t_ns;
    }
}

/* Goal: with a reader that does not read, memory stays bounded and nothing waits; what is lost is counted
 * exactly, and reported at the place where it is missing. */
Test(events, slow_reader, .init = open_stream, .fini = close_stream)
{
    const json_int_t count = 40000;
    for (json_int_t i = 0; i < count; i++) {
        events_emit(events, "number", "{s:I, s:s}", "n", i, "padding", "0123456789012345678901234567890123");
        if (i == 1000 || i == 30000) {
            /* The reader looks up for a moment. */
            cr_assert_eq(poll_peek(loop), 0);
            cr_assert(take());
        }
    }
    take_all();
    json_int_t expected = 0, seen = 0, lost = 0, lasts_seen = 0;
    char *at = text;
    for (json_t *object; (object = next_line(&at)); json_decref(object)) {
        const char *event = json_string_value(json_object_get(object, "event"));
        if (strcmp(event, "dropped") == 0) {
            json_int_t gap = json_integer_value(json_object_get(object, "count"));
            cr_assert_gt(gap, 0);
            lost += gap;
            expected += gap;
        } else if (strcmp(event, "number") == 0) {
            cr_assert_eq(json_integer_value(json_object_get(object, "n")), expected);
            expected++;
            seen++;
        } else {
            lasts_seen++;
        }
    }
    cr_assert_gt(lost, 0);
    cr_assert_eq(seen + lost, count + lasts - lasts_seen);
    cr_assert_leq(text_size, 1024u * 1024 + 2 * 65536);
}

/* Goal: what realms print fills half of the buffer at most, so the broker's own events still fit. */
Test(events, logs_leave_room, .init = open_stream, .fini = close_stream)
{
    for (int i = 0; i < 40000; i++)
        events_emit(events, "log", "{s:s}", "text", "0123456789012345678901234567890123456789");
    for (int i = 0; i < 1000; i++)
        events_emit(events, "denied", "{s:i}", "n", i);
    take_all();
    unsigned denied = 0;
    char *at = text;
    for (json_t *object; (object = next_line(&at)); json_decref(object))
        denied += strcmp(json_string_value(json_object_get(object, "event")), "denied") == 0;
    cr_assert_eq(denied, 1000);
}

/* Goal: a line longer than the pipe takes in one piece arrives whole. */
Test(events, long_line, .init = open_stream, .fini = close_stream)
{
    static char long_text[200000];
    memset(long_text, 'x', sizeof long_text - 1);
    events_emit(events, "short", NULL);
    events_emit(events, "long", "{s:s}", "text", long_text);
    take_all();
    char *at = text;
    json_decref(next_line(&at));
    json_t *object = next_line(&at);
    cr_assert_eq(json_string_length(json_object_get(object, "text")), sizeof long_text - 1);
    json_decref(object);
}

/* Goal: up to PIPE_BUF, only whole lines are written: at no moment does the pipe hold a half one. */
Test(events, whole_lines, .init = open_stream, .fini = close_stream)
{
    for (int i = 0; i < 3000; i++)
        events_emit(events, "number", "{s:i, s:s}", "n", i, "padding", "01234567890123456789012345678901");
    for (int i = 0; i < 6; i++) {
        text_size = 0;
        cr_assert_eq(poll_peek(loop), 0);
        while (take())
            ;
        if (text_size > 0)
            cr_assert_eq(text[text_size - 1], '\n');
    }
}

/* Goal: text that is not UTF-8 costs its event, which is counted, and nothing else. */
Test(events, bad_text, .init = open_stream, .fini = close_stream)
{
    events_emit(events, "bad", "{s:s}", "text", "\xff\xfe");
    events_emit(events, "good", NULL);
    take_all();
    cr_assert_null(strstr(text, "\"bad\""));
    cr_assert_not_null(strstr(text, "\"dropped\""));
    cr_assert_not_null(strstr(text, "\"good\""));
}

/* Goal: a reader that goes away is no error, and costs nothing from then on. */
Test(events, reader_gone, .init = open_stream)
{
    close(ends[0]);
    for (int i = 0; i < 100; i++)
        events_emit(events, "number", "{s:i}", "n", i);
    cr_assert_eq(poll_peek(loop), 0);
    for (int i = 0; i < 100000; i++)
        events_emit(events, "number", "{s:i}", "n", i);
    events_free(events);
    poll_free(loop);
}

/* Goal: at the end, what fits is written without the loop. */
Test(events, free_flushes)
{
    open_stream();
    events_emit(events, "ended", "{s:i}", "exit", 0);
    events_free(events);
    cr_assert(take());
    cr_assert_not_null(strstr(text, "\"ended\""));
    poll_free(loop);
}

/* Goal: without a descriptor, events go nowhere. */
Test(events, nowhere)
{
    struct events *none;
    cr_assert_eq(poll_new(&loop), 0);
    cr_assert_eq(events_new(loop, -1, &none), 0);
    events_emit(none, "started", NULL);
    events_free(none);
    events_free(NULL);
    poll_free(loop);
}

/* Goal: a file, which cannot be waited for, takes events as well. */
Test(events, into_a_file)
{
    char path[] = "/tmp/realm-events-test-XXXXXX";
    int fd = mkstemp(path);
    cr_assert_geq(fd, 0);
    unlink(path);
    cr_assert_eq(poll_new(&loop), 0);
    cr_assert_eq(events_new(loop, fd, &events), 0);
    events_emit(events, "one", NULL);
    events_emit(events, "two", NULL);
    events_free(events);
    poll_free(loop);
    ssize_t size = pread(fd, text, sizeof text - 1, 0);
    cr_assert_gt(size, 0);
    text[size] = '\0';
    cr_assert_not_null(strstr(text, "\"one\""));
    cr_assert_not_null(strstr(text, "\"two\""));
}

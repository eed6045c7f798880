/*
 * The realms' logs: lines out of anything, within bounds.
 */
#include <criterion/criterion.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "librealm/core/name.h"
#include "mm/broker/events.h"
#include "mm/broker/logs.h"

static struct poll *loop;
static struct events *events;
static struct logs *logs;
static unsigned watched;

static void count_line(void *context, const struct logs_line *line)
{
    (void)context;
    (void)line;
    watched++;
}

static void open_logs(void)
{
    cr_assert_eq(poll_new(&loop), 0);
    cr_assert_eq(events_new(loop, -1, &events), 0);
    cr_assert_eq(logs_new(loop, events, &logs), 0);
    logs_watch(logs, count_line, NULL);
    watched = 0;
}

static void close_logs(void)
{
    logs_free(logs);
    events_free(events);
    poll_free(loop);
}

static uint32_t keep_bytes = LOGS_REALM_BYTES;

/* The write end of a pipe into the log. */
static int open_pipe(const char *realm, const char *stream)
{
    int ends[2];
    cr_assert_eq(pipe2(ends, O_CLOEXEC), 0);
    cr_assert_eq(logs_take_fd(logs, realm, stream, ends[0], keep_bytes), 0);
    return ends[1];
}

/* Writes all of it, with the loop running whenever the pipe is full. */
static void write_all(int fd, const void *bytes, size_t size)
{
    cr_assert_eq(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
    for (size_t at = 0; at < size;) {
        ssize_t part = write(fd, (const char *)bytes + at, size - at);
        if (part < 0) {
            cr_assert_eq(errno, EAGAIN);
            cr_assert_eq(poll_once(loop), 0);
        } else {
            at += (size_t)part;
        }
    }
}

static void print(int fd, const char *text)
{
    write_all(fd, text, strlen(text));
}

/* Runs the loop until so many lines have come in all. */
static void await(unsigned lines)
{
    while (watched < lines)
        cr_assert_eq(poll_once(loop), 0);
}

static const struct logs_line *line_at(const char *realm, unsigned index)
{
    uint64_t cursor = 0;
    const struct logs_line *line = logs_next(logs, realm, &cursor);
    while (line && index-- > 0)
        line = logs_next(logs, realm, &cursor);
    return line;
}

static size_t kept(const char *realm, size_t *ret_bytes)
{
    uint64_t cursor = 0;
    size_t lines = 0, bytes = 0;
    for (const struct logs_line *line; (line = logs_next(logs, realm, &cursor)); lines++)
        bytes += strlen(line->text);
    if (ret_bytes)
        *ret_bytes = bytes;
    return lines;
}

/* Goal: what is printed comes out in lines, with realm, stream, rising numbers and times. */
Test(logs, lines, .init = open_logs, .fini = close_logs)
{
    int out = open_pipe("A", "out"), err = open_pipe("B", "err");
    print(out, "one\ntwo\n");
    await(2);
    print(err, "three\n");
    await(3);
    const struct logs_line *one = line_at(NULL, 0), *two = line_at(NULL, 1), *three = line_at(NULL, 2);
    cr_assert_str_eq(one->text, "one");
    cr_assert_str_eq(one->realm, "A");
    cr_assert_str_eq(one->stream, "out");
    cr_assert_str_eq(two->text, "two");
    cr_assert_str_eq(three->text, "three");
    cr_assert_str_eq(three->realm, "B");
    cr_assert_str_eq(three->stream, "err");
    cr_assert_lt(one->number, two->number);
    cr_assert_leq(two->t_ns, three->t_ns);
    cr_assert_null(line_at(NULL, 3));
    cr_assert_eq(line_at("B", 0), three);
    cr_assert_null(line_at("nobody", 0));
    close(out);
    close(err);
}

/* Goal: lines of two pipes that arrive in pieces are not mixed. */
Test(logs, interleaving, .init = open_logs, .fini = close_logs)
{
    int a = open_pipe("A", "out"), b = open_pipe("B", "out");
    for (int i = 0; i < 3; i++) {
        print(a, "aaa");
        print(b, "bbb");
        cr_assert_eq(poll_once(loop), 0);
    }
    cr_assert_eq(watched, 0);
    print(b, "\n");
    await(1);
    print(a, "\n");
    await(2);
    cr_assert_str_eq(line_at("A", 0)->text, "aaaaaaaaa");
    cr_assert_str_eq(line_at("B", 0)->text, "bbbbbbbbb");
    close(a);
    close(b);
}

/* Goal: a last line without a newline is kept when the pipe ends; an empty pipe gives no line. */
Test(logs, unfinished_line, .init = open_logs, .fini = close_logs)
{
    int a = open_pipe("A", "out");
    close(open_pipe("B", "out"));
    print(a, "the last words");
    close(a);
    await(1);
    cr_assert_str_eq(line_at(NULL, 0)->text, "the last words");
    cr_assert_eq(kept(NULL, NULL), 1);
}

/* Goal: every byte value, at every place, gives text that is UTF-8 without control characters. */
Test(logs, garbage, .init = open_logs, .fini = close_logs)
{
    static unsigned char bytes[64 * 1024];
    unsigned random = 12345;
    int a = open_pipe("A", "out");
    for (size_t i = 0; i < sizeof bytes; i++) {
        random = random * 1103515245u + 12345u;
        bytes[i] = (unsigned char)(random >> 16);
    }
    for (unsigned i = 0; i < 256; i++)
        bytes[i] = (unsigned char)i;
    write_all(a, bytes, sizeof bytes);
    print(a, "\nend\n");
    close(a);
    bool end = false;
    while (!end) {
        cr_assert_eq(poll_once(loop), 0);
        uint64_t cursor = 0;
        for (const struct logs_line *line; (line = logs_next(logs, NULL, &cursor));) {
            cr_assert(realm_utf8_valid(line->text, strlen(line->text)));
            cr_assert_leq(strlen(line->text), 1024);
            for (const char *at = line->text; *at; at++)
                cr_assert((unsigned char)*at >= 0x20 || *at == '\t');
            end = strcmp(line->text, "end") == 0;
        }
    }
}

/* Goal: what is wrong is replaced byte by byte, and what is right around it stays. */
Test(logs, replacement, .init = open_logs, .fini = close_logs)
{
    int a = open_pipe("A", "out");
    print(a, "ok \xc3\xa9 \xff \xc3( \x1b[31m tab\t \xc2\x9b"
             "c \xed\xa0\x80 \xe2\x82\r\n");
    write_all(a, "nul\0nul\n", 8);
    await(2);
    cr_assert_str_eq(line_at(NULL, 0)->text,
                     "ok \xc3\xa9 \xef\xbf\xbd \xef\xbf\xbd( \xef\xbf\xbd[31m tab\t \xef\xbf\xbd"
                     "c \xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd \xef\xbf\xbd\xef\xbf\xbd");
    cr_assert_str_eq(line_at(NULL, 1)->text, "nul\xef\xbf\xbdnul");
    close(a);
}

static void long_lines(size_t size, size_t expected_lines)
{
    char *text = malloc(size + 1);
    unsigned before = watched;
    int a = open_pipe("A", "out");
    memset(text, 'x', size);
    text[size] = '\n';
    write_all(a, text, size + 1);
    print(a, "end\n");
    await(before + (unsigned)expected_lines + 1);
    uint64_t cursor = before;
    size_t total = 0;
    for (const struct logs_line *line; (line = logs_next(logs, NULL, &cursor));)
        total += line->number <= before + expected_lines ? strlen(line->text) : 0;
    cr_assert_eq(total, size);
    cr_assert_eq(watched, before + expected_lines + 1);
    close(a);
    free(text);
}

/* Goal: a line over 1 KiB is cut into pieces of 1 KiB, with nothing lost, and no empty piece at the end. */
Test(logs, long_lines, .init = open_logs, .fini = close_logs)
{
    long_lines(1023, 1);
    long_lines(1024, 1);
    long_lines(1025, 2);
    long_lines(2048, 2);
    long_lines(10000, 10);
}

/* Goal: a cut does not go through a character. */
Test(logs, cut_between_characters, .init = open_logs, .fini = close_logs)
{
    static char text[4 * 1000 + 2];
    int a = open_pipe("A", "out");
    text[0] = 'x';
    for (int i = 0; i < 1000; i++)
        memcpy(text + 1 + 4 * i, "\xf0\x9f\x98\x80", 4);
    text[4001] = '\n';
    write_all(a, text, sizeof text);
    await(4);
    size_t total = 0;
    uint64_t cursor = 0;
    for (const struct logs_line *line; (line = logs_next(logs, NULL, &cursor)); total += strlen(line->text))
        cr_assert_null(strstr(line->text, "\xef\xbf\xbd"));
    cr_assert_eq(total, 4001);
    close(a);
}

/* Goal: of one realm at most 32 KiB are kept, the newest; others' lines do not suffer. */
Test(logs, realm_bound, .init = open_logs, .fini = close_logs)
{
    size_t bytes;
    char text[64];
    int quiet = open_pipe("quiet", "out"), noisy = open_pipe("noisy", "out");
    print(quiet, "hello\n");
    await(1);
    for (int i = 0; i < 5000; i++) {
        snprintf(text, sizeof text, "line number %d\n", i);
        print(noisy, text);
    }
    await(5001);
    size_t lines = kept("noisy", &bytes);
    cr_assert_leq(bytes, 32 * 1024);
    cr_assert_gt(lines, 100);
    cr_assert_str_eq(line_at("noisy", (unsigned)lines - 1)->text, "line number 4999");
    cr_assert_str_eq(line_at("quiet", 0)->text, "hello");
    close(quiet);
    close(noisy);
}

/* Goal: of a realm as much is kept as its own limit says. */
Test(logs, realm_bound_of_its_own, .init = open_logs, .fini = close_logs)
{
    size_t bytes;

    keep_bytes = 1024;
    int small = open_pipe("small", "out");
    keep_bytes = 128 * 1024;
    int large = open_pipe("large", "out");
    for (int i = 0; i < 2000; i++) {
        print(small, "some words\n");
        print(large, "some words\n");
    }
    await(4000);
    cr_assert_eq(kept("small", &bytes), 1024 / (64 + 10));
    cr_assert_eq(kept("large", &bytes), 128 * 1024 / (64 + 10));
    close(small);
    close(large);
}

/* Goal: of all realms at most 1 MiB is kept, the newest. */
Test(logs, whole_bound, .init = open_logs, .fini = close_logs)
{
    char name[32], text[1000];
    size_t bytes;
    memset(text, 'y', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    for (int realm = 0; realm < 60; realm++)
        for (int i = 0; i < 30; i++) {
            snprintf(name, sizeof name, "realm%d", realm);
            logs_say(logs, name, "%s", text);
        }
    kept(NULL, &bytes);
    cr_assert_leq(bytes, 1024 * 1024);
    cr_assert_geq(bytes, 800 * 1024);
    cr_assert_null(line_at("realm0", 0));
    cr_assert_not_null(line_at("realm59", 0));
}

/* Goal: lines without text have a price, too: they are not kept without end. */
Test(logs, empty_lines_are_bounded, .init = open_logs, .fini = close_logs)
{
    static char newlines[100000];
    int a = open_pipe("A", "out");
    memset(newlines, '\n', sizeof newlines);
    write_all(a, newlines, sizeof newlines);
    close(a);
    await(sizeof newlines);
    cr_assert_leq(kept("A", NULL), 32 * 1024 / 64);
}

/* Goal: a realm that prints as fast as it can does not keep another's line from coming through. */
Test(logs, noisy_and_quiet, .init = open_logs, .fini = close_logs)
{
    static char flood[60000];
    int noisy = open_pipe("noisy", "out"), quiet = open_pipe("quiet", "err");
    memset(flood, '\n', sizeof flood);
    cr_assert_eq(fcntl(noisy, F_SETFL, O_NONBLOCK), 0);
    (void)!write(noisy, flood, sizeof flood);
    print(quiet, "hello\n");
    /* The pipe is kept full throughout: the quiet one's line comes within a few rounds all the same. */
    for (int round = 0; round < 50 && kept("quiet", NULL) == 0; round++) {
        (void)!write(noisy, flood, sizeof flood);
        cr_assert_eq(poll_once(loop), 0);
    }
    cr_assert_eq(kept("quiet", NULL), 1);
    close(noisy);
    close(quiet);
}

/* Goal: logs_say is a line of stream mm; over 1 KiB it is cut, and hostile text in it is made fit. */
Test(logs, say, .init = open_logs, .fini = close_logs)
{
    static char long_name[3000];
    memset(long_name, 'n', sizeof long_name - 1);
    logs_say(logs, "A", "offence: %s", "garbage \x1b]0;title\x07");
    logs_say(logs, "A", "%s", long_name);
    cr_assert_str_eq(line_at("A", 0)->stream, "mm");
    cr_assert_str_eq(line_at("A", 0)->text, "offence: garbage \xef\xbf\xbd]0;title\xef\xbf\xbd");
    cr_assert_leq(strlen(line_at("A", 1)->text), 1024);
}

/* Goal: a cursor goes on where it was, also when the line it stood at has been dropped since. */
Test(logs, cursor_survives_drops, .init = open_logs, .fini = close_logs)
{
    uint64_t cursor = 0;
    for (int i = 0; i < 10; i++)
        logs_say(logs, "A", "%d", i);
    const struct logs_line *line = logs_next(logs, NULL, &cursor);
    cr_assert_str_eq(line->text, "0");
    uint64_t last = cursor;
    for (int i = 0; i < 2000; i++)
        logs_say(logs, "A", "again %d", i);
    while ((line = logs_next(logs, NULL, &cursor))) {
        cr_assert_gt(line->number, last);
        last = line->number;
    }
    cr_assert_eq(last, 2010);
}

/* Goal: a log line is an event, too. */
Test(logs, in_the_event_stream)
{
    int ends[2];
    char text[1024];
    cr_assert_eq(pipe2(ends, O_CLOEXEC), 0);
    cr_assert_eq(poll_new(&loop), 0);
    cr_assert_eq(events_new(loop, ends[1], &events), 0);
    cr_assert_eq(logs_new(loop, events, &logs), 0);
    logs_say(logs, "A", "words");
    close_logs();
    ssize_t size = read(ends[0], text, sizeof text - 1);
    cr_assert_gt(size, 0);
    text[size] = '\0';
    cr_assert_not_null(strstr(text, "\"event\":\"log\""));
    cr_assert_not_null(strstr(text, "\"realm\":\"A\",\"stream\":\"mm\",\"text\":\"words\""));
}

/* Goal: pipes that are still open at the end are closed, and their writers hear of it. */
Test(logs, free_closes_pipes)
{
    open_logs();
    int a = open_pipe("A", "out");
    close_logs();
    signal(SIGPIPE, SIG_IGN);
    cr_assert_eq(write(a, "x", 1), -1);
    cr_assert_eq(errno, EPIPE);
}

/*
 * One poll over four things: events to read, output that can be written, signals (with the end of the time
 * and of the launcher), so that nothing of these ever waits for another. In particular a terminal that has
 * been stopped, or a pager that is not scrolled, does not keep ctrl-C from working: output waits in a buffer,
 * and is written in pieces that a pipe that is ready takes without blocking.
 */
#include "tools/stream.h"

#include <errno.h>
#include <jansson.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mm/start.h"
#include "tools/command.h"
#include "tools/events.h"
#include "tools/print.h"

#define LINE_MAX_BYTES   ((size_t)128 * 1024) /* of an event; longer ones are shown cut */
#define OUTPUT_MAX_BYTES ((size_t)256 * 1024) /* waiting to be written: then events wait, too */

struct stream {
    struct stream_options options;
    struct events_style style;
    int signals, timer;
    sigset_t old_mask;
    struct sigaction old_pipe;
    int events; /* -1: at its end */
    pid_t launcher;
    bool ended; /* the launcher has, with this status */
    int wait_status;
    bool asked, killed;
    char *line; /* an event that has not come in whole */
    size_t line_size;
    char *output;
    size_t output_size, output_capacity;
    bool output_gone; /* nobody reads it any more */
    int output_error; /* … but not because its reader left: errno */
};

/* --- making and freeing --- */

static int start_timer(struct stream *stream)
{
    stream->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    if (stream->timer < 0)
        return -errno;
    const struct itimerspec when = {.it_value = {.tv_sec = (time_t)(stream->options.for_ns / 1000000000),
                                                 .tv_nsec = (long)(stream->options.for_ns % 1000000000)}};
    return timerfd_settime(stream->timer, 0, &when, NULL) == 0 ? 0 : -errno;
}

int stream_new(const struct stream_options *options, struct stream **ret_stream)
{
    struct stream *stream = calloc(1, sizeof *stream);
    char *line = malloc(LINE_MAX_BYTES + 1);
    if (!stream || !line) {
        free(stream);
        free(line);
        return -ENOMEM;
    }
    stream->options = *options;
    stream->style = (struct events_style){.colours = print_colours(stdout), .quiet = options->quiet};
    stream->line = line;
    stream->events = stream->timer = -1;
    const struct sigaction ignore = {.sa_handler = SIG_IGN};
    sigaction(SIGPIPE, &ignore, &stream->old_pipe);
    sigset_t taken;
    sigemptyset(&taken);
    sigaddset(&taken, SIGINT);
    sigaddset(&taken, SIGTERM);
    sigaddset(&taken, SIGHUP);
    sigaddset(&taken, SIGCHLD);
    sigprocmask(SIG_BLOCK, &taken, &stream->old_mask);
    stream->signals = signalfd(-1, &taken, SFD_CLOEXEC | SFD_NONBLOCK);
    int error = stream->signals < 0 ? -errno : 0;
    if (error) {
        stream_free(stream);
        return error;
    }
    *ret_stream = stream;
    return 0;
}

void stream_free(struct stream *stream)
{
    if (!stream)
        return;
    if (stream->signals >= 0)
        close(stream->signals);
    if (stream->timer >= 0)
        close(stream->timer);
    if (stream->events >= 0)
        close(stream->events);
    sigaction(SIGPIPE, &stream->old_pipe, NULL);
    sigprocmask(SIG_SETMASK, &stream->old_mask, NULL);
    free(stream->line);
    free(stream->output);
    free(stream);
}

/* --- asking the system to end --- */

static void ask_to_end(struct stream *stream)
{
    if (!stream->asked && !stream->ended)
        kill(stream->launcher, SIGTERM);
    stream->asked = true;
}

static void reap(struct stream *stream)
{
    if (!stream->ended && waitpid(stream->launcher, &stream->wait_status, WNOHANG) == stream->launcher) {
        stream->ended = true;
        mm_sweep();
    }
}

static void take_signals(struct stream *stream)
{
    struct signalfd_siginfo info;
    while (read(stream->signals, &info, sizeof info) == sizeof info) {
        if (info.ssi_signo == SIGCHLD) {
            reap(stream);
        } else if (!stream->asked) {
            ask_to_end(stream);
        } else if (!stream->ended) {
            kill(stream->launcher, SIGKILL); /* and the kernel kills the rest */
            stream->killed = true;
        } else {
            stream->output_gone = true; /* all has ended but the printing */
        }
    }
}

static void take_timer(struct stream *stream)
{
    uint64_t expirations;
    if (read(stream->timer, &expirations, sizeof expirations) == sizeof expirations)
        ask_to_end(stream);
}

/* --- output --- */

static void put(struct stream *stream, const char *text, size_t size)
{
    if (stream->output_gone)
        return;
    if (stream->output_capacity - stream->output_size < size) {
        size_t capacity = 2 * stream->output_capacity + size;
        char *output = realloc(stream->output, capacity);
        if (!output)
            return; /* an event is lost rather than the system */
        stream->output = output;
        stream->output_capacity = capacity;
    }
    memcpy(stream->output + stream->output_size, text, size);
    stream->output_size += size;
}

static void put_event(struct stream *stream, const char *line, size_t size)
{
    json_error_t error;
    json_t *event = json_loadb(line, size, 0, &error);
    char *text = NULL;
    size_t text_size;
    FILE *memory = open_memstream(&text, &text_size);
    if (memory && json_is_object(event))
        events_print(event, &stream->style, memory);
    if (memory && fclose(memory) == 0)
        put(stream, text, text_size);
    free(text);
    json_decref(event);
}

/* A line with its end. */
static void take_line(struct stream *stream, const char *line, size_t size)
{
    if (!stream->options.json)
        put_event(stream, line, size - 1);
    else if (!stream->options.quiet)
        put(stream, line, size);
}

/* Not more than a pipe takes at once when poll says that it is ready. */
static void write_output(struct stream *stream)
{
    size_t piece = stream->output_size < PIPE_BUF ? stream->output_size : PIPE_BUF;
    ssize_t written = write(STDOUT_FILENO, stream->output, piece);
    if (written < 0 && errno != EINTR && errno != EAGAIN) {
        stream->output_gone = true;
        stream->output_error = errno == EPIPE ? 0 : errno;
        stream->output_size = 0;
        ask_to_end(stream);
    } else if (written > 0) {
        stream->output_size -= (size_t)written;
        memmove(stream->output, stream->output + written, stream->output_size);
    }
}

/* --- events --- */

static void take_events(struct stream *stream)
{
    ssize_t got = read(stream->events, stream->line + stream->line_size, LINE_MAX_BYTES - stream->line_size);
    if (got < 0 && (errno == EINTR || errno == EAGAIN))
        return;
    if (got <= 0) {
        close(stream->events);
        stream->events = -1;
        return;
    }
    stream->line_size += (size_t)got;
    char *start = stream->line, *end = stream->line + stream->line_size, *newline;
    while ((newline = memchr(start, '\n', (size_t)(end - start)))) {
        take_line(stream, start, (size_t)(newline + 1 - start));
        start = newline + 1;
    }
    stream->line_size = (size_t)(end - start);
    memmove(stream->line, start, stream->line_size);
    if (stream->line_size == LINE_MAX_BYTES) {
        stream->line[LINE_MAX_BYTES] = '\n';
        take_line(stream, stream->line, LINE_MAX_BYTES + 1);
        stream->line_size = 0;
    }
}

static bool finished(const struct stream *stream)
{
    return stream->ended && stream->events < 0 && stream->output_size == 0;
}

static int one_round(struct stream *stream)
{
    bool room = stream->output_size < OUTPUT_MAX_BYTES;
    struct pollfd fds[] = {
        {.fd = stream->signals, .events = POLLIN},
        {.fd = stream->timer, .events = POLLIN},
        {.fd = room ? stream->events : -1, .events = POLLIN},
        {.fd = stream->output_size > 0 ? STDOUT_FILENO : -1, .events = POLLOUT},
    };
    if (poll(fds, sizeof fds / sizeof fds[0], -1) < 0)
        return errno == EINTR ? 0 : -errno;
    if (fds[0].revents)
        take_signals(stream);
    if (fds[1].revents)
        take_timer(stream);
    if (fds[2].revents)
        take_events(stream);
    if (fds[3].revents && stream->output_size > 0)
        write_output(stream);
    if (stream->output_gone)
        stream->output_size = 0;
    return 0;
}

static int exit_status(const struct stream *stream)
{
    if (stream->killed) {
        fputs("realm run: killed\n", stderr);
        return EXIT_FAILED;
    }
    if (!WIFEXITED(stream->wait_status)) {
        fprintf(stderr, "realm run: the launcher was killed by signal %d; all realms ended with it\n",
                WTERMSIG(stream->wait_status));
        return EXIT_FAILED;
    }
    if (stream->output_error) {
        fprintf(stderr, "realm run: cannot write the output: %s\n", strerror(stream->output_error));
        return EXIT_FAILED;
    }
    return WEXITSTATUS(stream->wait_status) == 0 ? EXIT_FINE : EXIT_FAILED;
}

int stream_run(struct stream *stream, int events, pid_t launcher)
{
    stream->events = events;
    stream->launcher = launcher;
    int error = start_timer(stream);
    reap(stream); /* its SIGCHLD may have been merged with another's */
    while (!error && !finished(stream))
        error = one_round(stream);
    if (error) {
        fprintf(stderr, "realm run: %s\n", strerror(-error));
        kill(launcher, SIGKILL);
        waitpid(launcher, NULL, 0);
        mm_sweep();
        return EXIT_FAILED;
    }
    return exit_status(stream);
}

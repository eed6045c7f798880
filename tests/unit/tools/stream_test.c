/*
 * Carrying events and requests to end. A fake launcher writes into the pipe of events and waits for signals;
 * the front end runs in a child of the test, because it takes over standard output and signals.
 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tools/stream.h"

#define EVENT "{\"event\":\"registered\",\"t_ns\":0,\"realm\":\"A\",\"service\":\"s\"}\n"

static void end_politely(int number)
{
    (void)number;
    _exit(0);
}

/* What the fake launcher does: says some events, tells that it is there, then waits to be ended. */
struct launcher {
    unsigned events;
    bool stubborn; /* does not end when asked */
    bool short_lived;
    int ready; /* write end: a byte when it is all set */
};

static void be_launcher(const struct launcher *launcher, int events)
{
    sigset_t none; /* signals are held until here: the front end took them before it forked */
    signal(SIGTERM, launcher->stubborn ? SIG_IGN : end_politely);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_DFL);
    (void)!write(launcher->ready, "r", 1);
    for (unsigned i = 0; i < launcher->events; i++)
        if (write(events, EVENT, strlen(EVENT)) < 0)
            break;
    if (launcher->short_lived)
        _exit(0);
    close(events);
    for (;;)
        pause();
}

/* The front end, in a process of its own. */
static pid_t start_front(const struct stream_options *options, const struct launcher *launcher, int output)
{
    pid_t front = fork();
    if (front != 0)
        return front;
    int events[2];
    struct stream *stream = NULL;
    dup2(output, STDOUT_FILENO);
    close(output);
    if (freopen("/dev/null", "w", stderr) == NULL || stream_new(options, &stream) != 0 ||
        pipe2(events, O_CLOEXEC) != 0)
        _exit(90);
    pid_t front_end = getpid(), pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        close(events[0]);
        close(STDOUT_FILENO);
        if (getppid() == front_end)
            be_launcher(launcher, events[1]);
        _exit(91);
    }
    close(events[1]);
    int status = stream_run(stream, events[0], pid);
    stream_free(stream);
    _exit(status);
}

static int wait_for(pid_t pid)
{
    int status;
    alarm(60); /* only a hang comes near */
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    alarm(0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void wait_ready(int fd)
{
    char byte;
    alarm(60);
    cr_assert_eq(read(fd, &byte, 1), 1);
    alarm(0);
}

/* How many events come out until the end. */
static unsigned count_lines(int fd)
{
    unsigned lines = 0;
    char block[4096];
    ssize_t got;
    alarm(60);
    while ((got = read(fd, block, sizeof block)) > 0)
        for (ssize_t i = 0; i < got; i++)
            lines += block[i] == '\n';
    alarm(0);
    close(fd);
    return lines;
}

struct pipes {
    int ready[2], output[2];
};

static struct pipes make_pipes(void)
{
    struct pipes pipes;
    cr_assert_eq(pipe2(pipes.ready, O_CLOEXEC), 0);
    cr_assert_eq(pipe2(pipes.output, O_CLOEXEC), 0);
    return pipes;
}

/* Goal: every event comes out unchanged, and the launcher's end is the end. */
Test(stream, carries_everything)
{
    struct pipes pipes = make_pipes();
    const struct stream_options options = {.json = true};
    const struct launcher launcher = {.events = 20000, .short_lived = true, .ready = pipes.ready[1]};
    pid_t front = start_front(&options, &launcher, pipes.output[1]);
    close(pipes.output[1]);
    cr_assert_eq(count_lines(pipes.output[0]), 20000u);
    cr_assert_eq(wait_for(front), 0);
}

/* Goal: the first signal asks politely, and the exit status is the launcher's. */
Test(stream, a_signal_asks)
{
    struct pipes pipes = make_pipes();
    const struct stream_options options = {.json = true};
    const struct launcher launcher = {.ready = pipes.ready[1]};
    pid_t front = start_front(&options, &launcher, pipes.output[1]);
    wait_ready(pipes.ready[0]);
    kill(front, SIGINT);
    cr_assert_eq(wait_for(front), 0);
}

/* Goal: a second signal ends a launcher that does not want to, and that is a failure. */
Test(stream, a_second_signal_kills)
{
    struct pipes pipes = make_pipes();
    const struct stream_options options = {.json = true};
    const struct launcher launcher = {.stubborn = true, .ready = pipes.ready[1]};
    pid_t front = start_front(&options, &launcher, pipes.output[1]);
    wait_ready(pipes.ready[0]);
    kill(front, SIGINT);
    kill(front, SIGTERM); /* another number: two of one kind could become one */
    cr_assert_eq(wait_for(front), 1);
}

/* Goal: output that nobody takes does not keep signals from working. */
Test(stream, blocked_output)
{
    struct pipes pipes = make_pipes();
    const struct stream_options options = {.json = true};
    const struct launcher launcher = {.events = 1000000, .ready = pipes.ready[1]};
    pid_t front = start_front(&options, &launcher, pipes.output[1]); /* far more than both pipes hold */
    close(pipes.output[1]);
    wait_ready(pipes.ready[0]);
    kill(front, SIGINT); /* ends the launcher, in the middle of its events … */
    unsigned lines = count_lines(pipes.output[0]);
    cr_assert_lt(lines, 1000000u);
    cr_assert_eq(wait_for(front), 0); /* … and what it said before is still printed, once it is read */
}

/* Goal: with --for, the end comes by itself, and is no failure. */
Test(stream, for_a_time)
{
    struct pipes pipes = make_pipes();
    const struct stream_options options = {.json = true, .for_ns = 1000000};
    const struct launcher launcher = {.ready = pipes.ready[1]};
    pid_t front = start_front(&options, &launcher, pipes.output[1]);
    cr_assert_eq(wait_for(front), 0);
}

/* Goal: a reader that leaves ends the system politely. */
Test(stream, reader_leaves)
{
    struct pipes pipes = make_pipes();
    const struct stream_options options = {.json = true};
    const struct launcher launcher = {.events = 10, .ready = pipes.ready[1]};
    close(pipes.output[0]);
    pid_t front = start_front(&options, &launcher, pipes.output[1]);
    close(pipes.output[1]);
    cr_assert_eq(wait_for(front), 0);
}

/* Goal: a disk that is full is a failure, not a polite end. */
Test(stream, output_fails)
{
    struct pipes pipes = make_pipes();
    const struct stream_options options = {.json = true};
    const struct launcher launcher = {.events = 10, .ready = pipes.ready[1]};
    int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
    cr_assert_geq(full, 0);
    cr_assert_eq(wait_for(start_front(&options, &launcher, full)), 1);
}

/* Goal: for people, each event is a line. */
Test(stream, for_people)
{
    struct pipes pipes = make_pipes();
    const struct stream_options options = {0};
    const struct launcher launcher = {.events = 3, .short_lived = true, .ready = pipes.ready[1]};
    pid_t front = start_front(&options, &launcher, pipes.output[1]);
    close(pipes.output[1]);
    cr_assert_eq(count_lines(pipes.output[0]), 3u);
    cr_assert_eq(wait_for(front), 0);
}

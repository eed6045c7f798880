/*
 * mm_start with the real broker: what the front end relies on.
 */
#include <criterion/criterion.h>

#include "mm/start.h"
#include "tests/unit/launcher/fake_broker.h"

static char *sleep_args[] = {(char *)"1000", NULL};
static struct mm_realm sleeper = {.name = (char *)"sleeper",
                                  .program = (char *)"/bin/sleep",
                                  .args = sleep_args,
                                  .parent = MM_INIT,
                                  .start = true,
                                  .start_limit_count = 1,
                                  .start_limit_ns = REALM_SEC};
static struct mm_config config = {
    .system = (char *)"test", .source = (char *)"test.yaml", .realms = &sleeper, .realms_count = 1};
static struct mm_options options = {.waiter = REALM_WAITER_PIPE, .weakened = -1, .admin_listener = -1};
static int events;
static char seen[65536];
static size_t seen_size;

static pid_t start(void)
{
    int ends[2];
    pid_t launcher = 0;
    cr_assert_eq(pipe2(ends, O_CLOEXEC), 0);
    options.events = ends[1];
    cr_assert_eq(mm_start(&config, &options, &launcher), 0);
    close(ends[1]);
    events = ends[0];
    return launcher;
}

/* Reads events until one of this kind has come; false: the stream has ended. */
static bool await_event(const char *event)
{
    char wanted[64];
    snprintf(wanted, sizeof wanted, "{\"event\":\"%s\"", event);
    while (strstr(seen, wanted) == NULL) {
        ssize_t size = read(events, seen + seen_size, sizeof seen - 1 - seen_size);
        if (size <= 0)
            return false;
        seen_size += (size_t)size;
    }
    return true;
}

static pid_t pid_of_sleeper(void)
{
    cr_assert(await_event("started"), "%s", seen);
    return (pid_t)strtol(strstr(strstr(seen, "\"started\""), "\"pid\":") + 6, NULL, 10);
}

/* Goal: a system without a realm ends by itself, with status 0, and the event stream ends with it. */
Test(start, nothing_to_run)
{
    config.realms_count = 0;
    pid_t launcher = start();
    cr_assert(await_event("ended"), "%s", seen);
    cr_assert_eq(scene_wait(launcher), 0);
    cr_assert(!await_event("no such event"));
}

/* Goal: SIGTERM ends the system politely: the realm is gone, the status is 0. */
Test(start, sigterm)
{
    pid_t launcher = start();
    pid_t realm = pid_of_sleeper();
    kill(launcher, SIGTERM);
    cr_assert_eq(scene_wait(launcher), 0);
    cr_assert(gone(realm));
    cr_assert(await_event("ended"));
}

/* Goal: the launcher is out of the terminal's reach: it leads a session of its own. */
Test(start, own_session)
{
    pid_t launcher = start();
    pid_t realm = pid_of_sleeper();
    cr_assert_eq(getsid(launcher), launcher);
    cr_assert_eq(getsid(realm), realm);
    kill(launcher, SIGKILL);
    cr_assert_eq(scene_wait(launcher), -SIGKILL);
}

/* Goal: when the front end is killed, the kernel kills launcher, broker and realms, in that order. */
Test(start, front_end_killed)
{
    int ends[2];
    pid_t launcher;
    cr_assert_eq(pipe2(ends, O_CLOEXEC), 0);
    pid_t front_end = fork();
    if (front_end == 0) {
        options.events = ends[1];
        CHECK(mm_start(&config, &options, &launcher) == 0);
        for (;;)
            pause();
    }
    close(ends[1]);
    events = ends[0];
    pid_t realm = pid_of_sleeper();
    kill(front_end, SIGKILL);
    cr_assert_eq(scene_wait(front_end), -SIGKILL);
    /* The stream ends when launcher and broker, its last writers, are gone. */
    cr_assert(!await_event("no such event"));
    cr_assert(gone(realm));
}

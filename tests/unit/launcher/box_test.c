/*
 * The box as the launcher builds it: what a program finds inside, how it is loaded, and how the box is shut.
 * The filter's own rules are tested elsewhere (tests/adversary).
 */
#include <criterion/criterion.h>

#include <limits.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "mm/sandbox/features.h"
#include "tests/skip.h"
#include "tests/unit/launcher/fake_broker.h"

/* tests/realms/launch_box.c, in the build that this test is of. */
static char program[PATH_MAX];

static void find_program(void)
{
    char own[PATH_MAX];
    ssize_t size = readlink("/proc/self/exe", own, sizeof own - 1);
    CHECK(size > 0);
    own[size] = '\0';
    char *folder = strstr(own, "/tests/unit/");
    CHECK(folder != NULL);
    *folder = '\0';
    CHECK(snprintf(program, sizeof program, "%s/bin/launch_box", own) < (int)sizeof program);
}

struct boxed {
    struct scene scene; /* first: the broker's context */
    char *args[16];
    struct sandbox_features features;
    const char *says; /* what it prints has this in it … */
    enum realm_launch_shut shut;
};

/* A boxed realm that takes these steps. without: parts to do without. */
static void boxed_init(struct boxed *boxed, broker_function *broker, unsigned without,
                       const char *const *steps)
{
    memset(boxed, 0, sizeof *boxed);
    find_program();
    scene_init(&boxed->scene, "", broker);
    CHECK(sandbox_probe(without, &boxed->features) == 0);
    boxed->scene.options.parts = boxed->features.present;
    boxed->scene.options.landlock_abi = boxed->features.landlock_abi;
    for (unsigned i = 0; steps[i]; i++)
        boxed->args[i] = (char *)(uintptr_t)steps[i];
    boxed->scene.realm.program = program;
    boxed->scene.realm.args = boxed->args;
    boxed->scene.realm.limits = (struct mm_limits)MM_LIMITS_DEFAULT;
}
/* For what never says that it is loaded. A program that finds the box shut before ld.so is done exits with
 * 127, and the tests below take that as well. */
#define SHORT_NS (2 * REALM_SEC)

#define STEPS(...) ((const char *const[]){__VA_ARGS__, NULL})

static int broker_looks(void *context, int launcher)
{
    const struct boxed *boxed = context;
    struct heard heard, loaded, end;
    say_spawn(launcher, 1, 0);
    expect(launcher, REALM_LAUNCH_SPAWNED, &heard);
    expect(launcher, REALM_LAUNCH_LOADED, &loaded);
    CHECK(loaded.event.loaded.realm == 1);
    const char *text = read_to_end(heard.fds[1]);
    if (strstr(text, boxed->says) == NULL || loaded.event.loaded.shut != boxed->shut)
        fprintf(stderr, "shut %u; it said: %s; wanted: %s\n", loaded.event.loaded.shut, text, boxed->says);
    CHECK(strstr(text, boxed->says) && loaded.event.loaded.shut == boxed->shut);
    expect(launcher, REALM_LAUNCH_EXITED, &end);
    CHECK(end.event.exited.wait_status == 0);
    close_heard(&heard);
    return finish(launcher);
}

/* Runs the steps and looks for a text in what they print. */
static void look(unsigned without, const char *const *steps, const char *says)
{
    struct boxed boxed;
    boxed_init(&boxed, broker_looks, without, steps);
    boxed.says = says;
    boxed.shut = REALM_SHUT_LOADED;
    cr_assert_eq(scene_run(&boxed.scene), 0);
}

static bool machine_has(unsigned parts)
{
    struct sandbox_features features;
    cr_assert_eq(sandbox_probe(0, &features), 0);
    return (features.present & parts) == parts;
}

#define NEEDS(parts)                                                                                         \
    do {                                                                                                     \
        if (!machine_has(parts))                                                                             \
            SKIP("this machine does not give all of " #parts);                                               \
    } while (0)

/* Goal: in its namespaces a realm is user 65534 and process 1. */
Test(box, ids)
{
    NEEDS(SANDBOX_SECCOMP | SANDBOX_USERNS);
    look(0, STEPS("loaded", "ids"), "ids 65534 65534 1\n");
}

/* Goal: without namespaces a realm of root is not root; an ordinary user's stays the user's. */
Test(box, ids_without_namespaces)
{
    char wanted[64];
    NEEDS(SANDBOX_SECCOMP);
    snprintf(wanted, sizeof wanted, "ids %d %d ", geteuid() ? (int)geteuid() : 65534,
             geteuid() ? (int)getegid() : 65534);
    look(SANDBOX_USERNS, STEPS("loaded", "ids"), wanted);
}

/* Goal: descriptors 0 to 3 and the hint pipe, and nothing of the launcher's, not even behind number 1000. */
Test(box, descriptors)
{
    NEEDS(SANDBOX_SECCOMP);
    look(0, STEPS("loaded", "descriptors"), "0 1 2 3 4 \n");
}

/* Goal: a realm that provides nothing has no ring, so it gets the hint pipe; nothing of the user's comes. */
Test(box, environment)
{
    NEEDS(SANDBOX_SECCOMP);
    setenv("SECRET", "of the user", 1);
    look(0, STEPS("loaded", "environment"), "REALM_FILES=|REALM_WAITER=pipe|REALM_HINT_FD=4|\n");
}

/* Goal: argv is what it would be without the loader in between. */
Test(box, arguments)
{
    NEEDS(SANDBOX_SECCOMP);
    look(0, STEPS("loaded", "arguments"), "tester|loaded|arguments|\n");
}

/* Goal: while it loads, a program can open itself and libraries, for reading, and nothing else. */
Test(box, loading)
{
    NEEDS(SANDBOX_SECCOMP);
    look(0, STEPS("open", "/realm", "write", "/realm", "open", "/etc/passwd", "open", "/realm/", "loaded"),
         "open /realm: ok\nwrite /realm: EACCES\nopen /etc/passwd: ENOENT\nopen /realm/: ENOENT\n");
    look(0,
         STEPS("open", "/usr/lib/../../etc/passwd", "open", "/usr/lib/", "open", "usr/lib/libc.so.6", "open",
               "/etc/ld.so.cache", "loaded"),
         "passwd: ENOENT\nopen /usr/lib/: ENOENT\nopen usr/lib/libc.so.6: ENOENT\nopen /etc/ld.so.cache: ok");
}

/* Goal: a path longer than any that is served is no path. */
Test(box, long_path)
{
    char path[1024];
    NEEDS(SANDBOX_SECCOMP);
    memset(path, '/', sizeof path);
    memcpy(path + sizeof path - 7, "/realm", 7);
    look(0, STEPS("open", path, "loaded"), "/realm: ENOENT\n");
}

/* Goal: once it has said that it is loaded, both calls fail, for whatever they ask. */
Test(box, shut_by_the_realm)
{
    NEEDS(SANDBOX_SECCOMP);
    look(0, STEPS("loaded", "open", "/realm", "exec", "loaded", "open", "/etc/ld.so.cache"),
         "open /realm: ENOSYS\nexec: ENOSYS\nopen /etc/ld.so.cache: ENOSYS\n");
}

/* Goal: a second exec is refused also while the program loads. */
Test(box, one_exec)
{
    NEEDS(SANDBOX_SECCOMP);
    look(0, STEPS("exec", "open", "/realm", "loaded"), "exec: ENOSYS\nopen /realm: ok\n");
}

/* Goal: a program that goes on opening is shut in, and goes on. */
Test(box, shut_after_64_opens)
{
    struct boxed boxed;
    NEEDS(SANDBOX_SECCOMP);
    boxed_init(&boxed, broker_looks, 0, STEPS("opens", "70", "open", "/realm"));
    boxed.says = "open /realm: ENOSYS\n";
    boxed.shut = REALM_SHUT_OPENS;
    cr_assert_eq(scene_run(&boxed.scene), 0);
}

/* Goal: each part can be missing, and together: programs start, and files stay out of reach. */
Test(box, parts_missing)
{
    static const unsigned without[] = {SANDBOX_USERNS, SANDBOX_LANDLOCK, SANDBOX_URING,
                                       SANDBOX_USERNS | SANDBOX_LANDLOCK | SANDBOX_URING | SANDBOX_WAITV};
    NEEDS(SANDBOX_SECCOMP);
    for (unsigned i = 0; i < sizeof without / sizeof *without; i++)
        look(without[i], STEPS("open", "/etc/passwd", "loaded", "open", "/etc/passwd"),
             "open /etc/passwd: ENOENT\nopen /etc/passwd: ENOSYS\n");
}

/* Goal: the limits are the scenario's. A sanitizer's shadow has no room under them. */
Test(box, limits)
{
    struct boxed boxed;
    NEEDS(SANDBOX_SECCOMP);
    boxed_init(&boxed, broker_looks, 0, STEPS("loaded", "limits"));
    boxed.scene.realm.limits.descriptors = 77;
    boxed.scene.realm.limits.memory_bytes = 5u << 20;
    boxed.shut = REALM_SHUT_LOADED;
#if defined(__SANITIZE_ADDRESS__)
    boxed.says = "descriptors 77\ncore 0\n";
#else
    boxed.says = "data 5242880\naddresses 1073741824\ndescriptors 77\ncore 0\n";
#endif
    cr_assert_eq(scene_run(&boxed.scene), 0);
}

/* --- starting and ending --- */

static int broker_silent(void *context, int launcher)
{
    struct heard heard, loaded, end;
    (void)context;
    say_spawn(launcher, 1, 0);
    expect(launcher, REALM_LAUNCH_SPAWNED, &heard);
    expect(launcher, REALM_LAUNCH_LOADED, &loaded);
    CHECK(loaded.event.loaded.shut == REALM_SHUT_DEADLINE);
    say_kill(launcher, 1);
    expect(launcher, REALM_LAUNCH_EXITED, &end);
    CHECK(WTERMSIG(end.event.exited.wait_status) == SIGKILL);
    close_heard(&heard);
    return finish(launcher);
}

/* Goal: a program that never says that it is loaded is shut in when its time is over. */
Test(box, shut_by_the_deadline)
{
    struct boxed boxed;
    NEEDS(SANDBOX_SECCOMP);
    boxed_init(&boxed, broker_silent, 0, STEPS("wait"));
    boxed.scene.options.loading_ns = SHORT_NS;
    cr_assert_eq(scene_run(&boxed.scene), 0);
}

/* A start, or what becomes of a program in its short time: it is shut in; and on a machine too busy to load
 * it in them, ld.so finds the box shut and gives up. */
static bool expected_of_crowd(const union realm_launch_event *event)
{
    if (event->header.type == REALM_LAUNCH_LOADED)
        return event->loaded.shut == REALM_SHUT_DEADLINE;
    if (event->header.type == REALM_LAUNCH_EXITED)
        return WIFEXITED(event->exited.wait_status) && WEXITSTATUS(event->exited.wait_status) == 127;
    return event->header.type == REALM_LAUNCH_SPAWNED;
}

static int broker_crowd(void *context, int launcher)
{
    /* Twice as many as can be between clone and exec, all of which keep their listeners open. */
    enum { CROWD = 2 * 64 };
    unsigned started = 0;
    struct heard heard;
    (void)context;
    for (unsigned i = 0; i < CROWD; i++)
        say_spawn(launcher, i + 1, 0);
    while (started < CROWD) {
        CHECK(hear(launcher, &heard));
        CHECK(expected_of_crowd(&heard.event));
        started += heard.event.header.type == REALM_LAUNCH_SPAWNED;
        close_heard(&heard);
    }
    return finish(launcher);
}

/* Goal: realms that never finish loading hold up nobody's start. */
Test(box, slow_loaders_delay_nobody)
{
    struct boxed boxed;
    NEEDS(SANDBOX_SECCOMP);
    boxed_init(&boxed, broker_crowd, 0, STEPS("wait"));
    boxed.scene.options.loading_ns = SHORT_NS;
    cr_assert_eq(scene_run(&boxed.scene), 0);
}

static int broker_limit(void *context, int launcher)
{
    struct heard heard, moved, end;
    struct rlimit limit;
    (void)context;
    say_spawn(launcher, 1, 0);
    expect(launcher, REALM_LAUNCH_SPAWNED, &heard);
    struct realm_launch_limit packet = {.realm = 99}; /* nobody: nothing happens */
    realm_launch_header_init(&packet.header, REALM_LAUNCH_LIMIT, 1);
    CHECK(send(launcher, &packet, sizeof packet, 0) == sizeof packet);
    packet.realm = 1;
    packet.private_bytes = 123u << 20;
    CHECK(send(launcher, &packet, sizeof packet, 0) == sizeof packet);
    expect(launcher, REALM_LAUNCH_LIMITED, &moved);
    CHECK(moved.event.limited.realm == 1 && moved.event.limited.error == 0);
    CHECK(moved.event.limited.private_bytes == 123u << 20);
    CHECK(prlimit(heard.event.spawned.pid, RLIMIT_DATA, NULL, &limit) == 0);
    CHECK(limit.rlim_cur == 123u << 20);
    say_kill(launcher, 1);
    expect(launcher, REALM_LAUNCH_EXITED, &end);
    close_heard(&heard);
    return finish(launcher);
}

/* Goal: the limit of private memory moves at the broker's word. */
Test(box, limit_moves)
{
#if defined(__SANITIZE_ADDRESS__)
    SKIP("a sanitizer's shadow has no room under the limit");
#endif
    struct boxed boxed;
    NEEDS(SANDBOX_SECCOMP);
    boxed_init(&boxed, broker_limit, 0, STEPS("loaded", "wait"));
    cr_assert_eq(scene_run(&boxed.scene), 0);
}

static int broker_ring(void *context, int launcher)
{
    struct heard heard, end;
    (void)context;
    say_spawn(launcher, 1, 0);
    expect(launcher, REALM_LAUNCH_SPAWNED, &heard);
    CHECK(heard.fds_count == 3 && heard.event.spawned.has_hint == 0);
    const char *text = read_to_end(heard.fds[1]);
    CHECK(strstr(text, "REALM_WAITER=uring|REALM_URING=4:") && strstr(text, "0 1 2 3 4 \n"));
    expect(launcher, REALM_LAUNCH_EXITED, &end);
    close_heard(&heard);
    return finish(launcher);
}

/* Goal: a provider gets a ring in place of the hint pipe. */
Test(box, ring)
{
    struct boxed boxed;
    NEEDS(SANDBOX_SECCOMP | SANDBOX_URING);
    boxed_init(&boxed, broker_ring, 0, STEPS("loaded", "environment", "descriptors"));
    boxed.scene.realm.provider = true;
    cr_assert_eq(scene_run(&boxed.scene), 0);
}

static int broker_no_exec(void *context, int launcher)
{
    const struct boxed *boxed = context;
    struct heard heard;
    (void)boxed;
    say_spawn(launcher, 1, 0);
    expect(launcher, REALM_LAUNCH_FAILED, &heard);
    CHECK(heard.event.failed.stage == REALM_STAGE_EXEC && heard.event.failed.error == ENOEXEC);
    return finish(launcher);
}

/* Goal: what is no program of this machine does not start, and that is said: a script, a foreign one. */
Test(box, no_program)
{
    char path[] = "/tmp/realm-box-test-XXXXXX";
    static const unsigned char foreign[64] = {0x7f, 'E', 'L', 'F', 2, 1, 1, 0, 0,   0,
                                              0,    0,   0,   0,   0, 0, 2, 0, 0xf3};
    struct boxed boxed;
    NEEDS(SANDBOX_SECCOMP);
    int fd = mkostemp(path, O_CLOEXEC);
    cr_assert(fd >= 0 && write(fd, "#!/bin/sh\n", 10) == 10 && fchmod(fd, 0755) == 0);
    boxed_init(&boxed, broker_no_exec, 0, STEPS("loaded"));
    boxed.scene.realm.program = path;
    cr_expect_eq(scene_run(&boxed.scene), 0);
    cr_assert_eq(pwrite(fd, foreign, sizeof foreign, 0), (ssize_t)sizeof foreign);
    boxed_init(&boxed, broker_no_exec, 0, STEPS("loaded"));
    boxed.scene.realm.program = path;
    cr_expect_eq(scene_run(&boxed.scene), 0);
    close(fd);
    unlink(path);
}

static int broker_leaks(void *context, int launcher)
{
    const pid_t self = getppid();
    unsigned before = 0;
    (void)context;
    for (uint64_t realm = 1; realm <= 60; realm++) {
        struct heard heard, end;
        say_spawn(launcher, realm, 0);
        expect(launcher, REALM_LAUNCH_SPAWNED, &heard);
        close_heard(&heard);
        expect(launcher, REALM_LAUNCH_EXITED, &end);
        if (realm == 1)
            before = settled_fds(self);
    }
    CHECK(settled_fds(self) == before);
    return finish(launcher);
}

/* Goal: sixty lives in the box, loaded or not at their end, leave no descriptor behind in the launcher. */
Test(box, no_leak)
{
    struct boxed boxed;
    NEEDS(SANDBOX_SECCOMP);
    boxed_init(&boxed, broker_leaks, 0, STEPS("loaded"));
    cr_expect_eq(scene_run(&boxed.scene), 0);
    boxed_init(&boxed, broker_leaks, 0, STEPS("open", "/none"));
    cr_expect_eq(scene_run(&boxed.scene), 0);
}

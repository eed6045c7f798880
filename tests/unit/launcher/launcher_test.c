/*
 * The launcher with real processes: what a realm gets, how it ends, and how everything ends.
 */
#include <criterion/criterion.h>

#include <limits.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <realm/error.h>

#include "tests/unit/launcher/fake_broker.h"

static char directory[] = "/tmp/realm-launcher-test-XXXXXX";
static char path_one[PATH_MAX], path_two[PATH_MAX];

static void make_directory(void)
{
    CHECK(mkdtemp(directory) != NULL);
    snprintf(path_one, sizeof path_one, "%s/one", directory);
    snprintf(path_two, sizeof path_two, "%s/two", directory);
}

static void remove_directory(void)
{
    unlink(path_one);
    unlink(path_two);
    rmdir(directory);
}

static void write_file(const char *path, const char *text, mode_t mode)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, mode);
    CHECK(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text) && close(fd) == 0);
}

/* --- what a realm gets --- */

static int broker_arguments(void *context, int launcher)
{
    struct heard heard, end;
    (void)context;
    say_spawn_args(launcher, 7, 0, "db-1", "extra\0", 2, 7);
    expect(launcher, REALM_LAUNCH_SPAWNED, &heard);
    CHECK(heard.fds_count == 3 && heard.event.spawned.has_hint == 0 && heard.event.spawned.pid > 0);
    char *text = read_to_end(heard.fds[1]);
    /* argv[0], the declaration's arguments, the request's, one of them empty. */
    CHECK(strcmp(text, "db-1|-c|tr '\\0' '|' < /proc/$$/cmdline|extra||") == 0);
    expect(launcher, REALM_LAUNCH_EXITED, &end);
    return finish(launcher);
}

/* Goal: argv is the instance's name, the declaration's arguments, then the request's. */
Test(launcher, arguments)
{
    struct scene scene;
    scene_init(&scene, "tr '\\0' '|' < /proc/$$/cmdline", broker_arguments);
    cr_assert_eq(scene_run(&scene), 0);
}

static int broker_environment(void *context, int launcher)
{
    (void)context;
    char *text = run_realm(launcher, 1, 0);
    CHECK(strcmp(text, "REALM_FILES=\nREALM_WAITER=uring\n/\n0077\n") == 0);
    return finish(launcher);
}

/* Goal: the environment is REALM_FILES and REALM_WAITER and nothing else; the directory is /. */
Test(launcher, environment)
{
    struct scene scene;
    setenv("SECRET", "of the user", 1);
    scene_init(&scene, "tr '\\0' '\\n' < /proc/$$/environ; pwd; umask", broker_environment);
    cr_assert_eq(scene_run(&scene), 0);
}

/* The shell has the directory open while it lists it, but no more when it looks where each leads. */
#define LIST_FDS "for f in /proc/$$/fd/*; do [ -L $f ] && printf '%s ' ${f##*/} && readlink $f; done; "

static int broker_descriptors(void *context, int launcher)
{
    struct heard heard, end;
    (void)context;
    say_spawn(launcher, 1, 0);
    expect(launcher, REALM_LAUNCH_SPAWNED, &heard);
    CHECK(heard.fds_count == 3);
    char *text = read_to_end(heard.fds[1]);
    CHECK(strncmp(text, "0 /dev/null\n1 pipe:", 19) == 0);
    CHECK(strstr(text, "\n2 pipe:") && strstr(text, "\n3 socket:"));
    CHECK(strstr(text, "\n4 ") == NULL);
    CHECK(strcmp(read_to_end(heard.fds[2]), "to err\n") == 0);
    char packet[64];
    CHECK(recv(heard.fds[0], packet, sizeof packet, 0) == 6 && memcmp(packet, "hello\n", 6) == 0);
    expect(launcher, REALM_LAUNCH_EXITED, &end);
    return finish(launcher);
}

/* Goal: a realm without files has descriptors 0 to 3 and no other, each leading where it should. */
Test(launcher, descriptors)
{
    struct scene scene;
    int stray = open("/dev/zero", O_RDONLY); /* not close-on-exec, as a careless library would have it */
    cr_assert_gt(stray, 2);
    scene_init(&scene, LIST_FDS "echo to err >&2; echo hello >&3", broker_descriptors);
    cr_assert_eq(scene_run(&scene), 0);
}

static int broker_files(void *context, int launcher)
{
    struct heard heard, end;
    char hint = 0;
    (void)context;
    say_spawn(launcher, 1, 0);
    expect(launcher, REALM_LAUNCH_SPAWNED, &heard);
    CHECK(heard.fds_count == 4 && heard.event.spawned.has_hint == 1);
    char *text = read_to_end(heard.fds[1]);
    CHECK(strstr(text, "REALM_FILES=in=4,out=5\nREALM_WAITER=pipe\nREALM_HINT_FD=6\n"));
    CHECK(strstr(text, "\n4 ") && strstr(text, "\n5 ") && strstr(text, "\n6 socket:"));
    CHECK(strstr(text, "\n7 ") == NULL);
    CHECK(strstr(text, "read: content of one\n"));
    expect(launcher, REALM_LAUNCH_EXITED, &end);

    /* The hint pipe never makes a writer wait, and nothing comes out at its writer's end. */
    CHECK((fcntl(heard.fds[3], F_GETFL) & O_NONBLOCK) == O_NONBLOCK);
    CHECK(read(heard.fds[3], &hint, 1) == 0);
    CHECK(write(heard.fds[3], &hint, 1) < 0 && errno == EPIPE); /* its only reader was the realm */
    return finish(launcher);
}

/* Goal: files and the hint pipe follow on descriptor 3, as REALM_FILES and REALM_HINT_FD say. */
Test(launcher, files_and_hint_pipe, .init = make_directory, .fini = remove_directory)
{
    struct scene scene;
    struct mm_file files[2] = {{(char *)"in", path_one, MM_FILE_READ, {0, 0}},
                               {(char *)"out", path_two, MM_FILE_WRITE, {0, 0}}};
    char text[32] = "";

    write_file(path_one, "content of one\n", 0600);
    scene_init(&scene,
               "tr '\\0' '\\n' < /proc/$$/environ; " LIST_FDS "read x <&4; echo read: $x; echo written >&5",
               broker_files);
    scene.realm.files = files;
    scene.realm.files_count = 2;
    scene.options.waiter = REALM_WAITER_PIPE;
    cr_assert_eq(scene_run(&scene), 0);
    int fd = open(path_two, O_RDONLY);
    cr_assert_eq(read(fd, text, sizeof text - 1), 8);
    cr_assert_str_eq(text, "written\n");
}

static int broker_process(void *context, int launcher)
{
    (void)context;
    char *text = run_realm(launcher, 1, 0);
    fputs(text, stderr); /* shown only if the test fails */
    CHECK(strstr(text, "NoNewPrivs:\t1\n"));
    CHECK(strstr(text, "SigBlk:\t0000000000000000\n"));
    CHECK(strstr(text, "SigIgn:\t0000000000000000\n"));
    CHECK(strstr(text, "leads its session\n"));
    CHECK(strstr(text, "limit 200\n"));
    return finish(launcher);
}

/* Goal: no new privileges, no signal blocked or ignored, a session of its own, the user's limit of files. */
Test(launcher, process_attributes)
{
    struct scene scene;
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = 200;
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    signal(SIGUSR1, SIG_IGN);
    sigset_t blocked;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGUSR2);
    sigprocmask(SIG_BLOCK, &blocked, NULL);
    scene_init(
        &scene,
        "grep -E '^(NoNewPrivs|SigBlk|SigIgn):' /proc/self/status; echo limit $(ulimit -n);"
        "set -- $(cat /proc/$$/stat); [ $5 = $$ ] && [ $6 = $$ ] && [ $7 = 0 ] && echo leads its session",
        broker_process);
    cr_assert_eq(scene_run(&scene), 0);
}

/* --- starts that fail --- */

struct failure_case {
    struct scene scene; /* first: the broker's context */
    uint32_t stage, detail;
    int error;
};

static int broker_failure(void *context, int launcher)
{
    const struct failure_case *wanted = context;
    struct heard heard;
    for (uint64_t realm = 1; realm <= 3; realm++) {
        say_spawn(launcher, realm, 0);
        expect(launcher, REALM_LAUNCH_FAILED, &heard);
        const struct realm_launch_failed *failed = &heard.event.failed;
        if (failed->error != wanted->error || failed->stage != wanted->stage)
            fprintf(stderr, "error %d at stage %u\n", failed->error, failed->stage);
        CHECK(failed->realm == realm && failed->header.xid == realm + 1000);
        CHECK(failed->error == wanted->error && failed->stage == wanted->stage);
        CHECK(failed->detail == wanted->detail);
    }
    /* FAILED is all that is said of it: the next thing heard is the end. */
    say_stop(launcher);
    CHECK(!hear(launcher, &heard));
    return 0;
}

static void failure_init(struct failure_case *wanted, uint32_t stage, uint32_t detail, int error)
{
    scene_init(&wanted->scene, "true", broker_failure);
    wanted->stage = stage;
    wanted->detail = detail;
    wanted->error = error;
}

/* Goal: a program that is missing is reported with stage EXEC and ENOENT. */
Test(launcher, missing_program)
{
    struct failure_case wanted;
    failure_init(&wanted, REALM_STAGE_EXEC, 0, ENOENT);
    wanted.scene.realm.program = (char *)"/nonexistent/program";
    cr_assert_eq(scene_run(&wanted.scene), 0);
}

/* Goal: a program that is not executable is reported with stage EXEC and EACCES. */
Test(launcher, not_executable, .init = make_directory, .fini = remove_directory)
{
    struct failure_case wanted;
    write_file(path_one, "no program\n", 0600);
    failure_init(&wanted, REALM_STAGE_EXEC, 0, EACCES);
    wanted.scene.realm.program = path_one;
    cr_assert_eq(scene_run(&wanted.scene), 0);
}

/* Goal: a program that the kernel cannot run is reported with stage EXEC and ENOEXEC. */
Test(launcher, not_a_program, .init = make_directory, .fini = remove_directory)
{
    struct failure_case wanted;
    write_file(path_one, "no program\n", 0700);
    failure_init(&wanted, REALM_STAGE_EXEC, 0, ENOEXEC);
    wanted.scene.realm.program = path_one;
    cr_assert_eq(scene_run(&wanted.scene), 0);
}

static void fail_with_file(const char *name, const char *path, enum mm_file_mode mode, int error)
{
    struct failure_case wanted;
    struct mm_file files[2] = {{(char *)"fine", (char *)"/dev/null", MM_FILE_READ, {0, 0}},
                               {(char *)name, (char *)path, mode, {0, 0}}};
    failure_init(&wanted, REALM_STAGE_FILE, 1, error);
    wanted.scene.realm.files = files;
    wanted.scene.realm.files_count = 2;
    cr_assert_eq(scene_run(&wanted.scene), 0, "%s", path);
}

/* Goal: a file that cannot be handed over is reported with its index: missing, a directory, a terminal, a
 * FIFO that nobody reads, a name that REALM_FILES cannot carry. */
Test(launcher, bad_files, .init = make_directory, .fini = remove_directory)
{
    fail_with_file("f", "/nonexistent/file", MM_FILE_READ, ENOENT);
    fail_with_file("f", "/nonexistent/file", MM_FILE_WRITE, ENOENT);
    fail_with_file("f", "/tmp", MM_FILE_READ, EISDIR);
    fail_with_file("a=b", "/dev/null", MM_FILE_READ, EINVAL);
    cr_assert_eq(mkfifo(path_one, 0600), 0);
    fail_with_file("f", path_one, MM_FILE_WRITE, ENXIO);
    int terminal = posix_openpt(O_RDWR | O_NOCTTY);
    if (terminal >= 0)
        fail_with_file("f", "/dev/ptmx", MM_FILE_READ, EPERM);
}

/* Goal: a read-only FIFO does not stop the launcher: the realm gets it, as a file that waits. */
static int broker_fifo(void *context, int launcher)
{
    struct heard heard, end;
    (void)context;
    say_spawn(launcher, 1, 0);
    expect(launcher, REALM_LAUNCH_SPAWNED, &heard);
    int fd = open(path_one, O_WRONLY);
    CHECK(fd >= 0 && write(fd, "through\n", 8) == 8 && close(fd) == 0);
    CHECK(strcmp(read_to_end(heard.fds[1]), "through\n") == 0);
    expect(launcher, REALM_LAUNCH_EXITED, &end);
    return finish(launcher);
}

/* Goal: as its broker says. The script reads until it gets something: before the writer comes, it is at
 * the end of the file. */
Test(launcher, fifo, .init = make_directory, .fini = remove_directory)
{
    struct scene scene;
    struct mm_file file = {(char *)"f", path_one, MM_FILE_READ, {0, 0}};
    cr_assert_eq(mkfifo(path_one, 0600), 0);
    scene_init(&scene, "until read x <&4; do :; done; echo $x", broker_fifo);
    scene.realm.files = &file;
    scene.realm.files_count = 1;
    cr_assert_eq(scene_run(&scene), 0);
}

static int broker_bounds(void *context, int launcher)
{
    struct heard heard;
    (void)context;
    say_spawn(launcher, 1, 1); /* there is only program 0 */
    expect(launcher, REALM_LAUNCH_FAILED, &heard);
    CHECK(heard.event.failed.error == EINVAL && heard.event.failed.stage == REALM_STAGE_RESOURCES);
    say_spawn(launcher, 2, 0);
    expect(launcher, REALM_LAUNCH_SPAWNED, &heard);
    say_spawn(launcher, 2, 0); /* it runs */
    struct heard second;
    expect(launcher, REALM_LAUNCH_FAILED, &second);
    CHECK(second.event.failed.error == EEXIST && second.event.failed.realm == 2);
    say_kill(launcher, 99); /* nobody: no answer */
    say_kill(launcher, 2);
    expect(launcher, REALM_LAUNCH_EXITED, &second);
    CHECK(second.event.exited.realm == 2 && WTERMSIG(second.event.exited.wait_status) == SIGKILL);
    close_heard(&heard);
    return finish(launcher);
}

/* Goal: an undeclared program and an id that is in use are refused; a kill of nobody is nothing. */
Test(launcher, refusals_and_kill)
{
    struct scene scene;
    scene_init(&scene, "exec sleep 1000", broker_bounds);
    cr_assert_eq(scene_run(&scene), 0);
}

/* --- ends of realms --- */

static int broker_statuses(void *context, int launcher)
{
    (void)context;
    for (int code = 0; code < 3; code++) {
        struct heard heard, end;
        char number[2] = {(char)('0' + code), '\0'};
        say_spawn_args(launcher, (uint64_t)code + 1, 0, "x", number, 1, 2);
        expect(launcher, REALM_LAUNCH_SPAWNED, &heard);
        expect(launcher, REALM_LAUNCH_EXITED, &end);
        CHECK(end.event.exited.realm == (uint64_t)code + 1);
        CHECK(WIFEXITED(end.event.exited.wait_status) && WEXITSTATUS(end.event.exited.wait_status) == code);
        close_heard(&heard);
    }
    return finish(launcher);
}

/* Goal: the exit status of a realm arrives as it was. */
Test(launcher, exit_status)
{
    struct scene scene;
    scene_init(&scene, "exit $0", broker_statuses);
    cr_assert_eq(scene_run(&scene), 0);
}

static int broker_descendants(void *context, int launcher)
{
    struct heard heard, end;
    (void)context;
    say_spawn(launcher, 1, 0);
    expect(launcher, REALM_LAUNCH_SPAWNED, &heard);
    /* The pipe ends only when every process that holds it has ended, the sleeping ones, too. */
    char *text = read_to_end(heard.fds[1]);
    pid_t in_group = 0, in_session = 0;
    CHECK(sscanf(text, "group %d session %d", &in_group, &in_session) == 2);
    CHECK(gone(in_group) && gone(in_session));
    expect(launcher, REALM_LAUNCH_EXITED, &end);
    return finish(launcher);
}

/* Goal: when a realm ends, so do the processes that it forked, also one that left its process group. */
Test(launcher, descendants_end)
{
    struct scene scene;
    scene_init(&scene, "sleep 1000 & g=$!; setsid sleep 1000 & echo group $g session $!; sleep 0.1; exit 0",
               broker_descendants);
    cr_assert_eq(scene_run(&scene), 0);
}

static int broker_regions(void *context, int launcher)
{
    struct heard heard;
    (void)context;
    struct realm_launch_regions packet = {.count = REALM_LAUNCH_REGIONS_MAX, .bytes = 8192};
    realm_launch_header_init(&packet.header, REALM_LAUNCH_REGIONS, 5);
    CHECK(send(launcher, &packet, sizeof packet, 0) == sizeof packet);
    expect(launcher, REALM_LAUNCH_MADE, &heard);
    CHECK(heard.event.made.count == packet.count && heard.event.made.bytes == 8192);
    CHECK(heard.event.header.xid == 5 && heard.fds_count == 2 * packet.count);
    for (unsigned i = 0; i < packet.count; i++) {
        struct stat writable, readonly;
        CHECK(fstat(heard.fds[i], &writable) == 0 && fstat(heard.fds[packet.count + i], &readonly) == 0);
        CHECK(writable.st_ino == readonly.st_ino && writable.st_size == 8192);
    }
    return finish(launcher);
}

/* Goal: sixteen regions come in one packet, writable ends first, read-only ends in the same order. */
Test(launcher, regions)
{
    struct scene scene;
    scene_init(&scene, "true", broker_regions);
    cr_assert_eq(scene_run(&scene), 0);
}

static int broker_many(void *context, int launcher)
{
    const pid_t self = getppid();
    unsigned before = 0;
    (void)context;
    for (uint64_t realm = 1; realm <= 500; realm++) {
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

/* Goal: five hundred starts and ends leave no descriptor behind in the launcher. */
Test(launcher, no_leak)
{
    struct scene scene;
    scene_init(&scene, "", broker_many);
    scene.realm.program = (char *)"/bin/true";
    cr_assert_eq(scene_run(&scene), 0);
}

static int broker_burst(void *context, int launcher)
{
    /* All requests before the first answer is read: the launcher must neither stall nor drop one. */
    const unsigned count = 150;
    unsigned started = 0, ended = 0;
    struct heard heard;
    (void)context;
    for (unsigned i = 0; i < count; i++)
        say_spawn(launcher, i + 1, 0);
    while (ended < count) {
        CHECK(hear(launcher, &heard));
        if (heard.event.header.type == REALM_LAUNCH_SPAWNED)
            started++;
        else if (heard.event.header.type == REALM_LAUNCH_EXITED)
            ended++;
        close_heard(&heard);
    }
    CHECK(started == count);
    return finish(launcher);
}

/* Goal: a burst of starts is served, each with SPAWNED and EXITED. */
Test(launcher, burst)
{
    struct scene scene;
    scene_init(&scene, "", broker_burst);
    scene.realm.program = (char *)"/bin/true";
    cr_assert_eq(scene_run(&scene), 0);
}

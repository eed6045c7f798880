/*
 * A realm's descriptors, in the order of their numbers: /dev/null, its two log pipes, its control socket,
 * the files that its scenario names, and the hint pipe if there is one.
 *
 * The rule: no two realms ever share an open file description, not even of /dev/null, since its flags and
 * offset would be a channel between them. So everything is opened anew for each start.
 */
#include "mm/launcher/plan.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <realm/error.h>

#include "mm/sandbox/features.h"

#define ARGV_START 4u /* ld.so --argv0 NAME /realm */

static int open_flags(enum mm_file_mode mode)
{
    switch (mode) {
    case MM_FILE_READ:
        return O_RDONLY;
    case MM_FILE_WRITE:
        return O_WRONLY | O_CREAT | O_TRUNC;
    case MM_FILE_READ_WRITE:
        return O_RDWR | O_CREAT;
    case MM_FILE_APPEND:
        break;
    }
    assert(mode == MM_FILE_APPEND);
    return O_WRONLY | O_CREAT | O_APPEND;
}

/* A directory would open all that is below it; a terminal would let a realm type for its user. */
static int check_file(int fd)
{
    struct stat status;

    if (fstat(fd, &status) < 0)
        return -errno;
    if (S_ISDIR(status.st_mode))
        return -EISDIR;
    if (isatty(fd))
        return -EPERM;
    return 0;
}

/*
 * O_NONBLOCK, so that a FIFO does not stop the launcher; it is taken back afterwards, for the realm expects
 * a plain file.
 */
static int open_file(const struct mm_file *file)
{
    const int flags = open_flags(file->mode);

    /* REALM_FILES separates with these two. */
    if (file->name[strcspn(file->name, "=,")] != '\0')
        return -EINVAL;
    int fd = open(file->path, flags | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0666);
    if (fd < 0)
        return -errno;
    int error = check_file(fd);
    if (error == 0 && fcntl(fd, F_SETFL, flags & O_APPEND) < 0)
        error = -errno;
    if (error) {
        close(fd);
        return error;
    }
    return fd;
}

/* Takes ownership: theirs is the realm's next descriptor; ours, unless it is -1, the broker's next. */
static void give(struct plan *plan, int theirs, int ours)
{
    assert(plan->fds_count < PLAN_FDS_MAX);
    plan->fds[plan->fds_count++] = theirs;
    if (ours >= 0) {
        assert(plan->ends_count < PLAN_ENDS_MAX);
        plan->ends[plan->ends_count++] = ours;
    }
}

static int give_log_pipe(struct plan *plan)
{
    int ends[2];

    if (pipe2(ends, O_CLOEXEC) < 0)
        return -errno;
    give(plan, ends[1], ends[0]);
    return 0;
}

static int give_control_socket(struct plan *plan)
{
    int ends[2];

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
        return -errno;
    give(plan, ends[1], ends[0]);
    return 0;
}

/*
 * Never waited on from either side: full means that the realm is awake anyway (overview.md). A pipe of
 * sockets, so that the broker can cut it under all who hold an end; the realm's end only reads.
 */
static int give_hint_pipe(struct plan *plan)
{
    int ends[2];

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) < 0)
        return -errno;
    if (shutdown(ends[0], SHUT_WR) < 0) {
        int error = -errno;
        close(ends[0]);
        close(ends[1]);
        return error;
    }
    give(plan, ends[0], ends[1]);
    return 0;
}

static int give_standard(struct plan *plan)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null < 0)
        return -errno;
    give(plan, null, -1);

    /* The broker gets the control socket first, so its place among the ends is kept free for it. */
    int error = give_log_pipe(plan);
    if (error == 0)
        error = give_log_pipe(plan);
    if (error == 0)
        error = give_control_socket(plan);
    if (error)
        return error;
    const int out = plan->ends[0], err = plan->ends[1], control = plan->ends[2];
    plan->ends[0] = control;
    plan->ends[1] = out;
    plan->ends[2] = err;
    return 0;
}

static int give_files(struct plan *plan, const struct mm_realm *realm, uint32_t *ret_index)
{
    for (size_t i = 0; i < realm->files_count; i++) {
        int fd = open_file(&realm->files[i]);
        if (fd < 0) {
            *ret_index = (uint32_t)i;
            return fd;
        }
        give(plan, fd, -1);
    }
    return 0;
}

/*
 * argv[0], the instance's name, in the place where the program will see it. A dynamic program in the box is
 * started by its loader, which takes the name as an option and the program as the path that loader.c serves.
 */
static size_t start_arguments(struct plan *plan, const struct realm_launch_spawn *request)
{
    size_t used = 0;

    memcpy(plan->name, request->name.text, sizeof plan->name);
    plan->name[REALM_NAME_MAX] = '\0';
    if (plan->program.loader >= 0) {
        plan->argv[used++] = (char *)"ld.so";
        plan->argv[used++] = (char *)"--argv0";
    }
    plan->argv[used++] = plan->name;
    if (plan->program.loader >= 0)
        plan->argv[used++] = (char *)"/realm";
    return used;
}

/* argv: the instance's name, the declaration's arguments, the request's. */
static int make_arguments(struct plan *plan, const struct mm_realm *realm,
                          const struct realm_launch_spawn *request)
{
    size_t declared = 0;
    const char *at = plan->args;

    while (realm->args[declared] != NULL)
        declared++;
    plan->argv = calloc(ARGV_START + declared + request->args_count + 1, sizeof *plan->argv);
    if (plan->argv == NULL)
        return -ENOMEM;
    size_t used = start_arguments(plan, request);
    for (size_t i = 0; i < declared; i++)
        plan->argv[used++] = realm->args[i];

    assert(request->args_size <= sizeof plan->args);
    memcpy(plan->args, request->args, request->args_size);
    size_t left = request->args_size;
    for (unsigned i = 0; i < request->args_count; i++) {
        size_t size = strnlen(at, left) + 1;
        if (size > left)
            return -EINVAL;
        plan->argv[used++] = plan->args + (at - plan->args);
        at += size;
        left -= size;
    }
    return left == 0 ? 0 : -EINVAL;
}

static char *format_files(const struct mm_realm *realm)
{
    char *text = NULL;
    size_t size = 0;

    FILE *stream = open_memstream(&text, &size);
    if (stream == NULL)
        return NULL;
    fputs("REALM_FILES=", stream);
    for (size_t i = 0; i < realm->files_count; i++)
        fprintf(stream, "%s%s=%zu", i ? "," : "", realm->files[i].name, REALM_CONTROL_FD + 1 + i);
    if (fclose(stream) != 0) {
        free(text);
        return NULL;
    }
    return text;
}

/*
 * How this realm will wait for many things at once, and what it gets for that. In the box nobody can make a
 * ring, and only providers are given one; without a box a realm makes its own.
 */
static enum realm_waiter_kind choose_waiter(struct plan *plan, const struct box *box)
{
    if (!box_closed(box) || box->waiter == REALM_WAITER_PIPE)
        return box->waiter;
    plan->ring = plan->realm->provider && (box->parts & SANDBOX_URING) != 0;
    return plan->ring ? REALM_WAITER_URING : REALM_WAITER_PIPE;
}

static const char *waiter_text(enum realm_waiter_kind waiter)
{
    switch (waiter) {
    case REALM_WAITER_URING:
        return "REALM_WAITER=uring";
    case REALM_WAITER_PIPE:
        return "REALM_WAITER=pipe";
    case REALM_WAITER_AUTO:
        break;
    }
    return "REALM_WAITER=auto";
}

/* The environment is the three variables of overview.md and nothing of the user's. */
static int make_environment(struct plan *plan, const struct mm_realm *realm, enum realm_waiter_kind waiter)
{
    plan->environment[0] = format_files(realm);
    plan->environment[1] = strdup(waiter_text(waiter));
    if (plan->environment[0] == NULL || plan->environment[1] == NULL)
        return -ENOMEM;
    if (plan->ring) {
        plan->environment[2] = plan->ring_text;
        return 0;
    }
    if (waiter == REALM_WAITER_PIPE &&
        asprintf(&plan->environment[2], "REALM_HINT_FD=%zu", REALM_CONTROL_FD + 1 + realm->files_count) < 0) {
        plan->environment[2] = NULL;
        return -ENOMEM;
    }
    return 0;
}

/* The program, and what of its plan needs no file of the scenario's. */
static int make_start(struct plan *plan, const struct box *box, enum realm_waiter_kind waiter,
                      const struct realm_launch_spawn *request, uint32_t *ret_stage)
{
    int error = 0;

    if (plan->realm->files_count > PLAN_FILES_MAX)
        return -E2BIG;
    if (box_closed(box))
        error = program_open(plan->realm->program, &plan->program);
    if (error == 0 && box_closed(box) && plan->realm->private_code)
        error = program_copy(&plan->program);
    if (error) {
        *ret_stage = REALM_STAGE_EXEC;
        return error;
    }
    error = make_arguments(plan, plan->realm, request);
    if (error == 0)
        error = make_environment(plan, plan->realm, waiter);
    if (error == 0)
        error = give_standard(plan);
    return error;
}

static int make_plan(struct plan *plan, const struct box *box, const struct realm_launch_spawn *request,
                     struct plan_failure *failure)
{
    const enum realm_waiter_kind waiter = choose_waiter(plan, box);

    int error = make_start(plan, box, waiter, request, &failure->stage);
    if (error)
        return error;
    error = give_files(plan, plan->realm, &failure->detail);
    if (error) {
        failure->stage = REALM_STAGE_FILE;
        return error;
    }
    return waiter == REALM_WAITER_PIPE ? give_hint_pipe(plan) : 0;
}

int plan_new(const struct mm_config *config, const struct box *box, const struct realm_launch_spawn *request,
             struct plan **ret_plan, struct plan_failure *ret_failure)
{
    struct plan_failure failure = {.stage = REALM_STAGE_RESOURCES};
    struct plan *plan = calloc(1, sizeof *plan);
    int error = -ENOMEM;

    if (plan != NULL) {
        plan->program = (struct program){-1, -1};
        error = -EINVAL;
        if (request->program < config->realms_count) {
            plan->realm = &config->realms[request->program];
            error = make_plan(plan, box, request, &failure);
        }
    }
    if (error) {
        plan_free(plan);
        failure.error = -error;
        *ret_failure = failure;
        return REALM_E_NOT_STARTED;
    }
    *ret_plan = plan;
    return 0;
}

void plan_free(struct plan *plan)
{
    if (plan == NULL)
        return;
    for (unsigned i = 0; i < plan->fds_count; i++)
        if (plan->fds[i] >= 0)
            close(plan->fds[i]);
    for (unsigned i = 0; i < plan->ends_count; i++)
        if (plan->ends[i] >= 0)
            close(plan->ends[i]);
    for (unsigned i = 0; i < 3; i++)
        if (plan->environment[i] != plan->ring_text)
            free(plan->environment[i]);
    program_close(&plan->program);
    free(plan->argv);
    free(plan);
}

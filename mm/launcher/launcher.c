/*
 * The launcher's loop and its phases.
 *
 *     SERVING ── SIGTERM ──▶ ASKED ── STOP ──▶ STOPPING ──▶ (all reaped) 0
 *        │                     │                   │
 *        ├── STOP ─────────────┼──▶ STOPPING       │ 5 s
 *        └── broker gone ──▶ ORPHANED              ▼
 *                              └── grace over ─▶ KILLING ──▶ (all reaped) 1
 *
 * A second SIGTERM, or ten seconds in ASKED, lead to KILLING, too. The rule: every phase but SERVING has a
 * deadline, and the process does not return while a child is left that SIGKILL can end.
 *
 * It sleeps in one poll: for signals (a signalfd), the broker's socket, and the reports of the starts that
 * are under way, the listeners of programs that load. It never waits for a realm, nor for the broker.
 */
#include "mm/launcher/launcher.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <realm/error.h>
#include <realm/types.h>

#include "mm/launcher/descriptors.h"
#include "mm/launcher/serve.h"
#include "mm/sandbox/features.h"
#include "mm/sandbox/filter.h"

#define ASKED_NS         (UINT64_C(10) * REALM_SEC)
#define STOPPING_NS      (UINT64_C(5) * REALM_SEC)
#define KILLING_NS       (UINT64_C(5) * REALM_SEC)
#define STRAYS_NS        (UINT64_C(2) * REALM_SEC)
#define CROWDED_MS       10
#define LAST_WORD_ROUNDS 64u
#define BROKER_FDS       15u
#define EXIT_NO_BROKER   125

enum phase {
    SERVING,
    ASKED,    /* somebody asked for the end: the broker is doing it */
    STOPPING, /* the broker said that all is over */
    ORPHANED, /* the broker is gone: realms have a little time left */
    KILLING,
};

struct launcher {
    const struct launcher_options *options;
    uint64_t started_ns;
    enum phase phase;
    uint64_t deadline_ns; /* of the phase; UINT64_MAX for none */
    unsigned terminations;
    int signals;       /* signalfd */
    pid_t broker;      /* 0 once reaped */
    int broker_status; /* as of waitpid, once reaped */
    bool broker_died;
    struct box box;
    struct serve serve;
};

/* --- the broker's death, told --- */

static void format_exit(int wait_status, char *text, size_t size)
{
    const char *name = NULL;

    if (WIFSIGNALED(wait_status))
        name = sigabbrev_np(WTERMSIG(wait_status));
    if (name != NULL)
        snprintf(text, size, "SIG%s", name);
    else if (WIFSIGNALED(wait_status))
        snprintf(text, size, "signal %d", WTERMSIG(wait_status));
    else
        snprintf(text, size, "%d", WEXITSTATUS(wait_status));
}

/* One line of less than PIPE_BUF, written only where there is room for that much: so this never waits long,
 * and never mixes with another line. */
static void say_broker_died(const struct launcher *launcher)
{
    struct pollfd room = {.fd = launcher->options->events, .events = POLLOUT};
    char exit_text[32], line[256];

    if (launcher->options->events < 0)
        return;
    format_exit(launcher->broker_status, exit_text, sizeof exit_text);
    int size = snprintf(line, sizeof line,
                        "{\"event\":\"broker-died\",\"t_ns\":%llu,\"exit\":\"%s\",\"grace_ms\":%llu}\n",
                        (unsigned long long)(serve_now_ns() - launcher->started_ns), exit_text,
                        (unsigned long long)(launcher->options->orphan_grace_ns / REALM_MSEC));
    assert(size > 0 && (size_t)size < sizeof line);
    if (poll(&room, 1, 100) == 1 && (room.revents & POLLOUT) != 0)
        (void)!write(launcher->options->events, line, (size_t)size);
}

/* --- phases --- */

static uint64_t after_ns(uint64_t now_ns, uint64_t interval_ns)
{
    return interval_ns > UINT64_MAX - now_ns ? UINT64_MAX : now_ns + interval_ns;
}

static void enter(struct launcher *launcher, enum phase phase, uint64_t limit_ns)
{
    launcher->phase = phase;
    launcher->deadline_ns = after_ns(serve_now_ns(), limit_ns);
}

static void kill_broker(struct launcher *launcher)
{
    if (launcher->broker > 0)
        (void)kill(launcher->broker, SIGKILL);
}

static void enter_asked(struct launcher *launcher)
{
    enter(launcher, ASKED, ASKED_NS);
    serve_end(&launcher->serve);
}

static void enter_stopping(struct launcher *launcher)
{
    enter(launcher, STOPPING, STOPPING_NS);
    children_kill_all(&launcher->serve.children);
}

/* A broker that hung up or broke the protocol may still run: it must not go on as if it were in charge. */
static void enter_orphaned(struct launcher *launcher)
{
    enter(launcher, ORPHANED, launcher->options->orphan_grace_ns);
    launcher->broker_died = true;
    serve_mute(&launcher->serve);
    kill_broker(launcher);
}

static void enter_killing(struct launcher *launcher)
{
    enter(launcher, KILLING, KILLING_NS);
    serve_mute(&launcher->serve);
    children_kill_all(&launcher->serve.children);
    kill_broker(launcher);
}

static bool takes_requests(const struct launcher *launcher)
{
    return launcher->phase == SERVING || launcher->phase == ASKED;
}

static void take_requests(struct launcher *launcher, bool only_stop)
{
    switch (serve_take(&launcher->serve, only_stop)) {
    case REALM_E_STOPPED:
        enter_stopping(launcher);
        break;
    case REALM_E_MM_GONE:
        enter_orphaned(launcher);
        break;
    default:
        break;
    }
}

/*
 * Its last word may still wait in the socket, behind at most as many requests as a socket holds; after a
 * polite request, an exit with 0 is as good.
 */
static void broker_exited(struct launcher *launcher, int wait_status)
{
    launcher->broker = 0;
    launcher->broker_status = wait_status;
    if (launcher->phase == ASKED && wait_status == 0)
        enter_stopping(launcher);
    for (unsigned round = 0; round < LAST_WORD_ROUNDS && takes_requests(launcher); round++)
        take_requests(launcher, true);
    if (takes_requests(launcher))
        enter_orphaned(launcher);
    if (launcher->broker_died)
        say_broker_died(launcher);
}

/* --- signals --- */

static void reap(struct launcher *launcher)
{
    int wait_status;
    pid_t pid;

    bool reaped = false;
    while ((pid = children_reap(&wait_status)) > 0) {
        reaped = true;
        if (pid == launcher->broker)
            broker_exited(launcher, wait_status);
        else
            (void)serve_exited(&launcher->serve, pid, wait_status);
    }
    if (reaped)
        children_kill_strays(&launcher->serve.children, launcher->broker);
}

static void terminate(struct launcher *launcher)
{
    launcher->terminations++;
    if (launcher->phase == SERVING)
        enter_asked(launcher);
    else if (launcher->terminations > 1 || launcher->phase == ORPHANED)
        enter_killing(launcher);
}

static void take_signals(struct launcher *launcher)
{
    struct signalfd_siginfo info;

    while (read(launcher->signals, &info, sizeof info) == sizeof info)
        if (info.ssi_signo != SIGCHLD)
            terminate(launcher);
    /* Several exits may hide behind one SIGCHLD. */
    reap(launcher);
}

/* --- the loop --- */

static int wait_ms(const struct launcher *launcher)
{
    uint64_t deadline_ns = serve_deadline_ns(&launcher->serve);
    const uint64_t now_ns = serve_now_ns();

    if (launcher->deadline_ns < deadline_ns)
        deadline_ns = launcher->deadline_ns;
    if (deadline_ns <= now_ns)
        return 0;
    uint64_t left_ms = (deadline_ns - now_ns) / REALM_MSEC + 1;
    if (launcher->serve.crowded && left_ms > CROWDED_MS)
        return CROWDED_MS;
    if (deadline_ns == UINT64_MAX)
        return -1;
    return left_ms > 60000 ? 60000 : (int)left_ms;
}

static void wait_and_serve(struct launcher *launcher)
{
    struct serve *serve = &launcher->serve;
    static struct pollfd fds[2 + SERVE_POLL_MAX]; /* too much for the stack; there is one launcher */

    fds[0] = (struct pollfd){.fd = launcher->signals, .events = POLLIN};
    fds[1] = (struct pollfd){.fd = serve->socket};
    if (takes_requests(launcher) && serve_ready(serve))
        fds[1].events |= POLLIN;
    if (serve->outgoing.count > 0 && !serve->crowded)
        fds[1].events |= POLLOUT;
    /* Hang-ups are reported unasked; where nothing is expected from the socket, they would never end. */
    if (!takes_requests(launcher) && fds[1].events == 0)
        fds[1].fd = -1;
    unsigned count = serve_prepare(serve, fds + 2);

    int ready = poll(fds, 2 + count, wait_ms(launcher));
    if (ready < 0)
        return;
    serve_note(serve, fds + 2);
    serve_flush(serve);
    if (fds[1].revents != 0 && takes_requests(launcher))
        take_requests(launcher, (fds[1].revents & POLLHUP) != 0);
    if (fds[0].revents != 0)
        take_signals(launcher);
    serve_settle(serve);
}

/* The broker hears of every exit before it hears that there will be no more. */
static void finish_stopping(struct launcher *launcher)
{
    struct serve *serve = &launcher->serve;

    if (serve->children.count == 0 && serve->outgoing.count == 0)
        serve_mute(serve);
}

static void run(struct launcher *launcher)
{
    for (;;) {
        if (launcher->phase == STOPPING)
            finish_stopping(launcher);
        if (!takes_requests(launcher) && launcher->broker == 0 && launcher->serve.children.count == 0)
            return;
        if (serve_now_ns() >= launcher->deadline_ns) {
            if (launcher->phase == KILLING)
                return; /* what SIGKILL does not end, the launcher cannot */
            enter_killing(launcher);
        }
        wait_and_serve(launcher);
    }
}

/* What realms left behind outside their groups: it has all become the launcher's. */
static void end_strays(struct launcher *launcher)
{
    const uint64_t deadline_ns = serve_now_ns() + STRAYS_NS;
    struct pollfd signals = {.fd = launcher->signals, .events = POLLIN};
    struct signalfd_siginfo info;
    int wait_status;
    pid_t pid;

    for (;;) {
        children_kill_strays(&launcher->serve.children, 0);
        while ((pid = children_reap(&wait_status)) > 0)
            ;
        if (pid == -ECHILD || serve_now_ns() >= deadline_ns)
            return;
        (void)poll(&signals, 1, 20);
        (void)!read(launcher->signals, &info, sizeof info);
    }
}

/* --- starting --- */

static void __attribute__((noreturn))
run_broker(const struct launcher_options *options, int socket, pid_t launcher, const sigset_t *mask)
{
    int keep[BROKER_FDS + 1];

    if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != launcher)
        _exit(EXIT_NO_BROKER);
    for (unsigned i = 0; i < options->keep_count; i++)
        keep[i] = options->keep[i];
    keep[options->keep_count] = socket;
    if (descriptors_keep_only(keep, options->keep_count + 1) < 0)
        _exit(EXIT_NO_BROKER);
    /* It ends when its launcher says so, or is gone; a signal to the whole group is not meant for it. */
    (void)signal(SIGINT, SIG_IGN);
    (void)signal(SIGTERM, SIG_IGN);
    (void)sigprocmask(SIG_SETMASK, mask, NULL);
    _exit(options->broker(options->broker_context, socket));
}

static void close_kept(const struct launcher_options *options)
{
    for (unsigned i = 0; i < options->keep_count; i++)
        if (options->keep[i] > STDERR_FILENO && options->keep[i] != options->events)
            close(options->keep[i]);
}

static int start_broker(struct launcher *launcher, const sigset_t *mask)
{
    const struct launcher_options *options = launcher->options;
    const pid_t self = getpid();
    int ends[2];

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
        return -errno;
    int error = serve_init(&launcher->serve, options->config, &launcher->box, ends[0]);
    if (error) {
        close(ends[0]);
        close(ends[1]);
        return error;
    }
    launcher->broker = fork();
    if (launcher->broker == 0)
        run_broker(options, ends[1], self, mask);
    error = launcher->broker < 0 ? -errno : 0;
    close(ends[1]);
    if (error) {
        serve_deinit(&launcher->serve);
        return error;
    }
    close_kept(options);
    return 0;
}

/*
 * What is ignored would stay so in realms. Once here, and not before each exec. Asked of the kernel itself:
 * the C library's wrapper would spare the signals that it keeps for itself (32 and 33), and a build tool
 * above us may have left those ignored.
 */
static void ignore_nothing(void)
{
    struct {
        void (*handler)(int);
        unsigned long flags, restorer;
        uint64_t mask;
    } action;
    static const uint64_t by_default[4]; /* the kernel's struct, all zero: SIG_DFL */

    for (int number = 1; number < NSIG; number++)
        if (syscall(SYS_rt_sigaction, number, NULL, &action, sizeof action.mask) == 0 &&
            action.handler == SIG_IGN)
            (void)syscall(SYS_rt_sigaction, number, by_default, NULL, sizeof action.mask);
}

/* Signals come through a descriptor from here on. */
static int open_signals(sigset_t *ret_mask)
{
    sigset_t taken;

    ignore_nothing();

    sigemptyset(&taken);
    sigaddset(&taken, SIGCHLD);
    sigaddset(&taken, SIGTERM);
    sigaddset(&taken, SIGINT);
    if (signal(SIGPIPE, SIG_IGN) == SIG_ERR || signal(SIGCHLD, SIG_DFL) == SIG_ERR)
        return -errno;
    if (sigprocmask(SIG_BLOCK, &taken, ret_mask) < 0)
        return -errno;
    int fd = signalfd(-1, &taken, SFD_CLOEXEC | SFD_NONBLOCK);
    return fd < 0 ? -errno : fd;
}

/* The kernel bounds the descriptors that are in flight by the sender's limit on open ones, and the broker
 * holds several for each realm: so both get all that they may have. */
static int raise_files_limit(struct rlimit *ret_before)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, ret_before) < 0)
        return -errno;
    limit = *ret_before;
    limit.rlim_cur = limit.rlim_max;
    return setrlimit(RLIMIT_NOFILE, &limit) < 0 ? -errno : 0;
}

int launcher_run(const struct launcher_options *options)
{
    struct launcher launcher = {
        .options = options, .started_ns = serve_now_ns(), .deadline_ns = UINT64_MAX, .phase = SERVING};
    struct rlimit files_limit;
    sigset_t mask;

    assert(options->keep_count <= BROKER_FDS);
    if (prctl(PR_SET_CHILD_SUBREAPER, 1) < 0)
        return -errno;
    int error = raise_files_limit(&files_limit);
    if (error)
        return error;
    launcher.signals = open_signals(&mask);
    if (launcher.signals < 0)
        return launcher.signals;
    error = box_init(&launcher.box, options->parts, options->landlock_abi, options->weakened, options->waiter,
                     &files_limit);
    if (error == 0 && options->cgroup != NULL)
        launcher.box.cgroup = *options->cgroup;
    if (error) {
        close(launcher.signals);
        return error;
    }
    launcher.box.loading_ns = options->loading_ns != 0 ? options->loading_ns : LOADER_DEADLINE_NS;
    error = start_broker(&launcher, &mask);
    /* Realms inherit this filter below their own: where that one is weakened, it would hide the weakness. */
    if (error == 0 && (options->parts & SANDBOX_SECCOMP) != 0 && options->weakened < 0)
        error = sandbox_confine(SANDBOX_FILTER_LAUNCHER);
    if (error == 0) {
        run(&launcher);
        end_strays(&launcher);
        serve_deinit(&launcher.serve);
    }
    box_deinit(&launcher.box);
    close(launcher.signals);
    if (error)
        return error;
    return launcher.phase == STOPPING && launcher.broker_status == 0 ? 0 : 1;
}

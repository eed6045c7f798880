/*
 * The handler among other signals: what is not its own goes on to whoever was there before, whatever comes
 * late finds nothing to do, and the code that was interrupted notices nothing.
 */
#include "tests/unit/os/world.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>

#include "librealm/os/linux/fault.h"
#include "librealm/ring/atomics.h"

#define BYTES 8192u

struct shared {
    int fd;
    struct realm_os_region region;
};

static void share(struct realm_os *os, struct shared *shared)
{
    shared->fd = memfd_create("region", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    CHECK(shared->fd >= 0 && ftruncate(shared->fd, BYTES) == 0);
    CHECK(realm_os_region_map(os, shared->fd, BYTES, true, &shared->region) == 0);
}

static uint8_t touch(const struct shared *shared)
{
    return *(const volatile uint8_t *)shared->region.memory;
}

static bool is_gone(const struct shared *shared)
{
    return realm_load_gone(shared->region.gone) != 0;
}

/* A page of another file that is too short. */
static void *foreign_page(void)
{
    int fd = memfd_create("foreign", MFD_CLOEXEC);
    void *page = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
    CHECK(fd >= 0 && page != MAP_FAILED);
    return page;
}

/* SIGBUS as from a fault at an address, though nothing has faulted; or, with a code below 0, as somebody's.
 */
static void claim_fault(const void *address, int code)
{
    siginfo_t info = {.si_signo = SIGBUS, .si_code = code};
    info.si_addr = (void *)(uintptr_t)address;
    CHECK(syscall(SYS_rt_sigqueueinfo, getpid(), SIGBUS, &info) == 0);
}

static bool is_readable(const void *address)
{
    int ends[2];
    CHECK(pipe2(ends, O_CLOEXEC) == 0);
    bool readable = write(ends[1], address, 1) == 1;
    close(ends[0]);
    close(ends[1]);
    return readable;
}

static struct realm_os *of_thread;

static void late(void)
{
    struct world world;
    struct shared shared, other;
    CHECK(signal(SIGBUS, SIG_DFL) != SIG_ERR); /* whatever is passed on ends this process */
    world_open(&world);
    share(world.os, &shared);
    share(world.os, &other);
    uint8_t *memory = shared.region.memory;
    memset(memory, 7, BYTES);
    claim_fault(memory + 4096, BUS_ADRERR);
    CHECK(!is_gone(&shared) && memory[0] == 7 && memory[4096] == 7);
    CHECK(ftruncate(shared.fd, 0) == 0);
    memory[10] = 3;
    CHECK(is_gone(&shared));
    claim_fault(memory, BUS_ADRERR); /* the second of two threads */
    CHECK(memory[10] == 3);
    realm_os_region_unmap(world.os, &shared.region);
    claim_fault(memory, BUS_ADRERR);
    CHECK(!is_readable(memory)); /* and it has not come to life again */
    CHECK(!is_gone(&other));
    realm_os_close(world.os);
}

Test(fault_signal, late)
{
    /* Goal: a handler that comes late, when another thread has mended the place, or freed it, or when it is
     * in use again, changes nothing. */
    in_child(late);
}

static void address_kept(void)
{
    struct world world;
    struct shared shared;
    world_open(&world);
    share(world.os, &shared);
    realm_os_region_unmap(world.os, &shared.region);
    void *place = mmap(shared.region.memory, BYTES, PROT_READ,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    CHECK(place == MAP_FAILED && errno == EEXIST);
    realm_os_close(world.os);
}

Test(fault_signal, address_kept)
{
    /* Goal: where a region was, nothing else of the process ever comes to lie. */
    in_child(address_kept);
}

/* A thread whose handler stops in its look at the page, until the answer to that system call is given. */
struct stopped {
    struct shared shared;
    int listener;
    uint32_t ready, mapped;
};

static int listen_to_looks(void)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_rt_sigprocmask, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, UINT32_MAX, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {.len = sizeof code / sizeof *code, .filter = code};
    CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
    return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &program);
}

static void *stop_in_handler(void *argument)
{
    struct stopped *stopped = argument;
    stopped->listener = listen_to_looks();
    realm_store_release(&stopped->ready, 1);
    (void)touch(&stopped->shared);
    return NULL;
}

static void *map_another(void *argument)
{
    struct stopped *stopped = argument;
    struct shared another;
    share(of_thread, &another);
    realm_store_release(&stopped->mapped, 1);
    return NULL;
}

static void in_flight(void)
{
    struct world world;
    struct shared many[80];
    struct stopped stopped = {.listener = -1};
    struct seccomp_notif look = {0};
    pthread_t in_handler, mapping;
    world_open(&world);
    of_thread = world.os;
    share(world.os, &stopped.shared);
    for (unsigned i = 0; i < 80; i++)
        share(world.os, &many[i]);
    for (unsigned i = 0; i < 80; i++)
        realm_os_region_unmap(world.os, &many[i].region);
    CHECK(ftruncate(stopped.shared.fd, 0) == 0);
    CHECK(pthread_create(&in_handler, NULL, stop_in_handler, &stopped) == 0);
    while (realm_load_acquire(&stopped.ready) == 0)
        sched_yield();
    CHECK(stopped.listener >= 0 && ioctl(stopped.listener, SECCOMP_IOCTL_NOTIF_RECV, &look) == 0);
    CHECK(pthread_create(&mapping, NULL, map_another, &stopped) == 0);
    for (unsigned i = 0; i < 100; i++) { /* long enough to find out that it does not wait */
        CHECK(realm_load_acquire(&stopped.mapped) == 0);
        CHECK(usleep(1000) == 0);
    }
    struct seccomp_notif_resp answer = {.id = look.id, .error = -EFAULT};
    CHECK(ioctl(stopped.listener, SECCOMP_IOCTL_NOTIF_SEND, &answer) == 0);
    CHECK(pthread_join(in_handler, NULL) == 0 && pthread_join(mapping, NULL) == 0);
    CHECK(is_gone(&stopped.shared) && realm_load_acquire(&stopped.mapped) == 1);
    realm_os_close(world.os);
}

Test(fault_signal, in_flight)
{
    /* Goal: no address is used again while any handler is in flight. */
    in_child(in_flight);
}

static void *plain_page;
static volatile sig_atomic_t plain_signals;

static void plain(int number)
{
    CHECK(number == SIGBUS);
    plain_signals++;
    if (plain_page != NULL)
        CHECK(mmap(plain_page, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) ==
              plain_page);
}

static void plain_handler(void)
{
    struct world world;
    struct shared shared;
    CHECK(signal(SIGBUS, plain) != SIG_ERR);
    world_open(&world);
    share(world.os, &shared);
    plain_page = foreign_page();
    CHECK(*(volatile uint8_t *)plain_page == 0 && plain_signals == 1);
    plain_page = NULL;
    CHECK(raise(SIGBUS) == 0 && plain_signals == 2);
    CHECK(ftruncate(shared.fd, 0) == 0);
    claim_fault(shared.region.memory, SI_QUEUE); /* sent: whatever address it names */
    CHECK(plain_signals == 3 && !is_gone(&shared));
    CHECK(touch(&shared) == 0 && plain_signals == 3 && is_gone(&shared));
    realm_os_close(world.os);
}

Test(fault_signal, plain_handler)
{
    /* Goal: a handler of one argument gets what is foreign, be it a fault or sent, and nothing else. */
    in_child(plain_handler);
}

static void ignored(void)
{
    struct world world;
    struct shared shared;
    int status;
    CHECK(signal(SIGBUS, SIG_IGN) != SIG_ERR);
    world_open(&world);
    CHECK(raise(SIGBUS) == 0); /* and nothing happens */
    share(world.os, &shared);
    CHECK(ftruncate(shared.fd, 0) == 0 && touch(&shared) == 0 && is_gone(&shared));
    pid_t child = fork();
    if (child == 0)
        _exit(*(volatile uint8_t *)foreign_page());
    CHECK(waitpid(child, &status, 0) == child);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGBUS);
    realm_os_close(world.os);
}

Test(fault_signal, ignored)
{
    /* Goal: where SIGBUS was ignored, a sent one still is; a fault elsewhere cannot be. */
    in_child(ignored);
}

static uint8_t *stack_low, *stack_high;
static volatile sig_atomic_t on_own_stack;
static void *stack_page;

static void look_at_stack(int number, siginfo_t *info, void *context)
{
    (void)number, (void)info, (void)context;
    uint8_t *here = __builtin_frame_address(0);
    on_own_stack = here >= stack_low && here < stack_high;
    CHECK(mmap(stack_page, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == stack_page);
}

static void alternate_stack(void)
{
    struct world world;
    struct sigaction action = {.sa_sigaction = look_at_stack, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    const size_t size = 256 * 1024;
    CHECK(sigaction(SIGBUS, &action, NULL) == 0);
    stack_low = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(stack_low != MAP_FAILED);
    stack_high = stack_low + size;
    stack_t stack = {.ss_sp = stack_low, .ss_size = size};
    CHECK(sigaltstack(&stack, NULL) == 0);
    world_open(&world);
    stack_page = foreign_page();
    CHECK(*(volatile uint8_t *)stack_page == 0 && on_own_stack);
    realm_os_close(world.os);
}

Test(fault_signal, alternate_stack)
{
    /* Goal: a program that gave its signals a stack of their own gets them there: its own may be full. */
    in_child(alternate_stack);
}

static struct shared *of_handler;
static volatile sig_atomic_t handled;

static void touch_in_handler(int number)
{
    (void)number;
    CHECK(touch(of_handler) == 0);
    handled = 1;
}

static void unnoticed(void)
{
    struct world world;
    struct shared first, second;
    world_open(&world);
    share(world.os, &first);
    share(world.os, &second);
    CHECK(ftruncate(first.fd, 0) == 0 && ftruncate(second.fd, 0) == 0);
    volatile int *error = &errno; /* else the compiler knows what it will find there */
    *error = ENOTTY;
    (void)touch(&first);
    CHECK(*error == ENOTTY && is_gone(&first));
    of_handler = &second;
    CHECK(signal(SIGUSR1, touch_in_handler) != SIG_ERR);
    CHECK(raise(SIGUSR1) == 0);
    CHECK(handled && is_gone(&second));
    realm_os_close(world.os);
}

Test(fault_signal, unnoticed)
{
    /* Goal: the interrupted code keeps its errno; a handler of another signal may touch a region as well. */
    in_child(unnoticed);
}

static void *map_and_touch(void *argument)
{
    struct shared *shared = argument;
    share(of_thread, shared);
    CHECK(ftruncate(shared->fd, 0) == 0);
    CHECK(touch(shared) == 0 && is_gone(shared));
    return NULL;
}

static void blocked_in_a_thread(void)
{
    struct world world;
    struct shared shared;
    pthread_t thread;
    sigset_t all;
    world_open(&world);
    of_thread = world.os;
    CHECK(sigfillset(&all) == 0 && pthread_sigmask(SIG_SETMASK, &all, NULL) == 0);
    CHECK(pthread_create(&thread, NULL, map_and_touch, &shared) == 0); /* inherits the mask */
    CHECK(pthread_join(thread, NULL) == 0);
    realm_os_close(world.os);
}

Test(fault_signal, blocked_in_a_thread)
{
    /* Goal: a thread that was made with all signals blocked, and maps a region, survives the loss of it. */
    in_child(blocked_in_a_thread);
}

#include "tests/adversary/host.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/adversary/system.h"

#define SECRET "nobody but its owner reads this\n"

static struct attack_target host;
static struct stat secret_before, folder_before;
static int listeners[3];
static const char *const listener_names[3] = {"the TCP listener was reached", "the unix listener was reached",
                                              "the abstract listener was reached"};
static char *shared; /* the System V segment */
static char host_name[65];
static cpu_set_t victim_cpus;

static void make_secret(void)
{
    snprintf(host.folder, sizeof host.folder, "/tmp/realmkit-host-XXXXXX");
    if (!mkdtemp(host.folder))
        give_up("%s: %s", host.folder, strerror(errno));
    /* Anybody may come in and write, so that the realm's own user does not matter. */
    chmod(host.folder, 0777);
    snprintf(host.secret, sizeof host.secret, "%.100s/secret", host.folder);
    int fd = open(host.secret, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0666);
    if (fd < 0 || write(fd, SECRET, strlen(SECRET)) < 0 || fchmod(fd, 0666) < 0)
        give_up("%s: %s", host.secret, strerror(errno));
    close(fd);
}

static int listen_on(int family, const void *address, socklen_t size)
{
    int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, address, size) < 0 || listen(fd, 8) < 0)
        give_up("no listener: %s", strerror(errno));
    return fd;
}

static void make_listeners(void)
{
    struct sockaddr_in tcp = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct sockaddr_un path = {.sun_family = AF_UNIX}, abstract = {.sun_family = AF_UNIX};
    socklen_t size = sizeof tcp;

    listeners[0] = listen_on(AF_INET, &tcp, sizeof tcp);
    getsockname(listeners[0], (struct sockaddr *)&tcp, &size);
    host.tcp = ntohs(tcp.sin_port);
    snprintf(host.path, sizeof host.path, "%.80s/socket", host.folder);
    snprintf(path.sun_path, sizeof path.sun_path, "%.100s", host.path);
    listeners[1] = listen_on(AF_UNIX, &path, sizeof path);
    chmod(host.path, 0777);
    snprintf(host.abstract, sizeof host.abstract, "realmkit-adversary-%d", (int)getpid());
    memcpy(abstract.sun_path + 1, host.abstract, strlen(host.abstract));
    /* The whole of sun_path, as the attackers name it. */
    listeners[2] = listen_on(AF_UNIX, &abstract, sizeof abstract);
}

static void make_victim(void)
{
    host.victim = fork();
    if (host.victim == 0) {
        /* It never returns, so what the suite does at its exit is not its affair. */
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (;;)
            pause();
    }
    if (host.victim < 0)
        give_up("no victim: %s", strerror(errno));
    sched_getaffinity(host.victim, sizeof victim_cpus, &victim_cpus);
}

static void make_ipc(void)
{
    host.shm = shmget(IPC_PRIVATE, 4096, 0666 | IPC_CREAT);
    host.sem = semget(IPC_PRIVATE, 1, 0666 | IPC_CREAT);
    host.msg = msgget(IPC_PRIVATE, 0666 | IPC_CREAT);
    shared = host.shm < 0 ? (void *)-1 : shmat(host.shm, NULL, 0);
    if (shared == (void *)-1 || host.sem < 0 || host.msg < 0)
        give_up("no System V objects: %s", strerror(errno));
    strcpy(shared, SECRET);
}

void host_make(struct attack_target *ret_target)
{
    atexit(host_remove);
    make_secret();
    make_listeners();
    make_victim();
    make_ipc();
    stat(host.secret, &secret_before);
    stat(host.folder, &folder_before);
    gethostname(host_name, sizeof host_name - 1);
    *ret_target = host;
}

static bool same_file(const struct stat *a, const struct stat *b)
{
    return a->st_ino == b->st_ino && a->st_mode == b->st_mode && a->st_uid == b->st_uid &&
           a->st_gid == b->st_gid && a->st_size == b->st_size && a->st_nlink == b->st_nlink &&
           a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec &&
           a->st_ctim.tv_sec == b->st_ctim.tv_sec && a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

static const char *files_changed(void)
{
    struct stat now;
    char text[64] = "";

    if (stat(host.secret, &now) < 0 || !same_file(&now, &secret_before))
        return "the secret file has changed";
    int fd = open(host.secret, O_RDONLY | O_CLOEXEC);
    ssize_t size = read(fd, text, sizeof text - 1);
    close(fd);
    if (size != (ssize_t)strlen(SECRET) || strcmp(text, SECRET) != 0)
        return "the secret has changed";
    if (stat(host.folder, &now) < 0 || !same_file(&now, &folder_before))
        return "the secret's folder has changed";
    return NULL;
}

static const char *victim_changed(void)
{
    struct rlimit limit, own;
    cpu_set_t cpus;
    char path[64], text[512] = "";

    snprintf(path, sizeof path, "/proc/%d/stat", host.victim);
    FILE *file = fopen(path, "r");
    if (!file || fread(text, 1, sizeof text - 1, file) == 0)
        return "the victim has gone";
    fclose(file);
    const char *after = strrchr(text, ')');
    if (!after || after[2] != 'S')
        return "the victim does not sleep any more";
    if (getpriority(PRIO_PROCESS, (id_t)host.victim) != getpriority(PRIO_PROCESS, 0))
        return "the victim's priority has changed";
    if (sched_getaffinity(host.victim, sizeof cpus, &cpus) < 0 || !CPU_EQUAL(&cpus, &victim_cpus))
        return "the victim's processors have changed";
    if (prlimit(host.victim, RLIMIT_NOFILE, NULL, &limit) < 0 || getrlimit(RLIMIT_NOFILE, &own) < 0 ||
        limit.rlim_cur != own.rlim_cur || limit.rlim_max != own.rlim_max)
        return "the victim's limits have changed";
    return NULL;
}

static const char *ipc_changed(void)
{
    struct shmid_ds segment;
    struct msqid_ds queue;

    if (shmctl(host.shm, IPC_STAT, &segment) < 0 || segment.shm_nattch != 1)
        return "the shared segment was attached or has gone";
    if (strcmp(shared, SECRET) != 0)
        return "the shared segment has changed";
    if (semctl(host.sem, 0, GETVAL) != 0)
        return "the semaphore has changed";
    if (msgctl(host.msg, IPC_STAT, &queue) < 0 || queue.msg_qnum != 0)
        return "the message queue has changed";
    return NULL;
}

const char *host_changed(void)
{
    char name[65] = "";
    const char *what = files_changed();

    if (!what)
        what = victim_changed();
    if (!what)
        what = ipc_changed();
    for (unsigned i = 0; i < 3 && !what; i++) {
        int fd = accept(listeners[i], NULL, NULL);
        if (fd >= 0 || errno != EAGAIN)
            what = listener_names[i];
        if (fd >= 0)
            close(fd);
    }
    gethostname(name, sizeof name - 1);
    if (!what && strcmp(name, host_name) != 0)
        what = "the host's name has changed";
    return what;
}

void host_remove(void)
{
    if (host.folder[0] == '\0')
        return;
    if (host.victim > 0) {
        kill(host.victim, SIGKILL);
        waitpid(host.victim, NULL, 0);
    }
    if (shared) {
        shmctl(host.shm, IPC_RMID, NULL);
        semctl(host.sem, 0, IPC_RMID);
        msgctl(host.msg, IPC_RMID, NULL);
    }
    for (unsigned i = 0; i < 3; i++)
        close(listeners[i]);
    unlink(host.path);
    unlink(host.secret);
    rmdir(host.folder);
    host.folder[0] = '\0';
}

bool host_has_gate(void)
{
#ifdef __x86_64__
    int status = 0;
    pid_t child = fork();
    if (child == 0) {
        long result;
        __asm__ volatile("int $0x80" : "=a"(result) : "a"(20L) : "memory", "r8", "r9", "r10", "r11");
        _exit(result > 0 ? 0 : 1);
    }
    return child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status);
#else
    return false;
#endif
}

/*
 * Other ways to speak to somebody: System V and POSIX objects, pipes, event descriptors, and calls that move
 * data between descriptors without a copy.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "tests/adversary/attack.h"

static void write_segment(void)
{
    char *memory = shmat(target.shm, NULL, 0);
    if (memory == (void *)-1) {
        outcome_call(-1);
        return;
    }
    strcpy(memory, "overwritten");
    outcome("done");
}

static void raise_semaphore(void)
{
    struct sembuf up = {0, 1, 0};
    outcome_call(syscall(SYS_semtimedop, target.sem, &up, 1, NULL));
}

static void send_message(void)
{
    struct {
        long type;
        char text[8];
    } message = {1, "hello"};
    outcome_call(syscall(SYS_msgsnd, target.msg, &message, sizeof message.text, IPC_NOWAIT));
}

/* Found by its key by whoever knows it. Where one could be made, it does not stay. */
static void new_segment(void)
{
    int id = (int)syscall(SYS_shmget, 0x524d, 4096, IPC_CREAT | 0666);
    outcome_call(id);
    if (id >= 0)
        syscall(SYS_shmctl, id, IPC_RMID, NULL);
}

static void new_semaphore(void)
{
    int id = (int)syscall(SYS_semget, 0x524d, 1, IPC_CREAT | 0666);
    outcome_call(id);
    if (id >= 0)
        syscall(SYS_semctl, id, 0, IPC_RMID, NULL);
}

static void new_queue(void)
{
    int id = (int)syscall(SYS_msgget, 0x524d, IPC_CREAT | 0666);
    outcome_call(id);
    if (id >= 0)
        syscall(SYS_msgctl, id, IPC_RMID, NULL);
}

static void make_pipe(void)
{
    int ends[2];
    outcome_call(syscall(SYS_pipe2, ends, 0));
}

static void pin_in_pipe(void)
{
    static char page[4096];
    struct iovec vector = {page, sizeof page};
    outcome_call(syscall(SYS_vmsplice, 1, &vector, 1, 1));
}

ATTACK_CALL(remove_segment, SYS_shmctl, target.shm, IPC_RMID, NULL)
ATTACK_CALL(remove_semaphore, SYS_semctl, target.sem, 0, IPC_RMID, NULL)
ATTACK_CALL(new_posix_queue, SYS_mq_open, "realmkit", O_CREAT | O_RDWR, 0600, NULL)
ATTACK_CALL(event_descriptor, SYS_eventfd2, 0, 0)
ATTACK_CALL(signal_descriptor, SYS_signalfd4, -1, "\0\0\0\0\0\0\0", 8, 0)
ATTACK_CALL(new_epoll, SYS_epoll_create1, 0)
ATTACK_CALL(splice_log, SYS_splice, 1, NULL, 2, NULL, 1, SPLICE_F_NONBLOCK)
ATTACK_CALL(tee_log, SYS_tee, 1, 2, 1, SPLICE_F_NONBLOCK)
ATTACK_CALL(send_file, SYS_sendfile, 1, 0, NULL, 1)
ATTACK_CALL(copy_range, SYS_copy_file_range, 0, NULL, 1, NULL, 1, 0)

static const struct attack ipc[] = {
    {"shm-write", "writes a System V segment that anybody may write", write_segment, .must = "EPERM"},
    {"shm-make", "makes a segment with a known key, to meet another realm", new_segment, .must = "EPERM"},
    {"shm-remove", "removes a segment", remove_segment, .must = "EPERM"},
    {"sem-raise", "raises a semaphore", raise_semaphore, .must = "EPERM"},
    {"sem-make", "makes a semaphore with a known key", new_semaphore, .must = "EPERM"},
    {"sem-remove", "removes a semaphore", remove_semaphore, .must = "EPERM"},
    {"msg-send", "sends into a message queue", send_message, .must = "EPERM"},
    {"msg-make", "makes a message queue with a known key", new_queue, .must = "EPERM"},
    {"mq-open", "makes a POSIX message queue", new_posix_queue, .must = "EPERM"},
    {"pipe", "makes a pipe", make_pipe, .must = "EPERM"},
    {"eventfd", "makes an event descriptor", event_descriptor, .must = "EPERM"},
    {"signalfd", "reads signals from a descriptor", signal_descriptor, .must = "EPERM"},
    {"epoll", "makes an epoll instance", new_epoll, .must = "EPERM"},
    {"vmsplice-log", "gives a page of its own to the pipe of its log", pin_in_pipe, .must = "EPERM"},
    {"splice-log", "moves what is in one log pipe into the other", splice_log, .must = "EPERM"},
    {"tee-log", "doubles what is in a log pipe", tee_log, .must = "EPERM"},
    {"sendfile", "has the kernel copy between descriptors", send_file, .must = "EPERM"},
    {"copy-file-range", "the same with copy_file_range", copy_range, .must = "EPERM"},
};
ATTACK_THEME(ipc_theme, "ipc", "Other ways to speak", ipc, true);

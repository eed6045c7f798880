#include "bench/harness/admin.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define ANSWER_BYTES 4096u
#define PATIENCE_MS  10000

int admin_open(struct bench *bench, const struct system *system, int *ret_fd)
{
    struct sockaddr_un address;
    char instance[SYSTEM_INSTANCE_MAX];

    system_instance(system, instance);
    int error = bench->options.address(instance, &address);
    if (error != 0)
        return bench_fail(bench, "the admin socket has no address: %s", strerror(-error));
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof address) != 0) {
        bench_fail(bench, "cannot reach the system: %s", strerror(errno));
        if (fd >= 0)
            close(fd);
        return 1;
    }
    *ret_fd = fd;
    return 0;
}

int admin_ask(struct bench *bench, int fd, const char *request)
{
    const size_t size = strlen(request);

    if (send(fd, request, size, MSG_NOSIGNAL) != (ssize_t)size)
        return bench_fail(bench, "cannot ask the system: %s", strerror(errno));
    return 0;
}

int admin_answered(struct bench *bench, int fd)
{
    struct pollfd there = {.fd = fd, .events = POLLIN};
    char answer[ANSWER_BYTES + 1];
    size_t size = 0;

    do {
        ssize_t got = poll(&there, 1, PATIENCE_MS) == 1 ? read(fd, answer + size, ANSWER_BYTES - size) : 0;
        if (got <= 0)
            return bench_fail(bench, "the system does not answer");
        size += (size_t)got;
    } while (answer[size - 1] != '\n' && size < ANSWER_BYTES);
    answer[size] = '\0';
    if (strstr(answer, "\"ok\":true") == NULL)
        return bench_fail(bench, "the system answers: %s", answer);
    return 0;
}

/*
 * The network: reaching a host or a local socket, and making the control socket into more than it is.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/adversary/attack.h"
#include "tests/adversary/raw.h"

static struct sockaddr_un abstract_address(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(address.sun_path + 1, target.abstract, strnlen(target.abstract, sizeof address.sun_path - 2));
    return address;
}

static void connect_tcp(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)target.tcp),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    outcome_call(fd < 0 ? fd : connect(fd, (void *)&address, sizeof address));
}

static void connect_path(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    strcpy(address.sun_path, target.path);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    outcome_call(fd < 0 ? fd : connect(fd, (void *)&address, sizeof address));
}

static void connect_abstract(void)
{
    struct sockaddr_un address = abstract_address();
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    outcome_call(fd < 0 ? fd : connect(fd, (void *)&address, sizeof address));
}

/* The control socket is a unix socket already: it needs no new one to be pointed elsewhere. */
static void reconnect_control(void)
{
    struct sockaddr_un address = abstract_address();
    outcome_call(connect(REALM_CONTROL_FD, (void *)&address, sizeof address));
}

static void send_to_abstract(void)
{
    struct sockaddr_un address = abstract_address();
    outcome_call(sendto(REALM_CONTROL_FD, "x", 1, MSG_NOSIGNAL, (void *)&address, sizeof address));
}

static void send_descriptor(void)
{
    char control[CMSG_SPACE(sizeof(int))] = {0}, byte = 0;
    struct iovec vector = {&byte, 1};
    struct msghdr message = {
        .msg_iov = &vector, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    struct cmsghdr *part = CMSG_FIRSTHDR(&message);
    part->cmsg_level = SOL_SOCKET;
    part->cmsg_type = SCM_RIGHTS;
    part->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(part), &(int){1}, sizeof(int));
    outcome_call(sendmsg(REALM_CONTROL_FD, &message, MSG_NOSIGNAL));
}

static void send_many(void)
{
    struct mmsghdr message = {0};
    outcome_call(syscall(SYS_sendmmsg, REALM_CONTROL_FD, &message, 1, 0));
}

static void receive_many(void)
{
    struct mmsghdr message = {0};
    outcome_call(syscall(SYS_recvmmsg, REALM_CONTROL_FD, &message, 1, MSG_DONTWAIT, NULL));
}

static void peer_credentials(void)
{
    struct ucred credentials;
    socklen_t size = sizeof credentials;
    outcome_call(getsockopt(REALM_CONTROL_FD, SOL_SOCKET, SO_PEERCRED, &credentials, &size));
}

/* A descriptor of the process that made the socket: the launcher. */
static void peer_process(void)
{
    int fd = -1;
    socklen_t size = sizeof fd;
    outcome_call(getsockopt(REALM_CONTROL_FD, SOL_SOCKET, 77 /* SO_PEERPIDFD */, &fd, &size));
}

static void queue_figures(void)
{
    uint32_t figures[16];
    socklen_t size = sizeof figures;
    outcome_call(getsockopt(REALM_CONTROL_FD, SOL_SOCKET, 55 /* SO_MEMINFO */, figures, &size));
}

static void large_buffers(void)
{
    int size = 64 << 20;
    outcome_call(setsockopt(REALM_CONTROL_FD, SOL_SOCKET, SO_SNDBUF, &size, sizeof size));
}

static void attach_filter(void)
{
    outcome_call(setsockopt(REALM_CONTROL_FD, SOL_SOCKET, SO_ATTACH_FILTER, NULL, 0));
}

static void name_of_socket(void)
{
    struct sockaddr_un address;
    socklen_t size = sizeof address;
    outcome_call(getsockname(REALM_CONTROL_FD, (void *)&address, &size));
}

static void bind_abstract(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "\0realmkit-adversary-bound"};
    outcome_call(bind(REALM_CONTROL_FD, (void *)&address, sizeof address));
}

static void socket_pair(void)
{
    int pair[2];
    outcome_call(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
}

ATTACK_CALL(socket_udp, SYS_socket, AF_INET, SOCK_DGRAM, 0)
ATTACK_CALL(socket_inet6, SYS_socket, AF_INET6, SOCK_STREAM, 0)
ATTACK_CALL(socket_netlink, SYS_socket, AF_NETLINK, SOCK_RAW, 0)
ATTACK_CALL(socket_packet, SYS_socket, AF_PACKET, SOCK_RAW, 0)
ATTACK_CALL(socket_vsock, SYS_socket, 40, SOCK_STREAM, 0)
ATTACK_CALL(socket_crypto, SYS_socket, 38, SOCK_SEQPACKET, 0)
ATTACK_CALL(listen_control, SYS_listen, REALM_CONTROL_FD, 1)
ATTACK_CALL(accept_control, SYS_accept4, REALM_CONTROL_FD, NULL, NULL, SOCK_NONBLOCK)

static const struct attack network[] = {
    {"tcp-connect", "connects to a listener on the host's loopback", connect_tcp, .must = "EPERM"},
    {"unix-connect", "connects to a unix socket by its path", connect_path, .must = "EPERM"},
    {"abstract-connect", "connects to an abstract unix socket", connect_abstract, .must = "EPERM"},
    {"control-connect", "points its control socket at an abstract socket", reconnect_control,
     .must = "EPERM"},
    {"control-sendto", "sends from its control socket to an address", send_to_abstract, .must = "EPERM"},
    {"sendmsg-descriptor", "passes a descriptor over its control socket", send_descriptor, .must = "EPERM"},
    {"sendmmsg", "passes many messages in one call", send_many, .must = "EPERM"},
    {"recvmmsg", "takes many messages in one call", receive_many, .must = "EPERM"},
    {"peer-credentials", "asks who the broker is (SO_PEERCRED)", peer_credentials, .must = "EPERM"},
    {"peer-pidfd", "asks for a descriptor of the launcher's process (SO_PEERPIDFD)", peer_process,
     .must = "EPERM"},
    {"socket-figures", "asks how much the broker has queued", queue_figures, .must = "EPERM"},
    {"socket-buffers", "makes its socket's buffers 64 MiB", large_buffers, .must = "EPERM"},
    {"socket-filter", "attaches a BPF program to a socket", attach_filter, .must = "EPERM"},
    {"getsockname", "asks for a socket's name", name_of_socket, .must = "EPERM"},
    {"bind", "binds its control socket to a name", bind_abstract, .must = "EPERM"},
    {"listen", "listens on its control socket", listen_control, .must = "EPERM"},
    {"accept", "accepts on its control socket", accept_control, .must = "EPERM"},
    {"socketpair", "makes a socket pair", socket_pair, .must = "EPERM"},
    {"socket-udp", "makes a UDP socket", socket_udp, .must = "EPERM"},
    {"socket-inet6", "makes a TCP socket for IPv6", socket_inet6, .must = "EPERM"},
    {"socket-netlink", "makes a netlink socket", socket_netlink, .must = "EPERM"},
    {"socket-packet", "makes a raw packet socket", socket_packet, .must = "EPERM"},
    {"socket-vsock", "makes a socket to the hypervisor", socket_vsock, .must = "EPERM"},
    {"socket-crypto", "makes a socket to the kernel's cryptography", socket_crypto, .must = "EPERM"},
};
ATTACK_THEME(network_theme, "network", "The network", network, true);

/* sd-bus, direct: two processes with a bus of their own over one socket pair, no daemon between them. A
 * request is a method call with an array of bytes, a reply its return with another. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <systemd/sd-bus.h>
#include <unistd.h>

#include "bench/peers/peer.h"

#define NAME "com.example.Bench"

static int ends[2];
static sd_bus *bus;
static sd_bus_message *request_now; /* the answering side's */

static int say(int error)
{
    fprintf(stderr, "sd-bus: %s\n", strerror(-error));
    return 1;
}

static int prepare(void)
{
    return socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends) != 0 ? peer_failed("socketpair") : 0;
}

static int open_bus(int mine, int other, int is_server)
{
    sd_id128_t id = SD_ID128_MAKE(6b, 1c, 5e, 0d, 9a, 32, 4f, 77, 8e, 21, 40, 11, 5d, 3c, 2a, 90);
    int error = sd_bus_new(&bus);

    close(other);
    if (error >= 0)
        error = sd_bus_set_fd(bus, mine, mine);
    if (error >= 0 && is_server)
        error = sd_bus_set_server(bus, 1, id);
    if (error >= 0)
        error = sd_bus_set_anonymous(bus, 1);
    if (error >= 0)
        error = sd_bus_start(bus);
    return error < 0 ? say(error) : 0;
}

static int open_server(void)
{
    return open_bus(ends[1], ends[0], 1);
}

static int open_client(void)
{
    return open_bus(ends[0], ends[1], 0);
}

static int copy_out(sd_bus_message *message, void *bytes, size_t size)
{
    const void *there;
    size_t got;

    if (sd_bus_message_read_array(message, 'y', &there, &got) < 0 || got != size)
        return 1;
    memcpy(bytes, there, size);
    return 0;
}

static int ask(const void *request, void *reply, size_t size)
{
    sd_bus_message *out = NULL, *in = NULL;
    sd_bus_error failure = SD_BUS_ERROR_NULL;
    int error = sd_bus_message_new_method_call(bus, &out, NULL, "/bench", NAME, "Call");

    if (error >= 0)
        error = sd_bus_message_append_array(out, 'y', request, size);
    if (error >= 0)
        error = sd_bus_call(bus, out, 0, &failure, &in);
    int wrong = error < 0 ? say(error) : copy_out(in, reply, size);
    sd_bus_error_free(&failure);
    sd_bus_message_unref(out);
    sd_bus_message_unref(in);
    return wrong;
}

static int receive(void *request, size_t size)
{
    for (;;) {
        int error = sd_bus_process(bus, &request_now);
        if (error < 0)
            return say(error);
        if (request_now != NULL && sd_bus_message_is_method_call(request_now, NAME, "Call") > 0)
            return copy_out(request_now, request, size);
        request_now = sd_bus_message_unref(request_now);
        if (error == 0 && (error = sd_bus_wait(bus, UINT64_MAX)) < 0 && error != -EINTR)
            return say(error);
    }
}

static int reply_to(const void *reply, size_t size)
{
    sd_bus_message *out = NULL;
    int error = sd_bus_message_new_method_return(request_now, &out);

    if (error >= 0)
        error = sd_bus_message_append_array(out, 'y', reply, size);
    if (error >= 0)
        error = sd_bus_send(bus, out, NULL);
    if (error >= 0)
        error = sd_bus_flush(bus);
    sd_bus_message_unref(out);
    request_now = sd_bus_message_unref(request_now);
    return error < 0 ? say(error) : 0;
}

int main(int argc, char **argv)
{
    return peer_main(
        argc, argv,
        &(struct peer_way){prepare, open_server, open_client, ask, receive, reply_to, NULL, NULL});
}

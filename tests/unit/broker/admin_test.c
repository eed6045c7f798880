/*
 * The connections of the admin socket: lines in any shape, clients of any kind, and the logs that are
 * followed.
 */
#include "tests/skip.h"
#include "tests/unit/broker/admin_client.h"

TestSuite(admin, .init = set_up, .fini = tear_down);

/* Goal: following gives the kept lines, then each new one of that realm, and is not closed for silence. */
Test(admin, follow)
{
    struct client client = client_open();
    logs_say(world.broker->logs, "A", "before");
    json_t *answer = ask(&client, "{\"command\":\"logs\",\"realm\":\"A\",\"follow\":true}");
    cr_assert_not_null(entry_of(json_object_get(answer, "result"), "text", "before"));
    json_decref(answer);
    world_advance(&world, 1000 * REALM_SEC);
    logs_say(world.broker->logs, "B", "not asked for");
    logs_say(world.broker->logs, "A", "after");
    json_t *line = client_line(&client);
    cr_assert_str_eq(event_text(line, "text"), "after");
    cr_assert_str_eq(event_text(line, "realm"), "A");
    json_decref(line);
    client_close(&client);
    logs_say(world.broker->logs, "A", "to nobody");
    still_serves();
}

/* Goal: a follower whose input has ended goes on to get lines. */
Test(admin, follow_half_closed)
{
    struct client client = client_open();
    json_decref(ask(&client, "{\"command\":\"logs\",\"follow\":true}"));
    shutdown(client.fd, SHUT_WR);
    world_settle(&world);
    logs_say(world.broker->logs, "A", "after");
    json_t *line = client_line(&client);
    cr_assert_str_eq(event_text(line, "text"), "after");
    json_decref(line);
    client_close(&client);
}

/* Goal: every byte value as a request, and random bytes, hurt nobody. */
Test(admin, random_bytes)
{
    unsigned random = 99;
    for (int round = 0; round < 50; round++) {
        char bytes[512];
        struct client client = client_open();
        for (size_t i = 0; i < sizeof bytes; i++) {
            random = random * 1103515245u + 12345u;
            bytes[i] = round == 0 ? (char)i : (char)(random >> 16);
        }
        client_send(&client, bytes, sizeof bytes);
        client_close(&client);
    }
    still_serves();
}

/* Goal: a line of 64 KiB is still a request; one byte more is refused, and the connection closed. */
Test(admin, long_lines)
{
    static char request[64 * 1024 + 2];
    memset(request, ' ', sizeof request);
    memcpy(request, "{\"command\":\"caps\"}", 18);
    request[64 * 1024] = '\n';
    struct client client = client_open();
    client_send(&client, request, 64 * 1024 + 1);
    json_t *answer = client_line(&client);
    cr_assert(json_is_true(json_object_get(answer, "ok")));
    json_decref(answer);

    request[64 * 1024] = ' ';
    request[64 * 1024 + 1] = '\n';
    client_send(&client, request, sizeof request);
    answer = client_line(&client);
    cr_assert(json_is_false(json_object_get(answer, "ok")));
    cr_assert_not_null(strstr(event_text(answer, "error"), "64 KiB"));
    json_decref(answer);
    cr_assert_null(client_line(&client));
    cr_assert(client.over);
    client_close(&client);
    still_serves();
}

/* Goal: a megabyte without a newline is bounded: refused and closed. */
Test(admin, endless_line)
{
    static char bytes[1024 * 1024];
    struct client client = client_open();
    memset(bytes, 'x', sizeof bytes);
    client_send(&client, bytes, sizeof bytes);
    while (!client.over)
        json_decref(client_line(&client));
    client_close(&client);
    still_serves();
}

/* Goal: a request that comes byte by byte is answered once it is whole. */
Test(admin, byte_by_byte)
{
    const char *request = "{\"command\":\"caps\"}\n";
    struct client client = client_open();
    for (const char *at = request; *at; at++) {
        client_read(&client);
        cr_assert_eq(client.size, 0);
        client_send(&client, at, 1);
    }
    json_t *answer = client_line(&client);
    cr_assert(json_is_true(json_object_get(answer, "ok")));
    json_decref(answer);
    client_close(&client);
}

/* Goal: several requests in one packet are answered in their order, one line each. */
Test(admin, pipelined)
{
    struct client client = client_open();
    client_say(&client, "{\"command\":\"caps\"}\nnonsense\n{\"command\":\"channels\"}\n");
    for (int i = 0; i < 3; i++) {
        json_t *answer = client_line(&client);
        cr_assert_eq(json_is_true(json_object_get(answer, "ok")), i != 1);
        json_decref(answer);
    }
    client_close(&client);
}

/* Goal: a client that says all and closes its side gets its answers, then the end; half a line is told. */
Test(admin, half_close)
{
    struct client client = client_open();
    client_say(&client, "{\"command\":\"caps\"}\n{\"command\":");
    shutdown(client.fd, SHUT_WR);
    json_t *answer = client_line(&client);
    cr_assert(json_is_true(json_object_get(answer, "ok")));
    json_decref(answer);
    answer = client_line(&client);
    cr_assert_not_null(strstr(event_text(answer, "error"), "not whole"));
    json_decref(answer);
    cr_assert_null(client_line(&client));
    cr_assert(client.over);
    client_close(&client);
}

/* Goal: a client that goes away without reading its answer is forgotten; what it asked for is done. */
Test(admin, closes_at_once)
{
    static const char request[] = "{\"command\":\"kill\",\"realm\":\"A\"}\n";
    world_open(&world, "A");
    struct client client = client_open();
    (void)!send(client.fd, request, sizeof request - 1, MSG_NOSIGNAL);
    client_close(&client);
    cr_assert_null(world_process(&world, "A"));
    still_serves();
}

/* Goal: who says nothing, or half a line, is closed after a while, and not before. */
Test(admin, idle_is_closed)
{
    struct client silent = client_open(), half = client_open();
    client_say(&half, "{\"command\"");
    world_advance(&world, 29 * REALM_SEC);
    client_read(&silent);
    cr_assert(!silent.over);
    world_advance(&world, 2 * REALM_SEC);
    client_read(&silent);
    client_read(&half);
    cr_assert(silent.over && half.over);
    client_close(&silent);
    client_close(&half);
}

/* Goal: a client that asks and asks and never reads is held to one answer, and closed after a while; the
 * others do not notice. */
Test(admin, never_reads)
{
    struct client client = client_open();
    for (int i = 0; i < 200; i++)
        logs_say(world.broker->logs, "A", "%01000d", i);
    for (int i = 0; i < 2000; i++)
        (void)!send(client.fd, "{\"command\":\"logs\"}\n", 19, MSG_DONTWAIT | MSG_NOSIGNAL);
    world_settle(&world);
    still_serves();
    world_advance(&world, 31 * REALM_SEC);
    /* What was sent is there; then comes the end, long before two thousand answers. */
    unsigned answers = 0;
    for (json_t *answer; (answer = client_line(&client)); answers++)
        json_decref(answer);
    cr_assert(client.over);
    cr_assert_lt(answers, 100);
    client_close(&client);
}

/* Goal: a follower that does not read is closed when too many lines wait for it. */
Test(admin, slow_follower)
{
    struct client client = client_open();
    json_decref(ask(&client, "{\"command\":\"logs\",\"follow\":true}"));
    for (int i = 0; i < 8000; i++) {
        logs_say(world.broker->logs, "A", "%01000d", i);
        if (i % 100 == 0)
            world_settle(&world);
    }
    size_t lines = 0;
    for (json_t *line; (line = client_line(&client)); lines++)
        json_decref(line);
    cr_assert(client.over);
    cr_assert_lt(lines, 8000);
    client_close(&client);
    still_serves();
}

/* Goal: sixteen connections at once; the next is told so and closed; a place that is free is used again. */
Test(admin, too_many_connections)
{
    struct client clients[16];
    for (int i = 0; i < 16; i++)
        clients[i] = client_open();
    struct client next = client_open();
    json_t *answer = client_line(&next);
    cr_assert_not_null(strstr(event_text(answer, "error"), "sixteen"));
    json_decref(answer);
    cr_assert_null(client_line(&next));
    cr_assert(next.over);
    client_close(&next);
    for (int i = 0; i < 16; i++) {
        json_decref(ask(&clients[i], "{\"command\":\"caps\"}"));
        client_close(&clients[i]);
    }
    still_serves();
}

/* Goal: with connections open and answers under way, admin_free leaves nothing (the fixture counts). */
Test(admin, freed_in_the_middle)
{
    struct client one = client_open(), two = client_open();
    json_decref(ask(&one, "{\"command\":\"logs\",\"follow\":true}"));
    client_say(&two, "{\"command\":");
    admin_free(admin);
    admin = NULL;
    logs_say(world.broker->logs, "A", "nobody listens");
    client_close(&one);
    client_close(&two);
}

/* Goal: another user's program is turned away. Only root can play another user. */
Test(admin, another_user)
{
    if (geteuid() != 0)
        SKIP("it needs root to play another user");
    struct client client = {.text = calloc(1, 1)};
    client.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    cr_assert_eq(chmod(address.sun_path, 0777), 0);
    cr_assert_eq(seteuid(65534), 0);
    cr_assert_eq(connect(client.fd, (struct sockaddr *)&address, sizeof address), 0);
    cr_assert_eq(seteuid(0), 0);
    json_t *answer = client_line(&client);
    cr_assert_not_null(strstr(event_text(answer, "error"), "another user"));
    json_decref(answer);
    client_close(&client);
    still_serves();
}

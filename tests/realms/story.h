/*
 * One story of capabilities, told by three realms through librealm, with nothing global: so it runs in a
 * process of its own on the real system, and as a coroutine in the twin. The giver says what came of each
 * step; both must say the same (tests/integration/twin_test.c).
 *
 *   server   provides "shared": tells a caller's badge, gives capabilities, also to an endpoint without a
 * name keeper   provides "keeper": takes what comes in a message, uses it, gives it up giver    derives,
 * mints, passes on, moves, revokes, deletes; allocates, maps and shares memory
 */
#ifndef TESTS_REALMS_STORY_H
#define TESTS_REALMS_STORY_H

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <realm/realm.h>

#define STORY_PAGE  4096u
#define STORY_BOUND (10 * REALM_SEC)
#define STORY_RW    (REALM_RIGHT_READ | REALM_RIGHT_WRITE)
#define STORY_ALL   (REALM_RIGHT_SEND | REALM_RIGHT_GRANT | REALM_RIGHT_MINT | REALM_RIGHT_REVOKE)

enum { STORY_WHO = 1, STORY_PRIVATE, STORY_KEEP, STORY_USE, STORY_TWICE, STORY_READ, STORY_MAP, STORY_LEAVE };

struct story {
    struct realm *realm;
    void (*say)(void *context, const char *line); /* the giver's */
    void *context;
    struct realm_endpoint *endpoint, *anonymous; /* the server's */
    struct realm_capability capability;          /* what the keeper took, or the giver's memory */
    struct realm_channel *kept;                  /* the keeper's, if it is a send */
    struct realm_memory *memory;
    struct realm_ticket ticket;
    struct realm_channel *server, *keeper; /* the giver's */
};

/* Where something was taken away that should be there, the story goes on with nothing. */
static uint64_t story_cookie(const struct realm_channel *channel)
{
    return channel ? realm_channel_capability(channel) : 0;
}

static int story_write(const struct story *story, uint64_t offset, const char *text)
{
    return story->memory ? realm_memory_write(story->memory, offset, text, strlen(text) + 1)
                         : REALM_E_INCAPABLE;
}

static const char *story_word(int error)
{
    return error >= 0 ? realm_error_name(error) : "a system error";
}

__attribute__((format(printf, 2, 3))) static void story_say(const struct story *story, const char *format,
                                                            ...)
{
    char line[200];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    story->say(story->context, line);
}

/* What must not fail ends the story: the transcripts differ then. */
static int story_must(struct story *story, const char *what, int error)
{
    if (error && error != REALM_E_STOPPED)
        story_say(story, "failed: %s %s", what, story_word(error));
    return error;
}

/* --- the server --- */

static void story_who(struct realm *realm, const struct realm_request *request, void *context)
{
    (void)context;
    realm_reply(realm, request->token, 0, request->badge, NULL, 0);
}

static void story_serve_one(struct realm *realm, const struct realm_request *request, void *context)
{
    struct story *story = context;
    if (request->op == STORY_WHO) {
        story_who(realm, request, context);
        return;
    }
    int error = story->anonymous ? 0 : realm_create(realm, story_who, NULL, &story->anonymous);
    if (!error) {
        const struct realm_gift gift = {.source = realm_endpoint_capability(story->anonymous),
                                        .mode = REALM_MINT,
                                        .badge = 5,
                                        .rights = STORY_ALL};
        error = realm_reply_with(realm, request->token, 0, NULL, 0, &gift);
    }
    if (error)
        realm_reply(realm, request->token, error, 0, NULL, 0);
}

static int story_server(struct story *story)
{
    int error = realm_register(story->realm, "shared", story_serve_one, story, &story->endpoint);
    return error ? error : realm_run(story->realm);
}

/* --- the keeper --- */

static int story_keep(struct story *story, const struct realm_request *request)
{
    realm_disconnect(story->kept);
    realm_memory_unmap(story->memory);
    story->kept = NULL;
    story->memory = NULL;
    story->ticket = request->capability;
    return realm_take(story->realm, request->capability, &story->capability, &story->kept);
}

static int story_map(struct story *story, uint32_t rights)
{
    realm_memory_unmap(story->memory);
    story->memory = NULL;
    return realm_memory_map(story->realm, story->capability.cookie, rights, &story->memory);
}

static void story_keep_one(struct realm *realm, const struct realm_request *request, void *context)
{
    struct story *story = context;
    struct realm_reply reply = {.status = 0};
    struct realm_capability none;
    struct realm_channel *channel = NULL;
    char text[32] = "";
    int error = REALM_E_INCAPABLE;
    if (request->op == STORY_KEEP)
        error = story_keep(story, request);
    else if (request->op == STORY_TWICE)
        error = realm_take(realm, story->ticket, &none, &channel);
    else if (request->op == STORY_MAP)
        error = story_map(story, request->data[0]);
    else if (request->op == STORY_LEAVE)
        error = realm_delete(realm, story->capability.cookie);
    else if (request->op == STORY_READ && story->memory)
        error = realm_memory_read(story->memory, 0, text, sizeof text - 1);
    else if (request->op == STORY_USE && story->kept)
        error = realm_call(story->kept, STORY_WHO, NULL, 0, &reply, STORY_BOUND);
    realm_reply(realm, request->token, error, reply.value, text, error ? 0 : strlen(text));
}

static int story_keeper(struct story *story)
{
    int error = realm_register(story->realm, "keeper", story_keep_one, story, NULL);
    if (!error)
        error = realm_run(story->realm);
    realm_disconnect(story->kept);
    realm_memory_unmap(story->memory);
    return error;
}

/* --- the giver: steps --- */

static void story_result(const struct story *story, const char *what, int error,
                         const struct realm_reply *reply)
{
    if (!error)
        error = reply->status;
    if (error)
        story_say(story, "%s: %s", what, story_word(error));
    else if (reply->size > 0)
        story_say(story, "%s: \"%.*s\"", what, (int)reply->size, (const char *)reply->data);
    else if (reply->value >> 63)
        story_say(story, "%s: minted %" PRIu64, what, reply->value & ~(UINT64_C(1) << 63));
    else
        story_say(story, "%s: %" PRIu64, what, reply->value);
}

static void story_call(const struct story *story, const char *what, struct realm_channel *channel,
                       uint64_t op, uint8_t byte)
{
    char text[64];
    struct realm_reply reply = {.data = text, .capacity = sizeof text};
    int error = channel ? realm_call(channel, op, &byte, 1, &reply, STORY_BOUND) : REALM_E_INCAPABLE;
    story_result(story, what, error, &reply);
}

static void story_give(const struct story *story, const char *what, struct realm_gift gift)
{
    struct realm_reply reply = {.status = 0};
    int error = realm_call_with(story->keeper, STORY_KEEP, NULL, 0, &gift, &reply, STORY_BOUND);
    story_result(story, what, error, &reply);
}

/* Derives for oneself. Return: the channel, if it is one; the description in *ret_made. */
static struct realm_channel *story_derive(const struct story *story, const char *what, struct realm_gift gift,
                                          struct realm_capability *ret_made)
{
    struct realm_channel *channel = NULL;
    struct realm_capability made = {.cookie = 0};
    int error = realm_derive(story->realm, &gift, &made, &channel);
    story_say(story, "%s: %s, kind %u, rights %u, window %" PRIu64 " %" PRIu64, what, story_word(error),
              (unsigned)made.kind, made.rights, made.offset, made.bytes);
    if (ret_made)
        *ret_made = made;
    return channel;
}

static void story_held(const struct story *story)
{
    struct realm_capability at = {.cookie = 0};
    int error;
    while ((error = realm_held(story->realm, at.cookie, &at)) == 0)
        story_say(story, "held: kind %u, rights %u, badge %" PRIx64 ", \"%s\"", (unsigned)at.kind, at.rights,
                  at.badge, at.name);
    story_say(story, "held: %s", story_word(error));
}

/* --- the giver: sends --- */

static void story_of_sends(struct story *story)
{
    const uint64_t source = story_cookie(story->server);
    const struct realm_gift plain = {.source = source, .mode = REALM_COPY, .rights = REALM_RIGHT_SEND};
    struct realm_gift gift = plain;
    story_call(story, "who", story->server, STORY_WHO, 0);
    struct realm_channel *copy = story_derive(story, "a poorer copy", plain, NULL);
    story_call(story, "its badge", copy, STORY_WHO, 0);
    gift = (struct realm_gift){
        .source = story_cookie(copy), .mode = REALM_MINT, .badge = 9, .rights = REALM_RIGHT_SEND};
    story_derive(story, "a mint of what cannot be minted", gift, NULL);
    gift.mode = REALM_COPY;
    gift.badge = 0;
    gift.rights = REALM_RIGHT_SEND | REALM_RIGHT_GRANT;
    story_derive(story, "more than it has", gift, NULL);
    story_give(story, "a gift without GRANT",
               (struct realm_gift){.source = gift.source, .mode = REALM_COPY, .rights = REALM_RIGHT_SEND});
    gift = (struct realm_gift){
        .source = source, .mode = REALM_MINT, .badge = 42, .rights = REALM_RIGHT_SEND | REALM_RIGHT_GRANT};
    struct realm_channel *minted = story_derive(story, "a mint", gift, NULL);
    story_call(story, "its badge", minted, STORY_WHO, 0);
    gift.badge = 0;
    story_derive(story, "a mint of badge 0", gift, NULL);
    gift = plain;
    gift.rights = REALM_RIGHT_MANAGE;
    story_derive(story, "a right that no send has", gift, NULL);
    story_held(story);

    story_call(story, "the keeper has nothing", story->keeper, STORY_USE, 0);
    story_give(story, "given", plain);
    story_call(story, "the keeper's badge", story->keeper, STORY_USE, 0);
    story_call(story, "taken twice", story->keeper, STORY_TWICE, 0);
    story_say(story, "revoked: %s", story_word(realm_revoke(story->realm, source)));
    story_call(story, "the keeper's", story->keeper, STORY_USE, 0);
    story_call(story, "the copy", copy, STORY_WHO, 0);
    story_call(story, "the mint", minted, STORY_WHO, 0);
    story_call(story, "the source", story->server, STORY_WHO, 0);
    story_say(story, "again: %s", story_word(realm_revoke(story->realm, source)));
    realm_disconnect(copy);
    realm_disconnect(minted);
    story_give(story, "its own service",
               (struct realm_gift){
                   .source = story_cookie(story->keeper), .mode = REALM_COPY, .rights = REALM_RIGHT_SEND});
    story_give(story, "moved", (struct realm_gift){.source = source, .mode = REALM_MOVE});
    story_call(story, "the source", story->server, STORY_WHO, 0);
    story_call(story, "the keeper's badge", story->keeper, STORY_USE, 0);
    story_say(story, "revoked: %s", story_word(realm_revoke(story->realm, source)));
    realm_disconnect(story->server);
    story->server = NULL;
}

static void story_of_an_endpoint_without_a_name(struct story *story)
{
    struct realm_reply reply = {.status = 0};
    struct realm_capability made = {.cookie = 0};
    struct realm_channel *channel = NULL, *other = NULL;
    if (story_must(story, "connect", realm_connect(story->realm, "shared", STORY_BOUND, &story->server)))
        return;
    int error = realm_call(story->server, STORY_PRIVATE, NULL, 0, &reply, STORY_BOUND);
    story_say(story, "private: %s %s", story_word(error), story_word(reply.status));
    error = realm_take(story->realm, reply.capability, &made, &channel);
    story_say(story, "taken: %s, kind %u, rights %u", story_word(error), (unsigned)made.kind, made.rights);
    error = realm_take(story->realm, reply.capability, &made, &other);
    story_say(story, "taken again: %s", story_word(error));
    story_call(story, "its badge", channel, STORY_WHO, 0);
    story_held(story);
    struct realm_ticket forged = reply.capability;
    forged.number += 77;
    story_say(story, "a forged ticket: %s", story_word(realm_take(story->realm, forged, &made, &other)));
    story_say(story, "a wrong cookie: %s", story_word(realm_revoke(story->realm, 0x1234567)));
    story_say(story, "gate, look: %s %s", story_word(realm_may_call_gate(story->realm, 7)),
              story_word(realm_may_look(story->realm)));
    const uint64_t cookie = story_cookie(channel);
    realm_disconnect(channel);
    story_say(story, "one that was: %s", story_word(realm_revoke(story->realm, cookie)));
}

/* --- the giver: memory --- */

static void story_read(const struct story *story, const char *what, const struct realm_memory *memory,
                       uint64_t offset)
{
    char text[32] = "";
    int error = memory ? realm_memory_read(memory, offset, text, sizeof text - 1) : REALM_E_INCAPABLE;
    story_say(story, "%s: %s \"%s\"", what, story_word(error), error ? "" : text);
}

static void story_map_own(struct story *story, const char *what)
{
    int error = story_map(story, STORY_RW);
    story_say(story, "%s: %s", what, story_word(error));
}

static void story_allocate(struct story *story, const char *what, uint64_t bytes, unsigned parts)
{
    int error = realm_memory_allocate(story->realm, bytes, parts, &story->capability);
    story_say(story, "%s: %s", what, story_word(error));
}

/* Windows that are none. */
static void story_of_bad_windows(const struct story *story)
{
    static const uint64_t windows[][2] = {{0, 0},
                                          {100, STORY_PAGE},
                                          {0, 100},
                                          {STORY_PAGE, 2 * STORY_PAGE},
                                          {UINT64_MAX - STORY_PAGE + 1, STORY_PAGE}};
    for (size_t i = 0; i < sizeof windows / sizeof windows[0]; i++)
        story_derive(story, "a bad window",
                     (struct realm_gift){.source = story->capability.cookie,
                                         .mode = REALM_COPY,
                                         .rights = REALM_RIGHT_READ,
                                         .offset = windows[i][0],
                                         .bytes = windows[i][1]},
                     NULL);
}

static void story_of_memory(struct story *story)
{
    struct realm_capability first, second;
    struct realm_memory *other = NULL;
    story_allocate(story, "bad sizes", 100, 1);
    story_allocate(story, "allocated", 2 * STORY_PAGE, 2);
    struct realm_gift gift = {.source = story->capability.cookie,
                              .mode = REALM_COPY,
                              .rights = REALM_RIGHT_READ | REALM_RIGHT_GRANT | REALM_RIGHT_REVOKE,
                              .bytes = STORY_PAGE};
    story_of_bad_windows(story);
    story_map_own(story, "mapped");
    story_say(story, "written: %s %s", story_word(story_write(story, 0, "in the first")),
              story_word(story_write(story, STORY_PAGE, "in the second")));
    story_derive(story, "the first part, to be read", gift, &first);
    story_say(story, "mapped to be written: %s",
              story_word(realm_memory_map(story->realm, first.cookie, STORY_RW, &other)));
    gift.offset = STORY_PAGE;
    gift.rights = STORY_RW;
    story_derive(story, "the second part", gift, &second);
    story_say(story, "mapped: %s",
              story_word(realm_memory_map(story->realm, second.cookie, STORY_RW, &other)));
    story_read(story, "there", other, 0);

    gift = (struct realm_gift){
        .source = first.cookie, .mode = REALM_COPY, .rights = REALM_RIGHT_READ, .bytes = STORY_PAGE};
    story_give(story, "given", gift);
    story_call(story, "the keeper writes", story->keeper, STORY_MAP, STORY_RW);
    story_call(story, "the keeper maps", story->keeper, STORY_MAP, REALM_RIGHT_READ);
    story_call(story, "the keeper reads", story->keeper, STORY_READ, 0);
    story_say(story, "revoked: %s", story_word(realm_revoke(story->realm, first.cookie)));
    story_call(story, "the keeper reads", story->keeper, STORY_READ, 0);
    story_call(story, "the keeper maps", story->keeper, STORY_MAP, REALM_RIGHT_READ);
    story_read(story, "the whole was disturbed", story->memory, 0);
    story_read(story, "the second part was not", other, 0);
    story_map_own(story, "mapped anew");
    story_read(story, "what was there", story->memory, 0);

    story_give(story, "given", gift);
    story_call(story, "the keeper maps", story->keeper, STORY_MAP, REALM_RIGHT_READ);
    story_call(story, "the keeper leaves", story->keeper, STORY_LEAVE, 0);
    story_call(story, "the keeper leaves again", story->keeper, STORY_LEAVE, 0);
    story_read(story, "undisturbed", story->memory, 0);
    story_say(story, "revoked: %s", story_word(realm_revoke(story->realm, first.cookie)));
    story_call(story, "what it kept is gone", story->keeper, STORY_READ, 0);
    story_read(story, "the whole was disturbed", story->memory, 0);
    story_map_own(story, "mapped anew");

    story_give(story, "moved", (struct realm_gift){.source = story->capability.cookie, .mode = REALM_MOVE});
    /* Its mapping waits until what the giver had is gone. */
    story_call(story, "the keeper maps", story->keeper, STORY_MAP, STORY_RW);
    story_call(story, "the keeper reads", story->keeper, STORY_READ, 0);
    story_read(story, "its own", story->memory, 0);
    story_map_own(story, "mapped anew");
    story_say(story, "one that was: %s", story_word(realm_delete(story->realm, story->capability.cookie)));
    realm_memory_unmap(other);

    story_allocate(story, "allocated", STORY_PAGE, 1);
    story_map_own(story, "mapped");
    story_say(story, "deleted: %s", story_word(realm_delete(story->realm, story->capability.cookie)));
    story_read(story, "its own", story->memory, 0);
    story_map_own(story, "mapped anew");
    story_held(story);
}

static int story_giver(struct story *story)
{
    int error =
        story_must(story, "connect", realm_connect(story->realm, "shared", STORY_BOUND, &story->server));
    if (!error)
        error =
            story_must(story, "connect", realm_connect(story->realm, "keeper", STORY_BOUND, &story->keeper));
    if (error)
        return error;
    story_of_sends(story);
    story_of_an_endpoint_without_a_name(story);
    story_of_memory(story);
    story_say(story, "the end");
    realm_disconnect(story->server);
    realm_disconnect(story->keeper);
    realm_memory_unmap(story->memory);
    return 0;
}

/* role: "server", "keeper" or "giver". Return: 0, or why it ended. */
static int story_play(struct story *story, const char *role)
{
    int error = realm_open(&story->realm);
    if (error)
        return error;
    error = strcmp(role, "server") == 0   ? story_server(story)
            : strcmp(role, "keeper") == 0 ? story_keeper(story)
                                          : story_giver(story);
    realm_close(story->realm);
    return error;
}

#endif

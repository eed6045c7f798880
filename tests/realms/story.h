/*
 * One story of capabilities, told by three realms through librealm, with nothing global: so it runs in a
 * process of its own on the real system, and as a coroutine in the twin. The giver says what came of each
 * step; both must say the same (tests/integration/twin_test.c).
 *
 * The server provides "shared": it tells a caller's badge, and gives capabilities, also to an endpoint
 * without a name.
 *
 * The keeper provides "keeper": it takes what comes in a message, uses it, and gives it up.
 *
 * The giver derives, mints, passes on, moves, revokes and deletes; it allocates, maps, shares and seals
 * memory.
 */
#ifndef TESTS_REALMS_STORY_H
#define TESTS_REALMS_STORY_H

#include "tests/realms/story_memory.h"
#include "tests/realms/story_steps.h"

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
    else if (request->op == STORY_SEAL)
        error = realm_memory_seal(realm, story->capability.cookie);
    else if (request->op == STORY_SEALED && story->memory)
        error = realm_memory_sealed(story->memory);
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

/* --- the giver --- */

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
    story_of_sealed_memory(story);
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

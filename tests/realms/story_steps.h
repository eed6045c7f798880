/*
 * What the parts of a story (story.h) are made of: its state, and steps that are done and told.
 */
#ifndef TESTS_REALMS_STORY_STEPS_H
#define TESTS_REALMS_STORY_STEPS_H

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

enum {
    STORY_WHO = 1,
    STORY_PRIVATE,
    STORY_KEEP,
    STORY_USE,
    STORY_TWICE,
    STORY_READ,
    STORY_MAP,
    STORY_LEAVE,
    STORY_SEALED,
    STORY_SEAL
};

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

static int story_map(struct story *story, uint32_t rights)
{
    realm_memory_unmap(story->memory);
    story->memory = NULL;
    return realm_memory_map(story->realm, story->capability.cookie, rights, &story->memory);
}

/* --- steps of the giver --- */

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
        story_say(story, "held: kind %u, rights %u, badge %" PRIx64 ", sealed %d, \"%s\"", (unsigned)at.kind,
                  at.rights, at.badge, (int)at.sealed, at.name);
    story_say(story, "held: %s", story_word(error));
}

#endif

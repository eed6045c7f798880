/*
 * The giver's part of the story (story.h) that is about memory: shared by windows, taken back, and sealed.
 */
#ifndef TESTS_REALMS_STORY_MEMORY_H
#define TESTS_REALMS_STORY_MEMORY_H

#include "tests/realms/story_steps.h"

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

static void story_seal(const struct story *story, const char *what, uint64_t cookie)
{
    story_say(story, "%s: %s", what, story_word(realm_memory_seal(story->realm, cookie)));
}

static void story_map_to_read(struct story *story, const char *what)
{
    int error = story_map(story, REALM_RIGHT_READ);
    story_say(story, "%s: %s, sealed: %s", what, story_word(error),
              story_word(story->memory ? realm_memory_sealed(story->memory) : REALM_E_INCAPABLE));
}

static void story_of_what_is_not_sealed(struct story *story, struct realm_gift gift)
{
    struct realm_capability part;
    story_seal(story, "sealed by a wrong cookie", 0x1234567);
    story_seal(story, "a channel sealed", story_cookie(story->keeper));
    story_derive(story, "a part", gift, &part);
    story_seal(story, "a part sealed", part.cookie);
    story_seal(story, "sealed while a part is there", story->capability.cookie);
    story_say(story, "deleted: %s", story_word(realm_delete(story->realm, part.cookie)));
    story_seal(story, "what was deleted sealed", part.cookie);
    story_give(story, "given", gift);
    story_call(story, "the keeper maps", story->keeper, STORY_MAP, STORY_RW);
    story_call(story, "the keeper's is sealed", story->keeper, STORY_SEALED, 0);
    story_seal(story, "sealed while it is given", story->capability.cookie);
    story_say(story, "revoked: %s", story_word(realm_revoke(story->realm, story->capability.cookie)));
    story_call(story, "what it had mapped", story->keeper, STORY_READ, 0);
}

static void story_of_sealed_memory(struct story *story)
{
    story_allocate(story, "allocated", 2 * STORY_PAGE, 2);
    struct realm_gift gift = {
        .source = story->capability.cookie, .mode = REALM_COPY, .rights = STORY_RW, .bytes = STORY_PAGE};
    story_of_what_is_not_sealed(story, gift);
    story_map_own(story, "mapped");
    story_say(story, "written: %s", story_word(story_write(story, 0, "for good")));
    story_seal(story, "sealed", story->capability.cookie);
    story_seal(story, "sealed again", story->capability.cookie);
    story_held(story);
    story_read(story, "what was mapped before", story->memory, 0);
    story_map_own(story, "mapped to be written");
    story_map_to_read(story, "mapped to be read");
    story_read(story, "there", story->memory, 0);
    story_say(story, "written: %s", story_word(story_write(story, 0, "lost")));
    story_give(story, "given to be written", gift);
    gift.rights = REALM_RIGHT_READ;
    story_give(story, "given", gift);
    story_call(story, "the keeper maps", story->keeper, STORY_MAP, REALM_RIGHT_READ);
    story_call(story, "the keeper's is sealed", story->keeper, STORY_SEALED, 0);
    story_call(story, "the keeper reads", story->keeper, STORY_READ, 0);
    story_call(story, "the keeper seals", story->keeper, STORY_SEAL, 0);
    story_say(story, "revoked: %s", story_word(realm_revoke(story->realm, story->capability.cookie)));
    story_call(story, "the keeper reads", story->keeper, STORY_READ, 0);
    story_map_to_read(story, "mapped anew");
    story_read(story, "there", story->memory, 0);
    story_say(story, "deleted: %s", story_word(realm_delete(story->realm, story->capability.cookie)));
    story_read(story, "there", story->memory, 0);

    story_allocate(story, "allocated", STORY_PAGE, 1);
    story_seal(story, "sealed before it was made", story->capability.cookie);
    story_map_to_read(story, "mapped");
    story_read(story, "zeros", story->memory, 0);
}

#endif

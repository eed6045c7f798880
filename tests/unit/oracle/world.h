/*
 * A small system for the oracle's tests, and events in one line each. Below init there are app, db, which
 * provides "database" (also called "sql"), and web, which has debug and the gates 1 and 21; below web, sub.
 *
 * Every test is a story: what happens is added to a history, and each question is put to a world that was
 * made from that history anew.
 */
#ifndef TESTS_UNIT_ORACLE_WORLD_H
#define TESTS_UNIT_ORACLE_WORLD_H

#include <criterion/criterion.h>
#include <string.h>

#include "mm/oracle/oracle.h"

enum { INIT, APP, DB, WEB, SUB };
enum { DATABASE };

#define STORY_MAX 256u

struct story {
    struct oracle_system system;
    struct oracle_event events[STORY_MAX];
    size_t count;
    struct oracle_world world;
    struct oracle_answer answer; /* to the last question */
};

static struct story story;

static inline int add_realm(const char *name, int parent)
{
    struct oracle_realm *realm = &story.system.realms[story.system.realms_count];
    realm->name = name;
    realm->parent = parent;
    realm->instance_of = ORACLE_NONE;
    for (size_t i = 0; i < ORACLE_RESOURCES; i++)
        realm->limits[i] = ORACLE_NO_LIMIT;
    return (int)story.system.realms_count++;
}

static inline int add_service(const char *name, int provider)
{
    struct oracle_service *service = &story.system.services[story.system.services_count];
    service->names[0] = name;
    service->names_count = 1;
    service->provider = provider;
    return (int)story.system.services_count++;
}

static inline void look(void)
{
    oracle_replay(&story.system, story.events, story.count, &story.world);
}

static inline void begin(void)
{
    memset(&story, 0, sizeof story);
    add_realm("", ORACLE_NONE);
    add_realm("app", INIT);
    add_realm("db", INIT);
    add_realm("web", INIT);
    add_realm("sub", WEB);
    add_service("database", DB);
    story.system.services[0].names[story.system.services[0].names_count++] = "sql";
    story.system.realms[WEB].debug = true;
    story.system.realms[WEB].gates = 1u << 1 | 1u << 21;
    story.system.children_call_parents = story.system.parents_call_children = true;
    look();
}

/* Without `via` it is capability 0, which is no channel in any of these stories. */
#define EVENT(what, who, ...) ((struct oracle_event){.kind = (what), .actor = (who), __VA_ARGS__})

/* Asks; what is allowed happens. The capability that it made, if any, is the last one of the world. */
static inline enum oracle_status happens(struct oracle_event event)
{
    if (event.kind == ORACLE_INSTANCE || event.kind == ORACLE_CLEARED)
        memset(&story.answer, 0, sizeof story.answer);
    else
        oracle_decide(&story.world, &event, &story.answer);
    if (story.answer.status == ORACLE_ALLOWED) {
        cr_assert_lt(story.count, STORY_MAX);
        story.events[story.count++] = event;
        look();
    }
    return story.answer.status;
}

static inline int last(void)
{
    return (int)story.world.capabilities_count - 1;
}

#define ALLOWED(...)                                                                                         \
    cr_assert_eq(happens(EVENT(__VA_ARGS__)), ORACLE_ALLOWED, "refused by '%s'", story.answer.rule)
#define REFUSED(expected_status, expected_rule, ...)                                                         \
    do {                                                                                                     \
        cr_assert_eq(happens(EVENT(__VA_ARGS__)), expected_status, "status %d, rule '%s'",                   \
                     (int)story.answer.status, story.answer.rule);                                           \
        cr_assert_str_eq(story.answer.rule, expected_rule);                                                  \
    } while (0)

static inline void start_all(void)
{
    for (int realm = 1; realm < (int)story.system.realms_count; realm++)
        ALLOWED(ORACLE_START, INIT, .subject = realm);
}

/* db registers the database; its endpoint. */
static inline int register_database(void)
{
    ALLOWED(ORACLE_REGISTER, DB, .name = "database");
    return last();
}

static inline size_t count_live(void)
{
    size_t count = 0;
    for (size_t i = 0; i < story.world.capabilities_count; i++)
        count += story.world.capabilities[i].state == ORACLE_LIVE;
    return count;
}

#endif

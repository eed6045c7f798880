/*
 * A SPAWN that is refused: who asked is answered, and the administrator is told which rule refused, where it
 * stands and what would allow it, at once and later.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include <realm/error.h>

#include "mm/broker/admin_answers.h"
#include "mm/broker/diagnosis.h"
#include "tests/unit/broker/world.h"

static struct world world;

static long long number_of(const json_t *event, const char *key)
{
    return json_integer_value(json_object_get(event, key));
}

/* What the log says of a refusal; the caller's to json_decref. */
static json_t *logged(const json_t *event)
{
    const struct diagnosis_entry *entry =
        diagnosis_find(world.broker, (uint64_t)number_of(event, "decision"));
    cr_assert_not_null(entry);
    json_t *was = admin_answers_decision(world.broker, entry);
    cr_assert_str_eq(event_text(was, "asked"), "spawn");
    cr_assert_str_eq(event_text(was, "rule"), event_text(event, "rule"));
    cr_assert_str_eq(event_text(was, "at"), event_text(event, "at"));
    cr_assert_str_eq(event_text(was, "realm"), event_text(event, "realm"));
    cr_assert_str_eq(event_text(was, "service"), event_text(event, "service"));
    return was;
}

/* The last event of a refused SPAWN, with its rule and place, and its fix, or a part of it ("": none). */
static const json_t *expect_denied(const char *realm, const char *program, const char *rule, const char *at,
                                   const char *fix)
{
    const json_t *event = world_event(&world, "denied", "asked", "spawn");
    cr_assert_not_null(event);
    cr_expect_str_eq(event_text(event, "realm"), realm);
    cr_expect_str_eq(event_text(event, "service"), program);
    cr_expect_str_eq(event_text(event, "rule"), rule);
    cr_expect_str_eq(event_text(event, "at"), at);
    if (*fix)
        cr_expect_not_null(strstr(event_text(event, "fix"), fix), "%s", event_text(event, "fix"));
    else
        cr_expect_str_empty(event_text(event, "fix"));
    return event;
}

static void expect_yaml(const json_t *event, const char *part)
{
    json_t *was = logged(event);
    if (part)
        cr_expect_not_null(strstr(event_text(was, "yaml"), part), "%s", event_text(was, "yaml"));
    else
        cr_expect_str_empty(event_text(was, "yaml"));
    json_decref(was);
}

static void again(void)
{
    world_deinit(&world);
    world_init(&world);
}

WORLD_TEST(spawn, of_anothers_child)
{
    /* The rule, the child's declaration, the change; and with the change made it is allowed. */
    world_start(&world);
    cr_assert_eq(process_spawn(world_open(&world, "D"), "C1", NULL, 50), REALM_E_NOT_CHILD);
    const json_t *event =
        expect_denied("D", "C1", "parent", "test.yaml:14:5", "give realm `C1` the `parent:` `D`");
    expect_yaml(event, "parent: D");
    again();
    world.realms[C1].parent = D;
    world_start(&world);
    cr_expect_eq(process_spawn(world_open(&world, "D"), "C1", NULL, 50), 0);
    cr_expect_eq(world_events(&world, "denied"), 0);
}

WORLD_TEST(spawn, of_what_is_not_there)
{
    /* Told, with no place to look at and no change; the asker cannot tell it from another's child. */
    world_start(&world);
    struct process *d = world_open(&world, "D");
    cr_assert_eq(process_spawn(d, "nobody", NULL, 50), REALM_E_NOT_CHILD);
    expect_yaml(expect_denied("D", "nobody", "parent", "test.yaml", ""), NULL);
    cr_assert_eq(process_spawn(d, "C1", NULL, 51), REALM_E_NOT_CHILD);
    const struct realm_control_reply *none = &process_letter(d, REALM_CONTROL_REPLY, 50)->packet.reply,
                                     *others = &process_letter(d, REALM_CONTROL_REPLY, 51)->packet.reply;
    cr_expect_eq(none->status, others->status);
    cr_expect_eq(none->value, others->value);
    cr_expect_eq(none->decision + 1, others->decision);
}

WORLD_TEST(spawn, of_ones_own_parent)
{
    /* No scenario can put a realm below its own child: no fix is promised. */
    world_start(&world);
    world_open(&world, "C");
    cr_assert_eq(process_spawn(world_open(&world, "C1"), "C", NULL, 50), REALM_E_NOT_CHILD);
    expect_yaml(expect_denied("C1", "C", "parent", "test.yaml:12:5", ""), NULL);
}

WORLD_TEST(spawn, by_an_instance)
{
    /* The scenario cannot name an instance, but the template of one. */
    world.realms[A].start = true;
    world_start(&world);
    cr_assert_eq(world_spawn(&world, "U", "u1"), 0);
    cr_assert_eq(process_spawn(world_open(&world, "u1"), "T", "t1", 50), REALM_E_NOT_CHILD);
    const json_t *event = expect_denied("u1", "T", "parent", "test.yaml:15:5", "realm explain --decision");
    json_t *was = logged(event);
    cr_expect_str_eq(event_text(was, "child"), "t1");
    json_decref(was);
    expect_yaml(event, "parent: U");
    again();
    world.realms[A].start = true;
    world.realms[T].parent = U;
    world_start(&world);
    cr_assert_eq(world_spawn(&world, "U", "u1"), 0);
    struct process *u1 = world_open(&world, "u1");
    cr_expect_eq(process_spawn(u1, "T", "t1", 50), 0);
    cr_expect_eq(world_events(&world, "denied"), 0);
    /* Up the tree there is none: neither the template that it stands below, nor its own. */
    struct process *t1 = world_open(&world, "t1");
    cr_assert_eq(process_spawn(t1, "U", "u2", 51), REALM_E_NOT_CHILD);
    expect_yaml(expect_denied("t1", "U", "parent", "test.yaml:16:5", ""), NULL);
    cr_assert_eq(process_spawn(t1, "T", "t2", 52), REALM_E_NOT_CHILD);
    expect_yaml(expect_denied("t1", "T", "parent", "test.yaml:15:5", ""), NULL);
}

WORLD_TEST(spawn, of_what_runs)
{
    /* A realm runs once, and a name is one realm's: no change of the scenario helps. */
    world_start(&world);
    struct process *c = world_open(&world, "C");
    cr_assert_eq(process_spawn(c, "C1", NULL, 50), 0);
    cr_assert_eq(process_spawn(c, "C1", NULL, 51), REALM_E_EXISTS);
    expect_yaml(expect_denied("C", "C1", "running", "test.yaml:14:5", ""), NULL);
    cr_assert_eq(process_spawn(c, "T", "B", 52), REALM_E_EXISTS);
    expect_yaml(expect_denied("C", "T", "running", "test.yaml:15:5", ""), NULL);
}

WORLD_TEST(spawn, what_is_no_matter_of_rules_is_not_told)
{
    /* Arguments that make no sense, and an administrator's mistakes, who is told why in his answer. */
    world_start(&world);
    struct process *c = world_open(&world, "C");
    cr_assert_eq(process_spawn(c, "T", NULL, 50), REALM_E_BAD_ARGUMENT);
    cr_assert_eq(process_spawn(c, "C1", "c2", 51), REALM_E_BAD_ARGUMENT);
    cr_assert_eq(world_spawn(&world, "C", NULL), REALM_E_EXISTS);
    cr_expect_eq(world_events(&world, "denied"), 0);
    cr_expect_eq(world_events(&world, "limited"), 0);
}

WORLD_TEST(spawn, the_start_limit)
{
    /* A limit of the scenario: told once, where it stands; in the child's next life anew. */
    world.realms[C1].start_limit_count = 1;
    world.realms[C1].start_limit_place = (struct mm_place){14, 30};
    world_start(&world);
    world_open(&world, "A"); /* with the last client the system would end */
    struct process *c = world_open(&world, "C");
    for (uint64_t life = 0; life < 2; life++) {
        const uint64_t xid = 50 + life * 10;
        cr_assert_eq(process_spawn(c, "C1", NULL, xid), 0);
        process_exit(world_process(&world, "C1"), 0);
        for (uint64_t i = 1; i < 4; i++)
            cr_assert_eq(process_spawn(c, "C1", NULL, xid + i), REALM_E_NOT_STARTED);
        cr_assert_eq(world_events(&world, "limited"), life + 1);
        const json_t *event = world_event(&world, "limited", "realm", "C1");
        cr_expect_str_eq(event_text(event, "limit"), "start_limit");
        cr_expect_eq(number_of(event, "value"), 1);
        cr_expect_str_eq(event_text(event, "at"), "test.yaml:14:30");
        cr_expect_not_null(strstr(event_text(event, "fix"), "`start_limit:` of realm `C1`"));
        world_advance(&world, 11 * REALM_SEC);
        process_pump(c);
    }
    cr_expect_eq(world_events(&world, "denied"), 0);
}

WORLD_TEST(spawn, more_realms_than_there_can_be)
{
    /* The broker's own limit is told once, and stands in no scenario. */
    world_start(&world);
    world_open(&world, "C");
    world.hold_spawns = true;
    struct broker_spawn spawn = {.actor = broker_find_realm(world.broker, "C"), .program = "T"};
    struct broker_realm *realm;
    unsigned made = 0;
    int error = 0;
    while (!error) {
        char name[16];
        snprintf(name, sizeof name, "t%u", made);
        spawn.name = name;
        error = broker_spawn(world.broker, &spawn, &realm);
        made += !error;
        if (made % 500 == 0)
            world_settle(&world); /* so much waits for the launcher at most */
    }
    cr_assert_eq(error, REALM_E_LIMIT);
    cr_expect_eq(made, BROKER_RECORDS_MAX - WORLD_REALMS);
    spawn.name = "another";
    cr_expect_eq(broker_spawn(world.broker, &spawn, &realm), REALM_E_LIMIT);
    world_settle(&world);
    cr_assert_eq(world_events(&world, "limited"), 1);
    const json_t *event = world_event(&world, "limited", "realm", "C");
    cr_expect_str_eq(event_text(event, "limit"), "the broker's realms");
    cr_expect_eq(number_of(event, "value"), BROKER_RECORDS_MAX);
    cr_expect_str_eq(event_text(event, "at"), "test.yaml");
}

/* Starts instances that the launcher does not hear of yet, until no more fit in its queue. */
static void fill_launch_queue(void)
{
    struct broker_spawn spawn = {.program = "U"};
    struct broker_realm *realm;
    int error = 0;
    for (unsigned i = 0; !error; i++) {
        char name[16];
        snprintf(name, sizeof name, "u%u", i);
        spawn.name = name;
        error = broker_spawn(world.broker, &spawn, &realm);
    }
    cr_assert_eq(error, REALM_E_LIMIT);
}

WORLD_TEST(spawn, that_the_policy_allowed_is_not_denied)
{
    /* The launcher's queue is full: no rule has refused it, none is told or kept, and later it is let
     * through.
     */
    world_start(&world);
    world_open(&world, "C");
    world.hold_spawns = true;
    fill_launch_queue();
    struct broker_spawn spawn = {.actor = broker_find_realm(world.broker, "C"), .program = "C1"};
    struct broker_realm *realm;
    cr_assert_eq(broker_spawn(world.broker, &spawn, &realm), REALM_E_LIMIT);
    cr_expect_str_eq(broker_realm_state(broker_find_realm(world.broker, "C1")), "dormant");
    world_settle(&world);
    cr_expect_eq(world_events(&world, "denied"), 0);
    cr_expect_null(diagnosis_find(world.broker, 1));
    cr_assert_eq(broker_spawn(world.broker, &spawn, &realm), 0);
    world_settle(&world);
    cr_expect_str_eq(broker_realm_state(realm), "starting");
}

static int spawn_with(const char *program, const char *argument)
{
    const struct broker_spawn spawn = {.program = program,
                                       .args = (const uint8_t *)argument,
                                       .args_count = 1,
                                       .args_size = (uint32_t)strlen(argument) + 1};
    struct broker_realm *realm;
    return broker_spawn(world.broker, &spawn, &realm);
}

/* D, started with "first", has failed; its restart is pending. */
static struct broker_realm *await_restart(void)
{
    world.realms[D].restart = MM_RESTART_ON_FAILURE;
    world_start(&world);
    cr_assert_eq(spawn_with("D", "first"), 0);
    world_settle(&world);
    process_exit(world_process(&world, "D"), 1 << 8);
    struct broker_realm *realm = broker_find_realm(world.broker, "D");
    cr_assert_str_eq(broker_realm_state(realm), "restarting");
    return realm;
}

static void expect_restart_with(const char *argument)
{
    world_advance(&world, 2 * REALM_SEC);
    const struct process *process = world_process(&world, "D");
    cr_assert_not_null(process);
    cr_expect_eq(process->args_count, 1);
    cr_expect_str_eq((const char *)process->args, argument);
}

WORLD_TEST(spawn, that_the_start_limit_refused_leaves_the_restart)
{
    /* What was refused has no effect: the restart that is pending has the arguments that it had. */
    world.realms[D].start_limit_count = 1;
    world.realms[D].start_limit_ns = REALM_MSEC;
    const struct broker_realm *realm = await_restart();
    const uint64_t id = realm->id;
    cr_assert_eq(spawn_with("D", "other"), REALM_E_NOT_STARTED);
    cr_expect_eq(realm->id, id);
    expect_restart_with("first");
}

WORLD_TEST(spawn, that_found_no_room_leaves_the_restart)
{
    /* The same where it fails last of all, at the launcher's queue; and one that is let through replaces it.
     */
    const struct broker_realm *realm = await_restart();
    const uint64_t id = realm->id;
    fill_launch_queue();
    cr_assert_eq(spawn_with("D", "other"), REALM_E_LIMIT);
    cr_expect_str_eq(broker_realm_state(realm), "restarting");
    cr_expect_eq(realm->id, id);
    world.hold_spawns = true; /* of the instances: the world has no room for so many */
    world_settle(&world);
    world.hold_spawns = false;
    expect_restart_with("first");
    process_exit(world_process(&world, "D"), 1 << 8);
    cr_assert_eq(spawn_with("D", "other"), 0);
    world_settle(&world);
    process_exit(world_process(&world, "D"), 1 << 8);
    expect_restart_with("other");
}

/* Refused two thousand times, of what is another's and of what nobody has. */
static void ask_in_vain(struct process *process, uint64_t first)
{
    for (uint64_t i = 0; i < 2000; i++) {
        cr_assert_eq(process_spawn(process, i % 2 ? "C1" : "nobody", NULL, first + i), REALM_E_NOT_CHILD);
        process_forget(process); /* its inbox is finite */
    }
}

WORLD_TEST(spawn, nobody_pushes_out_what_others_were_refused)
{
    /* A realm, and then all instances of one template, are refused without end: only their own goes. */
    world_start(&world);
    struct process *a = world_open(&world, "A"), *d = world_open(&world, "D");
    cr_assert_eq(process_spawn(a, "C1", NULL, 50), REALM_E_NOT_CHILD);                        /* 1 */
    cr_assert_eq(process_connect(world_open(&world, "B"), "network", 0, 50), REALM_E_DENIED); /* 2 */
    ask_in_vain(d, 100);                                                                      /* 3 to 2002 */
    for (unsigned i = 0; i < 4; i++) {
        char name[8];
        snprintf(name, sizeof name, "u%u", i);
        cr_assert_eq(world_spawn(&world, "U", name), 0);
        ask_in_vain(world_open(&world, name), 100);
    }
    const struct diagnosis_entry *spawn = diagnosis_find(world.broker, 1),
                                 *connect = diagnosis_find(world.broker, 2);
    cr_assert_not_null(spawn);
    cr_assert_not_null(connect);
    cr_expect_str_eq(spawn->realm, "A");
    cr_expect_str_eq(connect->realm, "B");
    /* Of 254 places that are left each declaration keeps half: its last. */
    cr_expect_not_null(diagnosis_find(world.broker, 2002));
    cr_expect_not_null(diagnosis_find(world.broker, 2002 - 126));
    cr_expect_null(diagnosis_find(world.broker, 2002 - 127));
    cr_expect_not_null(diagnosis_find(world.broker, 10002));
}

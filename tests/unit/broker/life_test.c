/*
 * The lives of realms: starting, ending, restarting, children, and the end of the system.
 */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <realm/error.h>

#include "tests/unit/broker/world.h"

static struct world world;

#define EXIT(status) ((status) << 8)

static const char *state_of(const char *name)
{
    const struct broker_realm *realm = broker_find_realm(world.broker, name);
    return realm ? broker_realm_state(realm) : "gone";
}

WORLD_TEST(life, only_top_level_realms_that_start_are_started)
{
    /* At boot: no child, no template, nothing with `start: false`; in the order of the file. */
    world.realms[A].start = world.realms[C1].start = world.realms[U].start = true;
    world_start(&world);
    cr_assert_eq(world.processes_count, 2);
    cr_expect_str_eq(world.processes[0]->name, "A");
    cr_expect_str_eq(world.processes[1]->name, "B");
    cr_expect_eq(world.processes[0]->program, A);
    cr_expect_str_eq(state_of("C1"), "dormant");
    json_t *event = world_event(&world, "booted", "system", "test");
    cr_expect_eq(json_integer_value(json_object_get(event, "realms")), WORLD_REALMS);
    cr_expect_not_null(world_event(&world, "started", "realm", "A"));
}

WORLD_TEST(life, an_exit_is_told_in_words)
{
    /* The event carries the status as people write it. */
    world.realms[D].start = true;
    world_start(&world);
    process_exit(world_process(&world, "D"), EXIT(3));
    cr_expect_str_eq(event_text(world_event(&world, "terminated", "realm", "D"), "exit"), "3");
    cr_assert_eq(world_spawn(&world, "D", NULL), 0);
    process_exit(world_process(&world, "D"), SIGSEGV);
    cr_expect_str_eq(event_text(world_event(&world, "terminated", "realm", "D"), "exit"), "SIGSEGV");
    cr_expect_str_eq(state_of("D"), "terminated");
}

WORLD_TEST(life, an_incarnation_has_a_fresh_id)
{
    /* Ids are never used again, also not by the same realm. */
    world_start(&world);
    cr_assert_eq(world_spawn(&world, "D", NULL), 0);
    uint64_t first = world_process(&world, "D")->id;
    cr_expect_eq(world_spawn(&world, "D", NULL), REALM_E_EXISTS);
    process_exit(world_process(&world, "D"), 0);
    cr_assert_eq(world_spawn(&world, "D", NULL), 0);
    cr_expect_gt(world_process(&world, "D")->id, first);
}

WORLD_TEST(life, a_failure_is_restarted_with_back_off)
{
    /* 100 ms, then twice that, and not a moment sooner; an exit with 0 is no failure. */
    world.realms[D].restart = MM_RESTART_ON_FAILURE;
    world.realms[D].start = true;
    world_start(&world);
    process_exit(world_process(&world, "D"), EXIT(1));
    cr_expect_str_eq(state_of("D"), "restarting");
    json_t *event = world_event(&world, "restarting", "realm", "D");
    cr_expect_eq(json_integer_value(json_object_get(event, "in_ms")), 100);
    world_advance(&world, BROKER_BACKOFF_FIRST_NS - 1);
    cr_expect_null(world_process(&world, "D"));
    world_advance(&world, 1);
    cr_assert_not_null(world_process(&world, "D"));
    process_exit(world_process(&world, "D"), SIGKILL); /* nobody in the system sent it */
    world_advance(&world, 2 * BROKER_BACKOFF_FIRST_NS - 1);
    cr_expect_null(world_process(&world, "D"));
    world_advance(&world, 1);
    cr_assert_not_null(world_process(&world, "D"));
    process_exit(world_process(&world, "D"), EXIT(0));
    cr_expect_str_eq(state_of("D"), "terminated");
}

WORLD_TEST(life, the_start_limit_ends_restarting)
{
    /* Five starts in ten seconds, then it stays down, for a parent's or an administrator's spawn too. */
    world.realms[D].restart = MM_RESTART_ON_FAILURE;
    world_start(&world);
    cr_assert_eq(world_spawn(&world, "D", NULL), 0);
    unsigned starts = 0;
    while (world_process(&world, "D") && ++starts < 20) {
        process_exit(world_process(&world, "D"), EXIT(1));
        const struct broker_realm *realm = broker_find_realm(world.broker, "D");
        if (realm->restart.armed)
            world_advance(&world, realm->restart.deadline_ns - world_now_ns());
    }
    cr_expect_eq(starts, 5);
    cr_expect_str_eq(state_of("D"), "terminated");
    cr_expect_eq(world_spawn(&world, "D", NULL), REALM_E_NOT_STARTED);
    world_advance(&world, 10 * REALM_SEC);
    cr_expect_eq(world_spawn(&world, "D", NULL), 0);
}

WORLD_TEST(life, back_off_has_a_ceiling_and_forgets)
{
    /* Doubling stops at five seconds; a run that lasts so long begins anew with the first. */
    world.realms[D].restart = MM_RESTART_ON_FAILURE;
    world.realms[D].start_limit_count = 100;
    world_start(&world);
    cr_assert_eq(world_spawn(&world, "D", NULL), 0);
    const struct broker_realm *realm = broker_find_realm(world.broker, "D");
    uint64_t longest = 0;
    for (unsigned i = 0; i < 10; i++) {
        process_exit(world_process(&world, "D"), EXIT(1));
        uint64_t wait_ns = realm->restart.deadline_ns - world_now_ns();
        longest = wait_ns > longest ? wait_ns : longest;
        world_advance(&world, wait_ns);
    }
    cr_expect_eq(longest, BROKER_BACKOFF_LAST_NS);
    world_advance(&world, BROKER_BACKOFF_LAST_NS);
    process_exit(world_process(&world, "D"), EXIT(1));
    cr_expect_eq(realm->restart.deadline_ns - world_now_ns(), BROKER_BACKOFF_FIRST_NS);
}

WORLD_TEST(life, a_kill_is_no_failure)
{
    /* What an administrator ends is not restarted and does not spoil the system's exit status. */
    world.realms[D].restart = MM_RESTART_ON_FAILURE;
    world.realms[D].start = true;
    world_start(&world);
    broker_kill(world.broker, broker_find_realm(world.broker, "D"), BROKER_CAUSE_ADMIN);
    world_settle(&world);
    cr_expect_str_eq(state_of("D"), "terminated");
    cr_expect_str_eq(event_text(world_event(&world, "terminated", "realm", "D"), "exit"), "SIGKILL");
    process_exit(world_process(&world, "B"), 0);
    cr_expect(world.broker->ended);
    cr_expect_eq(world.broker->exit_code, 0);
}

WORLD_TEST(life, a_kill_stops_a_planned_restart)
{
    /* A realm that waits for its restart can be given up. */
    world.realms[D].restart = MM_RESTART_ON_FAILURE;
    world.realms[D].start = true;
    world_start(&world);
    process_exit(world_process(&world, "D"), EXIT(1));
    broker_kill(world.broker, broker_find_realm(world.broker, "D"), BROKER_CAUSE_ADMIN);
    world_advance(&world, 10 * REALM_SEC);
    cr_expect_null(world_process(&world, "D"));
}

WORLD_TEST(life, a_program_that_cannot_start_is_told)
{
    /* The event names the stage; the administrator's spawn itself was accepted. */
    world_start(&world);
    world.fail_spawns = true;
    cr_expect_eq(world_spawn(&world, "D", NULL), 0);
    json_t *event = world_event(&world, "start-failed", "realm", "D");
    cr_assert_not_null(event);
    cr_expect_str_eq(event_text(event, "stage"), "exec");
    cr_expect_str_eq(event_text(event, "error"), "No such file or directory");
    cr_expect_str_eq(state_of("D"), "terminated");
    process_exit(world_process(&world, "B"), 0);
    cr_expect_eq(world.broker->exit_code, 1);
}

WORLD_TEST(life, a_parent_spawns_and_hears_of_its_children)
{
    /* SPAWN is answered when the child runs; CHILD tells of its states; arguments reach it. */
    world.realms[C].start = true;
    world_start(&world);
    struct process *c = world_open(&world, "C");
    cr_assert_eq(process_spawn(c, "C1", NULL, 50), 0);
    struct process *child = world_process(&world, "C1");
    cr_assert_not_null(child);
    cr_expect_eq(process_letter(c, REALM_CONTROL_REPLY, 50)->packet.reply.value, child->id);
    cr_expect_eq(process_letter(c, REALM_CONTROL_CHILD, 0)->packet.child.state, REALM_STATE_RUNNING);
    cr_expect_eq(child->args_count, 2);
    cr_expect_arr_eq(child->args, "x\0y", 4);
    cr_expect_eq(process_spawn(c, "C1", NULL, 51), REALM_E_EXISTS);
    process_exit(child, EXIT(4));
    process_pump(c);
    struct realm_control_child *told = &process_letter(c, REALM_CONTROL_CHILD, 0)->packet.child;
    cr_expect_eq(told->state, REALM_STATE_TERMINATED);
    cr_expect_eq(told->wait_status, EXIT(4));
    cr_expect_str_eq((char *)told->name.text, "C1");
}

WORLD_TEST(life, nobody_spawns_or_kills_anothers_child)
{
    /* Only its parent acts on a realm; a failed start is an answer, too. */
    world.realms[A].start = world.realms[C].start = world.realms[D].start = true;
    world_start(&world);
    struct process *c = world_open(&world, "C"), *d = world_open(&world, "D");
    cr_expect_eq(process_spawn(d, "C1", NULL, 50), REALM_E_NOT_CHILD);
    cr_expect_eq(process_spawn(d, "nobody", NULL, 51), REALM_E_NOT_CHILD);
    cr_expect_eq(process_named(d, REALM_CONTROL_KILL, "B", 0, 52), REALM_E_NOT_CHILD);
    cr_expect_eq(process_named(d, REALM_CONTROL_KILL, "D", 0, 53), REALM_E_NOT_CHILD);
    cr_expect_eq(process_named(c, REALM_CONTROL_KILL, "C1", 0, 54), 0); /* dormant: done already */
    world.fail_spawns = true;
    cr_expect_eq(process_spawn(c, "C1", NULL, 55), REALM_E_NOT_STARTED);
    world.fail_spawns = false;
    cr_expect_eq(process_spawn(c, "C1", NULL, 56), 0);
    cr_expect_eq(process_named(c, REALM_CONTROL_KILL, "C1", 0, 57), 0);
    cr_expect_null(world_process(&world, "C1"));
}

WORLD_TEST(life, templates_make_instances_under_names_of_their_own)
{
    /* An instance needs a name that is free; its record goes when it has ended, and the name with it. */
    world.realms[C].start = true;
    world_start(&world);
    struct process *c = world_open(&world, "C");
    uint64_t records = world_counts(&world).records;
    cr_expect_eq(process_spawn(c, "T", NULL, 50), REALM_E_BAD_ARGUMENT);
    cr_expect_eq(process_spawn(c, "T", "B", 51), REALM_E_EXISTS);
    cr_expect_eq(process_spawn(c, "C1", "t1", 52), REALM_E_BAD_ARGUMENT);
    cr_expect_eq(process_spawn(c, "U", "u1", 53), REALM_E_NOT_CHILD);
    cr_expect_eq(process_spawn(c, "T", "t1", 54), 0);
    cr_expect_eq(process_spawn(c, "T", "t2", 55), 0);
    cr_expect_eq(process_spawn(c, "T", "t1", 56), REALM_E_EXISTS);
    cr_expect_eq(process_spawn(c, "t1", "t3", 57), REALM_E_NOT_CHILD);
    cr_expect_eq(world_counts(&world).records, records + 2);
    cr_assert_eq(process_register(c, "logger", NULL), 0);
    struct process *t1 = world_open(&world, "t1");
    cr_expect_eq(process_connect(t1, "logger", 0, 9), 0, "children of the provider may");
    process_exit(t1, 0);
    cr_expect_str_eq(state_of("t1"), "gone");
    cr_expect_eq(world_counts(&world).records, records + 1);
    cr_expect_eq(process_spawn(c, "T", "t1", 58), 0);
    cr_expect_eq(world_spawn(&world, "U", "u1"), 0); /* an administrator may */
    cr_expect_eq(world_spawn(&world, "U", "bad\nname"), REALM_E_BAD_NAME);
    cr_expect_eq(world_counts(&world).records, records + 3);
}

WORLD_TEST(life, an_instance_is_restarted_with_its_arguments)
{
    /* What an instance was started with belongs to it, also after a failure. */
    world.realms[C].start = true;
    world.realms[T].restart = MM_RESTART_ON_FAILURE;
    world_start(&world);
    struct process *c = world_open(&world, "C");
    cr_assert_eq(process_spawn(c, "T", "t1", 50), 0);
    process_exit(world_process(&world, "t1"), EXIT(1));
    world_advance(&world, BROKER_BACKOFF_FIRST_NS);
    struct process *again = world_process(&world, "t1");
    cr_assert_not_null(again);
    cr_expect_arr_eq(again->args, "x\0y", 4);
}

WORLD_TEST(life, descendants_end_with_their_parent)
{
    /* A parent that dies takes its children along; they are not failures and not restarted. */
    world.realms[A].start = world.realms[C].start = true;
    world.realms[C1].restart = world.realms[T].restart = MM_RESTART_ON_FAILURE;
    world_start(&world);
    struct process *c = world_open(&world, "C");
    cr_assert_eq(process_spawn(c, "C1", NULL, 50), 0);
    cr_assert_eq(process_spawn(c, "T", "t1", 51), 0);
    cr_assert_eq(process_spawn(c, "T", "t2", 52), 0);
    process_exit(world_process(&world, "t2"), EXIT(1)); /* it waits for its restart */
    process_exit(c, 0);
    cr_expect_null(world_process(&world, "C1"));
    cr_expect_null(world_process(&world, "t1"));
    world_advance(&world, 10 * REALM_SEC);
    cr_expect_null(world_process(&world, "C1"));
    cr_expect_null(world_process(&world, "t2"));
    cr_expect_str_eq(state_of("t1"), "gone");
    cr_expect_eq(world_counts(&world).records, WORLD_REALMS);
    cr_expect_eq(world_spawn(&world, "C1", NULL), REALM_E_NOT_STARTED, "its parent does not run");
}

WORLD_TEST(life, a_restart_waits_for_the_last_descendant)
{
    /* No new incarnation begins before everything of the old one is reaped. */
    world.realms[A].start = world.realms[C].start = true;
    world.realms[C].restart = MM_RESTART_ON_FAILURE;
    world_start(&world);
    struct process *c = world_open(&world, "C");
    cr_assert_eq(process_spawn(c, "C1", NULL, 50), 0);
    struct process *child = world_process(&world, "C1");
    child->orphan = true;
    process_exit(c, EXIT(1));
    world_advance(&world, REALM_SEC);
    cr_expect_str_eq(state_of("C"), "restarting");
    process_exit(child, SIGKILL);
    world_advance(&world, REALM_SEC);
    cr_expect_str_eq(state_of("C"), "running");
}

WORLD_TEST(life, a_realm_killed_while_it_starts_leaves_nothing)
{
    /* SPAWNED may come after the kill: what it brings is closed. */
    world_start(&world);
    struct broker_counts before = world_counts(&world);
    struct broker_spawn spawn = {.program = "D"};
    struct broker_realm *realm;
    cr_assert_eq(broker_spawn(world.broker, &spawn, &realm), 0);
    broker_kill(world.broker, realm, BROKER_CAUSE_ADMIN);
    cr_expect_str_eq(state_of("D"), "ending");
    world_settle(&world);
    cr_expect_str_eq(state_of("D"), "terminated");
    struct broker_counts after = world_counts(&world);
    cr_expect_arr_eq(&before, &after, sizeof(before));
}

WORLD_TEST(life, the_system_ends_with_its_clients)
{
    /* When the last client has finished, the servers are asked to stop, and the launcher after them. */
    world.realms[A].start = true;
    world_start(&world);
    struct process *b = world_open(&world, "B");
    process_exit(world_process(&world, "A"), 0);
    cr_expect_not(world.broker->ended);
    process_pump(b);
    cr_expect_not_null(process_letter(b, REALM_CONTROL_STOP, 0));
    cr_expect_not(world.told_to_stop);
    process_exit(b, 0);
    cr_expect(world.broker->ended);
    cr_expect(world.told_to_stop);
    cr_expect_eq(world.kills, 0);
    cr_expect_eq(world.broker->exit_code, 0);
    cr_expect_eq(json_integer_value(json_object_get(world_event(&world, "ended", NULL, NULL), "exit")), 0);
}

WORLD_TEST(life, a_failed_client_makes_the_system_fail)
{
    /* A client's own non-zero status is the system's. A server's after STOP is not. */
    world.realms[A].start = true;
    world_start(&world);
    struct process *b = world_open(&world, "B");
    process_exit(world_process(&world, "A"), EXIT(2));
    process_exit(b, EXIT(1));
    cr_expect(world.broker->ended);
    cr_expect_eq(world.broker->exit_code, 1);
}

WORLD_TEST(life, a_failure_that_was_mended_does_not_count)
{
    /* Only the last incarnation's end is the realm's. */
    world.realms[A].start = true;
    world.realms[A].restart = MM_RESTART_ON_FAILURE;
    world_start(&world);
    world_open(&world, "B");
    process_exit(world_process(&world, "A"), EXIT(2));
    world_advance(&world, BROKER_BACKOFF_FIRST_NS);
    process_exit(world_process(&world, "A"), 0);
    process_exit(world_process(&world, "B"), 0);
    cr_expect(world.broker->ended);
    cr_expect_eq(world.broker->exit_code, 0);
}

WORLD_TEST(life, a_system_of_servers_runs_until_they_end)
{
    /* Without clients it goes on as long as anyone is left. */
    world.realms[C].start = true;
    world_start(&world);
    world_open(&world, "C");
    process_exit(world_process(&world, "B"), 0);
    cr_expect_not(world.broker->stopping);
    process_exit(world_process(&world, "C"), 0);
    cr_expect(world.broker->ended);
}

WORLD_TEST(life, who_does_not_stop_is_killed)
{
    /* STOP, two seconds, KILL; and one that never said hello has nothing to be asked with. */
    world.realms[A].start = world.realms[D].start = true;
    world_start(&world);
    struct process *b = world_open(&world, "B");
    process_exit(world_process(&world, "A"), 0);
    cr_expect_null(world_process(&world, "D"));
    world_advance(&world, BROKER_STOP_DEADLINE_NS - 1);
    cr_expect(b->alive);
    world_advance(&world, 1);
    cr_expect_not(b->alive);
    cr_expect(world.broker->ended);
    cr_expect_eq(world.broker->exit_code, 0);
}

WORLD_TEST(life, the_launchers_end_ends_the_system)
{
    /* The launcher passes on that somebody asked: realms stop, and their exits are still told. */
    world_start(&world);
    struct process *b = world_open(&world, "B");
    struct realm_launch_header end;
    realm_launch_header_init(&end, REALM_LAUNCH_END, 0);
    cr_assert_eq(send(world.launcher, &end, sizeof(end), 0), (ssize_t)sizeof(end));
    process_pump(b);
    cr_expect_not_null(process_letter(b, REALM_CONTROL_STOP, 0));
    process_exit(b, 0);
    cr_expect_not_null(world_event(&world, "terminated", "realm", "B"));
    cr_expect(world.broker->ended);
}

WORLD_TEST(life, the_launchers_end_of_file_ends_the_system)
{
    /* Its write side closed: realms are asked to stop, and gone is whose socket is closed. */
    world.realms[A].start = true;
    world_start(&world);
    struct process *a = world_open(&world, "A"), *b = world_open(&world, "B");
    shutdown(world.launcher, SHUT_WR);
    process_pump(a);
    process_pump(b);
    cr_expect_not_null(process_letter(a, REALM_CONTROL_STOP, 0));
    cr_expect_not_null(process_letter(b, REALM_CONTROL_STOP, 0));
    close(a->socket);
    a->socket = -1;
    world_settle(&world);
    cr_expect_not(world.broker->ended);
    close(b->socket);
    b->socket = -1;
    world_settle(&world);
    cr_expect(world.broker->ended);
    cr_expect(world.told_to_stop);
}

WORLD_TEST(life, a_launcher_that_is_gone_altogether_is_survived)
{
    /* With nobody left to ask, the broker still comes to its end by its deadlines. */
    world.realms[A].start = true;
    world_start(&world);
    world_open(&world, "A");
    close(world.launcher);
    world.launcher = -1;
    world_settle(&world);
    cr_expect(world.broker->stopping);
    world_advance(&world, BROKER_STOP_DEADLINE_NS);
    cr_expect(world.broker->ended);
}

WORLD_TEST(life, a_launcher_that_does_not_read_is_never_waited_for)
{
    /* Spawns queue up to a limit; what is over is refused, and all is served once it reads again. */
    world_start(&world);
    world.hold_spawns = true;
    struct broker_spawn spawn = {.program = "U"};
    struct broker_realm *realm;
    unsigned accepted = 0;
    char name[16];
    for (; accepted < 3000; accepted++) {
        snprintf(name, sizeof(name), "u%u", accepted);
        spawn.name = name;
        if (broker_spawn(world.broker, &spawn, &realm))
            break;
    }
    cr_expect_geq(accepted, BROKER_LAUNCH_QUEUE_MAX);
    cr_expect_lt(accepted, 3000);
    cr_expect_eq(world_counts(&world).launch_packets, BROKER_LAUNCH_QUEUE_MAX);
    world_settle(&world);
    cr_expect_eq(world_counts(&world).launch_packets, 0);
    cr_expect_eq(world.held_spawns_count, accepted);
}

WORLD_TEST(life, a_late_kill_does_not_hit_the_next_incarnation)
{
    /* The launcher reads nothing for a while. A realm is killed, dies by itself, and is started anew: the
     * kill that was never sent was meant for the old one. */
    world_start(&world);
    cr_assert_eq(world_spawn(&world, "D", NULL), 0);
    struct process *d = world_process(&world, "D");
    struct broker_spawn spawn = {.program = "U"};
    struct broker_realm *realm, *record = broker_find_realm(world.broker, "D");
    char name[16];
    for (unsigned i = 0; world_counts(&world).launch_packets == 0; i++) {
        snprintf(name, sizeof(name), "u%u", i);
        spawn.name = name;
        cr_assert_eq(broker_spawn(world.broker, &spawn, &realm), 0);
    }
    broker_kill(world.broker, record, BROKER_CAUSE_ADMIN);
    cr_expect(record->kill_due);
    d->alive = false;
    struct realm_launch_exited exited = {.realm = d->id};
    realm_launch_header_init(&exited.header, REALM_LAUNCH_EXITED, 0);
    cr_assert_eq(send(world.launcher, &exited, sizeof(exited), 0), (ssize_t)sizeof(exited));
    cr_assert_eq(broker_step(world.broker, false), 0);
    cr_expect_str_eq(state_of("D"), "terminated");
    spawn = (struct broker_spawn){.program = "D"};
    cr_assert_eq(broker_spawn(world.broker, &spawn, &realm), 0);
    world_settle(&world);
    cr_expect_not_null(world_process(&world, "D"));
    cr_expect_str_eq(state_of("D"), "running");
}

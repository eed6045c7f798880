/*
 * Lies of a server towards an honest client, which waits in a call: it must get its answer, an error, or its
 * deadline, and never wait longer.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/adversary/attack.h"
#include "tests/adversary/raw.h"

static struct raw_channel channel;
static struct raw_message request;

/* Registers, lets the victim come, and takes its call. */
static void take_call(void)
{
    raw_open();
    raw_register("trap");
    announce("ready");
    raw_accept(&channel);
    if (!raw_pop(&channel, &request, 10000)) {
        outcome("not called");
        exit(0);
    }
}

/* Stays until the victim has gone: then the broker closes the channel. */
static void stay(void)
{
    (void)raw_closed(&channel, 5000);
    outcome("tried");
}

static struct realm_entry answer(void)
{
    return (struct realm_entry){
        .size = request.entry.size, .kind = REALM_MESSAGE_REPLY, .call = request.entry.call};
}

static void honest(void)
{
    take_call();
    raw_push(&channel, answer(), request.payload);
    stay();
}

static void never(void)
{
    take_call();
    stay();
}

static void late(void)
{
    take_call();
    raw_sleep_ms(1000);
    raw_push(&channel, answer(), request.payload);
    stay();
}

static void lie(struct realm_entry entry, uint32_t lines)
{
    entry.commit = channel.out + lines;
    raw_push_lie(&channel, entry, channel.out + lines);
    stay();
}

static void other_call(void)
{
    struct realm_entry entry;
    take_call();
    entry = answer();
    entry.call += 1;
    lie(entry, 1);
}

static void unasked(void)
{
    struct realm_entry entry;
    take_call();
    entry = answer();
    entry.call = 0;
    lie(entry, 1);
}

static void too_big(void)
{
    struct realm_entry entry;
    take_call();
    entry = answer();
    entry.size = 65535;
    lie(entry, 1);
}

static void wrong_kind(void)
{
    struct realm_entry entry;
    take_call();
    entry = answer();
    entry.kind = 77;
    lie(entry, 1);
}

/* A server that calls its client: clients serve nothing. */
static void call_back(void)
{
    struct realm_entry entry;
    take_call();
    entry = answer();
    entry.kind = REALM_MESSAGE_CALL;
    lie(entry, 1);
}

static void twice(void)
{
    take_call();
    raw_push(&channel, answer(), request.payload);
    raw_push(&channel, answer(), request.payload);
    stay();
}

static void head_alone(void)
{
    take_call();
    __atomic_store_n(&channel.own->head[REALM_NORMAL], channel.out + 3, __ATOMIC_RELEASE);
    raw_notify(&channel);
    stay();
}

static void tail_ahead(void)
{
    take_call();
    channel.own->tail_lines[REALM_NORMAL] += 1000;
    channel.own->tail_messages[REALM_NORMAL] += 1000;
    raw_push(&channel, answer(), request.payload);
    stay();
}

static void scribble(void)
{
    uint64_t random = 99;
    take_call();
    uint32_t *words = (uint32_t *)(void *)channel.own;
    const uint64_t end = raw_now_ms() + 1000;
    while (raw_now_ms() < end) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        words[(random >> 33) % (REALM_REGION_DEFAULT_BYTES / 4)] = (uint32_t)(random >> 20);
        raw_wake(&channel.own->bell);
    }
    stay();
}

/* The victim sleeps on head: it is woken for nothing until its deadline, or says that this is enough. */
static void wake_storm(void)
{
    take_call();
    const uint64_t end = raw_now_ms() + 2500;
    while (raw_now_ms() < end)
        raw_wake(&channel.own->bell);
    stay();
}

static void flutter(void)
{
    take_call();
    const uint64_t end = raw_now_ms() + 2500;
    while (raw_now_ms() < end) {
        __atomic_store_n(&channel.own->bell, channel.out + 1, __ATOMIC_SEQ_CST);
        raw_wake(&channel.own->bell);
        __atomic_store_n(&channel.own->bell, channel.out, __ATOMIC_SEQ_CST);
        raw_wake(&channel.own->bell);
    }
    stay();
}

static void die(void)
{
    take_call();
    outcome("tried");
    _exit(0);
}

static void hang_up(void)
{
    take_call();
    close(REALM_CONTROL_FD);
    raw_sleep_ms(3000);
    outcome("tried");
}

static void disconnect(void)
{
    take_call();
    raw_cookie(REALM_CONTROL_DISCONNECT, channel.packet.cookie);
    raw_sleep_ms(300);
    outcome("tried");
}

static void unregister(void)
{
    raw_open();
    uint64_t endpoint = raw_register("trap");
    announce("ready");
    raw_accept(&channel);
    (void)raw_pop(&channel, &request, 10000);
    raw_cookie(REALM_CONTROL_UNREGISTER, endpoint);
    raw_sleep_ms(300);
    outcome("tried");
}

static void accuse(void)
{
    struct realm_control_fault fault = {.kind = REALM_FAULT_CLAIM};
    take_call();
    raw_header_silent(&fault.header, REALM_CONTROL_FAULT, sizeof fault);
    fault.cookie = channel.packet.cookie;
    raw_send(&fault, sizeof fault);
    raw_sleep_ms(300);
    outcome("tried");
}

/* Registers and never looks at its socket again. */
static void deaf(void)
{
    raw_open();
    raw_register("trap");
    announce("ready");
    raw_sleep_ms(4000);
    outcome("tried");
}

#define VICTIM .role = ROLE_PROVIDER, .flags = ATTACK_VICTIM
#define FAULT  "poked: REALM_E_PEER_FAULT"
#define DEAD   "poked: REALM_E_PEER_DEAD"
#define LATE   "poked: REALM_E_TIMEOUT"

static const struct attack server[] = {
    {"server-honest", "answers: so that the others mean something", honest, .must = "tried|SIGBUS", VICTIM,
     .victim = "poked: answered"},
    {"server-never", "never answers", never, .must = "tried|SIGBUS", VICTIM, .victim = LATE},
    {"server-late", "answers after a second", late, .must = "tried|SIGBUS", VICTIM,
     .victim = "poked: answered"},
    {"server-other-call", "answers a call that was not made", other_call, .must = "tried|SIGBUS", VICTIM,
     .victim = LATE "|" FAULT},
    {"server-unasked", "answers call 0", unasked, .must = "tried|SIGBUS", VICTIM, .victim = LATE "|" FAULT},
    {"server-too-big", "answers with 65 535 bytes", too_big, .must = "tried|SIGBUS", VICTIM, .victim = FAULT},
    {"server-kind", "answers with kind 77", wrong_kind, .must = "tried|SIGBUS", VICTIM, .victim = FAULT},
    {"server-calls", "calls its client", call_back, .must = "tried|SIGBUS", VICTIM, .victim = LATE "|" FAULT},
    {"server-twice", "answers twice", twice, .must = "tried|SIGBUS", VICTIM, .victim = "poked: answered"},
    /* A head is looked at where a line is in doubt; a client that sees none in its way waits on. */
    {"server-head", "moves head without an answer", head_alone, .must = "tried|SIGBUS", VICTIM,
     .victim = "poked: REALM_E_TIMEOUT|" FAULT},
    {"server-tail", "claims to have taken what was never sent, and answers", tail_ahead,
     .must = "tried|SIGBUS", VICTIM, .victim = "poked: answered|" FAULT},
    {"server-scribble", "writes random words everywhere", scribble, .must = "tried|SIGBUS", VICTIM,
     .victim = FAULT "|" LATE},
    {"server-wake-storm", "wakes its client for nothing", wake_storm, .must = "tried|SIGBUS", VICTIM,
     .victim = FAULT "|" LATE},
    {"server-flutter", "moves the bell on and back", flutter, .must = "tried|SIGBUS", VICTIM,
     .victim = FAULT "|" LATE},
    {"server-dies", "ends in the middle of a call", die, .must = "tried|SIGBUS", VICTIM, .victim = DEAD},
    {"server-hangs-up", "closes its control socket in the middle of a call", hang_up,
     .must = "offence: closed its control socket", VICTIM, .victim = DEAD},
    {"server-disconnects", "disconnects in the middle of a call", disconnect, .must = "tried|SIGBUS", VICTIM,
     .victim = DEAD},
    {"server-unregisters", "unregisters in the middle of a call", unregister, .must = "tried|SIGBUS", VICTIM,
     .victim = DEAD "|poked: REALM_E_REVOKED"},
    {"server-accuses", "accuses its client of a fault", accuse, .must = "tried|SIGBUS", VICTIM,
     .victim = FAULT "|" DEAD},
    {"server-deaf", "registers and never looks at its socket again", deaf,
     .must = "tried|offence: did not acknowledge", VICTIM, .victim = LATE "|" DEAD},
};
ATTACK_THEME(server_theme, "server", "Lies in shared memory, towards a client", server, false);

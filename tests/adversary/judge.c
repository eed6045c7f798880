/*
 * An attacker's instance is followed by its name through the event stream: what it printed, what the broker
 * says of it, how it ended. Nothing is taken from the attacker but its one outcome; that everybody else is
 * well is looked at from outside.
 */
#include "tests/adversary/judge.h"

#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/adversary/host.h"

#define END_MS 120000 /* an attack that is still there then is killed, and has failed */

/* An instance that is watched. */
struct watched {
    char name[32];
    char said[128]; /* its last outcome */
    char offence[96];
    char end[32]; /* as `terminated` says */
    bool ready;
};

static const char scenario_text[] =
    "system: adversary\n"
    "realms:\n"
    "  - {name: server, program: \"@BIN@/worker\", args: [serve, echo, run]}\n"
    "  - {name: client, program: @CLIENT@}\n"
    "  - {name: late, program: \"@BIN@/worker\", args: [connect, echo, call, \"10\"], start: false, "
    "start_limit: {count: 1000, within: 1s}}\n"
    "  - {name: victim, program: \"@BIN@/worker\", template: true}\n"
    "  - {name: attacker, program: \"@BIN@/adversary\", template: true}\n"
    "  - {name: static, program: \"@BIN@/adversary-static\", template: true}\n"
    "  - {name: small, program: \"@BIN@/adversary\", template: true@SMALL@}\n"
    "  - {name: provider, program: \"@BIN@/adversary\", template: true}\n"
    "  - {name: left, program: \"@BIN@/adversary\", template: true, private_code: true}\n"
    "  - {name: right, program: \"@BIN@/adversary\", template: true}\n"
    "  - {name: stranger, program: \"@BIN@/worker\", args: [serve, private, run], start: false}\n"
    "services:\n"
    "  - {name: echo, provider: server, access: all}\n"
    "  - {name: trap, provider: provider, access: [victim]}\n"
    "  - {name: drop, provider: left, access: [right]}\n"
    "  - {name: private, provider: stranger, access: [client]}\n"
    "  - {name: nobody, provider: stranger, access: all}\n";

/* Tight enough that each is reached in no time. */
#define SMALL_LIMITS                                                                                         \
    ", limits: {memory: 8MiB, address_space: 256MiB, threads: 4, descriptors: 64, channels: 4, waits: 4, "   \
    "log: 16KiB}"

static char *replace(const char *text, const char *what, const char *with)
{
    char *result = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&result, &size);
    for (const char *at; (at = strstr(text, what)); text = at + strlen(what))
        fprintf(out, "%.*s%s", (int)(at - text), text, with);
    fputs(text, out);
    fclose(out);
    return result;
}

const char *judge_scenario(bool quick)
{
    const char *client = quick ? "\"@BIN@/adversary-static\", args: [idle]"
                               : "\"@BIN@/worker\", args: [connect, echo, call, \"100\", run]";
    char *text = replace(scenario_text, "@CLIENT@", client);
    return replace(replace(text, "@BIN@", system_bin()), "@SMALL@", SMALL_LIMITS);
}

static const char *text_of(json_t *event, const char *member)
{
    const char *text = json_string_value(json_object_get(event, member));
    return text ? text : "";
}

static void copy_text(char *to, size_t capacity, const char *from)
{
    snprintf(to, capacity, "%s", from);
}

static void note(struct watched *watched, json_t *event)
{
    const char *kind = text_of(event, "event"), *text = text_of(event, "text");

    if (strcmp(text_of(event, "realm"), watched->name) != 0)
        return;
    if (strcmp(kind, "terminated") == 0)
        copy_text(watched->end, sizeof watched->end, text_of(event, "exit"));
    else if (strcmp(kind, "start-failed") == 0)
        snprintf(watched->end, sizeof watched->end, "not started: %.16s", text_of(event, "stage"));
    else if (strcmp(kind, "offence") == 0)
        copy_text(watched->offence, sizeof watched->offence, text_of(event, "what"));
    else if (strcmp(kind, "log") == 0 && strncmp(text, "outcome ", 8) == 0)
        copy_text(watched->said, sizeof watched->said, text + 8);
    else if (strcmp(kind, "log") == 0 && strcmp(text, "ready") == 0)
        watched->ready = true;
    else if (strcmp(kind, "log") == 0 && strncmp(watched->name, "victim", 6) == 0)
        copy_text(watched->said, sizeof watched->said, text);
}

/* The instances of one attack: the attackers, of whom the last one's word counts, and the victim. */
struct cast {
    struct watched players[3];
    unsigned count;
};

/* Reads events, of all of them, until each of those from first on has ended or is ready, whichever is asked.
 */
static bool follow(struct judge *judge, struct cast *cast, unsigned first, unsigned count,
                   bool (*until)(const struct watched *))
{
    const uint64_t end = now_ms() + END_MS;

    for (;;) {
        bool all = true;
        for (unsigned i = first; i < first + count; i++)
            all = all && until(&cast->players[i]);
        if (all)
            return true;
        uint64_t now = now_ms();
        json_t *event = now < end ? system_event(judge->running, (unsigned)(end - now)) : NULL;
        if (!event)
            return false;
        for (unsigned i = 0; i < cast->count; i++)
            note(&cast->players[i], event);
        json_decref(event);
    }
}

static bool has_ended(const struct watched *watched)
{
    return watched->end[0] != '\0';
}

static bool is_ready(const struct watched *watched)
{
    return watched->ready || has_ended(watched);
}

static void spawn(struct judge *judge, const char *realm, const char *name, json_t *args)
{
    json_t *request = json_pack("{s:s,s:s}", "command", "spawn", "realm", realm);
    if (name)
        json_object_set_new(request, "name", json_string(name));
    if (args)
        json_object_set_new(request, "args", args);
    json_t *result = system_ask(judge->running, request);
    if (!result)
        give_up("%s cannot be started", realm);
    json_decref(result);
}

static json_t *arguments_of(const struct judge *judge, const struct attack *attack, char side)
{
    const struct attack_target *aims = &judge->aims;
    json_t *args = json_array();
    char text[320];
    const struct {
        const char *key, *value;
    } texts[] = {{"secret", aims->secret},
                 {"program", aims->program},
                 {"folder", aims->folder},
                 {"path", aims->path},
                 {"abstract", aims->abstract}};
    const struct {
        const char *key;
        int value;
    } numbers[] = {
        {"tcp", aims->tcp}, {"victim", aims->victim}, {"broker", aims->broker}, {"launcher", aims->launcher},
        {"shm", aims->shm}, {"sem", aims->sem},       {"msg", aims->msg}};

    json_array_append_new(args, json_string(attack->name));
    for (unsigned i = 0; i < sizeof texts / sizeof *texts; i++) {
        snprintf(text, sizeof text, "%s=%s", texts[i].key, texts[i].value);
        json_array_append_new(args, json_string(text));
    }
    for (unsigned i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        snprintf(text, sizeof text, "%s=%d", numbers[i].key, numbers[i].value);
        json_array_append_new(args, json_string(text));
    }
    snprintf(text, sizeof text, "side=%c", side);
    json_array_append_new(args, json_string(text));
    return args;
}

static const char *declaration_of(enum attack_role role)
{
    switch (role) {
    case ROLE_PROVIDER:
        return "provider";
    case ROLE_STATIC:
        return "static";
    case ROLE_SMALL:
        return "small";
    case ROLE_PAIR:
        return "left";
    case ROLE_CLIENT:
        break;
    }
    return "attacker";
}

static bool request_of(struct judge *judge, const char *command, const char *realm, const char *service)
{
    json_t *request = json_pack("{s:s,s:s}", "command", command, "realm", realm);
    if (service)
        json_object_set_new(request, "service", json_string(service));
    json_t *result = system_ask(judge->running, request);
    json_decref(result);
    return result != NULL;
}

static void complain(struct verdict *verdict, const char *text)
{
    if (verdict->fine)
        copy_text(verdict->complaint, sizeof verdict->complaint, text);
    verdict->fine = false;
}

bool judge_matches(const char *must, const char *became)
{
    for (;;) {
        size_t size = strcspn(must, "|");
        bool prefix = strncmp(must, "offence:", 8) == 0;
        if (strncmp(must, became, size) == 0 && (prefix || became[size] == '\0'))
            return true;
        if (must[size] == '\0')
            return false;
        must += size + 1;
    }
}

static struct watched *enter(struct judge *judge, struct cast *cast, const char *realm, json_t *args)
{
    struct watched *player = &cast->players[cast->count++];
    snprintf(player->name, sizeof player->name, "%.10s-%u", realm, judge->number++);
    spawn(judge, realm, player->name, args);
    return player;
}

static void become(const struct watched *watched, struct verdict *verdict)
{
    if (watched->offence[0])
        snprintf(verdict->became, sizeof verdict->became, "offence: %s", watched->offence);
    else if (strncmp(watched->end, "SIG", 3) == 0 || strncmp(watched->end, "not started", 11) == 0)
        copy_text(verdict->became, sizeof verdict->became, watched->end);
    else if (watched->said[0])
        copy_text(verdict->became, sizeof verdict->became, watched->said);
    else
        snprintf(verdict->became, sizeof verdict->became, "nothing said, exit %s", watched->end);
}

/* The honest client that an attack on clients needs. */
static void send_victim(struct judge *judge, const struct attack *attack, struct cast *cast,
                        struct verdict *verdict)
{
    const struct watched *victim =
        enter(judge, cast, "victim", json_pack("[s,s,s,s]", "connect", "trap", "poke", "1"));
    if (!follow(judge, cast, cast->count - 1, 1, has_ended)) {
        complain(verdict, "the victim hangs");
    } else if (!judge_matches(attack->victim, victim->said)) {
        char text[256];
        snprintf(text, sizeof text, "the victim says %s, not %s", victim->said, attack->victim);
        complain(verdict, text);
    }
}

/* Of two that collude, the one that listens speaks: usually the last. */
static const struct watched *speaker(const struct cast *cast, unsigned attackers)
{
    const struct watched *last = &cast->players[attackers - 1];
    bool silent = !last->said[0] && strcmp(last->end, "0") == 0;
    return silent ? &cast->players[0] : last;
}

static void play(struct judge *judge, const struct attack *attack, struct verdict *verdict)
{
    struct cast cast = {0};
    const char *realm = declaration_of(attack->role);

    enter(judge, &cast, realm, arguments_of(judge, attack, *realm));
    if (attack->role == ROLE_PAIR)
        enter(judge, &cast, "right", arguments_of(judge, attack, 'r'));
    const unsigned attackers = cast.count;
    if (attack->flags & (ATTACK_VICTIM | ATTACK_REVOKE)) {
        if (!follow(judge, &cast, 0, attackers, is_ready))
            complain(verdict, "it is never ready");
        else if (attack->flags & ATTACK_VICTIM)
            send_victim(judge, attack, &cast, verdict);
        else if (!request_of(judge, "revoke", cast.players[attackers - 1].name,
                             attackers == 2 ? "drop" : "echo"))
            complain(verdict, "it can be revoked");
    }
    if (!follow(judge, &cast, 0, cast.count, has_ended)) {
        complain(verdict, "to end");
        for (unsigned i = 0; i < cast.count; i++)
            if (!has_ended(&cast.players[i]))
                request_of(judge, "kill", cast.players[i].name, NULL);
        follow(judge, &cast, 0, cast.count, has_ended);
    }
    if ((attack->flags & ATTACK_SHOWN) && !system_shows_plain(judge->running, cast.players[0].name))
        complain(verdict, "its log shows as plain text");
    become(speaker(&cast, attackers), verdict);
    if (!judge_matches(attack->must, verdict->became))
        complain(verdict, attack->must);
}

static json_t *row_of(json_t *rows, const char *realm)
{
    size_t index;
    json_t *row;
    json_array_foreach(rows, index, row)
    {
        if (strcmp(text_of(row, "realm"), realm) == 0)
            return row;
    }
    return NULL;
}

static json_t *ask(struct judge *judge, const char *command)
{
    json_t *result = system_ask(judge->running, json_pack("{s:s}", "command", command));
    if (!result)
        give_up("%s is refused", command);
    return result;
}

static void find_honest(struct judge *judge, int *ret_server, int *ret_client)
{
    json_t *rows = ask(judge, "ps");
    *ret_server = (int)json_integer_value(json_object_get(row_of(rows, "server"), "pid"));
    *ret_client = (int)json_integer_value(json_object_get(row_of(rows, "client"), "pid"));
    json_decref(rows);
}

/* Regions stand ready in pools, more or fewer; everything else must be counted back. */
static bool counts_match(json_t *before, json_t *now)
{
    const char *name;
    json_t *value;
    json_object_foreach(before, name, value)
    {
        json_int_t slack = strcmp(name, "regions") == 0 ? 8 : strcmp(name, "descriptors") == 0 ? 16 : 0;
        json_int_t difference = json_integer_value(value) - json_integer_value(json_object_get(now, name));
        if (difference > slack || difference < -slack)
            return false;
    }
    return true;
}

static void counted_back(struct judge *judge, struct verdict *verdict)
{
    for (unsigned tries = 0;; tries++) {
        json_t *now = ask(judge, "counts");
        bool match = counts_match(judge->counts, now);
        char *text = json_dumps(now, JSON_COMPACT);
        if (!match && tries == 300)
            complain(verdict, text);
        free(text);
        json_decref(now);
        if (match || tries == 300)
            return;
        usleep(10000);
    }
}

/* A client that comes now is served. */
static void still_served(struct judge *judge, struct verdict *verdict)
{
    struct watched late = {.name = "late"};
    const uint64_t end = now_ms() + END_MS;
    bool called = false;

    spawn(judge, "late", NULL, NULL);
    while (!has_ended(&late) && now_ms() < end) {
        json_t *event = system_event(judge->running, 1000);
        if (!event)
            continue;
        note(&late, event);
        called = called || (strcmp(text_of(event, "realm"), "late") == 0 &&
                            strcmp(text_of(event, "text"), "called 10") == 0);
        json_decref(event);
    }
    if (!called || strcmp(late.end, "0") != 0)
        complain(verdict, "the honest are not served any more");
}

static void all_well(struct judge *judge, struct verdict *verdict)
{
    int server, client;
    const char *changed = host_changed();

    if (changed)
        complain(verdict, changed);
    if (!system_terminal_quiet(judge->running))
        complain(verdict, "something was typed into the terminal");
    if (!system_find_processes(judge->running))
        complain(verdict, "broker or launcher are others");
    still_served(judge, verdict);
    find_honest(judge, &server, &client);
    if (server != judge->server || client != judge->client)
        complain(verdict, "the honest pair is another");
    counted_back(judge, verdict);
}

void judge_attack(struct judge *judge, const struct attack *attack, struct verdict *ret_verdict)
{
    struct verdict verdict = {.fine = true};

    play(judge, attack, &verdict);
    if (!judge->quick)
        all_well(judge, &verdict);
    *ret_verdict = verdict;
}

/* Without a filter some attacks would hurt this machine: then none is tried. */
static void must_be_confined(int pid)
{
    char path[64], line[128];
    int mode = 0;
    snprintf(path, sizeof path, "/proc/%d/status", pid);
    FILE *file = fopen(path, "r");
    while (file && fgets(line, sizeof line, file))
        sscanf(line, "Seccomp: %d", &mode);
    if (file)
        fclose(file);
    if (mode != 2)
        give_up("realms have no filter; nothing is tried");
}

json_t *judge_boot(struct judge *judge, struct running *running, const struct attack_target *aims)
{
    json_t *booted = NULL;
    bool called = false;
    const uint64_t end = now_ms() + END_MS;

    const bool quick = judge->quick;

    *judge = (struct judge){.running = running, .aims = *aims, .quick = quick};
    while ((!booted || !called) && now_ms() < end) {
        json_t *event = system_event(running, 1000);
        if (!event)
            continue;
        if (strcmp(text_of(event, "event"), "booted") == 0 && !booted)
            booted = json_incref(event);
        called = called || strcmp(text_of(event, "text"), "called 100") == 0 ||
                 (quick && strcmp(text_of(event, "realm"), "client") == 0);
        json_decref(event);
    }
    if (!called || !booted || !system_find_processes(running))
        give_up("the system does not boot");
    snprintf(judge->aims.program, sizeof judge->aims.program, "%.200s/adversary-static", system_bin());
    judge->aims.broker = running->broker;
    judge->aims.launcher = running->launcher;
    find_honest(judge, &judge->server, &judge->client);
    must_be_confined(judge->client);
    if (quick)
        return booted;
    must_be_confined(judge->server);
    struct verdict verdict = {.fine = true};
    still_served(judge, &verdict);
    if (!verdict.fine)
        give_up("%s", verdict.complaint);
    usleep(200000); /* pools are filled behind the scenes; counts are compared with some slack for them */
    judge->counts = ask(judge, "counts");
    return booted;
}

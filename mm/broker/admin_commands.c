/*
 * A request is checked whole before anything is done: it is one JSON object, its command is in the table,
 * its arguments are that command's, each of its type. A mistake is answered with what is wrong and what
 * would be right, the nearest word among what is known.
 *
 * The rule: of what a request says, nothing but checked strings of bounded length reaches the broker.
 */
#include "mm/broker/admin_commands.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <realm/error.h>

#include "librealm/core/name.h"
#include "librealm/core/nearest.h"
#include "mm/broker/admin_answers.h"
#include "mm/broker/diagnosis.h"
#include "mm/broker/launch_link.h"
#include "mm/broker/revoke.h"

#define QUOTE_BYTES   64u /* of a hostile word in an error text */
#define TEXT_BYTES    2048u
#define NEAREST_NAMES 4096u
#define MEMORY_MIN    ((json_int_t)1 << 20)
#define MEMORY_MAX    ((json_int_t)1 << 40)

enum type { STRING, BOOLEAN, STRINGS, INTEGER };

static const char *const type_names[] = {"a string", "true or false", "a list of strings", "a whole number"};

struct argument {
    const char *name;
    enum type type;
    bool required;
};

struct request {
    struct broker *broker;
    const json_t *arguments;
    struct admin_follow *follow;
};

struct command {
    const char *name;
    json_t *(*run)(const struct request *request);
    struct argument arguments[3];
};

/* --- answers --- */

static json_t *accept_with(json_t *result)
{
    if (result == NULL)
        return admin_commands_refuse("ask for less, or look at the state of the machine's memory",
                                     "the answer is too large, or memory is short");
    return json_pack("{s:b, s:o}", "ok", 1, "result", result);
}

json_t *admin_commands_refuse(const char *fix, const char *error, ...)
{
    char words[TEXT_BYTES];
    va_list arguments;

    va_start(arguments, error);
    vsnprintf(words, sizeof words, error, arguments);
    va_end(arguments);
    return json_pack("{s:b, s:s, s:s}", "ok", 0, "error", words, "fix", fix);
}

/* The beginning of a word that came from outside, cut between two characters. */
struct quoted {
    char text[QUOTE_BYTES + 4];
};

static struct quoted quote(const char *word)
{
    struct quoted quoted = {{0}};
    const size_t size = strlen(word);
    size_t at = 0;

    while (at < size) {
        size_t step = realm_utf8_step((const uint8_t *)word + at, size - at);
        if (step == 0 || at + step > QUOTE_BYTES)
            break;
        at += step;
    }
    memcpy(quoted.text, word, at);
    if (at < size)
        memcpy(quoted.text + at, "...", 3);
    return quoted;
}

/* Joins "did you mean X" and the list of what there is. */
static void advise(char *text, size_t size, const char *word, const char *const *known, size_t count,
                   const char *what)
{
    const char *nearest = realm_nearest(word, known, count);
    int used = nearest ? snprintf(text, size, "did you mean `%s`? ", nearest) : 0;

    if (used < 0)
        return;
    size_t at = (size_t)used < size ? (size_t)used : size;
    at += (size_t)snprintf(text + at, size - at, "%s: ", what);
    for (size_t i = 0; i < count && at < size; i++)
        at += (size_t)snprintf(text + at, size - at, "%s%s", i ? ", " : "", known[i]);
}

static json_t *refuse_realm(const struct broker *broker, const char *name)
{
    const char **names = calloc(NEAREST_NAMES, sizeof *names);
    struct broker_realm *realm = NULL;
    char fix[TEXT_BYTES] = "`realm ps` lists the realms";
    size_t count = 0;

    while (names && count < NEAREST_NAMES && (realm = broker_next_realm(broker, realm)))
        names[count++] = realm->name;
    const char *nearest = names ? realm_nearest(name, names, count) : NULL;
    if (nearest)
        snprintf(fix, sizeof fix, "did you mean `%s`? `realm ps` lists the realms", nearest);
    free(names);
    return admin_commands_refuse(fix, "there is no realm `%s`", quote(name).text);
}

static json_t *refuse_service(const struct broker *broker, const char *name)
{
    const char *nearest = mm_config_nearest_service(broker->config, name);
    char fix[TEXT_BYTES] = "`realm services` lists the services";

    if (nearest)
        snprintf(fix, sizeof fix, "did you mean `%s`? `realm services` lists the services", nearest);
    return admin_commands_refuse(fix, "there is no service `%s`", quote(name).text);
}

/* --- what the arguments say; they have been checked --- */

static const char *string_argument(const struct request *request, const char *name)
{
    return json_string_value(json_object_get(request->arguments, name));
}

static struct broker_realm *realm_argument(const struct request *request)
{
    return broker_find_realm(request->broker, string_argument(request, "realm"));
}

/* Packs the list as the protocols do: strings, each ended by a NUL. */
static int pack_args(const json_t *list, uint8_t bytes[REALM_SPAWN_ARGS_BYTES], uint32_t *ret_size)
{
    size_t used = 0;

    if (json_array_size(list) > REALM_SPAWN_ARGS_MAX)
        return REALM_E_TOO_BIG;
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *string = json_array_get(list, i);
        const size_t size = json_string_length(string) + 1;
        if (size > REALM_SPAWN_ARGS_BYTES - used)
            return REALM_E_TOO_BIG;
        memcpy(bytes + used, json_string_value(string), size);
        used += size;
    }
    *ret_size = (uint32_t)used;
    return 0;
}

/* --- commands --- */

/* The figures come from the realms themselves: they are asked now, and the next `ps` shows what they say. */
static json_t *run_ps(const struct request *request)
{
    broker_query_stats(request->broker);
    return accept_with(admin_answers_ps(request->broker));
}

static json_t *run_services(const struct request *request)
{
    return accept_with(admin_answers_services(request->broker));
}

static json_t *run_channels(const struct request *request)
{
    return accept_with(admin_answers_channels(request->broker));
}

static json_t *run_caps(const struct request *request)
{
    return accept_with(admin_answers_caps(request->broker));
}

static json_t *run_rules(const struct request *request)
{
    return accept_with(admin_answers_rules(request->broker));
}

static json_t *run_counts(const struct request *request)
{
    return accept_with(admin_answers_counts(request->broker));
}

static json_t *run_explain(const struct request *request)
{
    const char *service = string_argument(request, "service"), *right = string_argument(request, "right");
    struct broker_explanation *explanation = NULL;
    uint32_t rights;

    const struct broker_realm *realm = realm_argument(request);
    if (realm == NULL)
        return refuse_realm(request->broker, string_argument(request, "realm"));
    if (!admin_answers_right(right, &rights))
        return admin_commands_refuse("the rights are: send, grant, mint, revoke", "`%s` is no right",
                                     quote(right).text);
    int error = broker_explain(request->broker, realm, service, rights, &explanation);
    if (error != 0 && error != REALM_E_NO_SERVICE)
        return accept_with(NULL);
    json_t *answer =
        error ? refuse_service(request->broker, service)
              : accept_with(admin_answers_explanation(request->broker, realm, service, right, explanation));
    free(explanation);
    return answer;
}

static json_t *run_decision(const struct request *request)
{
    const char *number = string_argument(request, "number");
    const size_t size = strlen(number);
    const struct diagnosis_entry *entry = NULL;

    if (size > 0 && size <= 19 && strspn(number, "0123456789") == size)
        entry = diagnosis_find(request->broker, strtoull(number, NULL, 10));
    if (entry == NULL)
        return admin_commands_refuse(
            "the events `denied` and `limited` have the number; of each realm the last are kept, 256 of all",
            "there is no decision `%s`", quote(number).text);
    return accept_with(admin_answers_decision(request->broker, entry));
}

static json_t *refuse_spawn(const struct broker_spawn *spawn, int error)
{
    const struct quoted program = quote(spawn->program);

    switch (error) {
    case REALM_E_EXISTS:
        return admin_commands_refuse("end it with `realm kill`, or choose another name",
                                     "`%s` runs already, or its name is taken",
                                     quote(spawn->name ? spawn->name : spawn->program).text);
    case REALM_E_BAD_NAME:
        return admin_commands_refuse("a name is 1 to 255 bytes of UTF-8 without control characters",
                                     "`%s` is no name", quote(spawn->name ? spawn->name : "").text);
    case REALM_E_BAD_ARGUMENT:
        return admin_commands_refuse(spawn->name
                                         ? "leave out the name, or declare the realm with `template: true`"
                                         : "give it a name: `realm spawn --name NAME`",
                                     spawn->name ? "`%s` is no template: it has only its own name"
                                                 : "`%s` is a template: each of its instances needs a name",
                                     program.text);
    case REALM_E_NOT_STARTED:
        return admin_commands_refuse("`realm ps` shows its parent and its starts, `realm logs` the reason",
                                     "`%s` cannot start now: its parent does not run, its start limit is "
                                     "reached, or the system is ending",
                                     program.text);
    case REALM_E_TOO_BIG:
        return admin_commands_refuse("at most 64 arguments, 2 KiB in all", "there are too many arguments");
    default:
        return admin_commands_refuse("`realm logs` may say more", "`%s` cannot start: %s", program.text,
                                     error > 0 ? realm_error_text(error) : strerror(-error));
    }
}

static json_t *run_spawn(const struct request *request)
{
    const json_t *args = json_object_get(request->arguments, "args");
    uint8_t bytes[REALM_SPAWN_ARGS_BYTES];
    struct broker_realm *realm = NULL;
    struct broker_spawn spawn = {
        .program = string_argument(request, "realm"),
        .name = string_argument(request, "name"),
        .args = bytes,
        .args_count = (uint32_t)json_array_size(args),
    };

    if (realm_argument(request) == NULL)
        return refuse_realm(request->broker, spawn.program);
    int error = pack_args(args, bytes, &spawn.args_size);
    if (error == 0)
        error = broker_spawn(request->broker, &spawn, &realm);
    if (error)
        return refuse_spawn(&spawn, error);
    return accept_with(json_pack("{s:s, s:I}", "realm", realm->name, "id", (json_int_t)realm->id));
}

static json_t *run_kill(const struct request *request)
{
    struct broker_realm *realm = realm_argument(request);

    if (realm == NULL)
        return refuse_realm(request->broker, string_argument(request, "realm"));
    /* Made first: the record of an instance may go with it. */
    json_t *result = json_pack("{s:s, s:I}", "realm", realm->name, "id", (json_int_t)realm->id);
    broker_kill(request->broker, realm, BROKER_CAUSE_ADMIN);
    return accept_with(result);
}

static json_t *run_revoke(const struct request *request)
{
    struct broker *broker = request->broker;
    struct broker_realm *realm = realm_argument(request);
    const char *name = string_argument(request, "service");

    if (realm == NULL)
        return refuse_realm(broker, string_argument(request, "realm"));
    struct policy_name called = {name, strlen(name)};
    struct broker_service *service = broker_service_of(broker, policy_find_service(broker->policy, called));
    if (service == NULL)
        return admin_commands_refuse("`realm services` lists the services", "there is no service `%s`",
                                     quote(name).text);
    uint32_t count;
    if (revoke_channels(realm, service, &count))
        return admin_commands_refuse("ask again", "nothing was revoked: the Memory Manager is out of memory");
    if (count == 0)
        return admin_commands_refuse("`realm channels` lists the channels", "`%s` has no channel to `%s`",
                                     quote(realm->name).text, quote(name).text);
    return accept_with(json_pack("{s:s, s:s, s:I}", "realm", realm->name, "service", service->config->name,
                                 "channels", (json_int_t)count));
}

static json_t *run_limit(const struct request *request)
{
    const json_int_t memory = json_integer_value(json_object_get(request->arguments, "memory"));
    struct broker_realm *realm = realm_argument(request);

    if (realm == NULL)
        return refuse_realm(request->broker, string_argument(request, "realm"));
    if (memory < MEMORY_MIN || memory > MEMORY_MAX)
        return admin_commands_refuse("`memory` is from 1MiB to 1024GiB, as in a scenario",
                                     "%lld bytes is no limit of memory", (long long)memory);
    if (realm->phase != BROKER_RUNNING)
        return admin_commands_refuse(
            "start it first, or change `limits:` in the scenario, which holds for every start",
            "`%s` does not run: there is no limit to move", quote(realm->name).text);
    if (launch_limit(realm, (uint64_t)memory))
        return admin_commands_refuse("try again in a moment", "too much waits for the launcher");
    return accept_with(
        json_pack("{s:s, s:I, s:I}", "realm", realm->name, "id", (json_int_t)realm->id, "memory", memory));
}

static json_t *run_logs(const struct request *request)
{
    const char *realm = string_argument(request, "realm");
    uint64_t cursor = 0;

    /* A realm that is gone may have left lines. */
    if (realm && realm_argument(request) == NULL && logs_next(request->broker->logs, realm, &cursor) == NULL)
        return refuse_realm(request->broker, realm);
    json_t *lines = admin_answers_logs(request->broker, realm);
    if (lines && json_is_true(json_object_get(request->arguments, "follow"))) {
        request->follow->on = true;
        request->follow->all = realm == NULL;
        snprintf(request->follow->realm, sizeof request->follow->realm, "%s", realm ? realm : "");
    }
    return accept_with(lines);
}

static const struct command commands[] = {
    {"ps", run_ps, {{0}}},
    {"services", run_services, {{0}}},
    {"channels", run_channels, {{0}}},
    {"caps", run_caps, {{0}}},
    {"rules", run_rules, {{0}}},
    {"counts", run_counts, {{0}}},
    {"explain", run_explain, {{"realm", STRING, true}, {"service", STRING, true}, {"right", STRING, false}}},
    {"decision", run_decision, {{"number", STRING, true}}},
    {"spawn", run_spawn, {{"realm", STRING, true}, {"name", STRING, false}, {"args", STRINGS, false}}},
    {"kill", run_kill, {{"realm", STRING, true}}},
    {"limit", run_limit, {{"realm", STRING, true}, {"memory", INTEGER, true}}},
    {"revoke", run_revoke, {{"realm", STRING, true}, {"service", STRING, true}}},
    {"logs", run_logs, {{"realm", STRING, false}, {"follow", BOOLEAN, false}}},
};
#define COMMANDS      (sizeof commands / sizeof *commands)
#define ARGUMENTS_MAX (sizeof commands[0].arguments / sizeof commands[0].arguments[0])

/* --- checking --- */

static bool has_type(const json_t *value, enum type type)
{
    if (type == STRING)
        return json_is_string(value);
    if (type == BOOLEAN)
        return json_is_boolean(value);
    if (type == INTEGER)
        return json_is_integer(value);
    for (size_t i = 0; i < json_array_size(value); i++)
        if (!json_is_string(json_array_get(value, i)))
            return false;
    return json_is_array(value);
}

static const struct argument *find_argument(const struct command *command, const char *name)
{
    for (size_t i = 0; i < ARGUMENTS_MAX && command->arguments[i].name; i++)
        if (strcmp(command->arguments[i].name, name) == 0)
            return &command->arguments[i];
    return NULL;
}

static json_t *refuse_argument(const struct command *command, const char *name)
{
    const char *known[ARGUMENTS_MAX + 1] = {"command"};
    char fix[TEXT_BYTES];
    size_t count = 1;

    for (size_t i = 0; i < ARGUMENTS_MAX && command->arguments[i].name; i++)
        known[count++] = command->arguments[i].name;
    advise(fix, sizeof fix, name, known, count, "it takes");
    return admin_commands_refuse(fix, "`%s` takes no `%s`", command->name, quote(name).text);
}

/* NULL: all is well; else the refusal. */
static json_t *check_arguments(const struct command *command, json_t *arguments)
{
    const char *name;
    json_t *value;

    json_object_foreach(arguments, name, value)
    {
        const struct argument *argument = find_argument(command, name);
        if (strcmp(name, "command") == 0)
            continue;
        if (argument == NULL)
            return refuse_argument(command, name);
        if (!has_type(value, argument->type))
            return admin_commands_refuse("mend the request", "`%s` of `%s` is not %s", name, command->name,
                                         type_names[argument->type]);
    }
    for (size_t i = 0; i < ARGUMENTS_MAX && command->arguments[i].name; i++) {
        const struct argument *argument = &command->arguments[i];
        if (argument->required && json_object_get(arguments, argument->name) == NULL)
            return admin_commands_refuse("add it to the request", "`%s` needs `%s`, %s", command->name,
                                         argument->name, type_names[argument->type]);
    }
    return NULL;
}

static json_t *refuse_command(const char *word)
{
    const char *known[COMMANDS];
    char fix[TEXT_BYTES];

    for (size_t i = 0; i < COMMANDS; i++)
        known[i] = commands[i].name;
    if (word == NULL) {
        advise(fix, sizeof fix, "", known, COMMANDS, "the commands are");
        return admin_commands_refuse(fix, "the request has no `command` that is a string");
    }
    advise(fix, sizeof fix, word, known, COMMANDS, "the commands are");
    return admin_commands_refuse(fix, "there is no command `%s`", quote(word).text);
}

static json_t *execute(struct broker *broker, json_t *object, struct admin_follow *follow)
{
    const struct request request = {broker, object, follow};
    const char *word = json_string_value(json_object_get(object, "command"));

    for (size_t i = 0; word && i < COMMANDS; i++) {
        if (strcmp(commands[i].name, word) != 0)
            continue;
        json_t *refusal = check_arguments(&commands[i], object);
        return refusal ? refusal : commands[i].run(&request);
    }
    return refuse_command(word);
}

json_t *admin_commands_execute(struct broker *broker, const char *line, size_t size,
                               struct admin_follow *ret_follow)
{
    static const char one_object[] = "send one JSON object a line, such as {\"command\":\"ps\"}";
    struct admin_follow follow = {0};
    json_error_t error;

    json_t *object = json_loadb(line, size, JSON_REJECT_DUPLICATES, &error);
    if (object == NULL)
        return admin_commands_refuse(one_object, "the request is not JSON, at byte %d", error.position);
    if (!json_is_object(object)) {
        json_decref(object);
        return admin_commands_refuse(one_object, "the request is no JSON object");
    }
    json_t *answer = execute(broker, object, &follow);
    json_decref(object);
    if (answer && follow.on)
        *ret_follow = follow;
    return answer;
}

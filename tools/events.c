/*
 * Each event has a sentence in which {member} stands for that member's value. What realms have a say in
 * (their log, their names) goes through print_text, so it cannot command the terminal.
 */
#include "tools/events.h"

#include <stdlib.h>
#include <string.h>

#include "tools/print.h"

#define REALM_WIDTH 12

enum weight { QUIET, PLAIN, GOOD, BAD };

static const struct sentence {
    const char *event;
    enum weight weight;
    const char *text;
} sentences[] = {
    {"booted", GOOD, "system {system} booted: {realms} realms, waiter {waiter}"},
    {"started", QUIET, "started (id {id}, process {pid})"},
    {"opened", QUIET, "opened its realm"},
    {"registered", GOOD, "registered \"{service}\""},
    {"unregistered", PLAIN, "withdrew \"{service}\""},
    {"connected", PLAIN, "connected to \"{service}\" of {server}"},
    {"denied", BAD, "denied \"{service}\" by the rule \"{rule}\", {at}"},
    {"denied-more", BAD, "was denied {count} more times: `realm explain --decision {decision}` has the last"},
    {"disconnected", QUIET, "disconnected from \"{service}\""},
    {"closed", PLAIN, "its channel to \"{service}\" was closed: {reason}"},
    {"revoked", BAD, "its channel to \"{service}\" of {server} was revoked"},
    {"granted", PLAIN, "lets {child} connect to \"{service}\""},
    {"delegated", PLAIN, "gave its capability for \"{capability}\" to {to} ({mode})"},
    {"sealed", PLAIN, "has sealed {bytes} bytes of memory: nobody writes them any more"},
    {"terminated", PLAIN, "ended: {exit}"},
    {"restarting", PLAIN, "starts again in {in_ms} ms"},
    {"start-failed", BAD, "could not be started: {stage}: {error}"},
    {"offence", BAD, "broke the protocol and was ended: {what}"},
    {"throttled", BAD, "sends too many requests and has to wait"},
    {"limit-moved", PLAIN, "its limit of {limit} is {value} bytes now"},
    {"limited", BAD, "has reached its limit of {limit}, {value}: {at}"},
    {"log", PLAIN, "| {text}"},
    {"dropped", BAD, "{count} events were lost: this output is read too slowly"},
    {"broker-died", BAD, "the broker died; open channels live on for a moment, then everything ends"},
    {"ended", GOOD, "the system has ended: {exit}"},
};

static const struct sentence *find(const char *event)
{
    for (size_t i = 0; i < sizeof sentences / sizeof sentences[0]; i++)
        if (strcmp(sentences[i].event, event) == 0)
            return &sentences[i];
    return NULL;
}

static const char *colour_of(enum weight weight)
{
    static const char *const codes[] = {
        [QUIET] = "\033[2m", [PLAIN] = "", [GOOD] = "\033[32m", [BAD] = "\033[31m"};
    return codes[weight];
}

static void print_member(const json_t *event, const char *name, size_t size, FILE *stream)
{
    char key[32];
    snprintf(key, sizeof key, "%.*s", (int)size, name);
    const json_t *value = json_object_get(event, key);
    if (json_is_string(value))
        print_text(stream, json_string_value(value));
    else if (json_is_integer(value))
        fprintf(stream, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
    else
        fputc('?', stream);
}

static void print_sentence(const json_t *event, const char *text, FILE *stream)
{
    while (*text) {
        size_t plain = strcspn(text, "{");
        fwrite(text, 1, plain, stream);
        text += plain;
        if (*text != '{')
            return;
        size_t size = strcspn(++text, "}");
        print_member(event, text, size, stream);
        text += size + 1;
    }
}

static bool failed(const json_t *event)
{
    const char *exit = json_string_value(json_object_get(event, "exit"));
    return exit && strcmp(exit, "0") != 0;
}

static void print_unknown(const json_t *event, FILE *stream)
{
    char *text = json_dumps(event, JSON_COMPACT);
    print_text(stream, text ? text : "?");
    free(text);
}

void events_print(const json_t *event, const struct events_style *style, FILE *stream)
{
    const char *name = json_string_value(json_object_get(event, "event"));
    const struct sentence *sentence = name ? find(name) : NULL;
    enum weight weight = sentence ? sentence->weight : PLAIN;
    if (sentence && strcmp(name, "terminated") == 0 && failed(event))
        weight = BAD;
    if (style->quiet && weight != BAD)
        return;
    const char *realm = json_string_value(json_object_get(event, "realm"));
    fprintf(stream, "%9.3f  ", (double)json_integer_value(json_object_get(event, "t_ns")) / 1e9);
    if (style->colours)
        fputs("\033[1m", stream);
    print_text(stream, realm ? realm : "");
    if (style->colours)
        fputs("\033[0m", stream);
    size_t width = realm ? strlen(realm) : 0;
    fprintf(stream, "%*s ", width < REALM_WIDTH ? (int)(REALM_WIDTH - width) : 0, "");
    if (style->colours)
        fputs(colour_of(weight), stream);
    if (sentence)
        print_sentence(event, sentence->text, stream);
    else
        print_unknown(event, stream);
    const char *fix = json_string_value(json_object_get(event, "fix"));
    if (fix && *fix) {
        fprintf(stream, "\n%*sto allow it: ", 11 + REALM_WIDTH + 1, "");
        print_text(stream, fix);
    }
    fputs(style->colours ? "\033[0m\n" : "\n", stream);
}

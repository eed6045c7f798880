/* The sentences of events, and what of a realm gets into them. Run from the project's folder. */
#include <criterion/criterion.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/events.h"

static const struct events_style plain = {.colours = false};

/* How people see an event; the caller's to free. */
static char *shown(const json_t *event)
{
    char *text = NULL;
    size_t size;
    FILE *stream = open_memstream(&text, &size);

    cr_assert_not_null(stream);
    events_print(event, &plain, stream);
    fclose(stream);
    return text;
}

/* The part of the overview that lists events; the caller's to free. */
static char *read_list(void)
{
    FILE *page = fopen("docs/design/overview.md", "r");
    char *line = NULL, *list = NULL;
    size_t line_size = 0, size;
    bool inside = false;

    cr_assert_not_null(page, "run it from the project's folder");
    FILE *stream = open_memstream(&list, &size);
    while (getline(&line, &line_size, page) > 0) {
        if (line[0] == '#')
            inside = strcmp(line, "## Events\n") == 0;
        else if (inside)
            fputs(line, stream);
    }
    free(line);
    fclose(page);
    fclose(stream);
    return list;
}

/* An event `name{member,member}` in which each member is its own name. */
static json_t *event_of(const char *text)
{
    json_t *event = json_object();
    const char *at = text + strcspn(text, "{");

    json_object_set_new(event, "event", json_stringn(text, (size_t)(at - text)));
    json_object_set_new(event, "t_ns", json_integer(0));
    while (*at != '}') {
        const size_t size = strcspn(++at, ",}");
        json_object_setn_new(event, at, size, json_stringn(at, size));
        at += size;
    }
    return event;
}

static void check_sentence(const json_t *event)
{
    const char *name = json_string_value(json_object_get(event, "event"));
    char *text = shown(event);

    cr_expect_null(strstr(text, "\"event\""), "`%s` has no sentence: %s", name, text);
    cr_expect_null(strchr(text, '?'), "`%s` shows a member that it does not have: %s", name, text);
    free(text);
}

/* Whether what stands between two backquotes is a name with members. */
static bool is_event(const char *text, size_t size)
{
    size_t name = strcspn(text, "{`");

    for (size_t i = 0; i < name; i++)
        if (!islower((unsigned char)text[i]) && text[i] != '-')
            return false;
    return name > 0 && name < size && text[size - 1] == '}';
}

/* Goal: each event that the overview lists has a sentence, which names no member that the event lacks. */
Test(events, each_has_a_sentence)
{
    char *list = read_list(), *at = list;
    unsigned events = 0;

    while ((at = strchr(at, '`')) != NULL) {
        const size_t size = strcspn(++at, "`");
        if (is_event(at, size)) {
            json_t *event = event_of(at);
            check_sentence(event);
            json_decref(event);
            events++;
        }
        at += size + 1;
    }
    cr_assert_geq(events, 20, "only %u events were found in the overview", events);
    free(list);
}

/* Goal: each event that broker and launcher emit is listed in the overview. */
Test(events, each_is_listed)
{
    char *list = read_list(), name[64], listed[80];
    FILE *emitted = popen("grep -rhoE 'events_emit\\([^,]+, \"[a-z-]+\"|append_event\\([^,]+, \"[a-z-]+\"|"
                          "event\\\\\":\\\\\"[a-z-]+' mm --include='*.c' | grep -oE '[a-z-]+\"?$'",
                          "r");
    unsigned events = 0;

    cr_assert_not_null(emitted);
    while (fgets(name, sizeof name, emitted) != NULL) {
        name[strcspn(name, "\"\n")] = 0;
        snprintf(listed, sizeof listed, "`%s{", name);
        cr_expect_not_null(strstr(list, listed), "`%s` is not among the events of docs/design/overview.md",
                           name);
        events++;
    }
    pclose(emitted);
    cr_assert_geq(events, 20, "only %u events were found in the sources", events);
    free(list);
}

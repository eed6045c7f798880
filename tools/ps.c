/*
 * `realm ps`: every realm, with what it is and has done.
 *
 * Some figures come from the realms themselves, which the system asks whenever somebody looks: a realm that
 * was never asked has none yet. So this looks once more, a little later, if figures are missing.
 */
#include <string.h>
#include <time.h>

#include "tools/client.h"
#include "tools/print.h"

#define ANSWER_MS 50 /* what a realm in its loop needs at most; one that computes may take longer */

static bool figures_missing(const json_t *rows)
{
    size_t index;
    json_t *row;

    json_array_foreach(rows, index, row)
    {
        const char *state = json_string_value(json_object_get(row, "state"));
        if (state && strcmp(state, "running") == 0 && json_is_null(json_object_get(row, "requests")))
            return true;
    }
    return false;
}

static int ask(const struct arguments *arguments, json_t **ret_rows)
{
    return client_ask(arguments, json_pack("{s:s}", "command", "ps"), ret_rows);
}

int ps_main(const struct arguments *arguments)
{
    static const struct print_column columns[] = {
        {"REALM", "realm", PRINT_TEXT, false},
        {"ID", "id", PRINT_TEXT, true},
        {"PID", "pid", PRINT_TEXT, true},
        {"STATE", "state", PRINT_TEXT, false},
        {"PARENT", "parent", PRINT_TEXT, false},
        {"CHILDREN", "children", PRINT_TEXT, false},
        {"CHANNELS", "channels", PRINT_TEXT, true},
        {"SERVICES", "services", PRINT_TEXT, false},
        {"STARTS", "starts", PRINT_TEXT, true},
        {"EXIT", "exit", PRINT_TEXT, false},
        {"HEAP", "heap_allocated", PRINT_BYTES, true},
        {"HEAP RESIDENT", "heap_resident", PRINT_BYTES, true},
        {"REQUESTS", "requests", PRINT_TEXT, true},
        {"CALLS", "calls", PRINT_TEXT, true},
        {"UPTIME", "uptime_ns", PRINT_TIME, true},
    };
    const struct timespec pause = {.tv_nsec = ANSWER_MS * 1000000L};
    json_t *rows = NULL;
    int status = ask(arguments, &rows);
    if (!status && figures_missing(rows)) {
        nanosleep(&pause, NULL);
        json_decref(rows);
        status = ask(arguments, &rows);
    }
    if (status)
        return status;
    status = print_rows(arguments, rows, columns, sizeof columns / sizeof columns[0], "no realms");
    json_decref(rows);
    return status;
}

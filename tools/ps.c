/* `realm ps`: every realm, with what it is and has done. */
#include "tools/print.h"

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
        {"RESIDENT", "heap_resident", PRINT_BYTES, true},
        {"REQUESTS", "requests", PRINT_TEXT, true},
        {"CALLS", "calls", PRINT_TEXT, true},
        {"UPTIME", "uptime_ns", PRINT_TIME, true},
    };
    return print_answer(arguments, "ps", columns, sizeof columns / sizeof columns[0], "no realms");
}

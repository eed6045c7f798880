/* `realm services`: every declared service. */
#include "tools/print.h"

int services_main(const struct arguments *arguments)
{
    static const struct print_column columns[] = {
        {"SERVICE", "service", PRINT_TEXT, false},   {"ALIASES", "aliases", PRINT_TEXT, false},
        {"PROVIDER", "provider", PRINT_TEXT, false}, {"REGISTERED", "registered", PRINT_YES, false},
        {"CLIENTS", "clients", PRINT_TEXT, true},    {"ACCESS", "access", PRINT_TEXT, false},
        {"DECLARED AT", "at", PRINT_TEXT, false},
    };
    return print_answer(arguments, "services", columns, sizeof columns / sizeof columns[0], "no services");
}

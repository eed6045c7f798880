/* `realm caps`: the derivation tree of capabilities. */
#include "tools/print.h"

int caps_main(const struct arguments *arguments)
{
    static const struct print_column columns[] = {
        {"CAPABILITY", "capability", PRINT_TEXT, false}, {"PARENT", "parent", PRINT_TEXT, false},
        {"REALM", "realm", PRINT_TEXT, false},           {"SERVICE", "service", PRINT_TEXT, false},
        {"RIGHTS", "rights", PRINT_TEXT, false},         {"BADGE", "badge", PRINT_TEXT, true},
    };
    return print_answer(arguments, "caps", columns, sizeof columns / sizeof columns[0], "no capabilities");
}

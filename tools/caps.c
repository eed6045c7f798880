/* `realm caps`: the capabilities, as a table or as the tree that they were derived in. */
#include "tools/caps_tree.h"
#include "tools/client.h"
#include "tools/print.h"

static int print_tree(const struct arguments *arguments)
{
    json_t *rows = NULL;
    int status = client_ask(arguments, json_pack("{s:s}", "command", "caps"), &rows);
    if (status)
        return status;
    if (caps_tree_print(stdout, rows) != 0) {
        fputs("realm caps: out of memory\n", stderr);
        status = EXIT_FAILED;
    }
    json_decref(rows);
    return status;
}

int caps_main(const struct arguments *arguments)
{
    static const struct print_column columns[] = {
        {"CAPABILITY", "capability", PRINT_TEXT, false},
        {"PARENT", "parent", PRINT_TEXT, false},
        {"KIND", "kind", PRINT_TEXT, false},
        {"REALM", "realm", PRINT_TEXT, false},
        {"SERVICE", "service", PRINT_TEXT, false},
        {"RIGHTS", "rights", PRINT_TEXT, false},
        {"BADGE", "badge", PRINT_TEXT, true},
        {"BYTES", "bytes", PRINT_BYTES, true},
        {"SEALED", "sealed", PRINT_TEXT, false},
    };
    if (arguments_has(arguments, "--tree") && !arguments_has(arguments, "--json"))
        return print_tree(arguments);
    return print_answer(arguments, "caps", columns, sizeof columns / sizeof columns[0], "no capabilities");
}

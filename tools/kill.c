/* `realm kill`: ends a realm at once. */
#include "tools/client.h"
#include "tools/print.h"

int kill_main(const struct arguments *arguments)
{
    json_t *result = NULL;
    int status = client_ask(
        arguments, json_pack("{s:s, s:s}", "command", "kill", "realm", arguments->operands[0]), &result);
    if (status)
        return status;
    if (arguments_has(arguments, "--json")) {
        status = print_json(stdout, result);
    } else {
        fputs("ended ", stdout);
        print_text(stdout, arguments->operands[0]);
        printf(" (id %" JSON_INTEGER_FORMAT ")\n", json_integer_value(json_object_get(result, "id")));
    }
    json_decref(result);
    return status;
}

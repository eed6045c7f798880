/* `realm revoke`: takes a realm's channels to a service away. */
#include "tools/client.h"
#include "tools/print.h"

int revoke_main(const struct arguments *arguments)
{
    json_t *result = NULL;
    int status = client_ask(arguments,
                            json_pack("{s:s, s:s, s:s}", "command", "revoke", "realm", arguments->operands[0],
                                      "service", arguments->operands[1]),
                            &result);
    if (status)
        return status;
    if (arguments_has(arguments, "--json")) {
        status = print_json(stdout, result);
    } else {
        json_int_t count = json_integer_value(json_object_get(result, "channels"));
        printf("revoked %" JSON_INTEGER_FORMAT " channel%s of ", count, count == 1 ? "" : "s");
        print_text(stdout, arguments->operands[0]);
        fputs(" to ", stdout);
        print_text(stdout, arguments->operands[1]);
        putchar('\n');
    }
    json_decref(result);
    return status;
}

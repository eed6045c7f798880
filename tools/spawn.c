/* `realm spawn`: starts a realm, or an instance of a template. */
#include "tools/client.h"
#include "tools/print.h"

static json_t *request_of(const struct arguments *arguments)
{
    json_t *request = json_pack("{s:s, s:s}", "command", "spawn", "realm", arguments->operands[0]);
    const char *name = arguments_value(arguments, "--name");
    if (request && name)
        json_object_set_new(request, "name", json_string(name));
    if (!request || arguments->operands_count == 1)
        return request;
    json_t *args = json_array();
    for (size_t i = 1; i < arguments->operands_count; i++)
        json_array_append_new(args, json_string(arguments->operands[i]));
    json_object_set_new(request, "args", args);
    return request;
}

int spawn_main(const struct arguments *arguments)
{
    json_t *result = NULL;
    int status = client_ask(arguments, request_of(arguments), &result);
    if (status)
        return status;
    if (arguments_has(arguments, "--json")) {
        status = print_json(stdout, result);
    } else {
        const char *realm = json_string_value(json_object_get(result, "realm"));
        fputs("started ", stdout);
        print_text(stdout, realm ? realm : arguments->operands[0]);
        printf(" (id %" JSON_INTEGER_FORMAT ")\n", json_integer_value(json_object_get(result, "id")));
    }
    json_decref(result);
    return status;
}

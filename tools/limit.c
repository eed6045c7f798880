/* `realm limit`: moves a limit of a running realm. */
#include <stdio.h>
#include <string.h>

#include "sim/boot/size.h"
#include "tools/client.h"
#include "tools/print.h"

#define MEMORY "memory="

int limit_main(const struct arguments *arguments)
{
    const char *change = arguments->operands[1];
    json_t *result = NULL;
    uint64_t bytes;

    if (strncmp(change, MEMORY, strlen(MEMORY)) != 0 || !size_parse(change + strlen(MEMORY), &bytes)) {
        fprintf(stderr,
                "realm limit: say memory=SIZE, where SIZE is " SIZE_FORM "; the other limits stand as long "
                "as the process runs\n");
        return 2;
    }
    int status = client_ask(arguments,
                            json_pack("{s:s, s:s, s:I}", "command", "limit", "realm", arguments->operands[0],
                                      "memory", (json_int_t)bytes),
                            &result);
    if (status)
        return status;
    if (arguments_has(arguments, "--json")) {
        status = print_json(stdout, result);
    } else {
        print_text(stdout, arguments->operands[0]);
        printf(" may have %s of private memory\n", change + strlen(MEMORY));
    }
    json_decref(result);
    return status;
}

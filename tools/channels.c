/* `realm channels`: who is connected to what. */
#include "tools/print.h"

int channels_main(const struct arguments *arguments)
{
    static const struct print_column columns[] = {
        {"CLIENT", "client", PRINT_TEXT, false},       {"SERVICE", "service", PRINT_TEXT, false},
        {"SERVER", "server", PRINT_TEXT, false},       {"BADGE", "badge", PRINT_TEXT, true},
        {"QUEUE", "queue_messages", PRINT_TEXT, true}, {"BYTES", "queue_bytes", PRINT_TEXT, true},
        {"AGE", "age_ns", PRINT_TIME, true},           {"STATE", "state", PRINT_TEXT, false},
    };
    return print_answer(arguments, "channels", columns, sizeof columns / sizeof columns[0],
                        "no open channels");
}

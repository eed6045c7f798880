/*
 * The tables of the broker and of the launcher, for their loops.
 *
 * The broker reads everything that realms send: whoever finds a fault in it finds a process that can open,
 * execute and connect nothing. The launcher forks and opens by trade; what it never does is taken from it.
 */
#include "mm/sandbox/filter_table.h"

#define ALLOW(name, why)                                                                                     \
    {                                                                                                        \
        .kind = FILTER_ALLOW, .call = name, .text = "", .reason = why                                        \
    }

/* clang-format off */
static const struct filter_row broker_rows[] = {
    {.kind = FILTER_KILL_ARCH, .call = "(32-bit and x32 calls)", .text = "",
     .reason = "Their numbers mean other calls: what this table says would not hold for them."},
    ALLOW("exit_group", "The end."),
};

static const struct filter_row launcher_rows[] = {
    {.kind = FILTER_KILL_ARCH, .call = "(32-bit and x32 calls)", .text = "",
     .reason = "Their numbers mean other calls: what this table says would not hold for them."},
    ALLOW("exit_group", "The end."),
};
/* clang-format on */

const struct filter_table filter_table_broker = {.rows = broker_rows,
                                                 .count = sizeof broker_rows / sizeof *broker_rows};
const struct filter_table filter_table_launcher = {.rows = launcher_rows,
                                                   .count = sizeof launcher_rows / sizeof *launcher_rows};

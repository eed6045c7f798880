/*
 * What can be asked of a running system, and the answers (docs/design/overview.md has the table).
 */
#ifndef MM_BROKER_ADMIN_COMMANDS_H
#define MM_BROKER_ADMIN_COMMANDS_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include <realm/types.h>

#include "mm/broker/logs.h"
#include "mm/broker/state.h"

/* Whether the connection goes on with new lines, and whose. */
struct admin_follow {
    bool on;
    bool all;
    char realm[REALM_NAME_MAX + 1]; /* unless all */
};

/*
 * Carries out one request: a line without its newline, size bytes of anything.
 * Return: the answer, {"ok":true,"result":…} or {"ok":false,"error":…,"fix":…}; NULL: out of memory.
 */
json_t *admin_commands_execute(struct broker *broker, const char *line, size_t size,
                               struct admin_follow *ret_follow);

/* {"ok":false,…}. error is printf-like and may be cut; fix is as it is. NULL: out of memory. */
json_t *admin_commands_refuse(const char *fix, const char *error, ...) __attribute__((format(printf, 2, 3)));

#endif

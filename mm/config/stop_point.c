/*
 * Standing still at the point that the environment names. A process may be forbidden by its filter to stop
 * itself; then it waits for its end, and cannot be let go on.
 */
#include "mm/config/stop_point.h"

#ifdef REALM_STOP_POINTS
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PREFIX_SIZE (sizeof "stop-point:" - 1)

void mm_stop_point(const char *name)
{
    static unsigned long passed;
    const char *chosen = getenv("REALM_STOP_AT");
    size_t size = strlen(name += PREFIX_SIZE);

    if (!chosen || strncmp(chosen, name, size) != 0 || (chosen[size] != '\0' && chosen[size] != ':'))
        return;
    if (++passed != (chosen[size] == ':' ? strtoul(chosen + size + 1, NULL, 10) : 1))
        return;
    char line[128] = "stopped at ";
    strncat(line, name, 64);
    strcat(line, "\n");
    (void)!write(STDERR_FILENO, line, strlen(line));
    while (raise(SIGSTOP) != 0)
        (void)pause();
}
#endif

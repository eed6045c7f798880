/*
 * The gaps between the descriptors to keep are closed with one close_range each, so that the cost does not
 * grow with the limit on descriptors, and nothing that a library opened in the meantime is forgotten.
 */
#include "mm/launcher/descriptors.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <unistd.h>

#define KEEP_MAX 16u

/* Copies what is above 2 in rising order. */
static unsigned sort_into(int *sorted, const int *keep, unsigned count)
{
    unsigned used = 0;
    for (unsigned i = 0; i < count; i++) {
        if (keep[i] <= STDERR_FILENO)
            continue;
        unsigned at = used++;
        for (; at > 0 && sorted[at - 1] > keep[i]; at--)
            sorted[at] = sorted[at - 1];
        sorted[at] = keep[i];
    }
    return used;
}

int descriptors_keep_only(const int *keep, unsigned count)
{
    int sorted[KEEP_MAX];

    assert(count <= KEEP_MAX);
    unsigned used = sort_into(sorted, keep, count);
    unsigned first = STDERR_FILENO + 1;
    for (unsigned i = 0; i < used; i++) {
        unsigned fd = (unsigned)sorted[i];
        if (fd > first && close_range(first, fd - 1, 0) < 0)
            return -errno;
        if (fd >= first)
            first = fd + 1;
    }
    if (close_range(first, UINT_MAX, 0) < 0)
        return -errno;
    return 0;
}

/*
 * Durations as people write them: "10s", "1.5s", "500ms", "2m". A unit is always there, so nobody has to
 * guess whether 10 means seconds.
 */
#ifndef SIM_BOOT_DURATION_H
#define SIM_BOOT_DURATION_H

#include <stdbool.h>
#include <stdint.h>

#define DURATION_FORM   "a number and a unit: ns, us, ms, s, m or h, such as 500ms or 10s"
#define DURATION_MAX_NS (UINT64_C(86400000000000) * 365) /* a year */

/*
 * Reads a whole text as a duration above 0 and up to a year; a fraction may have nine digits at most.
 * false: it is none, and *ret_ns is untouched.
 */
bool duration_parse(const char *text, uint64_t *ret_ns);

#endif

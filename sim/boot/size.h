/*
 * Sizes as people write them: 512KiB, 64MiB, 1GiB. A unit is always there, so nobody has to guess whether 64
 * means bytes.
 */
#ifndef SIM_BOOT_SIZE_H
#define SIM_BOOT_SIZE_H

#include <stdbool.h>
#include <stdint.h>

#define SIZE_FORM "a size such as 512KiB, 64MiB or 1GiB"

/* Reads a whole text as a size; its number has nine digits at most. false: it is none, *ret_bytes is
 * untouched. */
bool size_parse(const char *text, uint64_t *ret_bytes);

#endif

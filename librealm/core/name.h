/*
 * Names: what a realm, a service or a file may be called.
 *
 * A name comes from a peer, a user or a file, so it is hostile until it has passed here. What has passed can
 * be printed on a terminal and written into JSON as it is.
 */
#ifndef REALM_CORE_NAME_H
#define REALM_CORE_NAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Whether text (size bytes, no terminator needed) is a name: 1 to REALM_NAME_MAX bytes of UTF-8 without
 * control characters (U+0000 to U+001F, U+007F to U+009F).
 */
bool realm_name_valid(const char *text, size_t size);

/* Whether text is UTF-8 throughout. Nothing at all is; so is a NUL, which is a character like others here. */
bool realm_utf8_valid(const char *text, size_t size);

/*
 * The length, 1 to 4, of the character that text begins with; 0 if it begins with none: the bytes are not
 * UTF-8, or end early, or size is 0. For those who replace what is wrong: skip one byte and go on.
 */
size_t realm_utf8_step(const uint8_t *text, size_t size);

#endif

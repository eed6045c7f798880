/*
 * Checks of the fields that packets of both protocols share: zeros, names, arguments.
 *
 * Each looks at a private copy of a packet, never at memory that its sender can still write.
 */
#ifndef REALM_PROTO_FIELDS_H
#define REALM_PROTO_FIELDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "librealm/proto/control.h"

/* The sizes of pages that packets speak of: memory is made in multiples of it. */
#define REALM_FIELD_PAGE_BYTES 4096u

/* Whether memory of this many bytes can be made and shared: whole pages, at least one, at most max. */
bool realm_field_region_bytes(uint32_t bytes, uint32_t max);

/* Whether all bytes are zero. */
bool realm_field_zero(const void *bytes, size_t size);

/* Whether the reserved bytes of a name are zero. */
bool realm_field_name_reserved(const struct realm_control_name *name);

/* Whether it is a valid name, and zero from its end to the end of text: so text is NUL-terminated. */
bool realm_field_name_valid(const struct realm_control_name *name);

/* The same, or no name at all: size 0 and text all zero. */
bool realm_field_name_optional(const struct realm_control_name *name);

/*
 * Whether args (REALM_SPAWN_ARGS_BYTES) holds in its first size bytes exactly count strings, each ended by a
 * NUL, and is zero from there on; count is at most REALM_SPAWN_ARGS_MAX.
 */
bool realm_field_args_valid(const uint8_t *args, uint16_t count, uint16_t size);

#endif

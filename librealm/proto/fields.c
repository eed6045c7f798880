/*
 * The rule of these checks: what is accepted has one spelling only. What a field does not use is zero, so
 * that no packet carries anything that nobody looked at.
 */
#include "librealm/proto/fields.h"

#include "librealm/core/name.h"

bool realm_field_region_bytes(uint32_t bytes, uint32_t max)
{
    return bytes > 0 && bytes <= max && bytes % REALM_FIELD_PAGE_BYTES == 0;
}

bool realm_field_zero(const void *bytes, size_t size)
{
    const uint8_t *at = bytes;
    uint8_t any = 0;
    for (size_t i = 0; i < size; i++)
        any |= at[i];
    return any == 0;
}

bool realm_field_name_reserved(const struct realm_control_name *name)
{
    return realm_field_zero(name->reserved, sizeof name->reserved);
}

bool realm_field_name_valid(const struct realm_control_name *name)
{
    /* The size is bounded by realm_name_valid before it is used as an index. */
    return realm_name_valid((const char *)name->text, name->size) &&
           realm_field_zero(name->text + name->size, sizeof name->text - name->size);
}

bool realm_field_name_optional(const struct realm_control_name *name)
{
    if (name->size == 0)
        return realm_field_zero(name->text, sizeof name->text);
    return realm_field_name_valid(name);
}

bool realm_field_args_valid(const uint8_t *args, uint16_t count, uint16_t size)
{
    if (count > REALM_SPAWN_ARGS_MAX || size > REALM_SPAWN_ARGS_BYTES)
        return false;
    if (size > 0 && args[size - 1] != '\0')
        return false;
    unsigned strings = 0;
    for (unsigned i = 0; i < size; i++)
        strings += args[i] == '\0';
    return strings == count && realm_field_zero(args + size, REALM_SPAWN_ARGS_BYTES - size);
}

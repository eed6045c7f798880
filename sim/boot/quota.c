/*
 * What a realm is given beyond its program: quotas, which it shares with all its descendants, and the
 * capabilities that it has from its start (docs/design/capabilities.md).
 *
 * A quota is no limit of the process (`limits`): it bounds what the Memory Manager keeps for a whole subtree.
 */
#include <string.h>

#include "sim/boot/fields.h"

#define PAGE_BYTES UINT64_C(4096)

static void set(struct mm_quota *quota, enum mm_resource resource, const struct yaml_node *value,
                uint64_t limit)
{
    quota->limited[resource] = true;
    quota->limit[resource] = limit;
    quota->place[resource] = value->place;
}

static void read_count(struct reader *reader, const struct yaml_node *value, struct mm_quota *quota,
                       enum mm_resource resource, const char *what)
{
    uint32_t count;
    if (fields_integer(reader, value, what, 0, UINT32_MAX, &count))
        set(quota, resource, value, count);
}

static void read_realms(struct reader *reader, const struct yaml_node *value, void *target)
{
    read_count(reader, value, target, MM_RESOURCE_REALMS, "realms");
}

static void read_channels(struct reader *reader, const struct yaml_node *value, void *target)
{
    read_count(reader, value, target, MM_RESOURCE_CHANNELS, "channels");
}

static void read_count_capabilities(struct reader *reader, const struct yaml_node *value, void *target)
{
    read_count(reader, value, target, MM_RESOURCE_CAPABILITIES, "capabilities");
}

static void read_descriptors(struct reader *reader, const struct yaml_node *value, void *target)
{
    read_count(reader, value, target, MM_RESOURCE_DESCRIPTORS, "descriptors");
}

static void read_requests(struct reader *reader, const struct yaml_node *value, void *target)
{
    read_count(reader, value, target, MM_RESOURCE_REQUESTS, "requests");
}

static void read_memory(struct reader *reader, const struct yaml_node *value, void *target)
{
    const bool nothing = value->kind == YAML_SCALAR && strcmp(value->text, "0") == 0; /* needs no unit */
    uint64_t bytes = 0;
    if (!nothing && !limits_read_size(reader, value, "memory", 0, UINT64_C(1) << 40, &bytes))
        return;
    if (bytes % PAGE_BYTES != 0)
        fields_problem(reader, value, "memory is given in pages: make it a multiple of 4KiB");
    else
        set(target, MM_RESOURCE_MEMORY, value, bytes);
}

void quota_read(struct reader *reader, const struct yaml_node *map, struct mm_quota *quota)
{
    static const struct field fields[] = {
        {"realms", false, read_realms},
        {"channels", false, read_channels},
        {"capabilities", false, read_count_capabilities},
        {"memory", false, read_memory},
        {"descriptors", false, read_descriptors},
        {"requests", false, read_requests},
    };
    fields_read(reader, map, "quota", fields, sizeof fields / sizeof fields[0], quota);
}

/* --- capabilities: [debug, {gate: 3}] --- */

static void read_gate(struct reader *reader, const struct yaml_node *value, void *target)
{
    struct mm_realm *realm = target;
    uint32_t number;
    if (!fields_integer(reader, value, "gate", 1, MM_GATE_MAX, &number))
        return;
    if (realm->gates & UINT64_C(1) << number)
        fields_problem(reader, value, "the gate %u is in this list already", number);
    realm->gates |= UINT64_C(1) << number;
}

static const struct field gate_fields[] = {{"gate", true, read_gate}};

void quota_read_capabilities(struct reader *reader, const struct yaml_node *list, struct mm_realm *realm)
{
    static const char *const words[] = {"debug", NULL};
    size_t count, index;
    if (!fields_list(reader, list, "capabilities", &count))
        return;
    for (const struct yaml_node *entry = list->children; entry && !reader->error; entry = entry->next) {
        if (entry->kind == YAML_MAP) {
            fields_read(reader, entry, "a capability", gate_fields,
                        sizeof gate_fields / sizeof gate_fields[0], realm);
        } else if (fields_choice(reader, entry, "a capability (or {gate: N})", words, &index)) {
            if (realm->debug)
                fields_problem(reader, entry, "debug is in this list already");
            realm->debug = true;
        }
    }
}

/*
 * A realm's limits, each with the place where it stands.
 */
#include "sim/boot/fields.h"
#include "sim/boot/size.h"

#define KIB(n) (UINT64_C(n) << 10)
#define MIB(n) (UINT64_C(n) << 20)
#define GIB(n) (UINT64_C(n) << 30)

bool limits_read_size(struct reader *reader, const struct yaml_node *value, const char *what, uint64_t min,
                      uint64_t max, uint64_t *ret_bytes)
{
    uint64_t bytes;

    if (value->kind != YAML_SCALAR || !size_parse(value->text, &bytes)) {
        fields_problem(reader, value, "%s must be " SIZE_FORM, what);
        return false;
    }
    if (bytes < min || bytes > max) {
        bool small = max < MIB(1);
        fields_problem(reader, value, "%s must be from %lluKiB to %llu%s", what,
                       (unsigned long long)(min >> 10), (unsigned long long)(small ? max >> 10 : max >> 20),
                       small ? "KiB" : "MiB");
        return false;
    }
    *ret_bytes = bytes;
    return true;
}

/* Where a limit stands, so that whoever reaches it can be told. */
static struct mm_limits *note(const struct yaml_node *value, void *target, enum mm_limit which)
{
    struct mm_limits *limits = target;

    limits->places[which] = value->place;
    return limits;
}

/* The least of each is what a realm of librealm needs to start. */
static void read_memory(struct reader *reader, const struct yaml_node *value, void *target)
{
    struct mm_limits *limits = note(value, target, MM_LIMIT_MEMORY);

    limits_read_size(reader, value, "memory", MIB(1), GIB(1024), &limits->memory_bytes);
}

static void read_address_space(struct reader *reader, const struct yaml_node *value, void *target)
{
    struct mm_limits *limits = note(value, target, MM_LIMIT_ADDRESS_SPACE);

    limits_read_size(reader, value, "address_space", MIB(16), GIB(4096), &limits->address_space_bytes);
}

static void read_log(struct reader *reader, const struct yaml_node *value, void *target)
{
    struct mm_limits *limits = note(value, target, MM_LIMIT_LOG);
    uint64_t bytes;

    if (limits_read_size(reader, value, "log", KIB(1), MIB(1), &bytes))
        limits->log_bytes = (uint32_t)bytes;
}

static void read_threads(struct reader *reader, const struct yaml_node *value, void *target)
{
    fields_integer(reader, value, "threads", 1, 4096, &note(value, target, MM_LIMIT_THREADS)->threads);
}

static void read_descriptors(struct reader *reader, const struct yaml_node *value, void *target)
{
    fields_integer(reader, value, "descriptors", 64, 1048576,
                   &note(value, target, MM_LIMIT_DESCRIPTORS)->descriptors);
}

static void read_channels(struct reader *reader, const struct yaml_node *value, void *target)
{
    fields_integer(reader, value, "channels", 1, 4096, &note(value, target, MM_LIMIT_CHANNELS)->channels);
}

static void read_waits(struct reader *reader, const struct yaml_node *value, void *target)
{
    fields_integer(reader, value, "waits", 1, 1024, &note(value, target, MM_LIMIT_WAITS)->waits);
}

static void read_cpu_weight(struct reader *reader, const struct yaml_node *value, void *target)
{
    fields_integer(reader, value, "cpu_weight", 1, 10000,
                   &note(value, target, MM_LIMIT_CPU_WEIGHT)->cpu_weight);
}

void limits_read(struct reader *reader, const struct yaml_node *map, struct mm_limits *limits)
{
    static const struct field fields[] = {
        {"memory", false, read_memory},     {"address_space", false, read_address_space},
        {"threads", false, read_threads},   {"descriptors", false, read_descriptors},
        {"channels", false, read_channels}, {"waits", false, read_waits},
        {"log", false, read_log},           {"cpu_weight", false, read_cpu_weight},
    };

    fields_read(reader, map, "limits", fields, sizeof fields / sizeof fields[0], limits);
}

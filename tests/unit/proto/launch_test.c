/* The launch protocol's checks: what the launcher does for the broker, and nothing beside it. */
#include "librealm/proto/launch.h"

#include <criterion/criterion.h>
#include <stdbool.h>
#include <string.h>

#include <realm/error.h>

static union realm_launch_request request;
static union realm_launch_event event;

static int decode(const void *packet)
{
    const struct realm_launch_header *header = packet;
    memset(&request, 0xee, sizeof request);
    return realm_launch_decode_request(packet, realm_launch_size(header->type), &request);
}

static int decode_event(const void *packet)
{
    const struct realm_launch_header *header = packet;
    memset(&event, 0xee, sizeof event);
    return realm_launch_decode_event(packet, realm_launch_size(header->type), &event);
}

static struct realm_launch_spawn spawn_packet(void)
{
    struct realm_launch_spawn packet = {.realm = 2, .program = 1, .args_count = 1, .args_size = 3};
    cr_assert_eq(realm_control_name_init(&packet.name, "db", 2), 0);
    memcpy(packet.args, "-v", 3);
    realm_launch_header_init(&packet.header, REALM_LAUNCH_SPAWN, 4);
    return packet;
}

Test(launch, knows_its_types)
{
    /* Goal: sizes of the types, and of numbers that are none. */
    cr_assert_eq(realm_launch_size(REALM_LAUNCH_SPAWN), sizeof(struct realm_launch_spawn));
    cr_assert_eq(realm_launch_size(REALM_LAUNCH_STOP), sizeof(struct realm_launch_header));
    cr_assert_eq(realm_launch_size(REALM_LAUNCH_MADE), sizeof(struct realm_launch_made));
    static const uint16_t unknown[] = {0, 7, 127, 136, UINT16_MAX};
    for (size_t i = 0; i < sizeof unknown / sizeof unknown[0]; i++)
        cr_assert_eq(realm_launch_size(unknown[i]), 0);
}

Test(launch, refuses_a_wrong_header)
{
    /* Goal: another version, type, size or direction is refused, and the output is not touched. */
    struct realm_launch_spawn good = spawn_packet(), bad;
    cr_assert_eq(decode(&good), 0);
    cr_assert_arr_eq(&request, &good, sizeof good);
#define WRONG(field, value, size)                                                                            \
    do {                                                                                                     \
        bad = good;                                                                                          \
        bad.header.field = value;                                                                            \
        memset(&request, 0xee, sizeof request);                                                              \
        cr_assert_eq(realm_launch_decode_request(&bad, size, &request), REALM_E_PROTOCOL);                   \
        for (size_t i = 0; i < sizeof request; i++)                                                          \
            cr_assert_eq(((uint8_t *)&request)[i], 0xee);                                                    \
    } while (0)
    WRONG(version, 0, sizeof bad);
    WRONG(type, REALM_LAUNCH_SPAWNED, sizeof bad);
    WRONG(type, REALM_LAUNCH_KILL, sizeof bad);
    WRONG(type, 6, sizeof bad);
    WRONG(size, sizeof bad + 1, sizeof bad);
    WRONG(size, sizeof bad - 1, sizeof bad - 1);
    WRONG(version, REALM_LAUNCH_VERSION, 0);
    WRONG(version, REALM_LAUNCH_VERSION, 15);
    WRONG(version, REALM_LAUNCH_VERSION, sizeof bad - 1);
#undef WRONG
    cr_assert_eq(realm_launch_decode_event(&good, sizeof good, &event), REALM_E_PROTOCOL);
}

Test(launch, decodes_spawn)
{
    /* Goal: a realm without an id or a name is not started; arguments are counted. */
    struct realm_launch_spawn good = spawn_packet(), bad;
#define BAD(change, expected)                                                                                \
    do {                                                                                                     \
        bad = good;                                                                                          \
        change;                                                                                              \
        cr_assert_eq(decode(&bad), expected);                                                                \
    } while (0)
    BAD(bad.realm = 0, REALM_E_BAD_ARGUMENT);
    BAD(bad.name.size = 0, REALM_E_BAD_ARGUMENT);
    BAD(bad.name.text[1] = '\n', REALM_E_BAD_ARGUMENT);
    BAD(bad.name.reserved[0] = 1, REALM_E_PROTOCOL);
    BAD(bad.args_count = 2, REALM_E_BAD_ARGUMENT);
    BAD(bad.args_size = 2, REALM_E_BAD_ARGUMENT);
    BAD(bad.args_size = REALM_SPAWN_ARGS_BYTES + 1, REALM_E_BAD_ARGUMENT);
    BAD(bad.args[100] = 'x', REALM_E_BAD_ARGUMENT);
#undef BAD
    static const union realm_launch_request zero;
    cr_assert_arr_eq(&request, &good, sizeof request.header);
    cr_assert_arr_eq((char *)&request + sizeof request.header, (const char *)&zero + sizeof zero.header,
                     sizeof zero - sizeof zero.header);
}

Test(launch, decodes_kill_and_stop)
{
    /* Goal: nobody (realm 0) is not killed; STOP is a header alone. */
    struct realm_launch_kill kill = {.realm = 2};
    realm_launch_header_init(&kill.header, REALM_LAUNCH_KILL, 1);
    cr_assert_eq(decode(&kill), 0);
    kill.realm = 0;
    cr_assert_eq(decode(&kill), REALM_E_BAD_ARGUMENT);
    struct realm_launch_header stop;
    realm_launch_header_init(&stop, REALM_LAUNCH_STOP, 0);
    cr_assert_eq(decode(&stop), 0);
}

Test(launch, bounds_regions)
{
    /* Goal: memory is asked for in whole pages, few and not large; what was made obeys the same. */
    static const struct {
        uint32_t count, bytes;
        int expected;
    } cases[] = {
        {1, 4096, 0},
        {16, 1024 * 1024, 0},
        {0, 8192, REALM_E_BAD_ARGUMENT},
        {17, 8192, REALM_E_BAD_ARGUMENT},
        {UINT32_MAX, 8192, REALM_E_BAD_ARGUMENT},
        {1, 0, REALM_E_BAD_ARGUMENT},
        {1, 8193, REALM_E_BAD_ARGUMENT},
        {1, 1024 * 1024 + 4096, REALM_E_BAD_ARGUMENT},
        {1, UINT32_MAX - 4095, REALM_E_BAD_ARGUMENT},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct realm_launch_regions regions = {.count = cases[i].count, .bytes = cases[i].bytes};
        struct realm_launch_made made = {.count = cases[i].count, .bytes = cases[i].bytes};
        realm_launch_header_init(&regions.header, REALM_LAUNCH_REGIONS, 1);
        realm_launch_header_init(&made.header, REALM_LAUNCH_MADE, 1);
        cr_assert_eq(decode(&regions), cases[i].expected, "case %zu", i);
        cr_assert_eq(decode_event(&made), cases[i].expected, "case %zu", i);
    }
}

Test(launch, bounds_memory)
{
    /* Goal: parts are few and whole, the way is a known one, and only what is not made anew comes with
     * descriptors: as many as there are parts. */
    static const struct {
        uint32_t count, bytes, way, reserved;
        int expected;
        unsigned fds;
    } cases[] = {
        {1, 4096, REALM_LAUNCH_NEW, 0, 0, 0},
        {8, 1024 * 1024, REALM_LAUNCH_NEW, 0, 0, 0},
        {3, 4096, REALM_LAUNCH_COPY, 0, 0, 3},
        {8, 4096, REALM_LAUNCH_READ, 0, 0, 8},
        {1, 4096, REALM_LAUNCH_WRITE, 0, 0, 1},
        {2, 4096, REALM_LAUNCH_SEAL, 0, 0, 2},
        {0, 4096, REALM_LAUNCH_READ, 0, REALM_E_BAD_ARGUMENT, 0},
        {9, 4096, REALM_LAUNCH_READ, 0, REALM_E_BAD_ARGUMENT, 0},
        {UINT32_MAX, 4096, REALM_LAUNCH_NEW, 0, REALM_E_BAD_ARGUMENT, 0},
        {1, 0, REALM_LAUNCH_NEW, 0, REALM_E_BAD_ARGUMENT, 0},
        {1, 4097, REALM_LAUNCH_NEW, 0, REALM_E_BAD_ARGUMENT, 0},
        {1, 1024 * 1024 + 4096, REALM_LAUNCH_NEW, 0, REALM_E_BAD_ARGUMENT, 0},
        {1, 4096, 0, 0, REALM_E_BAD_ARGUMENT, 0},
        {1, 4096, REALM_LAUNCH_SEAL + 1, 0, REALM_E_BAD_ARGUMENT, 0},
        {1, 4096, REALM_LAUNCH_NEW, 1, REALM_E_PROTOCOL, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        union realm_launch_request decoded;
        struct realm_launch_memory memory = {.count = cases[i].count,
                                             .bytes = cases[i].bytes,
                                             .way = cases[i].way,
                                             .reserved = cases[i].reserved};
        realm_launch_header_init(&memory.header, REALM_LAUNCH_MEMORY, 1);
        cr_assert_eq(realm_launch_decode_request(&memory, sizeof memory, &decoded), cases[i].expected,
                     "case %zu", i);
        if (cases[i].expected == 0)
            cr_assert_eq(realm_launch_request_fds(&decoded), cases[i].fds, "case %zu", i);
    }
    struct realm_launch_opened opened = {.count = 8, .bytes = 4096};
    realm_launch_header_init(&opened.header, REALM_LAUNCH_OPENED, 1);
    cr_assert_eq(decode_event(&opened), 0);
    opened.count = 9;
    cr_assert_eq(decode_event(&opened), REALM_E_BAD_ARGUMENT);
}

Test(launch, decodes_what_the_launcher_says)
{
    /* Goal: a started realm has an id and a process, a failure has a cause, an exit belongs to a realm. */
    struct realm_launch_spawned spawned = {.realm = 2, .pid = 100, .has_hint = 1};
    realm_launch_header_init(&spawned.header, REALM_LAUNCH_SPAWNED, 1);
    cr_assert_eq(decode_event(&spawned), 0);
    spawned.has_hint = 2;
    cr_assert_eq(decode_event(&spawned), REALM_E_BAD_ARGUMENT);
    spawned.has_hint = 0;
    spawned.pid = 0;
    cr_assert_eq(decode_event(&spawned), REALM_E_BAD_ARGUMENT);

    struct realm_launch_failed failed = {.realm = 2, .error = 2, .stage = REALM_STAGE_EXEC};
    realm_launch_header_init(&failed.header, REALM_LAUNCH_FAILED, 1);
    cr_assert_eq(decode_event(&failed), 0);
    for (uint32_t stage = 0; stage <= 7; stage++) {
        failed.stage = stage;
        cr_assert_eq(decode_event(&failed), stage >= 1 && stage <= 5 ? 0 : REALM_E_BAD_ARGUMENT);
    }
    failed.stage = REALM_STAGE_FILE;
    failed.error = 0;
    cr_assert_eq(decode_event(&failed), REALM_E_BAD_ARGUMENT);
    failed.reserved = 1;
    cr_assert_eq(decode_event(&failed), REALM_E_PROTOCOL);

    struct realm_launch_exited exited = {.realm = 2, .wait_status = 9};
    realm_launch_header_init(&exited.header, REALM_LAUNCH_EXITED, 0);
    cr_assert_eq(decode_event(&exited), 0);
    exited.realm = 0;
    cr_assert_eq(decode_event(&exited), REALM_E_BAD_ARGUMENT);
    exited.reserved = 1;
    cr_assert_eq(decode_event(&exited), REALM_E_PROTOCOL);
}

Test(launch, decodes_limit_and_loaded)
{
    /* Goal: a limit moves for somebody, to any number; a box was shut for a reason that there is. */
    struct realm_launch_limit limit = {.realm = 2, .private_bytes = UINT64_MAX};
    realm_launch_header_init(&limit.header, REALM_LAUNCH_LIMIT, 1);
    cr_assert_eq(decode(&limit), 0);
    cr_assert_eq(request.limit.private_bytes, UINT64_MAX);
    limit.realm = 0;
    cr_assert_eq(decode(&limit), REALM_E_BAD_ARGUMENT);

    struct realm_launch_loaded loaded = {.realm = 2, .opens = 7};
    realm_launch_header_init(&loaded.header, REALM_LAUNCH_LOADED, 0);
    for (uint32_t shut = 0; shut <= 6; shut++) {
        loaded.shut = shut;
        bool known = shut >= REALM_SHUT_STATIC && shut <= REALM_SHUT_DEADLINE;
        cr_assert_eq(decode_event(&loaded), known ? 0 : REALM_E_BAD_ARGUMENT);
    }
    loaded.shut = REALM_SHUT_LOADED;
    loaded.realm = 0;
    cr_assert_eq(decode_event(&loaded), REALM_E_BAD_ARGUMENT);
}

Test(launch, decodes_limited)
{
    /* Goal: where a limit is now, of somebody, or why it is where it was. */
    struct realm_launch_limited limited = {.realm = 2, .private_bytes = 1 << 20};
    realm_launch_header_init(&limited.header, REALM_LAUNCH_LIMITED, 0);
    cr_assert_eq(decode_event(&limited), 0);
    limited.error = -1;
    cr_assert_eq(decode_event(&limited), REALM_E_BAD_ARGUMENT);
    limited.error = 1;
    cr_assert_eq(decode_event(&limited), 0);
    limited.reserved = 1;
    cr_assert_eq(decode_event(&limited), REALM_E_PROTOCOL);
    limited.reserved = 0;
    limited.realm = 0;
    cr_assert_eq(decode_event(&limited), REALM_E_BAD_ARGUMENT);
}

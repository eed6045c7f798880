/* The systems that bytes choose: small, but with every kind of rule, odd names, and limits that are soon met.
 */
#include "tools/fuzz/generate.h"

#include <string.h>

#include "tools/fuzz/draw.h"

static const char *const realm_names[] = {"app", "db", "web", "sub", "*", "a*", "**", "worker", "x"};
static const char *const service_names[][3] = {
    {"database", "sql", "port:11001"},
    {"logger", "log", "endpoint:1"},
    {"*", "data*", "**"},
    {"network", "SYSTEM::NET", "\\*"},
};
static const char *const patterns[] = {"/**",  "/*",      "/app/*",     "/app/**", "/\\*",
                                       "/a*",  "/**/sub", "/w*/x",      "/\\*\\*", "/",
                                       "/app", "/*/*/*",  "/**/*/sub*", "/db/**/x"};
#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static uint32_t draw_rights(struct draw *draw)
{
    static const uint32_t common[] = {ORACLE_SEND | ORACLE_GRANT | ORACLE_MINT | ORACLE_REVOKE,
                                      ORACLE_SEND | ORACLE_GRANT | ORACLE_REVOKE, ORACLE_SEND,
                                      ORACLE_SEND | ORACLE_MINT | ORACLE_REVOKE};
    return common[draw_below(draw, COUNT(common))];
}

static void draw_entry(struct draw *draw, const struct oracle_system *system, bool exact,
                       struct oracle_entry *ret_entry)
{
    static const enum oracle_match matches[] = {ORACLE_BY_REALM, ORACLE_BY_PATH,        ORACLE_BY_CHILDREN,
                                                ORACLE_BY_ALL,   ORACLE_BY_DESCENDANTS, ORACLE_BY_REALM};
    memset(ret_entry, 0, sizeof *ret_entry);
    ret_entry->match = matches[draw_below(draw, exact ? 2 : COUNT(matches))];
    if (ret_entry->match == ORACLE_BY_REALM)
        ret_entry->realm = (int)draw_below(draw, system->realms_count);
    if (ret_entry->match == ORACLE_BY_PATH)
        ret_entry->pattern = patterns[draw_below(draw, COUNT(patterns))];
    if (ret_entry->match == ORACLE_BY_REALM && ret_entry->realm == ORACLE_INIT)
        ret_entry->realm = 1;
}

static uint64_t draw_limit(struct draw *draw, unsigned resource)
{
    static const uint64_t limits[] = {6, 3, 12, 1, 0, 24, UINT64_MAX - 1, 2};
    uint64_t limit = limits[draw_below(draw, COUNT(limits))];
    return resource == ORACLE_USES_MEMORY && limit < 1000 ? limit * 4096 : limit;
}

static void draw_realm(struct draw *draw, struct oracle_system *system)
{
    struct oracle_realm *realm = &system->realms[system->realms_count];
    memset(realm, 0, sizeof *realm);
    realm->name = realm_names[(system->realms_count - 1) % COUNT(realm_names)];
    /* Deep trees are as likely as flat ones. */
    realm->parent =
        draw_chance(draw, 100) ? (int)system->realms_count - 1 : (int)draw_below(draw, system->realms_count);
    realm->instance_of = ORACLE_NONE;
    realm->debug = draw_chance(draw, 60);
    realm->gates = draw_chance(draw, 80) ? (1u << 1 | 1u << 21) >> draw_below(draw, 2) & ~1u : 0;
    for (unsigned i = 0; i < ORACLE_RESOURCES; i++)
        realm->limits[i] = ORACLE_NO_LIMIT;
    if (draw_chance(draw, 50)) {
        unsigned resource = draw_below(draw, ORACLE_RESOURCES);
        realm->limits[resource] = draw_limit(draw, resource);
    }
    system->realms_count++;
}

static void draw_service(struct draw *draw, struct oracle_system *system)
{
    struct oracle_service *service = &system->services[system->services_count];
    memset(service, 0, sizeof *service);
    service->names_count = 1 + draw_below(draw, 3);
    for (size_t i = 0; i < service->names_count; i++)
        service->names[i] = service_names[system->services_count][i];
    service->provider = 1 + (int)draw_below(draw, system->realms_count - 1);
    service->deny.count = draw_chance(draw, 70);
    for (size_t i = 0; i < service->deny.count; i++)
        draw_entry(draw, system, false, &service->deny.entries[i]);
    service->access.count = draw_below(draw, 4);
    for (size_t i = 0; i < service->access.count; i++) {
        draw_entry(draw, system, false, &service->access.entries[i]);
        service->access.entries[i].rights = draw_chance(draw, 128) ? draw_rights(draw) : 0;
    }
    system->services_count++;
}

static void draw_grant(struct draw *draw, struct oracle_system *system)
{
    struct oracle_config_grant *grant = &system->grants[system->grants_count++];
    grant->service = (int)draw_below(draw, system->services_count);
    draw_entry(draw, system, true, &grant->to);
    grant->to.rights = draw_chance(draw, 20) ? (uint32_t)ORACLE_GRANT : draw_rights(draw);
}

void generate_names(struct fuzz_case *example)
{
    static const char *const never[] = {"nothing", "*", "data*", "", "app"};
    example->names_count = 0;
    for (size_t i = 0; i < example->system.services_count; i++)
        for (size_t j = 0;
             j < example->system.services[i].names_count && example->names_count < FUZZ_NAMES / 2; j++)
            example->names[example->names_count++] = example->system.services[i].names[j];
    for (size_t i = 0; i < COUNT(never); i++)
        example->names[example->names_count++] = never[i];
}

void generate_system(const uint8_t *bytes, size_t size, struct fuzz_case *ret_case)
{
    struct draw draw = {bytes, size < GENERATE_SYSTEM ? size : GENERATE_SYSTEM};
    struct oracle_system *system = &ret_case->system;
    memset(system, 0, sizeof *system);
    system->realms[ORACLE_INIT] =
        (struct oracle_realm){.name = "", .parent = ORACLE_NONE, .instance_of = ORACLE_NONE};
    for (unsigned i = 0; i < ORACLE_RESOURCES; i++)
        system->realms[ORACLE_INIT].limits[i] = ORACLE_NO_LIMIT;
    system->realms_count = 1;
    size_t realms = 3 + draw_below(&draw, 5), services = 1 + draw_below(&draw, 3),
           grants = draw_below(&draw, 4);
    unsigned hierarchy = draw_chance(&draw, 60) ? draw_below(&draw, 8) : 3;
    system->children_call_parents = hierarchy & 1;
    system->parents_call_children = hierarchy & 2;
    system->siblings_call = hierarchy & 4;
    while (system->realms_count <= realms)
        draw_realm(&draw, system);
    while (system->services_count < services)
        draw_service(&draw, system);
    while (system->grants_count < grants)
        draw_grant(&draw, system);
    generate_names(ret_case);
    ret_case->count = ret_case->asserts_count = 0;
    ret_case->singles = 0;
    ret_case->chain = size > 0 && bytes[size < GENERATE_SYSTEM ? size - 1 : GENERATE_SYSTEM - 1] > 250;
}

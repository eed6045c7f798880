/* The engine under test, spoken to in the oracle's terms: nothing but translation. */
#include "tools/fuzz/subject.h"

#include <stdlib.h>
#include <string.h>

#include <realm/error.h>
#include <realm/types.h>

static const struct {
    uint32_t oracle, engine;
} rights_table[] = {
    {ORACLE_SEND, REALM_RIGHT_SEND}, {ORACLE_RECV, REALM_RIGHT_RECV},     {ORACLE_GRANT, REALM_RIGHT_GRANT},
    {ORACLE_MINT, REALM_RIGHT_MINT}, {ORACLE_REVOKE, REALM_RIGHT_REVOKE}, {ORACLE_MANAGE, REALM_RIGHT_MANAGE},
    {ORACLE_READ, REALM_RIGHT_READ}, {ORACLE_WRITE, REALM_RIGHT_WRITE},   {ORACLE_EXEC, REALM_RIGHT_EXEC},
};
#define RIGHTS_KNOWN ((1u << 9) - 1)

_Static_assert((int)ORACLE_USES_REALMS == POLICY_REALMS && (int)ORACLE_USES_CHANNELS == POLICY_CHANNELS &&
                   (int)ORACLE_USES_CAPABILITIES == POLICY_CAPABILITIES &&
                   (int)ORACLE_USES_MEMORY == POLICY_MEMORY &&
                   (int)ORACLE_USES_DESCRIPTORS == POLICY_DESCRIPTORS &&
                   (int)ORACLE_USES_REQUESTS == POLICY_REQUESTS,
               "both count the same things in the same order");

static uint32_t rights_to_engine(uint32_t rights)
{
    uint32_t engine = 0;
    for (size_t i = 0; i < sizeof rights_table / sizeof rights_table[0]; i++)
        if (rights & rights_table[i].oracle)
            engine |= rights_table[i].engine;
    /* What is no right stays none. */
    return rights & ~RIGHTS_KNOWN ? engine | UINT32_C(1) << 31 : engine;
}

uint32_t subject_rights(uint32_t engine_rights)
{
    uint32_t rights = 0;
    for (size_t i = 0; i < sizeof rights_table / sizeof rights_table[0]; i++)
        if (engine_rights & rights_table[i].engine)
            rights |= rights_table[i].oracle;
    return rights;
}

enum oracle_kind subject_kind(enum policy_kind kind)
{
    static const enum oracle_kind kinds[] = {
        [POLICY_KIND_ENDPOINT] = ORACLE_IS_ENDPOINT, [POLICY_KIND_SEND] = ORACLE_IS_SEND,
        [POLICY_KIND_MEMORY] = ORACLE_IS_MEMORY,     [POLICY_KIND_REALM] = ORACLE_IS_REALM,
        [POLICY_KIND_NAME] = ORACLE_IS_NAME,         [POLICY_KIND_DEBUG] = ORACLE_IS_DEBUG,
        [POLICY_KIND_GATE] = ORACLE_IS_GATE,
    };
    return kinds[kind];
}

/* --- memory: blocks that are given out from their front and never back, for they serve one case only: one
 * for the case, one for a system beside it. Debug builds ask the C library, so that sanitizers see every
 * allocation. --- */

struct block {
    size_t used;
    _Alignas(64) uint8_t bytes[1u << 22];
};
static struct block case_block, beside_block;

#ifdef REALM_DEBUG
static void *resize(void *context, void *memory, size_t old_size, size_t new_size)
{
    (void)context;
    (void)old_size;
    if (new_size == 0) {
        free(memory);
        return NULL;
    }
    return realloc(memory, new_size);
}
#else
static void *resize(void *context, void *memory, size_t old_size, size_t new_size)
{
    struct block *block = context;
    if (new_size <= old_size)
        return new_size ? memory : NULL;
    size_t need = (new_size + 63) & ~(size_t)63;
    if (need > sizeof block->bytes - block->used)
        return NULL;
    uint8_t *fresh = block->bytes + block->used;
    block->used += need;
    if (memory)
        memcpy(fresh, memory, old_size);
    return fresh;
}
#endif

/* --- building --- */

struct policy_place subject_place(enum oracle_where where, int service, size_t entry)
{
    uint32_t column = (uint32_t)entry + 1;
    switch (where) {
    case ORACLE_IN_DENY:
        return (struct policy_place){200 + (uint32_t)service, column};
    case ORACLE_IN_GRANTS:
        return (struct policy_place){300, column};
    case ORACLE_IN_ACCESS:
        return (struct policy_place){400 + (uint32_t)service, column};
    case ORACLE_NOWHERE:
        break;
    }
    return (struct policy_place){0, 0};
}

static struct policy_name name_of(const char *text)
{
    return (struct policy_name){text, text ? strlen(text) : 0};
}

static bool add_realm(struct subject *subject, const struct oracle_realm *realm, size_t number)
{
    struct policy_declaration declaration = {.parent = subject->realms[realm->parent],
                                             .name = name_of(realm->name),
                                             .place = {100 + (uint32_t)number, 1},
                                             .debug = realm->debug,
                                             .gates = realm->gates};
    if (realm->instance_of != ORACLE_NONE)
        declaration.template_of = subject->realms[realm->instance_of];
    return policy_add_realm(subject->policy, &declaration, &subject->realms[number]) == 0;
}

static bool set_limits(struct subject *subject, const struct oracle_realm *realm, size_t number)
{
    for (unsigned i = 0; i < ORACLE_RESOURCES; i++)
        if (realm->limits[i] != ORACLE_NO_LIMIT &&
            policy_set_limit(subject->policy, subject->realms[number], (enum policy_resource)i,
                             realm->limits[i]))
            return false;
    return true;
}

bool subject_add_instance(struct subject *subject, const struct oracle_realm *instance, size_t realm)
{
    return add_realm(subject, instance, realm);
}

typedef int add_function(struct policy *policy, struct policy_service service,
                         const struct policy_entry *entry);

static bool add_entry(struct subject *subject, add_function *add, int service,
                      const struct oracle_entry *entry, struct policy_place place, uint32_t rights)
{
    static const enum policy_match matches[] = {
        [ORACLE_BY_REALM] = POLICY_MATCH_REALM,
        [ORACLE_BY_CHILDREN] = POLICY_MATCH_CHILDREN,
        [ORACLE_BY_DESCENDANTS] = POLICY_MATCH_DESCENDANTS,
        [ORACLE_BY_ALL] = POLICY_MATCH_ALL,
        [ORACLE_BY_PATH] = POLICY_MATCH_PATH,
    };
    struct policy_entry translated = {
        .match = matches[entry->match], .rights = rights_to_engine(rights), .place = place};
    if (entry->match == ORACLE_BY_REALM)
        translated.realm = subject->realms[entry->realm];
    if (entry->match == ORACLE_BY_PATH)
        translated.pattern = name_of(entry->pattern);
    return add(subject->policy, subject->services[service], &translated) == 0;
}

static bool add_service(struct subject *subject, const struct oracle_service *service, int number)
{
    if (policy_add_service(subject->policy, name_of(service->names[0]), subject->realms[service->provider],
                           (struct policy_place){50 + (uint32_t)number, 1}, &subject->services[number]) != 0)
        return false;
    for (size_t i = 1; i < service->names_count; i++)
        if (policy_add_alias(subject->policy, subject->services[number], name_of(service->names[i])) != 0)
            return false;
    for (size_t i = 0; i < service->deny.count; i++)
        if (!add_entry(subject, policy_add_deny, number, &service->deny.entries[i],
                       subject_place(ORACLE_IN_DENY, number, i), 0))
            return false;
    for (size_t i = 0; i < service->access.count; i++) {
        const struct oracle_entry *entry = &service->access.entries[i];
        if (!add_entry(subject, policy_add_access, number, entry, subject_place(ORACLE_IN_ACCESS, number, i),
                       entry->rights ? entry->rights : (uint32_t)ORACLE_SEND))
            return false;
    }
    return true;
}

static bool build(struct subject *subject, const struct oracle_system *system, const char **ret_why)
{
    unsigned hierarchy = (system->children_call_parents ? POLICY_CHILDREN_CALL_PARENTS : 0u) |
                         (system->parents_call_children ? POLICY_PARENTS_CALL_CHILDREN : 0u) |
                         (system->siblings_call ? POLICY_SIBLINGS_CALL : 0u);
    policy_set_hierarchy(subject->policy, hierarchy);
    subject->realms[ORACLE_INIT] = policy_init_realm(subject->policy);
    *ret_why = "the engine does not take a realm";
    for (size_t i = 1; i < system->realms_count; i++)
        if (!add_realm(subject, &system->realms[i], i))
            return false;
    *ret_why = "the engine does not take a limit";
    for (size_t i = 0; i < system->realms_count; i++)
        if (!set_limits(subject, &system->realms[i], i))
            return false;
    *ret_why = "the engine does not take a service";
    for (size_t i = 0; i < system->services_count; i++)
        if (!add_service(subject, &system->services[i], (int)i))
            return false;
    *ret_why = "the engine does not take a grant";
    for (size_t i = 0; i < system->grants_count; i++)
        if (!add_entry(subject, policy_add_grant, system->grants[i].service, &system->grants[i].to,
                       subject_place(ORACLE_IN_GRANTS, 0, i), system->grants[i].to.rights))
            return false;
    return true;
}

static bool open_in(struct subject *subject, const struct oracle_system *system, struct block *block,
                    const char **ret_why)
{
    static const uint8_t key[16] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
    const struct policy_memory memory = {resize, block};
    block->used = 0;
    memset(subject->ordinals, 0xff, sizeof subject->ordinals);
    *ret_why = "the engine finds no memory";
    if (policy_new(&memory, key, &subject->policy) != 0)
        return false;
    if (build(subject, system, ret_why))
        return true;
    subject_close(subject);
    return false;
}

bool subject_open(struct subject *subject, const struct oracle_system *system, const char **ret_why)
{
    return open_in(subject, system, &case_block, ret_why);
}

bool subject_open_beside(struct subject *subject, const struct oracle_system *system, const char **ret_why)
{
    return open_in(subject, system, &beside_block, ret_why);
}

void subject_close(struct subject *subject)
{
    policy_free(subject->policy);
    subject->policy = NULL;
}

/* --- names of things, there and back --- */

void subject_name(struct subject *subject, int ordinal, struct policy_capability capability)
{
    subject->capabilities[ordinal] = capability;
    if (capability.index < sizeof subject->ordinals / sizeof subject->ordinals[0])
        subject->ordinals[capability.index] = ordinal;
}

int subject_ordinal(const struct subject *subject, struct policy_capability capability)
{
    if (capability.index >= sizeof subject->ordinals / sizeof subject->ordinals[0])
        return ORACLE_NONE;
    int ordinal = subject->ordinals[capability.index];
    return ordinal != ORACLE_NONE && subject->capabilities[ordinal].generation == capability.generation
               ? ordinal
               : ORACLE_NONE;
}

int subject_realm(const struct subject *subject, struct policy_realm realm, size_t realms_count)
{
    for (size_t i = realms_count; i-- > 0;) /* an index is used again: the newest counts */
        if (subject->realms[i].index == realm.index && subject->realms[i].generation == realm.generation)
            return (int)i;
    return ORACLE_NONE;
}

int subject_service(const struct subject *subject, struct policy_service service, size_t services_count)
{
    for (size_t i = 0; i < services_count; i++)
        if (subject->services[i].index == service.index &&
            subject->services[i].generation == service.generation)
            return (int)i;
    return ORACLE_NONE;
}

/* What never was, in many spellings; none of them names anything in this or any other case. */
static struct policy_capability forged_capability(unsigned forged)
{
    switch (forged % 5) {
    case 0:
        return (struct policy_capability){0, 0};
    case 1:
        return (struct policy_capability){UINT32_MAX, UINT32_MAX};
    case 2:
        return (struct policy_capability){1, UINT32_MAX};
    case 3:
        return (struct policy_capability){1 + forged % 64, 0};
    default:
        return (struct policy_capability){8192 + forged, 1};
    }
}

static struct policy_capability capability_of(const struct subject *subject, int ordinal, unsigned forged)
{
    return ordinal == ORACLE_NONE ? forged_capability(forged) : subject->capabilities[ordinal];
}

static struct policy_realm realm_of(const struct subject *subject, int realm, unsigned forged)
{
    static const struct policy_realm never[] = {{0, 0}, {UINT32_MAX, UINT32_MAX}, {100000, 1}, {0, 1}};
    return realm == ORACLE_NONE ? never[forged % 4] : subject->realms[realm];
}

void subject_event(const struct subject *subject, const struct oracle_event *event, unsigned forged,
                   struct policy_event *ret_event)
{
    static const enum policy_event_kind kinds[] = {
        [ORACLE_CONNECT] = POLICY_CONNECT,
        [ORACLE_REGISTER] = POLICY_REGISTER,
        [ORACLE_CREATE] = POLICY_CREATE,
        [ORACLE_ALLOCATE] = POLICY_ALLOCATE,
        [ORACLE_SEAL] = POLICY_SEAL,
        [ORACLE_GIVE] = POLICY_GRANT,
        [ORACLE_DERIVE] = POLICY_DERIVE,
        [ORACLE_TAKE] = POLICY_REVOKE,
        [ORACLE_TAKE_SERVICE] = POLICY_REVOKE_CHILD,
        [ORACLE_DELETE] = POLICY_DELETE,
        [ORACLE_DISCONNECT] = POLICY_DISCONNECT,
        [ORACLE_UNREGISTER] = POLICY_UNREGISTER,
        [ORACLE_START] = POLICY_START,
        [ORACLE_KILL] = POLICY_KILL,
        [ORACLE_QUOTA] = POLICY_QUOTA,
        [ORACLE_GATE] = POLICY_GATE,
        [ORACLE_LOOK] = POLICY_LOOK,
        [ORACLE_CHARGE] = POLICY_CHARGE,
        [ORACLE_RELEASE] = POLICY_RELEASE,
        [ORACLE_END] = POLICY_END,
    };
    static const enum policy_mode modes[] = {
        [ORACLE_COPY] = POLICY_COPY, [ORACLE_MINTED] = POLICY_MINT, [ORACLE_MOVE] = POLICY_MOVE};
    *ret_event = (struct policy_event){
        .kind = kinds[event->kind],
        .actor = realm_of(subject, event->actor, forged),
        .subject = realm_of(subject, event->subject, forged),
        .service = name_of(event->name),
        .capability = capability_of(subject, event->source, forged),
        .rights = rights_to_engine(event->rights),
        .mode = event->mode <= ORACLE_MOVE ? modes[event->mode] : (enum policy_mode)0,
        .badge = event->badge,
        .window = {event->offset, event->size},
        .via = capability_of(subject, event->via, 0),
        .resource = (enum policy_resource)event->resource,
        .amount = event->amount,
        .gate = event->amount > UINT32_MAX ? UINT32_MAX : (uint32_t)event->amount,
        .remove = event->remove,
    };
}

enum oracle_status subject_status(int status)
{
    switch (status) {
    case 0:
        return ORACLE_ALLOWED;
    case REALM_E_NO_SERVICE:
        return ORACLE_NO_SERVICE;
    case REALM_E_DENIED:
        return ORACLE_DENIED;
    case REALM_E_EXISTS:
        return ORACLE_EXISTS;
    case REALM_E_LIMIT:
        return ORACLE_LIMIT;
    case REALM_E_STALE:
        return ORACLE_STALE;
    case REALM_E_NOT_CHILD:
        return ORACLE_NOT_CHILD;
    case REALM_E_INCAPABLE:
        return ORACLE_INCAPABLE;
    default:
        return ORACLE_BAD_ARGUMENT;
    }
}

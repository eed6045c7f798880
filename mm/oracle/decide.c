/* What the page answers: the tables of sections 3 and 4, a function a row, each in the order of the row. */
#include "mm/oracle/facts.h"

#define GIVEABLE (ORACLE_SEND | ORACLE_GRANT | ORACLE_MINT | ORACLE_REVOKE)
#define PAGE     4096u

/* "The rule of what is allowed" (below the table of section 4). */
static void allow(const char *rule, struct oracle_answer *ret_answer)
{
    fact_answer(ORACLE_ALLOWED, rule, ret_answer);
}

static void decide_connect(const struct oracle_world *world, const struct oracle_event *event,
                           struct oracle_answer *ret_answer)
{
    int service = oracle_service(world, event->name);
    if (service == ORACLE_NONE) {
        fact_answer(ORACLE_NO_SERVICE, "declared", ret_answer);
        return;
    }
    if (!oracle_may_connect(world, event->actor, service, ret_answer))
        return;
    if (fact_endpoint(world, service) == ORACLE_NONE) {
        ret_answer->status = ORACLE_NO_SERVICE;
        return;
    }
    struct fact_charge charges[] = {{event->actor, ORACLE_USES_CAPABILITIES, 1},
                                    {event->actor, ORACLE_USES_CHANNELS, 1}};
    fact_over_quota(world, charges, 2, ret_answer);
}

/* A live capability of this kind and with this right, which the actor holds; number: of a service, or a gate.
 */
static bool holds_one(const struct oracle_world *world, int actor, enum oracle_kind kind, uint64_t number,
                      uint32_t right)
{
    if (actor == ORACLE_INIT)
        return true;
    for (size_t i = 0; i < world->capabilities_count; i++) {
        const struct oracle_capability *capability = &world->capabilities[i];
        if (capability->kind != kind || !(capability->rights & right) || !fact_holds(world, actor, (int)i))
            continue;
        if ((kind == ORACLE_IS_NAME && (uint64_t)capability->service != number) ||
            (kind == ORACLE_IS_GATE && capability->gate != number) ||
            (kind == ORACLE_IS_REALM && (uint64_t)capability->realm != number))
            continue;
        return true;
    }
    return false;
}

static void decide_register(const struct oracle_world *world, const struct oracle_event *event,
                            struct oracle_answer *ret_answer)
{
    int service = oracle_service(world, event->name);
    struct fact_charge charge = {event->actor, ORACLE_USES_CAPABILITIES, 1};
    if (service == ORACLE_NONE)
        fact_answer(ORACLE_NO_SERVICE, "declared", ret_answer);
    else if (!holds_one(world, event->actor, ORACLE_IS_NAME, (uint64_t)service, ORACLE_MANAGE))
        fact_answer(ORACLE_DENIED, "provider", ret_answer);
    else if (fact_endpoint(world, service) != ORACLE_NONE)
        fact_answer(ORACLE_EXISTS, "registered", ret_answer);
    else if (!fact_over_quota(world, &charge, 1, ret_answer))
        allow("provider", ret_answer);
}

static void decide_create(const struct oracle_world *world, const struct oracle_event *event,
                          struct oracle_answer *ret_answer)
{
    struct fact_charge charge = {event->actor, ORACLE_USES_CAPABILITIES, 1};
    if (!fact_over_quota(world, &charge, 1, ret_answer))
        allow("", ret_answer);
}

static void decide_allocate(const struct oracle_world *world, const struct oracle_event *event,
                            struct oracle_answer *ret_answer)
{
    struct fact_charge charges[] = {{event->actor, ORACLE_USES_CAPABILITIES, 1},
                                    {event->actor, ORACLE_USES_MEMORY, event->amount}};
    if (event->amount == 0 || event->amount % PAGE)
        fact_answer(ORACLE_BAD_ARGUMENT, "", ret_answer);
    else if (!fact_over_quota(world, charges, 2, ret_answer))
        allow("", ret_answer);
}

/* Something was derived from it and is there, or is dead and was not yet reported. */
static bool has_derived(const struct oracle_world *world, int capability)
{
    for (size_t i = 0; i < world->capabilities_count; i++)
        if (world->capabilities[i].state != ORACLE_GONE && fact_derived_from(world, (int)i, capability))
            return true;
    return false;
}

static void decide_seal(const struct oracle_world *world, const struct oracle_event *event,
                        struct oracle_answer *ret_answer)
{
    if (!fact_holds(world, event->actor, event->source)) {
        fact_answer(ORACLE_STALE, "owner", ret_answer);
        return;
    }
    const struct oracle_capability *memory = &world->capabilities[event->source];
    if (memory->kind != ORACLE_IS_MEMORY)
        fact_answer(ORACLE_BAD_ARGUMENT, "", ret_answer);
    else if (memory->sealed)
        fact_answer(ORACLE_EXISTS, "seal", ret_answer);
    else if (memory->parent != ORACLE_NONE || has_derived(world, event->source))
        fact_answer(ORACLE_DENIED, "seal", ret_answer);
    else
        allow("owner", ret_answer);
}

/* May the giver give these rights: it is the provider, or could connect with all of them itself. */
static bool could_give(const struct oracle_world *world, int giver, int service, uint32_t rights)
{
    struct oracle_answer own;
    if (fact_is_provider_itself(world, giver, service))
        return true;
    return oracle_may_connect(world, giver, service, &own) && !(rights & ~own.rights);
}

static void decide_give(const struct oracle_world *world, const struct oracle_event *event,
                        struct oracle_answer *ret_answer)
{
    if (event->rights & ~(uint32_t)GIVEABLE || !(event->rights & ORACLE_SEND)) {
        fact_answer(ORACLE_BAD_ARGUMENT, "", ret_answer);
        return;
    }
    if (!fact_is_child(world, event->subject, event->actor)) {
        fact_answer(ORACLE_NOT_CHILD, "parent", ret_answer);
        return;
    }
    int service = oracle_service(world, event->name);
    if (service == ORACLE_NONE) {
        fact_answer(ORACLE_NO_SERVICE, "declared", ret_answer);
        return;
    }
    size_t denied = fact_first_match(world, &world->system->services[service].deny, service, event->subject);
    if (denied != SIZE_MAX) {
        fact_answer(ORACLE_DENIED, "deny", ret_answer);
        ret_answer->where = ORACLE_IN_DENY;
        ret_answer->service = service;
        ret_answer->entry = denied;
    } else if (!could_give(world, event->actor, service, event->rights)) {
        fact_answer(ORACLE_DENIED, "holds", ret_answer);
    } else {
        allow("holds", ret_answer);
    }
}

static void decide_take(const struct oracle_world *world, const struct oracle_event *event,
                        struct oracle_answer *ret_answer)
{
    if (!fact_holds(world, event->actor, event->source))
        fact_answer(ORACLE_STALE, "owner", ret_answer);
    else if (!(world->capabilities[event->source].rights & ORACLE_REVOKE))
        fact_answer(ORACLE_DENIED, "rights", ret_answer);
    else
        allow("owner", ret_answer);
}

/* Its parent, who holds a realm capability of it with MANAGE, and init. */
static bool manages(const struct oracle_world *world, int actor, int subject)
{
    return actor == ORACLE_INIT || fact_is_child(world, subject, actor) ||
           holds_one(world, actor, ORACLE_IS_REALM, (uint64_t)subject, ORACLE_MANAGE);
}

static void decide_take_service(const struct oracle_world *world, const struct oracle_event *event,
                                struct oracle_answer *ret_answer)
{
    if (!manages(world, event->actor, event->subject))
        fact_answer(ORACLE_NOT_CHILD, "parent", ret_answer);
    else if (oracle_service(world, event->name) == ORACLE_NONE)
        fact_answer(ORACLE_NO_SERVICE, "declared", ret_answer);
    else
        allow("parent", ret_answer);
}

static void decide_remove(const struct oracle_world *world, const struct oracle_event *event,
                          struct oracle_answer *ret_answer)
{
    if (!fact_holds(world, event->actor, event->source)) {
        fact_answer(ORACLE_STALE, "owner", ret_answer);
        return;
    }
    const struct oracle_capability *capability = &world->capabilities[event->source];
    if ((event->kind == ORACLE_DISCONNECT && capability->kind != ORACLE_IS_SEND) ||
        (event->kind == ORACLE_UNREGISTER && capability->kind != ORACLE_IS_ENDPOINT))
        fact_answer(ORACLE_BAD_ARGUMENT, "", ret_answer);
    else if (event->kind == ORACLE_DELETE && capability->kind == ORACLE_IS_REALM &&
             capability->parent == ORACLE_NONE && fact_runs(world, capability->realm))
        fact_answer(ORACLE_DENIED, "owner", ret_answer);
    else
        allow("owner", ret_answer);
}

static void decide_start(const struct oracle_world *world, const struct oracle_event *event,
                         struct oracle_answer *ret_answer)
{
    if (event->actor != ORACLE_INIT && !fact_is_child(world, event->subject, event->actor)) {
        fact_answer(ORACLE_NOT_CHILD, "parent", ret_answer);
        return;
    }
    if (fact_runs(world, event->subject)) {
        fact_answer(ORACLE_EXISTS, "running", ret_answer);
        return;
    }
    int parent = world->realms[event->subject].parent;
    if (!fact_runs(world, parent)) {
        fact_answer(ORACLE_STALE, "", ret_answer);
        return;
    }
    struct fact_charge charges[] = {
        {parent, ORACLE_USES_REALMS, 1},
        {parent, ORACLE_USES_CAPABILITIES, 1},
        {event->subject, ORACLE_USES_CAPABILITIES, fact_endowment(world, event->subject)}};
    if (!fact_over_quota(world, charges, 3, ret_answer))
        allow("parent", ret_answer);
}

static void decide_kill(const struct oracle_world *world, const struct oracle_event *event,
                        struct oracle_answer *ret_answer)
{
    if (manages(world, event->actor, event->subject))
        allow("parent", ret_answer);
    else
        fact_answer(ORACLE_NOT_CHILD, "parent", ret_answer);
}

static void decide_quota(const struct oracle_world *world, const struct oracle_event *event,
                         struct oracle_answer *ret_answer)
{
    if (event->resource >= ORACLE_RESOURCES)
        fact_answer(ORACLE_BAD_ARGUMENT, "", ret_answer);
    else if (event->actor == event->subject || !manages(world, event->actor, event->subject))
        fact_answer(ORACLE_NOT_CHILD, "parent", ret_answer);
    else
        allow("parent", ret_answer);
}

static void decide_use(const struct oracle_world *world, const struct oracle_event *event,
                       struct oracle_answer *ret_answer)
{
    bool gate = event->kind == ORACLE_GATE;
    bool holds = gate ? holds_one(world, event->actor, ORACLE_IS_GATE, event->amount, ORACLE_EXEC)
                      : holds_one(world, event->actor, ORACLE_IS_DEBUG, 0, ORACLE_READ);
    if (holds)
        allow(gate ? "gate" : "debug", ret_answer);
    else
        fact_answer(ORACLE_INCAPABLE, gate ? "gate" : "debug", ret_answer);
}

/* What the broker counts: the rest is counted by the events themselves. */
static bool is_charged(enum oracle_resource resource)
{
    return resource == ORACLE_USES_DESCRIPTORS || resource == ORACLE_USES_REQUESTS;
}

static void decide_charge(const struct oracle_world *world, const struct oracle_event *event,
                          struct oracle_answer *ret_answer)
{
    struct fact_charge charge = {event->actor, event->resource, event->amount};
    if (!is_charged(event->resource) ||
        (event->kind == ORACLE_RELEASE && event->amount > world->charges[event->actor][event->resource]))
        fact_answer(ORACLE_BAD_ARGUMENT, "", ret_answer);
    else if (event->kind == ORACLE_RELEASE || !fact_over_quota(world, &charge, 1, ret_answer))
        allow("", ret_answer);
}

static void decide_end(const struct oracle_world *world, const struct oracle_event *event,
                       struct oracle_answer *ret_answer)
{
    bool bad = event->actor == ORACLE_INIT;
    if (event->remove) {
        bad |= world->realms[event->actor].instance_of == ORACLE_NONE;
        for (size_t i = 0; i < world->realms_count; i++)
            bad |= !world->removed[i] && fact_is_child(world, (int)i, event->actor);
    }
    if (bad)
        fact_answer(ORACLE_BAD_ARGUMENT, "", ret_answer);
    else
        allow("", ret_answer);
}

typedef void decide_row(const struct oracle_world *world, const struct oracle_event *event,
                        struct oracle_answer *ret_answer);

static decide_row *const rows[ORACLE_EVENT_KINDS] = {
    [ORACLE_CONNECT] = decide_connect,
    [ORACLE_REGISTER] = decide_register,
    [ORACLE_CREATE] = decide_create,
    [ORACLE_ALLOCATE] = decide_allocate,
    [ORACLE_SEAL] = decide_seal,
    [ORACLE_GIVE] = decide_give,
    [ORACLE_DERIVE] = oracle_decide_derive,
    [ORACLE_TAKE] = decide_take,
    [ORACLE_TAKE_SERVICE] = decide_take_service,
    [ORACLE_DELETE] = decide_remove,
    [ORACLE_DISCONNECT] = decide_remove,
    [ORACLE_UNREGISTER] = decide_remove,
    [ORACLE_START] = decide_start,
    [ORACLE_KILL] = decide_kill,
    [ORACLE_QUOTA] = decide_quota,
    [ORACLE_GATE] = decide_use,
    [ORACLE_LOOK] = decide_use,
    [ORACLE_CHARGE] = decide_charge,
    [ORACLE_RELEASE] = decide_charge,
    [ORACLE_END] = decide_end,
};

static bool has_subject(enum oracle_event_kind kind)
{
    return kind == ORACLE_GIVE || kind == ORACLE_TAKE_SERVICE || kind == ORACLE_START ||
           kind == ORACLE_KILL || kind == ORACLE_QUOTA;
}

void oracle_decide(const struct oracle_world *world, const struct oracle_event *event,
                   struct oracle_answer *ret_answer)
{
    bool end = event->kind == ORACLE_END, subject = has_subject(event->kind);
    /* NOLINTBEGIN(bugprone-branch-clone): one row of the page after the other */
    if (event->kind >= ORACLE_EVENT_KINDS || !rows[event->kind] || !fact_realm_was(world, event->actor))
        fact_answer(ORACLE_BAD_ARGUMENT, "", ret_answer);
    else if (!(end ? fact_realm_exists(world, event->actor) : fact_runs(world, event->actor)))
        fact_answer(ORACLE_STALE, "", ret_answer);
    else if (subject && !fact_realm_was(world, event->subject))
        fact_answer(ORACLE_BAD_ARGUMENT, "", ret_answer);
    else if (subject && !fact_realm_exists(world, event->subject))
        fact_answer(ORACLE_STALE, "", ret_answer);
    else
        rows[event->kind](world, event, ret_answer);
    /* NOLINTEND(bugprone-branch-clone) */
}

/* What has happened: sections 2 and 6. The world is made anew from the history, event by event. */
#include "mm/oracle/facts.h"

#include <string.h>

#define TOP_BIT (UINT64_C(1) << 63)

uint32_t oracle_rights_of(enum oracle_kind kind)
{
    switch (kind) {
    case ORACLE_IS_ENDPOINT:
        return ORACLE_RECV | ORACLE_GRANT | ORACLE_MINT | ORACLE_REVOKE;
    case ORACLE_IS_SEND:
        return ORACLE_SEND | ORACLE_GRANT | ORACLE_MINT | ORACLE_REVOKE;
    case ORACLE_IS_MEMORY:
        return ORACLE_READ | ORACLE_WRITE | ORACLE_EXEC | ORACLE_GRANT | ORACLE_REVOKE;
    case ORACLE_IS_REALM:
    case ORACLE_IS_NAME:
        return ORACLE_MANAGE | ORACLE_GRANT | ORACLE_REVOKE;
    case ORACLE_IS_DEBUG:
        return ORACLE_READ | ORACLE_GRANT | ORACLE_REVOKE;
    case ORACLE_IS_GATE:
        return ORACLE_EXEC | ORACLE_GRANT | ORACLE_REVOKE;
    }
    return 0;
}

void oracle_world_init(struct oracle_world *world, const struct oracle_system *system)
{
    world->system = system;
    world->realms_count = system->realms_count;
    memcpy(world->realms, system->realms, system->realms_count * sizeof world->realms[0]);
    memset(world->running, 0, sizeof world->running);
    memset(world->removed, 0, sizeof world->removed);
    memset(world->charges, 0, sizeof world->charges);
    world->capabilities_count = 0;
    world->given_count = 0;
    world->badges = 0;
}

void oracle_replay(const struct oracle_system *system, const struct oracle_event *events, size_t count,
                   struct oracle_world *ret_world)
{
    oracle_world_init(ret_world, system);
    for (size_t i = 0; i < count; i++)
        oracle_apply(ret_world, &events[i]);
}

bool oracle_has_room(const struct oracle_world *world)
{
    return world->capabilities_count + 2 + ORACLE_SERVICES + ORACLE_GATES <= ORACLE_CAPABILITIES &&
           world->realms_count < ORACLE_REALMS;
}

/* A root with all rights of its kind; what else it says is the caller's to fill in. */
static struct oracle_capability *add_root(struct oracle_world *world, enum oracle_kind kind, int holder)
{
    struct oracle_capability *capability = &world->capabilities[world->capabilities_count++];
    memset(capability, 0, sizeof *capability);
    capability->kind = kind;
    capability->holder = holder;
    capability->parent = ORACLE_NONE;
    capability->service = ORACLE_NONE;
    capability->endpoint = ORACLE_NONE;
    capability->realm = ORACLE_NONE;
    capability->rights = oracle_rights_of(kind);
    return capability;
}

static void add_send(struct oracle_world *world, int holder, int endpoint, uint32_t rights)
{
    struct oracle_capability *send = add_root(world, ORACLE_IS_SEND, holder);
    send->parent = endpoint;
    send->endpoint = endpoint;
    send->service = world->capabilities[endpoint].service;
    send->rights = rights;
    send->badge = ++world->badges;
}

static void derive(struct oracle_world *world, const struct oracle_event *event)
{
    if (event->mode == ORACLE_MOVE) {
        world->capabilities[event->source].holder = event->subject;
        return;
    }
    struct oracle_capability *source = &world->capabilities[event->source];
    if (source->kind == ORACLE_IS_ENDPOINT) {
        add_send(world, event->subject, event->source, event->rights);
        if (event->mode == ORACLE_MINTED)
            world->badges--; /* the number was chosen, none was counted out */
    } else {
        struct oracle_capability *copy = add_root(world, source->kind, event->subject);
        *copy = *source;
        copy->holder = event->subject;
        copy->parent = event->source;
        copy->rights = event->rights;
    }
    struct oracle_capability *made = &world->capabilities[world->capabilities_count - 1];
    if (event->mode == ORACLE_MINTED)
        made->badge = event->badge | TOP_BIT;
    if (made->kind == ORACLE_IS_MEMORY) {
        made->offset = event->offset;
        made->size = event->size;
    }
}

/* Everything live that was derived from a capability, at any depth; and the capability itself? */
static void kill_derived(struct oracle_world *world, int capability, bool itself)
{
    for (size_t i = 0; i < world->capabilities_count; i++)
        if (world->capabilities[i].state == ORACLE_LIVE && fact_derived_from(world, (int)i, capability))
            world->capabilities[i].state = ORACLE_DEAD;
    if (itself)
        world->capabilities[capability].state = ORACLE_DEAD;
}

/* DELETE and DISCONNECT: what was derived from it becomes its parent's; a root takes all with it. */
static void delete_one(struct oracle_world *world, int capability)
{
    int parent = world->capabilities[capability].parent;
    if (parent == ORACLE_NONE) {
        kill_derived(world, capability, true);
        return;
    }
    for (size_t i = 0; i < world->capabilities_count; i++)
        if (world->capabilities[i].state != ORACLE_GONE && world->capabilities[i].parent == capability)
            world->capabilities[i].parent = parent;
    world->capabilities[capability].state = ORACLE_DEAD;
}

static void forget_given(struct oracle_world *world, size_t index)
{
    world->given_count--;
    memmove(&world->given[index], &world->given[index + 1],
            (world->given_count - index) * sizeof world->given[0]);
}

/* Another grant about the same two takes the place of the one before. */
static void give(struct oracle_world *world, const struct oracle_event *event)
{
    int service = oracle_service(world, event->name);
    size_t i = 0;
    while (i < world->given_count &&
           (world->given[i].giver != event->actor || world->given[i].child != event->subject ||
            world->given[i].service != service))
        i++;
    world->given[i] = (struct oracle_given){event->actor, event->subject, service, event->rights};
    if (i == world->given_count)
        world->given_count++;
}

static void take_service(struct oracle_world *world, const struct oracle_event *event)
{
    int service = oracle_service(world, event->name);
    for (size_t i = 0; i < world->capabilities_count; i++) {
        struct oracle_capability *capability = &world->capabilities[i];
        if (capability->state == ORACLE_LIVE && capability->kind == ORACLE_IS_SEND &&
            capability->service == service && capability->holder == event->subject)
            kill_derived(world, (int)i, true);
    }
    for (size_t i = world->given_count; i-- > 0;)
        if (world->given[i].giver == event->actor && world->given[i].child == event->subject &&
            world->given[i].service == service)
            forget_given(world, i);
}

/* START: the realm's capability for its parent, and its endowment. */
static void start(struct oracle_world *world, int realm)
{
    world->running[realm] = true;
    add_root(world, ORACLE_IS_REALM, world->realms[realm].parent)->realm = realm;
    for (size_t i = 0; i < world->system->services_count; i++)
        if (fact_provides(world, realm, (int)i))
            add_root(world, ORACLE_IS_NAME, realm)->service = (int)i;
    if (world->realms[realm].debug)
        add_root(world, ORACLE_IS_DEBUG, realm);
    for (unsigned gate = 1; gate <= ORACLE_GATES; gate++)
        if (world->realms[realm].gates >> gate & 1)
            add_root(world, ORACLE_IS_GATE, realm)->gate = gate;
}

static void end(struct oracle_world *world, const struct oracle_event *event)
{
    int realm = event->actor;
    for (size_t i = 0; i < world->capabilities_count; i++) {
        struct oracle_capability *capability = &world->capabilities[i];
        bool of_itself = capability->kind == ORACLE_IS_REALM && capability->realm == realm;
        if (capability->state == ORACLE_LIVE && (capability->holder == realm || of_itself))
            kill_derived(world, (int)i, true);
    }
    for (size_t i = world->given_count; i-- > 0;)
        if (world->given[i].giver == realm || world->given[i].child == realm)
            forget_given(world, i);
    memset(world->charges[realm], 0, sizeof world->charges[realm]);
    world->running[realm] = false;
    world->removed[realm] = event->remove;
}

static void add_instance(struct oracle_world *world, const struct oracle_event *event)
{
    struct oracle_realm *instance = &world->realms[world->realms_count++];
    *instance = world->realms[event->subject];
    instance->name = event->name;
    instance->instance_of = event->subject;
}

static void allocate(struct oracle_world *world, const struct oracle_event *event)
{
    struct oracle_capability *memory = add_root(world, ORACLE_IS_MEMORY, event->actor);
    memory->realm = event->actor;
    memory->size = event->amount;
}

void oracle_apply(struct oracle_world *world, const struct oracle_event *event)
{
    int service;
    switch (event->kind) {
    case ORACLE_CONNECT:
        service = oracle_service(world, event->name);
        struct oracle_answer answer;
        oracle_may_connect(world, event->actor, service, &answer);
        add_send(world, event->actor, fact_endpoint(world, service), answer.rights);
        break;
    case ORACLE_REGISTER:
        add_root(world, ORACLE_IS_ENDPOINT, event->actor)->service = oracle_service(world, event->name);
        break;
    case ORACLE_CREATE:
        add_root(world, ORACLE_IS_ENDPOINT, event->actor);
        break;
    case ORACLE_ALLOCATE:
        allocate(world, event);
        break;
    case ORACLE_SEAL:
        world->capabilities[event->source].sealed = true;
        world->capabilities[event->source].rights &= ~(uint32_t)ORACLE_WRITE;
        break;
    case ORACLE_GIVE:
        give(world, event);
        break;
    case ORACLE_DERIVE:
        derive(world, event);
        break;
    case ORACLE_TAKE:
        kill_derived(world, event->source, false);
        break;
    case ORACLE_TAKE_SERVICE:
        take_service(world, event);
        break;
    case ORACLE_DELETE:
    case ORACLE_DISCONNECT:
    case ORACLE_UNREGISTER:
        delete_one(world, event->source);
        break;
    case ORACLE_START:
        start(world, event->subject);
        break;
    case ORACLE_QUOTA:
        world->realms[event->subject].limits[event->resource] = event->amount;
        break;
    case ORACLE_CHARGE:
        world->charges[event->actor][event->resource] += event->amount;
        break;
    case ORACLE_RELEASE:
        world->charges[event->actor][event->resource] -= event->amount;
        break;
    case ORACLE_END:
        end(world, event);
        break;
    case ORACLE_INSTANCE:
        add_instance(world, event);
        break;
    case ORACLE_CLEARED:
        world->capabilities[event->source].state = ORACLE_GONE;
        break;
    case ORACLE_KILL:
    case ORACLE_GATE:
    case ORACLE_LOOK:
    case ORACLE_EVENT_KINDS:
        break; /* decisions only */
    }
}

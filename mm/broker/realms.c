/*
 * Records are found by name, and names are unique over declarations and instances together: a name in
 * a log line or an admin command means one thing.
 *
 * An instance is made for its first start and forgotten when it has ended and will not be restarted. Its
 * children are instances or declarations with records of their own; a record stays as long as a child's
 * record points to it.
 */
#include "mm/broker/realms.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <realm/error.h>

#include "librealm/core/assert.h"
#include "librealm/core/name.h"
#include "mm/broker/bounds.h"
#include "mm/broker/explain.h"
#include "mm/broker/lifecycle.h"
#include "mm/broker/state.h"
#include "mm/config/policy_load.h"

const struct mm_realm *realms_declaration(const struct broker_realm *realm)
{
    return &realm->broker->config->realms[realm->declaration];
}

bool realms_active(const struct broker_realm *realm)
{
    return realm->phase == BROKER_STARTING || realm->phase == BROKER_RUNNING || realm->phase == BROKER_ENDING;
}

struct broker_realm *broker_next_realm(const struct broker *broker, const struct broker_realm *after)
{
    return after ? after->next : broker->realms;
}

struct broker_realm *broker_find_realm(const struct broker *broker, const char *name)
{
    struct broker_realm *realm = broker->realms;
    while (realm && strcmp(realm->name, name) != 0)
        realm = realm->next;
    return realm;
}

struct broker_realm *broker_realm_of(const struct broker *broker, struct policy_realm realm)
{
    struct broker_realm *record = broker->realms;
    while (record && (record->policy.index != realm.index || record->policy.generation != realm.generation))
        record = record->next;
    return record;
}

const char *broker_realm_state(const struct broker_realm *realm)
{
    static const char *const names[] = {
        [BROKER_DORMANT] = "dormant", [BROKER_STARTING] = "starting",  [BROKER_RUNNING] = "running",
        [BROKER_ENDING] = "ending",   [BROKER_WAITING] = "restarting", [BROKER_TERMINATED] = "terminated",
    };
    return names[realm->phase];
}

uint32_t broker_realm_children(const struct broker_realm *realm)
{
    uint32_t count = 0;
    for (const struct broker_realm *child = realm->broker->realms; child; child = child->next)
        count += child->parent == realm && realms_active(child);
    return count;
}

bool realms_has_active_descendant(const struct broker_realm *realm)
{
    for (const struct broker_realm *other = realm->broker->realms; other; other = other->next) {
        if (!realms_active(other))
            continue;
        for (const struct broker_realm *up = other->parent; up; up = up->parent)
            if (up == realm)
                return true;
    }
    return false;
}

static struct broker_realm *record_new(struct broker *broker, const char *name, uint32_t declaration)
{
    struct broker_realm *realm = calloc(1, sizeof(*realm));
    if (!realm)
        return NULL;
    realm->name = strdup(name);
    if (!realm->name) {
        free(realm);
        return NULL;
    }
    realm->broker = broker;
    realm->declaration = declaration;
    lifecycle_init(realm);
    realm->previous = broker->realms_last;
    if (broker->realms_last)
        broker->realms_last->next = realm;
    else
        broker->realms = realm;
    broker->realms_last = realm;
    return realm;
}

static void record_free(struct broker_realm *realm)
{
    free(realm->args.bytes);
    free(realm->name);
    free(realm);
}

static void record_remove(struct broker *broker, struct broker_realm *realm)
{
    realm_assert((realm->previous ? realm->previous->next : broker->realms) == realm);
    if (realm->previous)
        realm->previous->next = realm->next;
    else
        broker->realms = realm->next;
    if (realm->next)
        realm->next->previous = realm->previous;
    else
        broker->realms_last = realm->previous;
    record_free(realm);
}

static int declare_all(struct broker *broker, struct policy_realm *realms, struct policy_service *services)
{
    const struct mm_config *config = broker->config;
    int error = mm_config_load(config, broker->policy, realms, services);
    if (error)
        return error < 0 ? error : -EINVAL;
    for (uint32_t i = 0; i < config->realms_count; i++) {
        broker->declared[i] = record_new(broker, config->realms[i].name, i);
        if (!broker->declared[i])
            return -ENOMEM;
        broker->declared[i]->policy = realms[i];
        if (config->realms[i].parent == MM_INIT && !config->realms[i].quota.limited[MM_RESOURCE_MEMORY])
            (void)policy_set_limit(broker->policy, realms[i], POLICY_MEMORY, BROKER_REALM_MEMORY);
    }
    for (uint32_t i = 0; i < config->realms_count; i++)
        if (config->realms[i].parent != MM_INIT)
            broker->declared[i]->parent = broker->declared[config->realms[i].parent];
    for (size_t i = 0; i < config->services_count; i++)
        broker->services[i] = (struct broker_service){.config = &config->services[i], .policy = services[i]};
    return 0;
}

int realms_declare(struct broker *broker)
{
    size_t realms_count = broker->config->realms_count;
    size_t services_count = broker->config->services_count;
    broker->declared = calloc(realms_count + 1, sizeof(struct broker_realm *));
    broker->services = calloc(services_count + 1, sizeof(struct broker_service));
    struct policy_realm *realms = calloc(realms_count + 1, sizeof(struct policy_realm));
    struct policy_service *services = calloc(services_count + 1, sizeof(struct policy_service));
    int error = -ENOMEM;
    if (broker->declared && broker->services && realms && services)
        error = declare_all(broker, realms, services);
    free(realms);
    free(services);
    return error;
}

/* Whether this is declared below the actor, or below what the actor is an instance of. */
static bool declared_below(const struct broker *broker, const struct broker_realm *actor,
                           const struct broker_realm *declared)
{
    const struct broker_realm *above =
        realms_declaration(declared)->template ? broker->declared[actor->declaration] : actor;
    return declared->parent == above;
}

static void forget_in_policy(struct broker *broker, struct policy_realm realm)
{
    struct policy_event event = {.kind = POLICY_END, .actor = realm, .remove = true};
    struct policy_decision decision;
    policy_decide(broker->policy, &event, &decision);
    realm_assert(decision.status == 0);
    policy_apply(broker->policy, &event, &decision, NULL);
}

static size_t count_records(const struct broker *broker)
{
    size_t count = 0;
    for (const struct broker_realm *realm = broker->realms; realm; realm = realm->next)
        count++;
    return count;
}

static int make_instance(struct broker *broker, struct broker_realm *template, struct broker_realm *parent,
                         const char *name, struct broker_realm **ret_realm)
{
    if (!realm_name_valid(name, strlen(name)))
        return REALM_E_BAD_NAME;
    if (broker_find_realm(broker, name))
        return REALM_E_EXISTS;
    if (count_records(broker) >= BROKER_RECORDS_MAX) {
        if (parent)
            bounds_records_reached(parent);
        return REALM_E_LIMIT;
    }
    struct policy_declaration declaration = {
        .parent = parent ? parent->policy : policy_init_realm(broker->policy),
        .template_of = template->policy,
        .name = {name, strlen(name)},
    };
    struct policy_realm handle;
    int error = policy_add_realm(broker->policy, &declaration, &handle);
    if (error)
        return error;
    struct broker_realm *realm = record_new(broker, name, template->declaration);
    if (!realm) {
        forget_in_policy(broker, handle);
        return -ENOMEM;
    }
    realm->policy = handle;
    realm->instance = true;
    realm->parent = parent;
    *ret_realm = realm;
    return 0;
}

/*
 * An actor spawns what is declared under its own declaration: an instance of a template may itself spawn
 * instances of the templates below it. An administrator stands for init, which may spawn everything.
 */
static int prepare(struct broker *broker, const struct broker_spawn *spawn, struct broker_realm *declared,
                   struct broker_realm **ret_realm)
{
    if (!declared)
        return REALM_E_NOT_CHILD;
    bool template = realms_declaration(declared)->template;
    broker->decisions++;
    if (spawn->actor && !declared_below(broker, spawn->actor, declared))
        return REALM_E_NOT_CHILD;
    if (template != (spawn->name != NULL))
        return REALM_E_BAD_ARGUMENT;
    struct broker_realm *parent = spawn->actor && template ? spawn->actor : declared->parent;
    if (parent && (parent->phase != BROKER_RUNNING || parent->severed))
        return REALM_E_NOT_STARTED;
    if (template)
        return make_instance(broker, declared, parent, spawn->name, ret_realm);
    *ret_realm = declared;
    return 0;
}

static int copy_args(const struct broker_spawn *spawn, struct broker_args *ret_args)
{
    if (spawn->args_count > REALM_SPAWN_ARGS_MAX || spawn->args_size > REALM_SPAWN_ARGS_BYTES)
        return REALM_E_TOO_BIG;
    uint32_t ends = 0;
    for (uint32_t i = 0; i < spawn->args_size; i++)
        ends += spawn->args[i] == 0;
    if (ends != spawn->args_count || (spawn->args_size > 0 && spawn->args[spawn->args_size - 1] != 0))
        return REALM_E_BAD_ARGUMENT;
    uint8_t *bytes = NULL;
    if (spawn->args_size > 0) {
        bytes = malloc(spawn->args_size);
        if (!bytes)
            return -ENOMEM;
        memcpy(bytes, spawn->args, spawn->args_size);
    }
    *ret_args = (struct broker_args){.bytes = bytes, .count = spawn->args_count, .size = spawn->args_size};
    return 0;
}

/* A SPAWN that is refused leaves the arguments of the restart that may be pending. */
static int start(struct broker_realm *realm, const struct broker_spawn *spawn,
                 struct policy_decision *ret_refusal)
{
    struct policy_realm actor =
        spawn->actor ? spawn->actor->policy : policy_init_realm(realm->broker->policy);
    struct broker_args args;
    if (realms_active(realm))
        return REALM_E_EXISTS;
    int error = copy_args(spawn, &args);
    if (error)
        return error;
    error = lifecycle_start(realm, actor, &args, ret_refusal);
    if (error)
        free(args.bytes);
    return error;
}

/*
 * Which rule refused a realm's SPAWN: where the policy was not asked, what it would have said. What is no
 * matter of rules (arguments, an end that is near, memory, the launcher's queue) has none; other limits have
 * been told.
 */
static void explain_refusal(const struct broker_spawn *spawn, const struct broker_realm *declared, int error,
                            struct policy_decision *refusal)
{
    if (error == REALM_E_EXISTS)
        *refusal = (struct policy_decision){.status = error, .rule = POLICY_RULE_RUNNING};
    else if (error == REALM_E_NOT_CHILD)
        *refusal = explain_no_child;
    if (error == REALM_E_NOT_CHILD && declared) {
        struct policy_event event = {
            .kind = POLICY_START, .actor = spawn->actor->policy, .subject = declared->policy};
        policy_decide(spawn->actor->broker->policy, &event, refusal);
    }
    explain_spawn(spawn, declared, refusal);
}

int broker_spawn(struct broker *broker, const struct broker_spawn *spawn, struct broker_realm **ret_realm)
{
    struct broker_realm *realm = NULL, *declared = broker_find_realm(broker, spawn->program);
    struct policy_decision refusal = {0};
    if (declared && declared->instance)
        declared = NULL;
    int error = prepare(broker, spawn, declared, &realm);
    if (!error) {
        error = start(realm, spawn, &refusal);
        broker->sweep_due = broker->sweep_due || error; /* an instance that was made for nothing */
    }
    if (error && spawn->actor)
        explain_refusal(spawn, declared, error, &refusal);
    if (!error)
        *ret_realm = realm;
    return error;
}

static bool has_children(const struct broker_realm *realm)
{
    for (const struct broker_realm *child = realm->broker->realms; child; child = child->next)
        if (child->parent == realm)
            return true;
    return false;
}

static bool forgettable(const struct broker_realm *realm)
{
    return realm->instance && !realms_active(realm) && realm->phase != BROKER_WAITING && !has_children(realm);
}

void realms_sweep(struct broker *broker)
{
    if (!broker->sweep_due)
        return;
    broker->sweep_due = false;
    /* Backwards, as an instance is always made after its parent: so the parent is looked at after it. */
    struct broker_realm *previous;
    for (struct broker_realm *realm = broker->realms_last; realm; realm = previous) {
        previous = realm->previous;
        if (!forgettable(realm))
            continue;
        broker->failed = broker->failed || realm->failed;
        forget_in_policy(broker, realm->policy);
        record_remove(broker, realm);
    }
}

void realms_free_all(struct broker *broker)
{
    struct broker_realm *next;
    for (struct broker_realm *realm = broker->realms; realm; realm = next) {
        next = realm->next;
        record_free(realm);
    }
    free(broker->declared);
    free(broker->services);
}

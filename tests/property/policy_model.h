/*
 * A second, naive policy, written from mm/policy/policy.h and docs/policy.md alone: plain arrays of
 * everything that ever was, searched from the start for every question. It shares no code with the engine;
 * handles are to it opaque numbers that the engine gave out.
 */
#ifndef TESTS_PROPERTY_POLICY_MODEL_H
#define TESTS_PROPERTY_POLICY_MODEL_H

#include <stdlib.h>
#include <string.h>

#include <realm/error.h>
#include <realm/types.h>

#include "mm/policy/policy.h"

#define MODEL_MAX  1024
#define MODEL_NONE (-1)

/* What the model expects of a handle that was never given out: STALE or BAD_ARGUMENT, either will do. */
#define MODEL_REFUSED (-1000)

struct model {
    struct model_realm {
        struct policy_realm handle;
        int parent, template_of; /* MODEL_NONE: none */
        bool gone;
    } realms[MODEL_MAX];
    struct model_service {
        struct policy_service handle;
        int provider;
        struct policy_place place;
    } services[MODEL_MAX];
    struct model_name {
        struct policy_name name;
        int service;
    } names[MODEL_MAX];
    struct model_access {
        int service, realm;
        enum policy_access kind;
        struct policy_place place;
    } access[MODEL_MAX];
    struct model_grant {
        int realm, service, giver; /* giver MODEL_NONE: the configuration */
        uint32_t rights;
        struct policy_place place;
        bool gone;
    } grants[MODEL_MAX];
    struct model_capability {
        struct policy_capability handle;
        int holder, service, parent; /* parent MODEL_NONE: an endpoint */
        uint64_t badge;
        bool gone;
    } capabilities[MODEL_MAX];
    int realm_count, service_count, name_count, access_count, grant_count, capability_count;
};

/* Realm 0 is init. */
static inline void model_init(struct model *model, struct policy_realm init)
{
    memset(model, 0, sizeof *model);
    model->realms[0] = (struct model_realm){.handle = init, .parent = MODEL_NONE, .template_of = MODEL_NONE};
    model->realm_count = 1;
}

static inline bool model_same(uint32_t index_a, uint32_t generation_a, uint32_t index_b,
                              uint32_t generation_b)
{
    return index_a == index_b && generation_a == generation_b;
}

/* Also those that are gone. */
static inline int model_find_realm(const struct model *model, struct policy_realm realm)
{
    for (int i = 0; i < model->realm_count; i++) {
        struct policy_realm handle = model->realms[i].handle;
        if (model_same(handle.index, handle.generation, realm.index, realm.generation))
            return i;
    }
    return MODEL_NONE;
}

static inline int model_find_capability(const struct model *model, struct policy_capability capability)
{
    for (int i = 0; i < model->capability_count; i++) {
        struct policy_capability handle = model->capabilities[i].handle;
        if (model_same(handle.index, handle.generation, capability.index, capability.generation))
            return i;
    }
    return MODEL_NONE;
}

static inline int model_find_name(const struct model *model, struct policy_name name)
{
    for (int i = 0; i < model->name_count; i++) {
        struct policy_name known = model->names[i].name;
        if (known.size == name.size && memcmp(known.text, name.text, name.size) == 0)
            return model->names[i].service;
    }
    return MODEL_NONE;
}

static inline int model_declaration(const struct model *model, int realm)
{
    int template_of = model->realms[realm].template_of;
    return template_of != MODEL_NONE ? template_of : realm;
}

static inline int model_endpoint(const struct model *model, int service)
{
    for (int i = 0; i < model->capability_count; i++) {
        const struct model_capability *capability = &model->capabilities[i];
        if (!capability->gone && capability->service == service && capability->parent == MODEL_NONE)
            return i;
    }
    return MODEL_NONE;
}

static inline int model_provider(const struct model *model, int service)
{
    int endpoint = model_endpoint(model, service);
    return endpoint != MODEL_NONE ? model->capabilities[endpoint].holder : model->services[service].provider;
}

static inline bool model_has_children(const struct model *model, int realm)
{
    for (int i = 0; i < model->realm_count; i++) {
        if (!model->realms[i].gone && model->realms[i].parent == realm)
            return true;
    }
    return false;
}

/* --- what allows a connect --- */

static inline bool model_grants(const struct model *model, int actor, int service, bool by_parent,
                                struct policy_place *ret_place)
{
    const struct model_realm *realm = &model->realms[actor];
    for (int i = 0; i < model->grant_count; i++) {
        const struct model_grant *grant = &model->grants[i];
        bool direct = grant->realm == actor;
        bool as_instance =
            grant->realm == realm->template_of && (!by_parent || grant->giver == realm->parent);
        if (grant->gone || grant->service != service || (grant->giver != MODEL_NONE) != by_parent)
            continue;
        if ((direct || as_instance) && (grant->rights & REALM_RIGHT_SEND) != 0) {
            *ret_place = grant->place;
            return true;
        }
    }
    return false;
}

static inline enum policy_rule model_access_rule(const struct model *model, int actor, int service,
                                                 struct policy_place *ret_place)
{
    for (int i = 0; i < model->access_count; i++) {
        const struct model_access *access = &model->access[i];
        if (access->service != service)
            continue;
        *ret_place = access->place;
        if (access->kind == POLICY_ACCESS_ALL)
            return POLICY_RULE_ACCESS_ALL;
        if (access->kind == POLICY_ACCESS_REALM && access->realm == model_declaration(model, actor))
            return POLICY_RULE_ACCESS_REALM;
        if (access->kind == POLICY_ACCESS_CHILDREN &&
            model->realms[actor].parent == model_provider(model, service))
            return POLICY_RULE_ACCESS_CHILDREN;
    }
    return POLICY_RULE_NONE;
}

static inline enum policy_rule model_rule(const struct model *model, int actor, int service,
                                          struct policy_place *ret_place)
{
    int provider = model_provider(model, service);
    struct policy_place place;
    *ret_place = model->services[service].place;
    if (actor == provider || actor == model->services[service].provider)
        return POLICY_RULE_SELF;
    if (model_grants(model, actor, service, false, ret_place))
        return POLICY_RULE_CONFIG_GRANT;
    if (model_grants(model, actor, service, true, ret_place))
        return POLICY_RULE_PARENT_GRANT;
    enum policy_rule listed = model_access_rule(model, actor, service, &place);
    if (model->realms[actor].parent == provider || model->realms[provider].parent == actor) {
        *ret_place = (struct policy_place){0, 0};
        return model->realms[actor].parent == provider ? POLICY_RULE_CHILD_OF_PROVIDER
                                                       : POLICY_RULE_PARENT_OF_PROVIDER;
    }
    if (listed == POLICY_RULE_NONE)
        return POLICY_RULE_DEFAULT;
    *ret_place = place;
    return listed;
}

static inline bool model_denies(enum policy_rule rule)
{
    return rule == POLICY_RULE_SELF || rule == POLICY_RULE_DEFAULT;
}

/* --- decisions --- */

static inline struct policy_decision model_refuse(int status, enum policy_rule rule)
{
    return (struct policy_decision){.status = status, .rule = rule};
}

static inline struct policy_decision model_undeclared(void)
{
    struct policy_decision decision = model_refuse(REALM_E_NO_SERVICE, POLICY_RULE_DECLARED);
    decision.fix.kind = POLICY_FIX_DECLARE;
    return decision;
}

static inline void model_fix(const struct model *model, struct policy_decision *decision,
                             enum policy_fix_kind kind, int realm, int service)
{
    decision->fix.kind = kind;
    decision->fix.realm = model->realms[model_declaration(model, realm)].handle;
    if (service != MODEL_NONE)
        decision->fix.service = model->services[service].handle;
}

static inline struct policy_decision model_register(const struct model *model, int actor, int service)
{
    const struct model_service *declared = &model->services[service];
    struct policy_decision decision = {.rule = POLICY_RULE_PROVIDER, .place = declared->place};
    decision.service = declared->handle;
    if (model_declaration(model, actor) != declared->provider) {
        decision.status = REALM_E_DENIED;
        model_fix(model, &decision, POLICY_FIX_PROVIDER, actor, service);
    } else if (model_endpoint(model, service) != MODEL_NONE) {
        decision.status = REALM_E_EXISTS;
        decision.rule = POLICY_RULE_REGISTERED;
    }
    return decision;
}

static inline struct policy_decision model_connect(const struct model *model, int actor, int service)
{
    struct policy_decision decision = {.service = model->services[service].handle};
    decision.rule = model_rule(model, actor, service, &decision.place);
    decision.provider = model->realms[model_provider(model, service)].handle;
    decision.registered = model_endpoint(model, service) != MODEL_NONE;
    if (model_denies(decision.rule))
        decision.status = REALM_E_DENIED;
    else if (!decision.registered)
        decision.status = REALM_E_NO_SERVICE;
    if (decision.rule == POLICY_RULE_DEFAULT)
        model_fix(model, &decision, POLICY_FIX_ACCESS, actor, service);
    return decision;
}

/* The fix that makes it a child, where the scenario can say so without a circle, an instance, or init. */
static inline struct policy_decision model_no_child(const struct model *model, int actor, int subject)
{
    struct policy_decision decision = model_refuse(REALM_E_NOT_CHILD, POLICY_RULE_PARENT);
    int declared = model_declaration(model, subject);
    bool possible = subject != 0 && model->realms[actor].template_of == MODEL_NONE;
    for (int above = actor; above != MODEL_NONE; above = model->realms[above].parent)
        possible = possible && model_declaration(model, above) != declared;
    if (possible)
        model_fix(model, &decision, POLICY_FIX_PARENT, subject, MODEL_NONE);
    return decision;
}

static inline struct policy_decision model_grant(const struct model *model, int actor, int subject,
                                                 const struct policy_event *event)
{
    if (event->rights != REALM_RIGHT_SEND)
        return model_refuse(REALM_E_BAD_ARGUMENT, POLICY_RULE_NONE);
    if (model->realms[subject].parent != actor)
        return model_no_child(model, actor, subject);
    int service = model_find_name(model, event->service);
    if (service == MODEL_NONE)
        return model_undeclared();
    struct policy_decision decision = {.rule = POLICY_RULE_HOLDS};
    decision.service = model->services[service].handle;
    enum policy_rule rule = model_rule(model, actor, service, &decision.place);
    if (rule == POLICY_RULE_DEFAULT) {
        decision.status = REALM_E_DENIED;
        model_fix(model, &decision, POLICY_FIX_ACCESS, actor, service);
    }
    return decision;
}

static inline struct policy_decision model_ending(const struct model *model, int actor,
                                                  const struct policy_event *event)
{
    int i = model_find_capability(model, event->capability);
    const struct model_capability *capability = i == MODEL_NONE ? NULL : &model->capabilities[i];
    if (!capability || capability->gone || (capability->holder != actor && actor != 0))
        return model_refuse(REALM_E_STALE, POLICY_RULE_OWNER);
    if ((capability->parent == MODEL_NONE) != (event->kind == POLICY_UNREGISTER))
        return model_refuse(REALM_E_BAD_ARGUMENT, POLICY_RULE_NONE);
    return model_refuse(0, POLICY_RULE_OWNER);
}

/* 0, or how a realm's handle is refused. */
static inline int model_handle_status(const struct model *model, int realm)
{
    if (realm == MODEL_NONE)
        return MODEL_REFUSED;
    return model->realms[realm].gone ? REALM_E_STALE : 0;
}

static inline struct policy_decision model_decide_named(const struct model *model, int actor,
                                                        const struct policy_event *event)
{
    int service = model_find_name(model, event->service);
    if (service == MODEL_NONE)
        return model_undeclared();
    return event->kind == POLICY_REGISTER ? model_register(model, actor, service)
                                          : model_connect(model, actor, service);
}

static inline struct policy_decision model_decide(const struct model *model, const struct policy_event *event)
{
    int actor = model_find_realm(model, event->actor), subject = model_find_realm(model, event->subject);
    int status = model_handle_status(model, actor);
    if (status)
        return model_refuse(status, POLICY_RULE_NONE);
    switch (event->kind) {
    case POLICY_REGISTER:
    case POLICY_CONNECT:
        return model_decide_named(model, actor, event);
    case POLICY_UNREGISTER:
    case POLICY_DISCONNECT:
        return model_ending(model, actor, event);
    case POLICY_END:
        if (event->remove &&
            (model->realms[actor].template_of == MODEL_NONE || model_has_children(model, actor)))
            return model_refuse(REALM_E_BAD_ARGUMENT, POLICY_RULE_NONE);
        return model_refuse(0, POLICY_RULE_NONE);
    case POLICY_GRANT:
    case POLICY_SPAWN:
    case POLICY_KILL:
        break;
    }
    status = model_handle_status(model, subject);
    if (status)
        return model_refuse(status, POLICY_RULE_NONE);
    if (event->kind == POLICY_GRANT)
        return model_grant(model, actor, subject, event);
    if (subject == 0 || (model->realms[subject].parent != actor && actor != 0))
        return model_no_child(model, actor, subject);
    return model_refuse(0, POLICY_RULE_PARENT);
}

/* --- changes --- */

static inline void model_add_capability(struct model *model, int holder, int service, int parent,
                                        const struct policy_outcome *outcome)
{
    model->capabilities[model->capability_count++] = (struct model_capability){
        .handle = outcome->capability,
        .holder = holder,
        .service = service,
        .parent = parent,
        .badge = outcome->badge,
    };
}

static inline void model_remove_capability(struct model *model, int capability)
{
    model->capabilities[capability].gone = true;
    for (int i = 0; i < model->capability_count; i++) {
        if (model->capabilities[i].parent == capability)
            model->capabilities[i].gone = true;
    }
}

static inline void model_end(struct model *model, int realm, bool remove)
{
    for (int i = 0; i < model->capability_count; i++) {
        if (!model->capabilities[i].gone && model->capabilities[i].holder == realm)
            model_remove_capability(model, i);
    }
    for (int i = 0; i < model->grant_count; i++) {
        struct model_grant *grant = &model->grants[i];
        if (grant->giver != MODEL_NONE && (grant->giver == realm || grant->realm == realm))
            grant->gone = true;
    }
    model->realms[realm].gone = remove;
}

/* What an allowed event changes; new handles are the engine's. */
static inline void model_apply(struct model *model, const struct policy_event *event,
                               const struct policy_outcome *outcome)
{
    int actor = model_find_realm(model, event->actor);
    switch (event->kind) {
    case POLICY_REGISTER:
        model_add_capability(model, actor, model_find_name(model, event->service), MODEL_NONE, outcome);
        break;
    case POLICY_CONNECT: {
        int service = model_find_name(model, event->service);
        model_add_capability(model, actor, service, model_endpoint(model, service), outcome);
        break;
    }
    case POLICY_UNREGISTER:
    case POLICY_DISCONNECT:
        model_remove_capability(model, model_find_capability(model, event->capability));
        break;
    case POLICY_GRANT:
        model->grants[model->grant_count++] = (struct model_grant){
            .realm = model_find_realm(model, event->subject),
            .service = model_find_name(model, event->service),
            .giver = actor,
            .rights = event->rights,
        };
        break;
    case POLICY_END:
        model_end(model, actor, event->remove);
        break;
    case POLICY_SPAWN:
    case POLICY_KILL:
        break;
    }
}

#endif

/*
 * The policy decides in numbers: a rule, a place in the scenario, a kind of fix. Here they become the
 * words that events, `realm explain` and the log show. Nothing here decides anything.
 */
#include "mm/broker/explain.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>
#include <realm/error.h>

#include "mm/broker/denials.h"
#include "mm/broker/diagnosis.h"
#include "mm/broker/state.h"

const struct policy_decision explain_no_child = {.status = REALM_E_NOT_CHILD, .rule = POLICY_RULE_PARENT};

void broker_place(const struct broker *broker, uint32_t line, uint32_t column, char text[BROKER_PLACE_MAX])
{
    const char *source = broker->config->source ? broker->config->source : "";
    const char *slash = strrchr(source, '/');
    const char *base = slash ? slash + 1 : source;
    if (line == 0)
        snprintf(text, BROKER_PLACE_MAX, "%s", base);
    else
        snprintf(text, BROKER_PLACE_MAX, "%s:%u:%u", base, line, column);
}

/* Rules name declarations: what would let an instance in is a rule for its template. */
static const char *declared_name(const struct broker *broker, struct policy_realm realm)
{
    const struct broker_realm *record = broker_realm_of(broker, realm);
    return record ? broker->config->realms[record->declaration].name : "?";
}

static void describe_fix(const struct broker *broker, const struct broker_realm *actor, const char *name,
                         const struct policy_fix *fix, char text[BROKER_FIX_MAX])
{
    const struct broker_service *service = broker_service_of(broker, fix->service);
    const char *service_name = service ? service->config->name : name;
    const char *realm = declared_name(broker, fix->realm);
    char at[BROKER_PLACE_MAX];
    broker_place(broker, service ? service->config->place.line : 0,
                 service ? service->config->place.column : 0, at);
    switch (fix->kind) {
    case POLICY_FIX_ACCESS:
        snprintf(text, BROKER_FIX_MAX,
                 "add `%s` to the `access:` of `%s` (%s), or `- {to: %s, service: %s, rights: [send]}` to "
                 "`grants:`",
                 realm, service_name, at, realm, service_name);
        break;
    case POLICY_FIX_PROVIDER:
        snprintf(text, BROKER_FIX_MAX, "make `%s` the `provider:` of `%s` (%s)", realm, service_name, at);
        break;
    case POLICY_FIX_DECLARE:
        snprintf(text, BROKER_FIX_MAX, "declare a service `%s`, or give one this alias, in %s", name, at);
        break;
    case POLICY_FIX_PARENT:
        snprintf(text, BROKER_FIX_MAX, "give realm `%s` the `parent:` `%s`", realm,
                 actor ? declared_name(broker, actor->policy) : "?");
        break;
    case POLICY_FIX_NONE:
        text[0] = '\0';
        break;
    }
}

/* Where the limit would be written, and the least that would have done. A scenario sets none of init's: there
 * only what cannot be counted is refused. */
static void describe_quota_fix(const struct broker *broker, const struct policy_decision *decision,
                               char text[BROKER_FIX_MAX])
{
    const char *resource = policy_resource_name(decision->quota.resource);
    const bool memory = decision->quota.resource == POLICY_MEMORY;
    const unsigned long long least = decision->quota.use + decision->quota.wanted;
    if (!broker_realm_of(broker, decision->quota.realm))
        snprintf(text, BROKER_FIX_MAX, "no `quota:` sets this: so much of `%s` cannot be counted", resource);
    else
        snprintf(text, BROKER_FIX_MAX, "raise `%s` to %llu%s or more in the `quota:` of realm `%s`", resource,
                 memory ? (least + 1023) / 1024 : least, memory ? "KiB" : "",
                 declared_name(broker, decision->quota.realm));
}

void broker_explain_decision(const struct broker *broker, const struct broker_realm *actor, const char *name,
                             const struct policy_decision *decision, struct broker_reason *ret_reason)
{
    ret_reason->rule = policy_rule_name(decision->rule);
    broker_place(broker, decision->place.line, decision->place.column, ret_reason->at);
    if (decision->rule == POLICY_RULE_QUOTA)
        describe_quota_fix(broker, decision, ret_reason->fix);
    else
        describe_fix(broker, actor, name, &decision->fix, ret_reason->fix);
}

static json_t *describe_consumers(const struct broker *broker, const struct policy_decision *decision)
{
    struct policy_consumer consumers[POLICY_CONSUMERS_MAX];
    size_t count =
        policy_consumers(broker->policy, decision->quota.realm, decision->quota.resource, consumers);
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++) {
        const struct broker_realm *realm = broker_realm_of(broker, consumers[i].realm);
        json_array_append_new(list, json_pack("{s:s, s:I}", "realm", realm ? realm->name : "init", "use",
                                              (json_int_t)consumers[i].own));
    }
    return list;
}

/* A flood of requests over the quota is no flood of events, nor of searches for who uses most. */
static bool is_told(struct broker_realm *realm, const struct policy_decision *decision)
{
    const uint32_t bit = 1u << decision->quota.resource;
    const bool told = realm->quotas_told & bit;
    realm->quotas_told |= bit;
    return told;
}

static void tell_quota(struct broker_realm *realm, const struct policy_decision *decision, uint64_t number)
{
    const struct broker *broker = realm->broker;
    const struct broker_realm *owner = broker_realm_of(broker, decision->quota.realm);
    struct broker_reason reason;
    broker_explain_decision(broker, realm, "", decision, &reason);
    json_t *consumers = describe_consumers(broker, decision);
    events_emit(broker->events, "limited", "{s:s, s:s, s:I, s:s, s:I, s:O, s:s, s:s, s:I}", "realm",
                realm->name, "limit", policy_resource_name(decision->quota.resource), "value",
                (json_int_t)decision->quota.limit, "of", owner ? owner->name : "init", "use",
                (json_int_t)decision->quota.use, "consumers", consumers, "at", reason.at, "fix", reason.fix,
                "decision", (json_int_t)number);
    json_decref(consumers);
}

/* asked: NULL where the event has none. */
static void tell_denied(struct broker_realm *realm, const char *asked, const char *name,
                        const struct broker_reason *reason, uint64_t number)
{
    if (!denials_admit(realm, &(struct denial){asked, name, reason->rule, number}))
        return;
    events_emit(realm->broker->events, "denied", "{s:s, s:s*, s:s, s:s, s:s, s:s, s:I}", "realm", realm->name,
                "asked", asked, "service", name, "rule", reason->rule, "at", reason->at, "fix", reason->fix,
                "decision", (json_int_t)number);
}

/* The search for a fix is made when the administrator asks for it. */
static void say_where(struct broker_reason *reason, uint64_t number)
{
    if (!reason->fix[0] && number != 0)
        snprintf(reason->fix, sizeof reason->fix, "`realm explain --decision %llu` has it",
                 (unsigned long long)number);
}

/* --- what was asked about a capability --- */

/* The rights that would have done. */
static uint32_t rights_needed(const struct policy_event *event)
{
    const bool gives = event->kind == POLICY_DERIVE && event->subject.index != event->actor.index;
    uint32_t rights = REALM_RIGHT_SEND | event->rights;
    if (event->kind == POLICY_REVOKE)
        rights |= REALM_RIGHT_REVOKE;
    if (gives)
        rights |= REALM_RIGHT_GRANT;
    if (event->kind == POLICY_DERIVE && event->mode == POLICY_MINT)
        rights |= REALM_RIGHT_MINT;
    return rights;
}

/*
 * Rules say something only about sends to declared services: there a realm may connect with more rights, and
 * who is denied a service may be let in. NULL: it is about something else.
 */
static const struct broker_realm *who_would_help(const struct broker_realm *realm,
                                                 const struct policy_event *event,
                                                 const struct policy_decision *decision,
                                                 const struct broker_service **ret_service)
{
    struct policy_capability_info source;
    if (!policy_capability_get(realm->broker->policy, event->capability, &source) ||
        (source.kind != POLICY_KIND_SEND && source.kind != POLICY_KIND_ENDPOINT))
        return NULL;
    *ret_service = broker_service_of(realm->broker, source.service);
    if (!*ret_service)
        return NULL;
    if (decision->rule == POLICY_RULE_DENY)
        return broker_realm_of(realm->broker, event->subject);
    return decision->rule == POLICY_RULE_RIGHTS && source.kind == POLICY_KIND_SEND ? realm : NULL;
}

/* The rights that it has come from a rule, which stands somewhere. */
static void find_place(const struct broker_realm *about, const char *service,
                       struct policy_decision *decision)
{
    const struct policy_event event = {
        .kind = POLICY_CONNECT, .actor = about->policy, .service = {service, strlen(service)}};
    struct policy_decision connect;
    policy_would_connect(about->broker->policy, &event, &connect);
    decision->place = connect.place;
}

void explain_refused(struct broker_realm *realm, const struct explain_refusal *refusal,
                     const struct policy_decision *decision)
{
    const struct broker_service *service = NULL;
    struct policy_decision kept = *decision;
    struct broker_reason reason;
    if (decision->rule == POLICY_RULE_NONE || decision->status == REALM_E_STALE)
        return;
    if (decision->rule == POLICY_RULE_QUOTA) {
        if (!is_told(realm, decision))
            tell_quota(realm, decision,
                       diagnosis_keep_capability(realm, refusal->asked, NULL, refusal->name, 0, decision));
        return;
    }
    const struct broker_realm *about = who_would_help(realm, refusal->event, decision, &service);
    const char *name = about ? service->config->name : refusal->name;
    if (about && kept.place.line == 0)
        find_place(about, name, &kept);
    broker_explain_decision(realm->broker, realm, name, &kept, &reason);
    const uint64_t number =
        diagnosis_keep_capability(realm, refusal->asked, about, name, rights_needed(refusal->event), &kept);
    if (about)
        say_where(&reason, number);
    tell_denied(realm, refusal->asked, name, &reason, number);
}

/* --- what was asked about a child --- */

/* An instance cannot be named in a scenario, but a template can be moved below its template, if that does not
 * stand below it. */
static bool could_be_below_template(const struct broker_realm *realm, const struct broker_realm *declared)
{
    const struct mm_config *config = realm->broker->config;
    uint32_t above = realm->declaration;
    if (!realm->instance || !config->realms[declared->declaration].template)
        return false;
    while (above != MM_INIT && above != declared->declaration)
        above = config->realms[above].parent;
    return above == MM_INIT;
}

void explain_spawn(const struct broker_spawn *spawn, const struct broker_realm *declared,
                   const struct policy_decision *decision)
{
    struct broker_realm *realm = spawn->actor;
    struct policy_decision kept = *decision;
    struct broker_reason reason;
    if (decision->rule == POLICY_RULE_NONE)
        return;
    if (decision->rule == POLICY_RULE_QUOTA) {
        if (!is_told(realm, decision))
            tell_quota(realm, decision, diagnosis_keep_spawn(spawn, declared, decision));
        return;
    }
    if (declared) {
        const struct mm_place place = realm->broker->config->realms[declared->declaration].place;
        kept.place = (struct policy_place){place.line, place.column};
    }
    broker_explain_decision(realm->broker, realm, spawn->program, &kept, &reason);
    const uint64_t number = diagnosis_keep_spawn(spawn, declared, &kept);
    if (declared && kept.rule == POLICY_RULE_PARENT && could_be_below_template(realm, declared))
        say_where(&reason, number);
    tell_denied(realm, "spawn", spawn->program, &reason, number);
}

/* --- what needs a capability of its own --- */

void explain_incapable(struct broker_realm *realm, const struct policy_event *event,
                       const struct policy_decision *decision)
{
    const bool gate = event->kind == POLICY_GATE;
    struct broker_reason reason;
    char name[32] = "others";
    if (decision->rule == POLICY_RULE_NONE)
        return;
    if (gate)
        snprintf(name, sizeof name, "(gate %u)", event->gate);
    broker_explain_decision(realm->broker, realm, name, decision, &reason);
    const uint64_t number = diagnosis_keep_incapable(realm, gate ? QUESTION_GATE : QUESTION_LOOK,
                                                     gate ? event->gate : 0, name, decision);
    say_where(&reason, number);
    tell_denied(realm, gate ? "gate" : "look", name, &reason, number);
}

/* --- what was asked of a service --- */

void explain_denied(struct broker_realm *realm, enum question_kind kind, const struct broker_realm *child,
                    const char *service, uint32_t rights, const struct policy_decision *decision)
{
    struct broker_reason reason;
    if (decision->rule == POLICY_RULE_QUOTA) {
        if (!is_told(realm, decision))
            tell_quota(realm, decision, diagnosis_keep(realm, kind, child, service, rights, decision));
        return;
    }
    broker_explain_decision(realm->broker, realm, service, decision, &reason);
    const uint64_t number = diagnosis_keep(realm, kind, child, service, rights, decision);
    say_where(&reason, number);
    tell_denied(realm, NULL, service, &reason, number);
}

/* What is said of a service by the rules, and what would change it. */
static void find_fix(const struct broker *broker, const struct broker_realm *realm, const char *service,
                     uint32_t rights, struct edits *ret_edits)
{
    struct question question;
    ret_edits->count = 0;
    diagnosis_question(broker, realm, service, rights, &question);
    if (fix_find(broker->config, &question, ret_edits) != 0)
        ret_edits->count = 0;
}

int broker_explain(const struct broker *broker, const struct broker_realm *realm, const char *service,
                   uint32_t rights, struct broker_explanation **ret_explanation)
{
    struct broker_explanation *explanation = calloc(1, sizeof(*explanation));
    if (!explanation)
        return -ENOMEM;
    struct policy_event event = {
        .kind = POLICY_CONNECT, .actor = realm->policy, .service = {service, strlen(service)}};
    struct policy_decision decision;
    policy_would_connect(broker->policy, &event, &decision);
    bool declared = broker_service_of(broker, decision.service) != NULL;
    explanation->allowed = decision.status == 0 || (decision.status == REALM_E_NO_SERVICE && declared);
    explanation->allowed = explanation->allowed && (decision.rights & rights) == rights;
    explanation->registered = decision.registered;
    explanation->decision = decision;
    const struct broker_realm *owner = broker_realm_of(broker, decision.quota.realm);
    if (decision.rule == POLICY_RULE_QUOTA)
        explanation->edits.count =
            fix_quota(owner ? owner->declaration : MM_INIT, &decision, &explanation->edits.list[0]);
    else if (declared && !explanation->allowed)
        find_fix(broker, realm, service, rights, &explanation->edits);
    broker_explain_decision(broker, realm, service, &decision, &explanation->reason);

    struct policy_step steps[BROKER_STEPS_MAX];
    size_t count = policy_explain(broker->policy, &event, steps, BROKER_STEPS_MAX);
    explanation->steps_count = count < BROKER_STEPS_MAX ? count : BROKER_STEPS_MAX;
    for (size_t i = 0; i < explanation->steps_count; i++) {
        explanation->steps[i].rule = policy_rule_name(steps[i].rule);
        explanation->steps[i].matched = steps[i].matched;
        broker_place(broker, steps[i].place.line, steps[i].place.column, explanation->steps[i].at);
    }
    *ret_explanation = explanation;
    return declared ? 0 : REALM_E_NO_SERVICE;
}

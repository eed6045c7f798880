/*
 * No search: each refusal names the one rule that must go or be met, and the engine is asked again.
 *
 * Why that is smallest. A `deny` that matches excludes, whatever else is there: each must be removed, and
 * removing others changes nothing. When none matches, one entry for the exact realm at the head of `grants`
 * decides before everything else, so one edit more is always enough; whether it is the smallest of the
 * one-edit changes is decided among a handful by edits_compare. Limits are independent of rules and of each
 * other: each that refuses must be raised. tests/property/fix_test.c holds this against every set of edits of
 * small systems.
 */
#include "mm/analysis/fix.h"

#include <errno.h>
#include <string.h>

#include <realm/error.h>
#include <realm/types.h>

#define ROUNDS_MAX (2 * EDITS_MAX) /* a limit may have to be raised for more than one refusal */

static uint32_t declaration_of(const struct whatif_path *path)
{
    return path->count > 0 ? path->steps[path->count - 1].declaration : MM_INIT;
}

static bool same_place(struct mm_place a, struct policy_place b)
{
    return a.line == b.line && a.column == b.column;
}

static bool find_service(const struct mm_config *config, const char *name, uint32_t *ret_service)
{
    for (uint32_t i = 0; i < config->services_count; i++) {
        const struct mm_service *service = &config->services[i];
        bool found = strcmp(service->name, name) == 0;
        for (size_t j = 0; j < service->aliases_count; j++)
            found = found || strcmp(service->aliases[j].name, name) == 0;
        if (found) {
            *ret_service = i;
            return true;
        }
    }
    return false;
}

/* Adds an edit, or what it says to the like one that is there already. false: there are too many. */
static bool add(struct edits *edits, const struct edit *edit)
{
    for (size_t i = 0; i < edits->count; i++) {
        struct edit *other = &edits->list[i];
        if (other->kind == EDIT_QUOTA && edit->kind == EDIT_QUOTA && other->realm == edit->realm &&
            other->resource == edit->resource) {
            other->limit = edit->limit;
            return true;
        }
        if (other->kind == EDIT_UNDENY && edit->kind == EDIT_UNDENY && other->entry == edit->entry)
            return true;
    }
    if (edits->count == EDITS_MAX)
        return false;
    edits->list[edits->count++] = *edit;
    return true;
}

/* --- one edit for one refusal --- */

static bool undeny(const struct mm_config *config, uint32_t service, struct policy_place place,
                   struct edits *edits)
{
    for (uint32_t i = 0; i < config->denies_count; i++) {
        bool gone = false;
        for (size_t j = 0; j < edits->count; j++)
            gone = gone || (edits->list[j].kind == EDIT_UNDENY && edits->list[j].entry == i);
        if (!gone && config->denies[i].service == service && same_place(config->denies[i].who.place, place))
            return add(edits, &(struct edit){.kind = EDIT_UNDENY, .entry = i, .service = service});
    }
    return false;
}

/* Tries an edit on top of those that are there; keeps it if it is the smallest that makes it a yes. */
static int try(const struct mm_config *config, const struct question *question, const struct edits *edits,
               const struct edit *edit, struct edits *best)
{
    struct edits set = *edits;
    struct edits_variation variation;
    struct question_answer answer;
    if (!add(&set, edit))
        return 0;
    int error = edits_apply(config, &set, &variation);
    if (error)
        return error == -ENOMEM ? error : 0;
    error = question_ask(&variation.config, question, &answer);
    edits_variation_deinit(&variation);
    bool yes = !error && (answer.satisfied || answer.decision.rule == POLICY_RULE_QUOTA);
    if (yes && (best->count == 0 || edits_compare(config, &set, best) < 0))
        *best = set;
    return error;
}

/* Nothing allows it, or not with all the rights: every single edit that can change that. */
static int allow(const struct mm_config *config, const struct question *question, uint32_t service,
                 struct edits *edits)
{
    struct edits best = {.count = 0};
    const struct mm_service *declared = &config->services[service];
    struct edit entry = {.kind = EDIT_GRANT,
                         .service = service,
                         .rights = question->rights | REALM_RIGHT_SEND,
                         .who = {.kind = MM_ACCESS_REALM, .realm = declaration_of(&question->actor)}};
    int error = try(config, question, edits, &entry, &best);
    entry.kind = EDIT_ACCESS;
    if (!error)
        error = try(config, question, edits, &entry, &best);
    for (uint32_t i = 0; !error && i < config->grants_count; i++) {
        const struct mm_grant *grant = &config->grants[i];
        entry =
            (struct edit){.kind = EDIT_GRANT_RIGHTS, .entry = i, .rights = question->rights & ~grant->rights};
        if (grant->service == service && entry.rights != 0)
            error = try(config, question, edits, &entry, &best);
    }
    for (uint32_t i = 0; !error && i < declared->access_count; i++) {
        uint32_t has = declared->access[i].rights | REALM_RIGHT_SEND;
        entry = (struct edit){
            .kind = EDIT_ACCESS_RIGHTS, .service = service, .entry = i, .rights = question->rights & ~has};
        if (entry.rights != 0)
            error = try(config, question, edits, &entry, &best);
    }
    if (error)
        return error;
    if (best.count == 0)
        return REALM_E_DENIED;
    *edits = best;
    return 0;
}

/* A service that is not there needs a provider: the first by name that is not the actor. */
static int declare(const struct mm_config *config, const struct question *question, struct edits *edits)
{
    uint32_t actor = declaration_of(&question->actor), provider = MM_INIT;
    bool registers = question->kind == QUESTION_REGISTER;
    for (uint32_t i = 0; i < config->realms_count; i++)
        if (i != actor &&
            (provider == MM_INIT || strcmp(config->realms[i].name, config->realms[provider].name) < 0))
            provider = i;
    struct edit edit = {.kind = EDIT_DECLARE,
                        .realm = registers ? actor : provider,
                        .name = question->service,
                        .rights = question->rights | REALM_RIGHT_SEND,
                        .who = {.kind = MM_ACCESS_REALM, .realm = actor}};
    if (edit.realm == MM_INIT)
        return REALM_E_DENIED;
    return add(edits, &edit) ? 0 : REALM_E_DENIED;
}

bool fix_quota(uint32_t realm, const struct policy_decision *decision, struct edit *ret_edit)
{
    static const enum mm_resource resources[POLICY_RESOURCES] = {
        [POLICY_REALMS] = MM_RESOURCE_REALMS,
        [POLICY_CHANNELS] = MM_RESOURCE_CHANNELS,
        [POLICY_CAPABILITIES] = MM_RESOURCE_CAPABILITIES,
        [POLICY_MEMORY] = MM_RESOURCE_MEMORY,
        [POLICY_DESCRIPTORS] = MM_RESOURCE_DESCRIPTORS,
        [POLICY_REQUESTS] = MM_RESOURCE_REQUESTS};
    if (realm == MM_INIT)
        return false;
    *ret_edit = (struct edit){.kind = EDIT_QUOTA,
                              .realm = realm,
                              .resource = resources[decision->quota.resource],
                              .limit = decision->quota.use + decision->quota.wanted};
    return true;
}

static int raise_quota(const struct question_answer *answer, struct edits *edits)
{
    struct edit edit;
    return fix_quota(answer->limited, &answer->decision, &edit) && add(edits, &edit) ? 0 : REALM_E_DENIED;
}

/* The subject becomes the actor's child, if a scenario can say so and no circle comes of it. */
static int adopt(const struct mm_config *config, const struct question *question, struct edits *edits)
{
    uint32_t actor = declaration_of(&question->actor), subject = declaration_of(&question->subject);
    if (actor == MM_INIT || subject == MM_INIT)
        return REALM_E_DENIED;
    for (size_t i = 0; i < question->actor.count; i++)
        if (question->actor.steps[i].declaration == subject || question->actor.steps[i].name)
            return REALM_E_DENIED;
    if (config->realms[actor].template && !config->realms[subject].template)
        return REALM_E_DENIED;
    struct edit edit = {.kind = EDIT_PARENT, .realm = subject, .parent = actor};
    return add(edits, &edit) ? 0 : REALM_E_DENIED;
}

/* What the giver lacks is found as if it asked for itself; what both need is in the set once. */
static int empower(const struct mm_config *config, const struct question *question, struct edits *edits)
{
    struct question own = *question;
    struct edits more;
    own.kind = QUESTION_CONNECT;
    own.subject.count = 0;
    int error = fix_find(config, &own, &more);
    for (size_t i = 0; !error && i < more.count; i++)
        if (!add(edits, &more.list[i]))
            error = REALM_E_DENIED;
    return error;
}

static int capability(const struct question *question, struct edits *edits)
{
    struct edit edit = {.kind = EDIT_CAPABILITY,
                        .realm = declaration_of(&question->actor),
                        .gate = question->kind == QUESTION_GATE ? question->gate : 0};
    if (question->kind == QUESTION_GATE && (question->gate == 0 || question->gate > MM_GATE_MAX))
        return REALM_E_DENIED;
    return edit.realm != MM_INIT && add(edits, &edit) ? 0 : REALM_E_DENIED;
}

static int step(const struct mm_config *config, const struct question *question,
                const struct question_answer *answer, struct edits *edits)
{
    uint32_t service = 0;
    bool declared = question->service && find_service(config, question->service, &service);
    switch (answer->decision.rule) {
    case POLICY_RULE_DECLARED:
        return declare(config, question, edits);
    case POLICY_RULE_DENY:
        return undeny(config, service, answer->decision.place, edits) ? 0 : REALM_E_DENIED;
    case POLICY_RULE_QUOTA:
        return raise_quota(answer, edits);
    case POLICY_RULE_PROVIDER:
        return add(edits, &(struct edit){.kind = EDIT_PROVIDER,
                                         .service = service,
                                         .realm = declaration_of(&question->actor)})
                   ? 0
                   : REALM_E_DENIED;
    case POLICY_RULE_PARENT:
        return adopt(config, question, edits);
    case POLICY_RULE_HOLDS:
        return empower(config, question, edits);
    case POLICY_RULE_GATE:
    case POLICY_RULE_DEBUG:
        return capability(question, edits);
    case POLICY_RULE_DEFAULT:
    case POLICY_RULE_CONFIG_GRANT:
    case POLICY_RULE_PARENT_GRANT:
    case POLICY_RULE_CHILD_OF_PROVIDER:
    case POLICY_RULE_PARENT_OF_PROVIDER:
    case POLICY_RULE_SIBLING_OF_PROVIDER:
    case POLICY_RULE_ACCESS_REALM:
    case POLICY_RULE_ACCESS_CHILDREN:
    case POLICY_RULE_ACCESS_DESCENDANTS:
    case POLICY_RULE_ACCESS_ALL:
    case POLICY_RULE_ACCESS_PATH:
        return declared ? allow(config, question, service, edits) : REALM_E_DENIED;
    default:
        return REALM_E_DENIED;
    }
}

int fix_find(const struct mm_config *config, const struct question *question, struct edits *ret_edits)
{
    struct edits edits = {.count = 0};
    for (size_t round = 0;; round++) {
        struct edits_variation variation;
        struct question_answer answer;
        int error = edits_apply(config, &edits, &variation);
        if (error)
            return error;
        error = question_ask(&variation.config, question, &answer);
        edits_variation_deinit(&variation);
        if (!error && answer.satisfied)
            break;
        if (!error)
            error = round < ROUNDS_MAX ? step(config, question, &answer, &edits) : REALM_E_DENIED;
        if (error)
            return error;
    }
    *ret_edits = edits;
    return 0;
}

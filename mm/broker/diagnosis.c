/*
 * The refusals of the past. Their table is made with the first of them, so that a system in which nothing is
 * refused has none. When it is full, the declaration that has the most of them loses its oldest: who is
 * refused without end erases what was its own, and nobody else's share.
 *
 * A refusal costs a walk through the rules more than the decision did; the search for a fix is never made for
 * a realm, only for the administrator who asks.
 */
#include "mm/broker/diagnosis.h"

#include <stdlib.h>
#include <string.h>

#include "librealm/core/name.h"

struct diagnosis {
    struct diagnosis_entry entries[DIAGNOSIS_KEPT];
    uint64_t last; /* number */
    size_t count;
    uint32_t held[]; /* of each declaration, with all its instances: how many are its */
};

/* As much of a name as fits, which is all of it: names have been checked, or were refused for their length.
 */
static void copy_name(char to[REALM_NAME_MAX + 1], const char *from)
{
    size_t size = strnlen(from, REALM_NAME_MAX);
    memcpy(to, from, size);
    to[size] = '\0';
}

static struct diagnosis *diagnosis_of(struct broker *broker)
{
    if (!broker->diagnosis)
        broker->diagnosis = calloc(1, sizeof(struct diagnosis) +
                                          broker->config->realms_count * sizeof broker->diagnosis->held[0]);
    return broker->diagnosis;
}

/* The oldest of who has the most; of those who have as many, the asker's. */
static struct diagnosis_entry *who_makes_room(struct diagnosis *diagnosis, uint32_t asker)
{
    struct diagnosis_entry *found = &diagnosis->entries[0];
    for (size_t i = 1; i < DIAGNOSIS_KEPT; i++) {
        struct diagnosis_entry *entry = &diagnosis->entries[i];
        const uint32_t held = diagnosis->held[entry->asker];
        const uint32_t most = diagnosis->held[found->asker];
        const bool own = entry->asker == asker, found_own = found->asker == asker;
        if (held > most || (held == most && (own != found_own ? own : entry->number < found->number)))
            found = entry;
    }
    return found;
}

static struct diagnosis_entry *place_for(struct diagnosis *diagnosis, uint32_t asker)
{
    struct diagnosis_entry *entry;
    if (diagnosis->count < DIAGNOSIS_KEPT) {
        entry = &diagnosis->entries[diagnosis->count++];
    } else {
        entry = who_makes_room(diagnosis, asker);
        diagnosis->held[entry->asker]--;
    }
    diagnosis->held[asker]++;
    return entry;
}

/* The next entry, with its number and what all have. NULL: no memory. */
static struct diagnosis_entry *entry_new(const struct broker_realm *realm, const char *service,
                                         uint32_t rights, const struct policy_decision *decision)
{
    struct broker *broker = realm->broker;
    struct diagnosis *diagnosis = diagnosis_of(broker);
    if (!diagnosis)
        return NULL;
    struct diagnosis_entry *entry = place_for(diagnosis, realm->declaration);
    *entry = (struct diagnosis_entry){.number = ++diagnosis->last,
                                      .asker = realm->declaration,
                                      .t_ns = events_now_ns(broker->events),
                                      .declaration = realm->declaration,
                                      .rights = rights,
                                      .decision = *decision};
    copy_name(entry->realm, realm->name);
    copy_name(entry->service, service);
    const struct broker_realm *owner =
        decision->rule == POLICY_RULE_QUOTA ? broker_realm_of(broker, decision->quota.realm) : NULL;
    entry->limited = owner ? owner->declaration : MM_INIT;
    copy_name(entry->limited_name, owner ? owner->name : "init");
    return entry;
}

static void look_at_rules(struct diagnosis_entry *entry, const struct broker_realm *realm)
{
    struct policy_event event = {
        .kind = POLICY_CONNECT, .actor = realm->policy, .service = {entry->service, strlen(entry->service)}};
    entry->steps_count = policy_explain(realm->broker->policy, &event, entry->steps, DIAGNOSIS_STEPS);
}

uint64_t diagnosis_keep(struct broker_realm *realm, enum question_kind kind, const struct broker_realm *child,
                        const char *service, uint32_t rights, const struct policy_decision *decision)
{
    static const char *const kinds[] = {
        [QUESTION_CONNECT] = "connect", [QUESTION_REGISTER] = "register", [QUESTION_GRANT] = "grant"};
    struct diagnosis_entry *entry = entry_new(realm, service, rights, decision);
    if (!entry)
        return 0;
    entry->asked = kinds[kind];
    entry->mendable = kind != QUESTION_GRANT || child; /* nobody is whom it was granted to */
    entry->kind = kind;
    entry->child_declaration = child ? child->declaration : 0;
    copy_name(entry->child, child ? child->name : "");
    if (kind == QUESTION_CONNECT)
        look_at_rules(entry, realm);
    return entry->number;
}

uint64_t diagnosis_keep_capability(struct broker_realm *realm, const char *asked,
                                   const struct broker_realm *about, const char *service, uint32_t rights,
                                   const struct policy_decision *decision)
{
    struct diagnosis_entry *entry = entry_new(realm, service, rights, decision);
    if (!entry)
        return 0;
    entry->asked = asked;
    entry->mendable = about != NULL;
    entry->kind = QUESTION_CONNECT;
    if (about) {
        entry->declaration = about->declaration;
        look_at_rules(entry, about);
    }
    return entry->number;
}

uint64_t diagnosis_keep_incapable(struct broker_realm *realm, enum question_kind kind, uint32_t gate,
                                  const char *name, const struct policy_decision *decision)
{
    struct diagnosis_entry *entry = entry_new(realm, name, 0, decision);
    if (!entry)
        return 0;
    entry->asked = kind == QUESTION_GATE ? "gate" : "look";
    entry->mendable = true;
    entry->kind = kind;
    entry->gate = gate;
    return entry->number;
}

uint64_t diagnosis_keep_spawn(const struct broker_spawn *spawn, const struct broker_realm *declared,
                              const struct policy_decision *decision)
{
    struct diagnosis_entry *entry = entry_new(spawn->actor, spawn->program, 0, decision);
    if (!entry)
        return 0;
    entry->asked = "spawn";
    entry->mendable = declared && decision->rule == POLICY_RULE_PARENT;
    entry->kind = QUESTION_START;
    entry->child_declaration = declared ? declared->declaration : 0;
    copy_name(entry->child, spawn->name ? spawn->name : "");
    return entry->number;
}

const struct diagnosis_entry *diagnosis_find(const struct broker *broker, uint64_t number)
{
    if (!broker->diagnosis || number == 0)
        return NULL;
    for (size_t i = 0; i < broker->diagnosis->count; i++)
        if (broker->diagnosis->entries[i].number == number)
            return &broker->diagnosis->entries[i];
    return NULL;
}

void diagnosis_free(struct broker *broker)
{
    free(broker->diagnosis);
    broker->diagnosis = NULL;
}

/* --- questions --- */

static void path_of(const struct broker_realm *realm, struct whatif_path *ret_path)
{
    size_t count = 0;
    for (const struct broker_realm *at = realm; at && count < POLICY_DEPTH_MAX; at = at->parent)
        count++;
    ret_path->count = count;
    for (const struct broker_realm *at = realm; at && count > 0; at = at->parent)
        ret_path->steps[--count] =
            (struct whatif_step){.declaration = at->declaration, .name = at->instance ? at->name : NULL};
}

void diagnosis_question(const struct broker *broker, const struct broker_realm *realm, const char *service,
                        uint32_t rights, struct question *ret_question)
{
    struct policy_service found = policy_find_service(broker->policy, whatif_name(service));
    const struct broker_service *record = broker_service_of(broker, found);
    *ret_question =
        (struct question){.kind = QUESTION_CONNECT, .service = service, .rights = rights | REALM_RIGHT_SEND};
    path_of(realm, &ret_question->actor);
    if (record && record->provider)
        path_of(record->provider, &ret_question->provider);
}

void diagnosis_question_of(const struct broker *broker, const struct diagnosis_entry *entry,
                           struct question *ret_question)
{
    *ret_question = (struct question){
        .kind = entry->kind, .rights = entry->rights | REALM_RIGHT_SEND, .gate = entry->gate};
    if (entry->kind == QUESTION_CONNECT || entry->kind == QUESTION_REGISTER || entry->kind == QUESTION_GRANT)
        ret_question->service = entry->service;
    whatif_path_of(broker->config, entry->declaration, &ret_question->actor);
    if (entry->kind == QUESTION_GRANT || entry->kind == QUESTION_START)
        whatif_path_of(broker->config, entry->child_declaration, &ret_question->subject);
}

/*
 * Explanations as JSON, of what would be and of what was, in one shape: `realm explain` prints both alike.
 */
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include <realm/types.h>

#include "librealm/core/name.h"
#include "mm/broker/admin_answers.h"
#include "mm/broker/diagnosis.h"

/* Text that came from outside; what is not UTF-8 is no text. */
static json_t *text(const char *words)
{
    return json_string(realm_utf8_valid(words, strlen(words)) ? words : "?");
}

static json_t *place_text(const struct broker *broker, struct policy_place place)
{
    char at[BROKER_PLACE_MAX];
    broker_place(broker, place.line, place.column, at);
    return text(at);
}

static json_t *step(json_t *at, const char *rule, bool matched)
{
    return json_pack("{s:s, s:o, s:b}", "rule", rule, "at", at, "matched", matched);
}

/* Each edit as a line, and all of them as YAML. */
static void add_edits(const struct broker *broker, const struct edits *edits, json_t *answer)
{
    char line[EDIT_TEXT_MAX];
    json_t *lines = json_array();
    for (size_t i = 0; i < edits->count; i++) {
        edit_line(broker->config, &edits->list[i], line, sizeof line);
        json_array_append_new(lines, text(line));
    }
    char *yaml = edits_yaml(broker->config, edits);
    json_object_set_new(answer, "edits", lines);
    json_object_set_new(answer, "yaml", text(yaml ? yaml : ""));
    free(yaml);
}

/* A refusal for quota: whose, how much, and who uses the most of it now. */
static void add_quota(const struct broker *broker, const struct policy_decision *decision, const char *of,
                      json_t *answer)
{
    struct policy_consumer consumers[POLICY_CONSUMERS_MAX];
    if (decision->rule != POLICY_RULE_QUOTA)
        return;
    json_t *list = json_array();
    size_t count =
        policy_consumers(broker->policy, decision->quota.realm, decision->quota.resource, consumers);
    for (size_t i = 0; i < count; i++) {
        const struct broker_realm *realm = broker_realm_of(broker, consumers[i].realm);
        json_array_append_new(list, json_pack("{s:o, s:I}", "realm", text(realm ? realm->name : "init"),
                                              "own", (json_int_t)consumers[i].own));
    }
    json_object_set_new(answer, "quota",
                        json_pack("{s:o, s:s, s:I, s:I, s:o}", "realm", text(of), "resource",
                                  policy_resource_name(decision->quota.resource), "limit",
                                  (json_int_t)decision->quota.limit, "use", (json_int_t)decision->quota.use,
                                  "consumers", list));
}

bool admin_answers_right(const char *name, uint32_t *ret_rights)
{
    static const struct {
        const char *name;
        uint32_t bit;
    } rights[] = {{"send", REALM_RIGHT_SEND},
                  {"grant", REALM_RIGHT_GRANT},
                  {"mint", REALM_RIGHT_MINT},
                  {"revoke", REALM_RIGHT_REVOKE}};

    *ret_rights = REALM_RIGHT_SEND;
    for (size_t i = 0; name && i < sizeof rights / sizeof *rights; i++) {
        if (strcmp(name, rights[i].name) == 0) {
            *ret_rights |= rights[i].bit;
            return true;
        }
    }
    return name == NULL;
}

json_t *admin_answers_explanation(const struct broker *broker, const struct broker_realm *realm,
                                  const char *service, const char *right,
                                  const struct broker_explanation *explanation)
{
    json_t *steps = json_array();
    for (size_t i = 0; i < explanation->steps_count; i++)
        json_array_append_new(steps, step(text(explanation->steps[i].at), explanation->steps[i].rule,
                                          explanation->steps[i].matched));
    json_t *answer = json_pack(
        "{s:o, s:o, s:b, s:s, s:o, s:o, s:b, s:o}", "realm", text(realm->name), "service", text(service),
        "allowed", explanation->allowed, "rule", explanation->reason.rule, "at", text(explanation->reason.at),
        "fix", text(explanation->reason.fix), "registered", explanation->registered, "steps", steps);
    if (!answer)
        return NULL;
    if (right)
        json_object_set_new(answer, "right", json_string(right));
    add_edits(broker, &explanation->edits, answer);
    const struct broker_realm *owner = broker_realm_of(broker, explanation->decision.quota.realm);
    add_quota(broker, &explanation->decision, owner ? owner->name : "init", answer);
    return answer;
}

json_t *admin_answers_decision(const struct broker *broker, const struct diagnosis_entry *entry)
{
    struct question question;
    struct edits edits = {.count = 0};
    json_t *steps = json_array();
    for (size_t i = 0; i < entry->steps_count && i < DIAGNOSIS_STEPS; i++)
        json_array_append_new(steps, step(place_text(broker, entry->steps[i].place),
                                          policy_rule_name(entry->steps[i].rule), entry->steps[i].matched));
    json_t *answer =
        json_pack("{s:I, s:I, s:s, s:o, s:o, s:o, s:b, s:s, s:o, s:o}", "decision", (json_int_t)entry->number,
                  "t_ns", (json_int_t)entry->t_ns, "asked", entry->asked, "realm", text(entry->realm),
                  "child", text(entry->child), "service", text(entry->service), "allowed", 0, "rule",
                  policy_rule_name(entry->decision.rule), "at", place_text(broker, entry->decision.place),
                  "steps", steps);
    if (!answer)
        return NULL;
    diagnosis_question_of(broker, entry, &question);
    if (entry->decision.rule == POLICY_RULE_QUOTA) /* what was in use then no start of the system has */
        edits.count = fix_quota(entry->limited, &entry->decision, &edits.list[0]);
    else if (entry->mendable && fix_find(broker->config, &question, &edits) != 0)
        edits.count = 0;
    add_edits(broker, &edits, answer);
    add_quota(broker, &entry->decision, entry->limited_name, answer);
    return answer;
}

/* --- the rules of the scenario --- */

static json_t *rights_text(uint32_t rights)
{
    static const struct {
        uint32_t bit;
        const char *name;
    } names[] = {{REALM_RIGHT_SEND, "send"},
                 {REALM_RIGHT_GRANT, "grant"},
                 {REALM_RIGHT_MINT, "mint"},
                 {REALM_RIGHT_REVOKE, "revoke"}};
    json_t *list = json_array();
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (rights & names[i].bit)
            json_array_append_new(list, json_string(names[i].name));
    return list;
}

/* realm: a name, if the entry means one realm; pattern, word: what else it means. */
static bool add_rule(const struct broker *broker, json_t *rules, const char *kind,
                     const struct mm_access *who, uint32_t service, uint32_t rights)
{
    static const char *const words[] = {
        [MM_ACCESS_CHILDREN] = "children", [MM_ACCESS_DESCENDANTS] = "descendants", [MM_ACCESS_ALL] = "all"};
    const char *name = who->kind == MM_ACCESS_REALM  ? broker->config->realms[who->realm].name
                       : who->kind == MM_ACCESS_PATH ? who->pattern
                                                     : words[who->kind];
    json_t *rule =
        json_pack("{s:s, s:o, s:b, s:o, s:o, s:o}", "kind", kind, "who", text(name), "realm",
                  who->kind == MM_ACCESS_REALM, "service", text(broker->config->services[service].name),
                  "rights", rights_text(rights), "at",
                  place_text(broker, (struct policy_place){who->place.line, who->place.column}));
    return json_array_size(rules) < ADMIN_ANSWERS_MAX && json_array_append_new(rules, rule) == 0;
}

/* What parents have granted while the system ran: it stands in no file. */
static bool add_parent_grants(const struct broker *broker, json_t *rules)
{
    struct policy_parent_grant grant;
    uint32_t cursor = 0;
    while (policy_next_parent_grant(broker->policy, &cursor, &grant)) {
        const struct broker_realm *giver = broker_realm_of(broker, grant.giver);
        const struct broker_realm *realm = broker_realm_of(broker, grant.realm);
        const struct broker_service *service = broker_service_of(broker, grant.service);
        if (!realm || !service)
            continue;
        json_t *rule =
            json_pack("{s:s, s:o, s:b, s:o, s:o, s:s, s:o}", "kind", "parent grant", "who", text(realm->name),
                      "realm", 1, "service", text(service->config->name), "rights", rights_text(grant.rights),
                      "at", "", "by", text(giver ? giver->name : "init"));
        if (json_array_size(rules) >= ADMIN_ANSWERS_MAX || json_array_append_new(rules, rule) != 0)
            return false;
    }
    return true;
}

json_t *admin_answers_rules(const struct broker *broker)
{
    const struct mm_config *config = broker->config;
    json_t *rules = json_array();
    bool good = rules != NULL;
    for (size_t i = 0; good && i < config->denies_count; i++)
        good = add_rule(broker, rules, "deny", &config->denies[i].who, config->denies[i].service, 0);
    for (size_t i = 0; good && i < config->grants_count; i++) {
        const struct mm_grant *grant = &config->grants[i];
        const struct mm_access who = {.kind = grant->pattern ? MM_ACCESS_PATH : MM_ACCESS_REALM,
                                      .realm = grant->realm,
                                      .pattern = grant->pattern,
                                      .place = grant->place};
        good = add_rule(broker, rules, "grant", &who, grant->service, grant->rights);
    }
    for (uint32_t i = 0; good && i < config->services_count; i++)
        for (size_t j = 0; good && j < config->services[i].access_count; j++)
            good = add_rule(broker, rules, "access", &config->services[i].access[j], i,
                            config->services[i].access[j].rights | REALM_RIGHT_SEND);
    good = good && add_parent_grants(broker, rules);
    if (!good) {
        json_decref(rules);
        return NULL;
    }
    return rules;
}

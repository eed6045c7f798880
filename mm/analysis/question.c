/*
 * A question is asked where nothing runs but the realms that it is about, and the provider: so that the
 * answer rests on the rules, and quotas refuse only what they would always refuse.
 */
#include <errno.h>
#include <string.h>

#include <realm/error.h>
#include <realm/types.h>

#include "mm/analysis/whatif.h"

static const enum policy_event_kind kinds[] = {
    [QUESTION_CONNECT] = POLICY_CONNECT, [QUESTION_REGISTER] = POLICY_REGISTER,
    [QUESTION_GRANT] = POLICY_GRANT,     [QUESTION_GATE] = POLICY_GATE,
    [QUESTION_LOOK] = POLICY_LOOK,       [QUESTION_START] = POLICY_START};

static bool find_service(const struct whatif *whatif, const char *name, uint32_t *ret_number)
{
    struct policy_service service = policy_find_service(whatif->policy, whatif_name(name));
    for (uint32_t i = 0; service.index != 0 && i < whatif->config->services_count; i++) {
        if (whatif->services[i].index == service.index) {
            *ret_number = i;
            return true;
        }
    }
    return false;
}

/* The provider serves already, unless it is asked whether it may. */
static int serve(struct whatif *whatif, const struct question *question)
{
    uint32_t number;
    if (question->kind == QUESTION_REGISTER || !question->service ||
        !find_service(whatif, question->service, &number))
        return 0;
    return whatif_register(whatif, number, question->provider.count > 0 ? &question->provider : NULL);
}

/* Which declaration a realm is, or is an instance of. */
static uint32_t declaration_of(const struct whatif *whatif, const struct question *question,
                               struct policy_realm realm)
{
    const struct whatif_path *const paths[] = {&question->actor, &question->subject, &question->provider};
    for (uint32_t i = 0; i < whatif->config->realms_count; i++)
        if (whatif->realms[i].index == realm.index)
            return i;
    for (size_t i = 0; i < whatif->instances_count; i++)
        if (whatif->instances[i].realm.index == realm.index)
            for (size_t j = 0; j < 3; j++)
                for (size_t k = 0; k < paths[j]->count; k++)
                    if (paths[j]->steps[k].name == whatif->instances[i].name)
                        return paths[j]->steps[k].declaration;
    return MM_INIT;
}

static bool satisfied(const struct question *question, const struct policy_decision *decision)
{
    bool allowed = decision->status == 0 ||
                   (decision->status == REALM_E_NO_SERVICE && decision->rule != POLICY_RULE_DECLARED);
    uint32_t wanted = question->kind == QUESTION_CONNECT ? question->rights : 0;
    return allowed && (decision->rights & wanted) == wanted;
}

static int bring_up(struct whatif *whatif, const struct question *question, struct policy_event *event,
                    struct policy_decision *ret_decision)
{
    struct policy_decision refused;
    int error = whatif_start(whatif, &question->actor, &event->actor, ret_decision);
    if (!error && ret_decision->status == 0 && question->subject.count > 0) {
        if (question->kind == QUESTION_START) { /* all but the subject itself */
            struct whatif_path above = question->subject;
            above.count--;
            error = whatif_start(whatif, &above, &event->subject, &refused);
            if (!error)
                event->subject = whatif->realms[question->subject.steps[above.count].declaration];
        } else {
            error = whatif_start(whatif, &question->subject, &event->subject, ret_decision);
        }
    }
    if (!error && ret_decision->status == 0)
        error = serve(whatif, question);
    return error;
}

int question_ask(const struct mm_config *config, const struct question *question,
                 struct question_answer *ret_answer)
{
    struct question_answer answer = {.started = false};
    struct policy_event event = {.kind = kinds[question->kind],
                                 .rights = question->rights ? question->rights : REALM_RIGHT_SEND,
                                 .gate = question->gate};
    struct whatif whatif;
    int error = whatif_init(&whatif, config);
    if (error)
        return error;
    if (question->service)
        event.service = whatif_name(question->service);
    error = bring_up(&whatif, question, &event, &answer.decision);
    if (!error && answer.decision.status == 0) {
        answer.started = true;
        policy_decide(whatif.policy, &event, &answer.decision);
        answer.satisfied = satisfied(question, &answer.decision);
        answer.steps_count =
            policy_explain(whatif.policy, &event, answer.steps, sizeof answer.steps / sizeof answer.steps[0]);
    }
    answer.limited = declaration_of(&whatif, question, answer.decision.quota.realm);
    whatif_deinit(&whatif);
    if (!error)
        *ret_answer = answer;
    return error;
}

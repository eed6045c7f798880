/* DERIVE: the nine steps of section 5, in their order. */
#include "mm/oracle/facts.h"

#define GIVEABLE   (ORACLE_SEND | ORACLE_GRANT | ORACLE_MINT | ORACLE_REVOKE)
#define TOP_BIT    (UINT64_C(1) << 63)
#define PAGE       4096u
#define GENERATION 32u

/* Step 3. The kind that comes of it has been found. */
static bool arguments_are_good(const struct oracle_event *event, const struct oracle_capability *source,
                               enum oracle_kind kind)
{
    bool sends = source->kind == ORACLE_IS_ENDPOINT || source->kind == ORACLE_IS_SEND;
    bool moves = event->mode == ORACLE_MOVE;
    if (event->mode != ORACLE_COPY && event->mode != ORACLE_MINTED && !moves)
        return false;
    if (moves ? event->rights != 0 : event->rights == 0)
        return false;
    if (event->rights & ~oracle_rights_of(kind))
        return false;
    if (event->mode == ORACLE_MINTED ? event->badge == 0 || event->badge & TOP_BIT : event->badge != 0)
        return false;
    if (source->kind == ORACLE_IS_MEMORY && !moves) {
        if (event->size == 0 || event->size % PAGE || event->offset % PAGE ||
            event->offset > UINT64_MAX - event->size)
            return false;
    } else if (event->offset != 0 || event->size != 0) {
        return false;
    }
    if (event->mode == ORACLE_MINTED && !sends)
        return false;
    return !(moves && source->kind == ORACLE_IS_ENDPOINT);
}

/* Step 4: the other end of `via`, as the actor sees it; ORACLE_NONE: there is none. */
static int other_end(const struct oracle_world *world, int actor, int via)
{
    if (!fact_live(world, via) || world->capabilities[via].kind != ORACLE_IS_SEND)
        return ORACLE_NONE;
    int receiver = world->capabilities[world->capabilities[via].endpoint].holder;
    if (world->capabilities[via].holder == actor)
        return receiver;
    return receiver == actor ? world->capabilities[via].holder : ORACLE_NONE;
}

static bool within_window(const struct oracle_event *event, const struct oracle_capability *source)
{
    return event->offset >= source->offset && event->offset + event->size <= source->offset + source->size;
}

/* Step 6: what may be given away of the source's rights. */
static uint32_t rights_to_give(const struct oracle_capability *source)
{
    return source->kind == ORACLE_IS_ENDPOINT ? (source->rights & GIVEABLE) | ORACLE_SEND : source->rights;
}

/* Step 7. The source is an endpoint or a send. */
static bool target_may_send(const struct oracle_world *world, int source, int target,
                            struct oracle_answer *ret_answer)
{
    const struct oracle_capability *from = &world->capabilities[source];
    int endpoint = from->kind == ORACLE_IS_ENDPOINT ? source : from->endpoint;
    if (from->service != ORACLE_NONE) {
        const struct oracle_list *deny = &world->system->services[from->service].deny;
        size_t entry = fact_first_match(world, deny, from->service, target);
        if (entry != SIZE_MAX) {
            fact_answer(ORACLE_DENIED, "deny", ret_answer);
            ret_answer->where = ORACLE_IN_DENY;
            ret_answer->service = from->service;
            ret_answer->entry = entry;
            return false;
        }
    }
    if (world->capabilities[endpoint].holder == target) {
        fact_answer(ORACLE_DENIED, "self", ret_answer);
        return false;
    }
    return true;
}

void oracle_decide_derive(const struct oracle_world *world, const struct oracle_event *event,
                          struct oracle_answer *ret_answer)
{
    int actor = event->actor, target = event->subject;
    if (!fact_holds(world, actor, event->source)) { /* 1 */
        fact_answer(ORACLE_STALE, "owner", ret_answer);
        return;
    }
    if (!fact_runs(world, target)) { /* 2 */
        fact_answer(fact_realm_was(world, target) ? ORACLE_STALE : ORACLE_BAD_ARGUMENT, "", ret_answer);
        return;
    }
    const struct oracle_capability *source = &world->capabilities[event->source];
    bool moves = event->mode == ORACLE_MOVE;
    enum oracle_kind kind = source->kind == ORACLE_IS_ENDPOINT && !moves ? ORACLE_IS_SEND : source->kind;
    if (!arguments_are_good(event, source, kind)) { /* 3 */
        fact_answer(ORACLE_BAD_ARGUMENT, "", ret_answer);
        return;
    }
    if (target != actor && !fact_is_child(world, target, actor) &&
        target != other_end(world, actor, event->via)) { /* 4 */
        fact_answer(ORACLE_NOT_CHILD, "reach", ret_answer);
        return;
    }
    bool lacks = (target != actor && !(source->rights & ORACLE_GRANT)) ||             /* 5 */
                 (event->mode == ORACLE_MINTED && !(source->rights & ORACLE_MINT)) || /* 5 */
                 (event->rights & ~rights_to_give(source));                           /* 6 */
    if (lacks) {
        fact_answer(ORACLE_DENIED, "rights", ret_answer);
        return;
    }
    if (kind == ORACLE_IS_MEMORY && !moves && !within_window(event, source)) { /* 6 */
        fact_answer(ORACLE_DENIED, "window", ret_answer);
        return;
    }
    if (kind == ORACLE_IS_SEND && !target_may_send(world, event->source, target, ret_answer)) /* 7 */
        return;
    if (!moves && fact_generations(world, event->source) + 1 > GENERATION) { /* 8 */
        fact_answer(ORACLE_LIMIT, "depth", ret_answer);
        return;
    }
    struct fact_charge charges[] = {{target, ORACLE_USES_CAPABILITIES, 1},
                                    {target, ORACLE_USES_CHANNELS, kind == ORACLE_IS_SEND}};
    size_t count = moves && actor == target ? 0 : 2;
    if (fact_over_quota(world, charges, count, ret_answer)) /* 9 */
        return;
    fact_answer(ORACLE_ALLOWED, "owner", ret_answer);
}

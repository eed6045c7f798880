/*
 * A flood of refusals is no flood of events. Of a realm's refusals that are alike (asked for the same, by the
 * same name, refused by the same rule) one is told in a second, and DENIALS_KINDS of different kinds; those
 * that are left out are counted, and told as one number when the second is over.
 *
 * The rule: none goes by in silence, and what one realm does takes no event from another. So each has a table
 * of its own. It keeps hashes: a realm that makes two kinds meet, or fills the table, has fewer of its own
 * refusals told one by one, and more of them counted.
 */
#include "mm/broker/denials.h"

#include <string.h>

#include <jansson.h>
#include <realm/types.h>

#include "librealm/core/siphash.h"
#include "mm/broker/state.h"

static void second_over(struct poll_timer *timer)
{
    denials_flush(broker_container(timer, struct broker_realm, denials.end));
}

void denials_init(struct broker_realm *realm)
{
    realm->denials.end.fire = second_over;
}

void denials_flush(struct broker_realm *realm)
{
    struct denials *denials = &realm->denials;

    poll_timer_stop(realm->broker->poll, &denials->end);
    if (denials->left_out > 0)
        events_emit(realm->broker->events, "denied-more", "{s:s, s:I, s:I}", "realm", realm->name, "count",
                    (json_int_t)denials->left_out, "decision", (json_int_t)denials->decision);
    denials->left_out = denials->decision = 0;
    denials->kinds_count = 0;
}

/* Without a secret key: who finds two that meet hides nothing but its own. */
static uint64_t kind_of(const struct denial *denial)
{
    const char *const parts[] = {denial->asked ? denial->asked : "", denial->name, denial->rule};
    uint8_t key[16] = {0};
    uint64_t hash = 0;

    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        hash = realm_siphash(key, parts[i], strlen(parts[i]));
        memcpy(key, &hash, sizeof hash);
    }
    return hash;
}

static bool is_known(const struct denials *denials, uint64_t kind)
{
    for (uint32_t i = 0; i < denials->kinds_count; i++)
        if (denials->kinds[i] == kind)
            return true;
    return false;
}

bool denials_admit(struct broker_realm *realm, const struct denial *denial)
{
    struct denials *denials = &realm->denials;
    const uint64_t now_ns = poll_now_ns(), kind = kind_of(denial);

    if (realm->severed) /* it asks for nothing more, and the timer would outlive it */
        return true;
    if (now_ns - denials->start_ns >= REALM_SEC)
        denials_flush(realm);
    if (denials->kinds_count == 0)
        denials->start_ns = now_ns;
    if (denials->kinds_count < DENIALS_KINDS && !is_known(denials, kind)) {
        denials->kinds[denials->kinds_count++] = kind;
        return true;
    }
    if (denials->left_out++ == 0)
        poll_timer_start(realm->broker->poll, &denials->end, denials->start_ns + REALM_SEC);
    denials->decision = denial->decision;
    return false;
}

/*
 * A memory object is one to eight parts, each a memfd of its own. A realm gets descriptors of whole parts
 * only, opened anew for it, so what its window does not reach it has no descriptor of; and a read-only
 * description never becomes writable where nothing can be opened.
 *
 * Linux cannot take a mapping from one process and leave it to another. So where somebody's is to go, each
 * part that it may reach is *renewed*: the launcher makes a copy, then the old memfd is truncated, and with
 * it dies every mapping of it, whoever kept one. Who still holds a capability maps anew and finds what was
 * there when the copy was made. GROW and SEAL are sealed before anybody sees a part; SHRINK never is.
 *
 * Whose mapping may be where is remembered in bits, one a part: `mapped` for what a holding's own realm was
 * sent, `loose` for what was sent to those who have given up what they had derived from it. The rule: a bit
 * goes only with the memfd that it is about, or up: to the parent, and from a realm that ends to the nearest
 * above that stays. So a realm that lets go of a capability disturbs nobody, and keeps nothing that a
 * revocation would not find.
 *
 * A memfd is made when it is first mapped. What the launcher is asked stays in order, so a memfd that was
 * truncated is closed only when the answer to something asked later has come.
 *
 * What is sealed (sealing.c) is renewed as sealed copies. It never begins anew: who maps it finds what was
 * sealed or nothing, so where no copy can be made (no memory, or the kernel refuses to seal it) the object
 * ends.
 */
#include "mm/broker/memory.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <realm/error.h>

#include "librealm/core/assert.h"
#include "mm/config/stop_point.h"
#include "mm/broker/bounds.h"
#include "mm/broker/cookies.h"
#include "mm/broker/delivery.h"
#include "mm/broker/explain.h"
#include "mm/broker/holdings.h"
#include "mm/broker/launch_link.h"
#include "mm/broker/mapping.h"
#include "mm/broker/sealing.h"
#include "mm/broker/state.h"

/* --- parts --- */

static unsigned window_parts(const struct broker_memory *memory, struct policy_window window)
{
    unsigned first = (unsigned)(window.offset / memory->part_bytes);
    unsigned count = (unsigned)(window.size / memory->part_bytes);
    return ((1u << count) - 1u) << first;
}

bool memory_fits(const struct broker_memory *memory, struct policy_window window)
{
    /* Beyond the object and empty windows are refused by the policy, with its reason. */
    return window.offset % memory->part_bytes == 0 && window.size % memory->part_bytes == 0;
}

static unsigned being_replaced(const struct broker_memory *memory, unsigned parts)
{
    unsigned found = 0;
    for (unsigned i = 0; i < memory->parts_count; i++)
        found |= (unsigned)memory->parts[i].changing << i;
    return found & parts;
}

unsigned memory_changing(const struct broker_memory *memory, unsigned parts)
{
    unsigned found = 0;
    for (unsigned i = 0; i < memory->parts_count; i++)
        found |= (unsigned)memory->parts[i].sealing << i;
    return (found & parts) | being_replaced(memory, parts);
}

unsigned memory_missing(const struct broker_memory *memory, unsigned parts)
{
    unsigned found = 0;
    for (unsigned i = 0; i < memory->parts_count; i++)
        found |= (unsigned)(memory->parts[i].fd < 0 || memory->parts[i].empty) << i;
    return found & parts;
}

/* Every mapping of it dies. The descriptor stays for what the launcher may still be asked with it. */
static void truncate_part(struct broker_part *part)
{
    if (part->fd < 0 || part->empty)
        return;
    int error = ftruncate(part->fd, 0);
    realm_assert(error == 0); /* its seals were read back */
    part->empty = true;
}

static bool seal(int fd, uint32_t bytes, bool sealed)
{
    struct stat status;
    const int wanted = F_SEAL_GROW | F_SEAL_SEAL | (sealed ? F_SEAL_WRITE : 0);
    if (fcntl(fd, F_ADD_SEALS, wanted) < 0)
        return false;
    int seals = fcntl(fd, F_GET_SEALS);
    return seals >= 0 && (seals & wanted) == wanted && (seals & F_SEAL_SHRINK) == 0 &&
           fstat(fd, &status) == 0 && status.st_size == (off_t)bytes;
}

static void put_part(struct broker_part *part, int fd)
{
    truncate_part(part);
    if (part->fd >= 0)
        close(part->fd);
    part->fd = fd;
    part->empty = false;
}

/* The part's memfd, or with a broken one none: it begins anew with the next mapping. */
static void replace_part(struct broker_memory *memory, struct broker_part *part, int fd)
{
    if (fd >= 0 && !seal(fd, memory->part_bytes, memory->sealed)) {
        close(fd);
        fd = -1;
    }
    put_part(part, fd);
}

/* --- asking the launcher --- */

bool memory_is_renewal(const struct launch_memory *asked)
{
    return asked->way == REALM_LAUNCH_COPY || (asked->way == REALM_LAUNCH_SEAL && asked->realm == 0);
}

/* That the launcher is making, or has made, what may take the places of these parts. */
static void set_changing(const struct launch_memory *asked, bool changing)
{
    const bool replaces = asked->way == REALM_LAUNCH_NEW || memory_is_renewal(asked);
    struct broker_memory *memory = asked->memory;
    for (unsigned i = 0; i < memory->parts_count; i++) {
        if (!(asked->parts & 1u << i))
            continue;
        if (replaces)
            memory->parts[i].changing = changing;
        else if (asked->way == REALM_LAUNCH_SEAL)
            memory->parts[i].sealing = changing;
    }
}

int memory_ask(struct broker_memory *memory, enum realm_launch_way way, unsigned parts, uint64_t realm)
{
    const struct launch_memory asked = {.memory = memory, .way = way, .parts = parts, .realm = realm};
    int fds[REALM_CONTROL_PARTS_MAX];
    unsigned count = 0;
    for (unsigned i = 0; i < memory->parts_count; i++)
        if (parts & 1u << i)
            fds[count++] = memory->parts[i].fd;
    int error = launch_memory(memory->broker, &asked, fds, count, memory->part_bytes);
    if (error)
        return error;
    memory->asked++;
    set_changing(&asked, true);
    return 0;
}

/* --- renewing --- */

static void truncate_parts(struct broker_memory *memory, unsigned parts)
{
    for (unsigned i = 0; i < memory->parts_count; i++)
        if (parts & 1u << i)
            truncate_part(&memory->parts[i]);
}

/* The object is no more. */
static void end(struct broker_memory *memory)
{
    memory->ended = true;
    truncate_parts(memory, (1u << memory->parts_count) - 1u);
}

/* Without a copy what was there is lost: that is said, and better than a mapping that stays. */
static void lose(struct broker_memory *memory, unsigned parts)
{
    logs_say(memory->broker->logs, "mm", "memory that was revoked %s: it could not be copied",
             memory->sealed ? "and had been sealed ends" : "begins anew, with zeros");
    truncate_parts(memory, parts);
    if (memory->sealed)
        end(memory);
}

static void forget_mappings(struct broker_memory *memory, unsigned parts)
{
    for (struct broker_holding *holding = memory->holdings; holding; holding = holding->next_of_memory) {
        holding->mapped &= (uint8_t)~parts;
        holding->loose &= (uint8_t)~parts;
    }
}

/* What is being sealed is renewed all the same: it may turn out that it cannot be sealed. */
static void renew(struct broker_memory *memory, unsigned parts)
{
    forget_mappings(memory, parts);
    parts &= ~memory_missing(memory, parts) & ~being_replaced(memory, parts);
    if (parts == 0)
        return;
    memory->renewals++;
    if (memory_ask(memory, memory->sealed ? REALM_LAUNCH_SEAL : REALM_LAUNCH_COPY, parts, 0) == 0)
        memory->broker->renewals_asked++;
    else
        lose(memory, parts);
}

/* --- objects and holdings --- */

/* With a realm that has ended its charges have gone. */
static void release(const struct broker_memory *memory)
{
    struct broker_realm *realm = memory->broker->realms;
    while (realm && realm->id != memory->allocator)
        realm = realm->next;
    if (!realm || realm->severed)
        return;
    realm->memory_parts -= memory->parts_count;
    bounds_release(realm, POLICY_DESCRIPTORS, memory->parts_count);
}

static void free_if_over(struct broker_memory *memory)
{
    if (memory->holdings || memory->asked > 0)
        return;
    for (unsigned i = 0; i < memory->parts_count; i++)
        replace_part(memory, &memory->parts[i], -1);
    *memory->link_back = memory->next;
    if (memory->next)
        memory->next->link_back = memory->link_back;
    memory->broker->memory_parts -= memory->parts_count;
    release(memory);
    free(memory);
}

static struct broker_memory *object_new(struct broker *broker, const struct realm_control_allocate *request)
{
    struct broker_memory *memory = calloc(1, sizeof(*memory));
    if (!memory)
        return NULL;
    memory->broker = broker;
    memory->parts_count = request->parts;
    memory->part_bytes = (uint32_t)(request->bytes / request->parts);
    for (unsigned i = 0; i < REALM_CONTROL_PARTS_MAX; i++)
        memory->parts[i].fd = -1;
    memory->next = broker->memories;
    memory->link_back = &broker->memories;
    if (memory->next)
        memory->next->link_back = &memory->next;
    broker->memories = memory;
    broker->memory_parts += memory->parts_count;
    return memory;
}

void memory_share(struct broker_holding *holding, struct broker_memory *memory, struct policy_window window)
{
    holding->memory = memory;
    holding->window = (uint8_t)window_parts(memory, window);
    holding->next_of_memory = memory->holdings;
    holding->memory_back = &memory->holdings;
    if (holding->next_of_memory)
        holding->next_of_memory->memory_back = &holding->next_of_memory;
    memory->holdings = holding;
}

void memory_unshare(struct broker_holding *holding)
{
    struct broker_memory *memory = holding->memory;
    if (!memory)
        return;
    *holding->memory_back = holding->next_of_memory;
    if (holding->next_of_memory)
        holding->next_of_memory->memory_back = holding->memory_back;
    holding->memory = NULL;
    free_if_over(memory);
}

static bool is_root(const struct broker_holding *holding)
{
    const struct policy_capability root = holding->memory->root;
    return holding->capability.index == root.index && holding->capability.generation == root.generation;
}

struct broker_holding *memory_held(const struct broker_realm *realm, uint64_t cookie)
{
    struct policy_capability_info info;
    struct broker_token *token = cookies_find_of(realm->broker->cookies, realm, cookie);
    struct broker_holding *holding =
        token && token->kind == BROKER_TOKEN_HOLDING ? holdings_of_token(token) : NULL;
    if (!holding || !holding->memory || holding->memory->ended ||
        !policy_capability_get(realm->broker->policy, holding->capability, &info))
        return NULL;
    return holding;
}

struct broker_holding *memory_heir(const struct broker_holding *holding)
{
    const struct broker *broker = holding->token.owner->broker;
    struct policy_capability_info info, parent;
    if (!holding->memory || !policy_capability_get(broker->policy, holding->capability, &info) ||
        !policy_capability_get(broker->policy, info.parent, &parent))
        return NULL;
    struct broker_token *token = cookies_find(broker->cookies, parent.user);
    return token && token->kind == BROKER_TOKEN_HOLDING ? holdings_of_token(token) : NULL;
}

struct broker_holding *memory_survivor(const struct broker_holding *holding)
{
    struct broker_holding *heir = memory_heir(holding);
    while (heir && heir->token.owner == holding->token.owner && !is_root(heir))
        heir = memory_heir(heir);
    return heir;
}

void memory_leave(struct broker_holding *holding, struct broker_holding *heir)
{
    if (!holding->memory)
        return;
    if (is_root(holding))
        end(holding->memory);
    else if (heir)
        heir->loose |= holding->mapped | holding->loose;
    else
        memory_take_away(holding); /* it was revoked already */
    holding->mapped = holding->loose = 0;
}

void memory_take_away(struct broker_holding *holding)
{
    if (holding->memory)
        renew(holding->memory, holding->mapped | holding->loose);
}

void memory_cleared(struct broker_holding *holding)
{
    if (holding->memory && is_root(holding))
        end(holding->memory);
    else
        memory_take_away(holding);
}

void memory_revoked(struct broker_holding *holding)
{
    if (holding->memory)
        renew(holding->memory, holding->loose);
}

/* --- ALLOCATE --- */

static int make(struct broker_realm *realm, const struct realm_control_allocate *request,
                const struct policy_event *event, struct broker_holding **ret_holding)
{
    struct broker *broker = realm->broker;
    struct broker_holding *holding;
    if (bounds_memory(realm, request->parts) || policy_reserve(broker->policy, event) ||
        holdings_make(realm, &holding))
        return REALM_E_LIMIT;
    struct broker_memory *memory = object_new(broker, request);
    if (!memory) {
        holdings_free(holding);
        return REALM_E_LIMIT;
    }
    memory_share(holding, memory, (struct policy_window){0, request->bytes});
    *ret_holding = holding;
    return 0;
}

void memory_allocate(struct broker_realm *realm, const struct realm_control_allocate *request)
{
    struct broker *broker = realm->broker;
    const uint64_t number = ++realm->decisions;
    const struct policy_event event = {
        .kind = POLICY_ALLOCATE, .actor = realm->policy, .amount = request->bytes};
    struct policy_decision decision;
    struct policy_outcome outcome;
    struct broker_holding *holding;
    policy_decide(broker->policy, &event, &decision);
    broker->decisions++;
    int status = decision.status;
    if (status)
        explain_refused(realm, &(struct explain_refusal){"allocate", "(memory)", &event}, &decision);
    else
        status = make(realm, request, &event, &holding);
    if (status) {
        delivery_reply(realm, request->header.xid, status, 0, number);
        return;
    }
    policy_apply(broker->policy, &event, &decision, &outcome);
    holding->memory->root = outcome.capability;
    holding->memory->allocator = realm->id;
    realm->memory_parts += request->parts;
    bounds_charge(realm, POLICY_DESCRIPTORS, request->parts);
    holdings_bind(realm, holding, outcome.capability);
    holdings_tell(realm, holding->token.cookie, outcome.capability, request->header.xid);
}

/* --- the launcher's answers --- */

static void made(const struct launch_memory *asked, const int *fds)
{
    struct broker_memory *memory = asked->memory;
    bool copied = memory_is_renewal(asked);
    unsigned next = 0;
    if (copied) {
        memory->broker->renewals_done++;
        MM_STOP_POINT("broker-renewed");
    }
    for (unsigned i = 0; i < memory->parts_count; i++)
        if (asked->parts & 1u << i)
            replace_part(memory, &memory->parts[i], fds ? fds[next++] : -1);
    if (copied && memory_missing(memory, asked->parts))
        lose(memory, asked->parts & memory_missing(memory, asked->parts));
    if (memory->ended)
        end(memory); /* what came too late */
    mapping_go_on(memory, !fds && !copied);
    sealing_go_on(memory);
}

void memory_opened(const struct launch_memory *asked, const int *fds)
{
    struct broker_memory *memory = asked->memory;
    set_changing(asked, false);
    if (asked->way == REALM_LAUNCH_NEW || memory_is_renewal(asked))
        made(asked, fds);
    else if (asked->way == REALM_LAUNCH_SEAL)
        sealing_opened(asked, fds);
    else
        mapping_opened(asked, fds);
    memory->asked--;
    free_if_over(memory);
}

/* --- sealing --- */

bool memory_check_sealed(const struct broker_memory *memory, const int *fds, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        if (!seal(fds[i], memory->part_bytes, true))
            return false;
    return true;
}

void memory_seal(struct broker_memory *memory, unsigned parts, const int *fds)
{
    unsigned next = 0;
    memory->sealed = true;
    memory->renewals++;
    forget_mappings(memory, parts);
    for (unsigned i = 0; i < memory->parts_count; i++)
        if (parts & 1u << i)
            put_part(&memory->parts[i], fds[next++]);
}

void memory_deinit(struct broker *broker)
{
    struct broker_memory *next;
    for (struct broker_memory *memory = broker->memories; memory; memory = next) {
        next = memory->next;
        memory->asked = 0;
        free_if_over(memory);
    }
}

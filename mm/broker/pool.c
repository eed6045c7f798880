/*
 * The life of a region: asked from the launcher, sent to its owner, mapped by it, sealed, ready, in a
 * channel, closed.
 *
 * The rule is in the order: the owner maps first and says so; then FUTURE_WRITE, GROW and SEAL are set
 * together, and only a region on which that succeeded is ever shown to a peer. From then on no descriptor,
 * not even the owner's writable one, makes a new writable mapping. SHRINK is left open on purpose: a
 * revocation truncates through the broker's writable descriptor.
 *
 * One batch is on its way at a time. Regions of the default size are kept ready; others, for services with
 * queues of their own size, are made when a connect wants them, and neither kind keeps the other waiting for
 * more than one batch. The broker itself never maps a region.
 */
#include "mm/broker/pool.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <realm/error.h>

#include "librealm/core/assert.h"
#include "mm/config/stop_point.h"
#include "librealm/ring/ring.h"
#include "mm/broker/delivery.h"
#include "mm/broker/launch_link.h"
#include "mm/broker/lifecycle.h"
#include "mm/broker/state.h"

static uint32_t smaller(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

static uint32_t ready_of(const struct broker_pool *pool, uint32_t bytes)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < pool->ready_count; i++)
        count += pool->ready[i].bytes == bytes;
    return count;
}

/* How many of the default size are missing. */
static uint32_t missing(const struct broker_realm *realm)
{
    const struct broker_pool *pool = &realm->pool;
    bool provider = realm->broker->config->realms[realm->declaration].provider;
    uint32_t target = provider ? BROKER_POOL_PROVIDER : BROKER_POOL_CLIENT;
    uint32_t ready = ready_of(pool, REALM_REGION_DEFAULT_BYTES);
    uint32_t count = ready <= target / 2 ? target - ready : 0;
    return count < pool->wanted ? pool->wanted : count;
}

static struct broker_region remove_ready(struct broker_pool *pool, uint32_t at)
{
    struct broker_region region = pool->ready[at];
    pool->ready_count--;
    memmove(&pool->ready[at], &pool->ready[at + 1], (pool->ready_count - at) * sizeof(pool->ready[0]));
    return region;
}

/* Regions that a connect wanted and then did without do not fill the pool for ever. */
static void make_place(struct broker_pool *pool, uint32_t bytes)
{
    for (uint32_t i = 0; i < pool->ready_count && pool->ready_count >= BROKER_POOL_REGIONS_MAX; i++) {
        if (pool->ready[i].bytes == bytes)
            continue;
        struct broker_region region = remove_ready(pool, i);
        pool_close_region(&region);
    }
}

void pool_refill(struct broker_realm *realm)
{
    struct broker_pool *pool = &realm->pool;
    if (!realm->hello || realm->severed || realm->offence || pool->asked > 0 || pool->sent_count > 0)
        return;
    uint32_t bytes = REALM_REGION_DEFAULT_BYTES, count = missing(realm);
    const bool odd = pool->odd_bytes != 0 && (count == 0 || !pool->odd_last);
    if (odd) {
        bytes = pool->odd_bytes;
        count = 1;
    }
    if (count == 0)
        return;
    make_place(pool, bytes);
    count = smaller(count, smaller(REALM_CONTROL_FDS_MAX, BROKER_POOL_REGIONS_MAX - pool->ready_count));
    /* If the launcher cannot be asked now, the next connect that finds no region tries again. */
    if (count == 0 || launch_regions(realm, LAUNCH_FOR_POOL, count, bytes) != 0)
        return;
    pool->asked = count;
    pool->asked_bytes = bytes;
    pool->odd_last = odd;
    if (odd)
        pool->odd_bytes = 0;
    else
        pool->wanted = 0;
}

bool pool_has(const struct broker_realm *realm, uint32_t bytes)
{
    return ready_of(&realm->pool, bytes) > 0;
}

void pool_want(struct broker_realm *realm, uint32_t bytes)
{
    struct broker_pool *pool = &realm->pool;
    if (bytes == REALM_REGION_DEFAULT_BYTES)
        pool->wanted++;
    else if (pool->odd_bytes == 0)
        pool->odd_bytes = bytes; /* else who wants it asks again when that size has come */
    pool_refill(realm);
}

void pool_close_region(struct broker_region *region)
{
    if (region->write_fd >= 0)
        close(region->write_fd);
    if (region->read_fd >= 0)
        close(region->read_fd);
    region->write_fd = region->read_fd = -1;
}

static bool has_size(int fd, off_t bytes)
{
    struct stat status;
    return fstat(fd, &status) == 0 && status.st_size == bytes;
}

/* Its owner may have set a seal of its own before: one that forbids the truncation. */
static bool can_be_taken_away(int fd)
{
    const int wanted = F_SEAL_FUTURE_WRITE | F_SEAL_GROW | F_SEAL_SEAL;
    int seals = fcntl(fd, F_GET_SEALS);
    return seals >= 0 && (seals & wanted) == wanted && (seals & F_SEAL_SHRINK) == 0;
}

void pool_made(struct broker_realm *realm, const int *fds, uint32_t count)
{
    struct broker_pool *pool = &realm->pool;
    realm_assert(count <= pool->asked && pool->sent_count == 0);
    pool->asked = 0;
    bool sound = count > 0;
    for (uint32_t i = 0; i < count; i++) {
        pool->sent[i] = (struct broker_region){.number = pool->next_number++,
                                               .bytes = pool->asked_bytes,
                                               .write_fd = fds[i],
                                               .read_fd = fds[count + i]};
        sound = sound && has_size(fds[i], pool->asked_bytes);
    }
    pool->sent_count = count;
    if (!sound) {
        logs_say(realm->broker->logs, realm->name, "there is no memory for more channels");
        for (uint32_t i = 0; i < count; i++)
            pool_close_region(&pool->sent[i]);
        pool->sent_count = 0;
        return;
    }
    struct realm_control_pool packet = {
        .first = pool->sent[0].number, .count = count, .region_bytes = pool->asked_bytes};
    realm_control_header_init(&packet.header, REALM_CONTROL_POOL, 0);
    delivery_send_laden(realm, &packet, fds, count, 0, 0);
}

void pool_acknowledged(struct broker_realm *realm)
{
    struct broker_pool *pool = &realm->pool;
    for (uint32_t i = 0; i < pool->sent_count; i++) {
        struct broker_region *region = &pool->sent[i];
        /* Seals and size are looked at after sealing: before, its owner may still have changed them. */
        if (fcntl(region->write_fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE | F_SEAL_GROW | F_SEAL_SEAL) < 0 ||
            !can_be_taken_away(region->write_fd) || !has_size(region->write_fd, region->bytes)) {
            lifecycle_offend(realm, "changed a region that it was only to map");
            return; /* ending the realm gives back what is left */
        }
    }
    MM_STOP_POINT("broker-sealed");
    for (uint32_t i = 0; i < pool->sent_count; i++)
        pool->ready[pool->ready_count++] = pool->sent[i];
    pool->sent_count = 0;
    realm->broker->waits_changed = true;
    pool_refill(realm);
}

struct broker_region pool_take(struct broker_realm *realm, uint32_t bytes)
{
    struct broker_pool *pool = &realm->pool;
    uint32_t at = 0;
    while (at < pool->ready_count && pool->ready[at].bytes != bytes)
        at++;
    realm_assert(at < pool->ready_count);
    return remove_ready(pool, at);
}

void pool_give_back(struct broker_realm *realm, struct broker_region region)
{
    struct broker_pool *pool = &realm->pool;
    uint32_t coming = pool->asked + pool->sent_count; /* they have their place already */
    if (realm->severed || pool->ready_count + coming >= BROKER_POOL_REGIONS_MAX) {
        pool_close_region(&region);
        return;
    }
    pool->ready[pool->ready_count++] = region;
    realm->broker->waits_changed = true;
}

void pool_clear(struct broker_realm *realm)
{
    struct broker_pool *pool = &realm->pool;
    for (uint32_t i = 0; i < pool->sent_count; i++)
        pool_close_region(&pool->sent[i]);
    for (uint32_t i = 0; i < pool->ready_count; i++)
        pool_close_region(&pool->ready[i]);
    memset(pool, 0, sizeof(*pool));
}

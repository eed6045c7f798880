/*
 * What the broker holds, counted anew each time from the records themselves: a number kept beside a list
 * could agree with itself and still be wrong.
 */
#include "mm/broker/cookies.h"
#include "mm/broker/launch_link.h"
#include "mm/broker/realms.h"
#include "mm/broker/state.h"

static void count_fd(int fd, struct broker_counts *counts)
{
    if (fd >= 0)
        counts->descriptors++;
}

static void count_region(const struct broker_region *region, struct broker_counts *counts)
{
    counts->regions++;
    count_fd(region->write_fd, counts);
    count_fd(region->read_fd, counts);
}

static void count_realm(const struct broker_realm *realm, struct broker_counts *counts)
{
    counts->records++;
    counts->processes += realms_active(realm);
    counts->sockets += realm->control.fd >= 0;
    counts->pages += realm->page != NULL;
    counts->packets += realm->delivery.queued;
    count_fd(realm->control.fd, counts);
    count_fd(realm->hint_fd, counts);
    count_fd(realm->page_fd, counts);
    for (uint32_t i = 0; i < realm->pool.sent_count; i++)
        count_region(&realm->pool.sent[i], counts);
    for (uint32_t i = 0; i < realm->pool.ready_count; i++)
        count_region(&realm->pool.ready[i], counts);
}

void broker_count(const struct broker *broker, struct broker_counts *ret_counts)
{
    struct broker_counts counts = {
        .cookies = cookies_count(broker->cookies),
        .waits = broker->waits_count,
        .launch_packets = launch_queued(broker->launch),
        .launch_requests = launch_pending(broker->launch),
    };
    for (const struct broker_realm *realm = broker->realms; realm; realm = realm->next)
        count_realm(realm, &counts);
    for (const struct broker_channel *channel = broker->channels; channel; channel = channel->next) {
        counts.channels++;
        count_region(&channel->client.region, &counts);
        count_region(&channel->server.region, &counts);
    }
    for (size_t i = 0; i < broker->config->services_count; i++)
        counts.endpoints += broker->services[i].provider != NULL;
    for (const struct broker_memory *memory = broker->memories; memory; memory = memory->next) {
        counts.memories++;
        for (uint32_t i = 0; i < memory->parts_count; i++)
            count_fd(memory->parts[i].fd, &counts);
    }
    /* Two regions each, by their writable descriptors: the others were sent. */
    counts.regions += 2 * broker->lingering_count;
    counts.descriptors += 2 * broker->lingering_count;
    *ret_counts = counts;
}

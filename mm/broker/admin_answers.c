/*
 * Names and log lines have been checked where they came in, so they are text; what is not (the scenario's
 * own file name may be any bytes) is shown as "?". What does not apply is null: a realm that has never ended
 * has no exit.
 */
#include "mm/broker/admin_answers.h"

#include <stdio.h>

#include <realm/types.h>

#include "librealm/ring/ring.h"
#include "mm/broker/channels.h"

static json_t *text(const char *string)
{
    json_t *value = string && string[0] ? json_string(string) : json_null();
    return value ? value : json_string("?");
}

static json_t *number(uint64_t value)
{
    return json_integer((json_int_t)(value > INT64_MAX ? INT64_MAX : value));
}

/* A number that means something only while `known`. */
static json_t *number_if(bool known, uint64_t value)
{
    return known ? number(value) : json_null();
}

/* Appends and takes over the entry. false: out of memory, or too many. */
static bool add(json_t *list, json_t *entry)
{
    if (entry == NULL || json_array_size(list) >= ADMIN_ANSWERS_MAX) {
        json_decref(entry);
        return false;
    }
    return json_array_append_new(list, entry) == 0;
}

static json_t *give_up(json_t *list)
{
    json_decref(list);
    return NULL;
}

/* --- ps --- */

static json_t *describe_realm(const struct broker_realm *realm)
{
    const bool process =
        realm->phase == BROKER_STARTING || realm->phase == BROKER_RUNNING || realm->phase == BROKER_ENDING;
    const bool running = realm->phase == BROKER_RUNNING || realm->phase == BROKER_ENDING;
    const struct realm_control_stats *stats = &realm->stats;
    const bool known = stats->header.size != 0; /* it has said so at least once */

    return json_pack(
        "{s:o, s:o, s:o, s:s, s:o, s:i, s:i, s:i, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "realm",
        text(realm->name), "id", number_if(realm->id != 0, realm->id), "pid",
        number_if(process && realm->pid > 0, (uint64_t)realm->pid), "state", broker_realm_state(realm),
        "parent", text(realm->parent ? realm->parent->name : NULL), "children",
        (int)broker_realm_children(realm), "channels", (int)realm->channels_count, "services",
        (int)broker_realm_services(realm), "starts", number(realm->starts), "exit", text(realm->exit),
        "heap_allocated", number_if(known, stats->heap_allocated), "heap_resident",
        number_if(known, stats->heap_resident), "requests", number_if(known, stats->requests), "calls",
        number_if(known, stats->calls), "late_replies", number_if(known, stats->late_replies), "uptime_ns",
        number_if(running, poll_now_ns() - realm->started_ns), "memory_limit",
        number_if(running && realm->memory_bytes != 0, realm->memory_bytes), "wrong_cookies",
        number(realm->wrong_cookies));
}

json_t *admin_answers_ps(const struct broker *broker)
{
    struct broker_realm *realm = NULL;
    json_t *list = json_array();

    while ((realm = broker_next_realm(broker, realm)))
        if (!add(list, describe_realm(realm)))
            return give_up(list);
    return list;
}

/* --- counts --- */

json_t *admin_answers_counts(const struct broker *broker)
{
    struct broker_counts counts;

    broker_count(broker, &counts);
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "records",
                     number(counts.records), "processes", number(counts.processes), "sockets",
                     number(counts.sockets), "pages", number(counts.pages), "regions", number(counts.regions),
                     "memories", number(counts.memories), "channels", number(counts.channels), "endpoints",
                     number(counts.endpoints), "cookies", number(counts.cookies), "waits",
                     number(counts.waits), "packets", number(counts.packets), "launch_packets",
                     number(counts.launch_packets), "launch_requests", number(counts.launch_requests),
                     "descriptors", number(counts.descriptors));
}

/* --- services --- */

static json_t *aliases(const struct mm_service *service)
{
    json_t *list = json_array();

    for (size_t i = 0; i < service->aliases_count; i++)
        if (!add(list, text(service->aliases[i].name)))
            return give_up(list);
    return list;
}

static json_t *access_of(const struct broker *broker, const struct mm_service *service)
{
    json_t *list = json_array();

    for (size_t i = 0; i < service->access_count; i++) {
        const struct mm_access *access = &service->access[i];
        const char *who = access->kind == MM_ACCESS_ALL           ? "all"
                          : access->kind == MM_ACCESS_CHILDREN    ? "children"
                          : access->kind == MM_ACCESS_DESCENDANTS ? "descendants"
                          : access->kind == MM_ACCESS_PATH        ? access->pattern
                                                           : broker->config->realms[access->realm].name;
        if (!add(list, text(who)))
            return give_up(list);
    }
    return list;
}

static json_t *describe_service(const struct broker *broker, const struct broker_service *service)
{
    const struct mm_service *config = service->config;
    const char *provider =
        service->provider ? service->provider->name : broker->config->realms[config->provider].name;
    char at[BROKER_PLACE_MAX];

    broker_place(broker, config->place.line, config->place.column, at);
    return json_pack("{s:o, s:o, s:o, s:b, s:i, s:o, s:o}", "service", text(config->name), "aliases",
                     aliases(config), "provider", text(provider), "registered", service->provider != NULL,
                     "clients", (int)service->clients, "access", access_of(broker, config), "at", text(at));
}

json_t *admin_answers_services(const struct broker *broker)
{
    struct broker_service *service = NULL;
    json_t *list = json_array();

    while ((service = broker_next_service(broker, service)))
        if (!add(list, describe_service(broker, service)))
            return give_up(list);
    return list;
}

/* --- channels --- */

json_t *admin_answers_channels(const struct broker *broker)
{
    const uint64_t now_ns = poll_now_ns();
    struct broker_channel *channel = NULL;
    json_t *list = json_array();

    while ((channel = broker_next_channel(broker, channel))) {
        json_t *entry =
            json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:s}", "client", text(channel->client.realm->name),
                      "service", text(broker_channel_service(channel)), "server",
                      text(channel->server.realm->name), "badge", number(channel->badge), "queue_messages",
                      number(channels_queue_messages(channel->service)), "queue_bytes",
                      number(channels_region_bytes(channel->service) / REALM_QUEUES), "age_ns",
                      number(now_ns - channel->created_ns), "state", broker_channel_state(channel));
        if (!add(list, entry))
            return give_up(list);
    }
    return list;
}

/* --- capabilities --- */

/* A handle as people can compare it: slot and generation. */
static json_t *handle(struct policy_capability capability)
{
    char name[32];

    if (capability.index == 0)
        return json_null();
    snprintf(name, sizeof name, "%u.%u", capability.index, capability.generation);
    return json_string(name);
}

static json_t *rights_of(uint32_t rights)
{
    static const struct {
        uint32_t bit;
        const char *name;
    } names[] = {
        {REALM_RIGHT_SEND, "send"},   {REALM_RIGHT_RECV, "recv"},   {REALM_RIGHT_MANAGE, "manage"},
        {REALM_RIGHT_READ, "read"},   {REALM_RIGHT_WRITE, "write"}, {REALM_RIGHT_EXEC, "exec"},
        {REALM_RIGHT_GRANT, "grant"}, {REALM_RIGHT_MINT, "mint"},   {REALM_RIGHT_REVOKE, "revoke"},
    };
    json_t *list = json_array();

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if ((rights & names[i].bit) != 0 && !add(list, json_string(names[i].name)))
            return give_up(list);
    return list;
}

static json_t *describe_capability(const struct broker *broker, const struct policy_capability_info *info)
{
    const struct broker_realm *holder = broker_realm_of(broker, info->holder);
    const struct broker_service *service = broker_service_of(broker, info->service);

    const bool memory = info->kind == POLICY_KIND_MEMORY;

    return json_pack("{s:o, s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:o}", "capability", handle(info->capability),
                     "parent", handle(info->parent), "kind", policy_kind_name(info->kind), "realm",
                     text(holder ? holder->name : NULL), "service",
                     text(service ? service->config->name : NULL), "rights", rights_of(info->rights), "badge",
                     number_if((info->rights & REALM_RIGHT_SEND) != 0, info->badge), "bytes",
                     number_if(memory, info->window.size), "sealed",
                     memory ? json_boolean(info->sealed) : json_null());
}

json_t *admin_answers_caps(const struct broker *broker)
{
    struct policy_capability_info info;
    uint32_t cursor = 0;
    json_t *list = json_array();

    while (policy_next_capability(broker->policy, &cursor, &info)) {
        bool shared = info.kind == POLICY_KIND_ENDPOINT || info.kind == POLICY_KIND_SEND ||
                      info.kind == POLICY_KIND_MEMORY;
        if (shared && !add(list, describe_capability(broker, &info)))
            return give_up(list);
    }
    return list;
}

/* --- logs --- */

json_t *admin_answers_line(const struct logs_line *line)
{
    return json_pack("{s:o, s:s, s:s, s:s}", "t_ns", number(line->t_ns), "realm", line->realm, "stream",
                     line->stream, "text", line->text);
}

json_t *admin_answers_logs(const struct broker *broker, const char *realm)
{
    const struct logs_line *line;
    uint64_t cursor = 0;
    json_t *list = json_array();

    while ((line = logs_next(broker->logs, realm, &cursor)))
        if (!add(list, admin_answers_line(line)))
            return give_up(list);
    return list;
}

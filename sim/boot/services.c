/*
 * The section `services`: names, who provides them, who may connect. Realms have been read before.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/boot/fields.h"
#include "sim/boot/who.h"

/* A service that is being read. Its aliases come from three keys and are put together at the end. */
struct draft {
    struct mm_service *service;
    const struct yaml_node *aliases, *endpoint, *port;
};

static void read_name(struct reader *reader, const struct yaml_node *value, void *target)
{
    const char *name;
    if (fields_name(reader, value, "name", &name))
        ((struct draft *)target)->service->name = fields_copy(reader, name);
}

static void read_provider(struct reader *reader, const struct yaml_node *value, void *target)
{
    const char *name;
    uint32_t index;
    if (!fields_name(reader, value, "provider", &name) ||
        !reader_find_realm(reader, name, value->place, &index))
        return;
    ((struct draft *)target)->service->provider = index;
    reader->config->realms[index].provider = true;
}

static void read_access(struct reader *reader, const struct yaml_node *value, void *target)
{
    struct mm_service *service = ((struct draft *)target)->service;
    bool single = value->kind == YAML_SCALAR; /* one word is a list of one: `access: all` */
    size_t count = 1;
    if (!single && !fields_list(reader, value, "access", &count))
        return;
    service->access = fields_array(reader, count, sizeof *service->access);
    for (const struct yaml_node *entry = single ? value : value->children; entry && !reader->error;
         entry = single ? NULL : entry->next)
        if (who_read_entry(reader, entry, "an entry of access", true,
                           &service->access[service->access_count]))
            service->access_count++;
}

static void read_deny(struct reader *reader, const struct yaml_node *value, void *target)
{
    uint32_t service = (uint32_t)(((struct draft *)target)->service - reader->config->services);
    bool single = value->kind == YAML_SCALAR;
    size_t count;
    if (!single && !fields_list(reader, value, "deny", &count))
        return;
    for (const struct yaml_node *entry = single ? value : value->children; entry && !reader->error;
         entry = single ? NULL : entry->next)
        rules_add_deny(reader, entry, service);
}

static void read_aliases(struct reader *reader, const struct yaml_node *value, void *target)
{
    size_t count;
    if (fields_list(reader, value, "aliases", &count))
        ((struct draft *)target)->aliases = value;
}

static void read_endpoint(struct reader *reader, const struct yaml_node *value, void *target)
{
    (void)reader;
    ((struct draft *)target)->endpoint = value;
}

static void read_port(struct reader *reader, const struct yaml_node *value, void *target)
{
    (void)reader;
    ((struct draft *)target)->port = value;
}

static void read_queue_messages(struct reader *reader, const struct yaml_node *value, void *target)
{
    fields_integer(reader, value, "messages", 1, MM_QUEUE_MESSAGES_MAX,
                   &((struct mm_queue *)target)->messages);
}

static void read_queue_bytes(struct reader *reader, const struct yaml_node *value, void *target)
{
    uint64_t bytes;
    if (limits_read_size(reader, value, "bytes", MM_QUEUE_BYTES_MIN, MM_QUEUE_BYTES_MAX, &bytes))
        ((struct mm_queue *)target)->bytes = (uint32_t)bytes;
}

static void read_queue(struct reader *reader, const struct yaml_node *value, void *target)
{
    static const struct field fields[] = {{"messages", false, read_queue_messages},
                                          {"bytes", false, read_queue_bytes}};
    fields_read(reader, value, "queue", fields, sizeof fields / sizeof fields[0],
                &((struct draft *)target)->service->queue);
}

static const struct field service_fields[] = {
    {"name", true, read_name},  {"provider", true, read_provider}, {"access", false, read_access},
    {"deny", false, read_deny}, {"aliases", false, read_aliases},  {"endpoint", false, read_endpoint},
    {"port", false, read_port}, {"queue", false, read_queue},
};

/* --- names --- */

static void add_alias(struct reader *reader, struct mm_service *service, const char *name,
                      struct mm_place place)
{
    char *copy = fields_copy(reader, name);
    if (copy)
        service->aliases[service->aliases_count++] = (struct mm_alias){.name = copy, .place = place};
}

static void add_number(struct reader *reader, struct mm_service *service, const struct yaml_node *value,
                       const char *what)
{
    uint32_t number;
    if (!value || !fields_integer(reader, value, what, 0, UINT32_MAX, &number))
        return;
    char name[32];
    snprintf(name, sizeof name, "%s:%u", what, number);
    add_alias(reader, service, name, value->place);
}

static void gather_aliases(struct reader *reader, const struct draft *draft)
{
    struct mm_service *service = draft->service;
    size_t count = 2; /* endpoint and port */
    const struct yaml_node *first = draft->aliases ? draft->aliases->children : NULL;
    for (const struct yaml_node *entry = first; entry; entry = entry->next)
        count++;
    service->aliases = fields_array(reader, count, sizeof *service->aliases);
    if (!service->aliases)
        return;
    for (const struct yaml_node *entry = first; entry && !reader->error; entry = entry->next) {
        const char *name;
        if (fields_name(reader, entry, "an alias", &name))
            add_alias(reader, service, name, entry->place);
    }
    add_number(reader, service, draft->endpoint, "endpoint");
    add_number(reader, service, draft->port, "port");
}

static void index_names(struct reader *reader, const struct mm_service *service)
{
    uint32_t index = (uint32_t)(service - reader->config->services);
    if (service->name && !reader->error)
        reader->error = names_add(&reader->services, service->name, index, service->place);
    for (size_t i = 0; i < service->aliases_count && !reader->error; i++)
        reader->error =
            names_add(&reader->services, service->aliases[i].name, index, service->aliases[i].place);
}

static void read_service(struct reader *reader, const struct yaml_node *node, struct mm_service *service)
{
    struct draft draft = {.service = service};
    service->place = node->place;
    if (fields_read(reader, node, "a service", service_fields,
                    sizeof service_fields / sizeof service_fields[0], &draft) &&
        !reader->error)
        gather_aliases(reader, &draft);
    index_names(reader, service);
}

void services_read(struct reader *reader, const struct yaml_node *list)
{
    size_t count;
    if (!fields_list(reader, list, "services", &count))
        return;
    if (count > SCENARIO_SERVICES_MAX) {
        fields_problem(reader, list, "a scenario has %u services at most, and here are %zu",
                       SCENARIO_SERVICES_MAX, count);
        return;
    }
    reader->config->services = fields_array(reader, count, sizeof *reader->config->services);
    if (!reader->config->services)
        return;
    reader->config->services_count = count;
    struct mm_service *service = reader->config->services;
    for (const struct yaml_node *node = list->children; node && !reader->error; node = node->next)
        read_service(reader, node, service++);
    if (!reader->error)
        reader_finish_names(reader, &reader->services, "service or alias");
}

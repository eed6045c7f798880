/*
 * Freeing a configuration, and looking for names in it. Every pointer in it is owned by it and nothing is
 * shared, so the order is free; a half-made one (a reader gave up) has NULL and zero where nothing was made
 * yet.
 */
#include "mm/config/config.h"

#include <stdlib.h>

#include "librealm/core/nearest.h"

static void free_realm(struct mm_realm *realm)
{
    free(realm->name);
    free(realm->program);
    for (char **arg = realm->args; arg && *arg; arg++)
        free(*arg);
    free(realm->args);
    for (size_t i = 0; i < realm->files_count; i++) {
        free(realm->files[i].name);
        free(realm->files[i].path);
    }
    free(realm->files);
}

static void free_service(struct mm_service *service)
{
    free(service->name);
    for (size_t i = 0; i < service->access_count; i++)
        free(service->access[i].pattern);
    free(service->access);
    for (size_t i = 0; i < service->aliases_count; i++)
        free(service->aliases[i].name);
    free(service->aliases);
}

static void free_rules(struct mm_config *config)
{
    for (size_t i = 0; i < config->grants_count; i++)
        free(config->grants[i].pattern);
    for (size_t i = 0; i < config->denies_count; i++)
        free(config->denies[i].who.pattern);
    for (size_t i = 0; i < config->asserts_count; i++) {
        for (size_t j = 0; j < config->asserts[i].subjects_count; j++)
            free(config->asserts[i].subjects[j].pattern);
        free(config->asserts[i].subjects);
        free(config->asserts[i].trust);
    }
    free(config->grants);
    free(config->denies);
    free(config->asserts);
}

void mm_config_free(struct mm_config *config)
{
    if (!config)
        return;
    for (size_t i = 0; i < config->realms_count; i++)
        free_realm(&config->realms[i]);
    for (size_t i = 0; i < config->services_count; i++)
        free_service(&config->services[i]);
    free(config->system);
    free(config->source);
    free(config->realms);
    free(config->services);
    free_rules(config);
    free(config->requirements);
    free(config->replay);
    free(config);
}

const char *mm_config_nearest_service(const struct mm_config *config, const char *name)
{
    size_t capacity = config->services_count, count = 0;
    for (size_t i = 0; i < config->services_count; i++)
        capacity += config->services[i].aliases_count;
    const char **names = calloc(capacity + 1, sizeof *names); /* no service at all is no shortage */
    if (!names)
        return NULL;
    for (size_t i = 0; i < config->services_count; i++) {
        const struct mm_service *service = &config->services[i];
        names[count++] = service->name;
        for (size_t j = 0; j < service->aliases_count; j++)
            names[count++] = service->aliases[j].name;
    }
    const char *nearest = realm_nearest(name, names, count);
    free(names);
    return nearest;
}

/*
 * Freeing a configuration. Every pointer in it is owned by it and nothing is shared, so the order is free;
 * a half-made one (a reader gave up) has NULL and zero where nothing was made yet.
 */
#include "mm/config/config.h"

#include <stdlib.h>

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
    free(service->access);
    for (size_t i = 0; i < service->aliases_count; i++)
        free(service->aliases[i].name);
    free(service->aliases);
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
    free(config->grants);
    free(config->asserts);
    free(config->requirements);
    free(config);
}

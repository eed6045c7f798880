/* The engine decides everything here; this only brings the system into the state that is asked about. */
#include "mm/analysis/whatif.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <realm/error.h>

#include "mm/config/policy_load.h"

static void *resize(void *context, void *memory, size_t old_size, size_t new_size)
{
    (void)context;
    (void)old_size;
    if (new_size == 0) {
        free(memory);
        return NULL;
    }
    return realloc(memory, new_size);
}

struct policy_name whatif_name(const char *text)
{
    return (struct policy_name){.text = text, .size = strlen(text)};
}

int whatif_init(struct whatif *whatif, const struct mm_config *config)
{
    /* The names are the user's own, and there is no other user to be slowed down: the key hides nothing. */
    static const uint8_t key[16] = {0};
    const struct policy_memory memory = {.resize = resize};
    *whatif = (struct whatif){.config = config,
                              .realms = calloc(config->realms_count + 1, sizeof *whatif->realms),
                              .services = calloc(config->services_count + 1, sizeof *whatif->services)};
    int error = whatif->realms && whatif->services ? 0 : -ENOMEM;
    if (!error)
        error = policy_new(&memory, key, &whatif->policy);
    if (!error)
        error = mm_config_load(config, whatif->policy, whatif->realms, whatif->services);
    if (error)
        whatif_deinit(whatif);
    return error;
}

int whatif_init_unlimited(struct whatif *whatif, const struct mm_config *config)
{
    int error = whatif_init(whatif, config);
    for (size_t i = 0; !error && i < config->realms_count; i++)
        for (int resource = 0; resource < POLICY_RESOURCES && !error; resource++)
            error = policy_set_limit(whatif->policy, whatif->realms[i], (enum policy_resource)resource,
                                     POLICY_UNLIMITED);
    return error;
}

void whatif_deinit(struct whatif *whatif)
{
    policy_free(whatif->policy);
    free(whatif->realms);
    free(whatif->services);
    *whatif = (struct whatif){0};
}

int whatif_do(struct whatif *whatif, const struct policy_event *event, struct policy_decision *ret_decision,
              struct policy_capability *ret_capability)
{
    struct policy_outcome outcome = {0};
    int error = policy_reserve(whatif->policy, event);
    if (error)
        return error;
    policy_decide(whatif->policy, event, ret_decision);
    if (ret_decision->status == 0)
        policy_apply(whatif->policy, event, ret_decision, &outcome);
    if (ret_capability)
        *ret_capability = outcome.capability;
    return 0;
}

void whatif_path_of(const struct mm_config *config, uint32_t realm, struct whatif_path *ret_path)
{
    struct whatif_path path = {.count = 0};
    for (uint32_t at = realm; at != MM_INIT && path.count < POLICY_DEPTH_MAX; at = config->realms[at].parent)
        path.steps[path.count++].declaration = at;
    for (size_t i = 0; i < path.count / 2; i++) {
        struct whatif_step step = path.steps[i];
        path.steps[i] = path.steps[path.count - 1 - i];
        path.steps[path.count - 1 - i] = step;
    }
    *ret_path = path;
}

/* An instance of that name below that parent: the one that a path before led to, or a new one. */
static int find_instance(struct whatif *whatif, struct policy_realm parent, const struct whatif_step *step,
                         struct policy_realm *ret_realm)
{
    const struct policy_declaration declaration = {
        .parent = parent, .template_of = whatif->realms[step->declaration], .name = whatif_name(step->name)};
    for (size_t i = 0; i < whatif->instances_count; i++) {
        if (whatif->instances[i].parent.index == parent.index &&
            strcmp(whatif->instances[i].name, step->name) == 0) {
            *ret_realm = whatif->instances[i].realm;
            return 0;
        }
    }
    if (whatif->instances_count == WHATIF_INSTANCES_MAX)
        return REALM_E_LIMIT;
    int error = policy_add_realm(whatif->policy, &declaration, ret_realm);
    if (error)
        return error;
    size_t count = whatif->instances_count++;
    whatif->instances[count].parent = parent;
    whatif->instances[count].realm = *ret_realm;
    whatif->instances[count].name = step->name;
    return 0;
}

int whatif_start(struct whatif *whatif, const struct whatif_path *path, struct policy_realm *ret_realm,
                 struct policy_decision *ret_decision)
{
    struct policy_realm init = policy_init_realm(whatif->policy), at = init;
    struct policy_decision decision = {.status = 0};
    for (size_t i = 0; i < path->count && decision.status == 0; i++) {
        const struct whatif_step *step = &path->steps[i];
        int error = 0;
        if (step->declaration >= whatif->config->realms_count)
            return REALM_E_BAD_ARGUMENT;
        if (step->name)
            error = find_instance(whatif, at, step, &at);
        else
            at = whatif->realms[step->declaration];
        if (!error && !policy_running(whatif->policy, at)) {
            struct policy_event event = {.kind = POLICY_START, .actor = init, .subject = at};
            error = whatif_do(whatif, &event, &decision, NULL);
        }
        if (error)
            return error;
    }
    *ret_realm = at;
    *ret_decision = decision;
    return 0;
}

int whatif_register(struct whatif *whatif, uint32_t service, const struct whatif_path *path)
{
    const struct mm_service *declared = &whatif->config->services[service];
    struct whatif_path own;
    struct policy_realm provider;
    struct policy_decision decision;
    if (!path) {
        whatif_path_of(whatif->config, declared->provider, &own);
        path = &own;
    }
    int error = whatif_start(whatif, path, &provider, &decision);
    if (error || decision.status != 0)
        return error;
    struct policy_event event = {
        .kind = POLICY_REGISTER, .actor = provider, .service = whatif_name(declared->name)};
    return whatif_do(whatif, &event, &decision, NULL);
}

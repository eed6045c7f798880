/*
 * Children: starting one, ending one, letting one connect. Each is a question to the Memory Manager.
 */
#include "librealm/client/internal.h"

#include <string.h>

/* Packs the arguments one behind the other. Return: 0; REALM_E_TOO_BIG. */
static int pack_args(struct realm_control_spawn *request, const char *const *args)
{
    size_t used = 0;
    for (; args && *args; args++) {
        if (request->args_count == REALM_SPAWN_ARGS_MAX)
            return REALM_E_TOO_BIG;
        size_t size = strnlen(*args, sizeof request->args) + 1u;
        if (size > sizeof request->args - used)
            return REALM_E_TOO_BIG;
        memcpy(request->args + used, *args, size);
        used += size;
        request->args_count++;
    }
    request->args_size = (uint16_t)used;
    return 0;
}

int realm_spawn(struct realm *realm, const struct realm_spawn *spawn, struct realm_id *ret_child)
{
    struct realm_control_spawn request;
    memset(&request, 0, sizeof request);
    int error = realm_control_name(&request.program, spawn->program);
    if (!error && spawn->name)
        error = realm_control_name(&request.name, spawn->name);
    if (error)
        return REALM_E_NOT_CHILD; /* nothing that is called so can be declared */
    error = pack_args(&request, spawn->args);
    if (error)
        return error;
    uint64_t child;
    error = realm_control_simple(realm, &request, REALM_CONTROL_SPAWN, &child);
    if (!error && ret_child)
        ret_child->value = child;
    return error;
}

int realm_kill(struct realm *realm, const char *child)
{
    struct realm_control_named request = {0};
    if (realm_control_name(&request.name, child))
        return REALM_E_NOT_CHILD;
    return realm_control_simple(realm, &request, REALM_CONTROL_KILL, NULL);
}

int realm_grant(struct realm *realm, const char *child, const char *service)
{
    struct realm_control_grant request = {.rights = REALM_RIGHT_SEND};
    if (realm_control_name(&request.child, child))
        return REALM_E_NOT_CHILD;
    if (realm_control_name(&request.service, service))
        return REALM_E_NO_SERVICE;
    return realm_control_simple(realm, &request, REALM_CONTROL_GRANT, NULL);
}

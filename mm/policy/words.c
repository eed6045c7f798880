/*
 * The words for what the policy counts and decides: short, stable, the same in events, tables and JSON.
 */
#include "mm/policy/policy.h"

#include <realm/types.h>

static const char *const rule_names[POLICY_RULES] = {
    [POLICY_RULE_NONE] = "none",
    [POLICY_RULE_DECLARED] = "declared",
    [POLICY_RULE_SELF] = "self",
    [POLICY_RULE_DENY] = "deny",
    [POLICY_RULE_CONFIG_GRANT] = "grant",
    [POLICY_RULE_PARENT_GRANT] = "parent grant",
    [POLICY_RULE_CHILD_OF_PROVIDER] = "child of provider",
    [POLICY_RULE_PARENT_OF_PROVIDER] = "parent of provider",
    [POLICY_RULE_SIBLING_OF_PROVIDER] = "sibling of provider",
    [POLICY_RULE_ACCESS_REALM] = "access: realm",
    [POLICY_RULE_ACCESS_CHILDREN] = "access: children",
    [POLICY_RULE_ACCESS_DESCENDANTS] = "access: descendants",
    [POLICY_RULE_ACCESS_ALL] = "access: all",
    [POLICY_RULE_ACCESS_PATH] = "access: path",
    [POLICY_RULE_DEFAULT] = "default",
    [POLICY_RULE_PROVIDER] = "provider",
    [POLICY_RULE_REGISTERED] = "registered",
    [POLICY_RULE_PARENT] = "parent",
    [POLICY_RULE_HOLDS] = "holds",
    [POLICY_RULE_OWNER] = "owner",
    [POLICY_RULE_RIGHTS] = "rights",
    [POLICY_RULE_REACH] = "reach",
    [POLICY_RULE_WINDOW] = "window",
    [POLICY_RULE_SEAL] = "seal",
    [POLICY_RULE_DEPTH] = "depth",
    [POLICY_RULE_RUNNING] = "running",
    [POLICY_RULE_QUOTA] = "quota",
    [POLICY_RULE_GATE] = "gate",
    [POLICY_RULE_DEBUG] = "debug",
};

static const char *const resource_names[POLICY_RESOURCES] = {
    [POLICY_REALMS] = "realms", [POLICY_CHANNELS] = "channels",       [POLICY_CAPABILITIES] = "capabilities",
    [POLICY_MEMORY] = "memory", [POLICY_DESCRIPTORS] = "descriptors", [POLICY_REQUESTS] = "requests",
};

/* A kind's name, and all the rights that it can have. */
static const struct {
    const char *name;
    uint32_t rights;
} kinds[] = {
    [POLICY_KIND_ENDPOINT] = {"endpoint",
                              REALM_RIGHT_RECV | REALM_RIGHT_GRANT | REALM_RIGHT_MINT | REALM_RIGHT_REVOKE},
    [POLICY_KIND_SEND] = {"send",
                          REALM_RIGHT_SEND | REALM_RIGHT_GRANT | REALM_RIGHT_MINT | REALM_RIGHT_REVOKE},
    [POLICY_KIND_MEMORY] = {"memory", REALM_RIGHT_READ | REALM_RIGHT_WRITE | REALM_RIGHT_EXEC |
                                          REALM_RIGHT_GRANT | REALM_RIGHT_REVOKE},
    [POLICY_KIND_REALM] = {"realm", REALM_RIGHT_MANAGE | REALM_RIGHT_GRANT | REALM_RIGHT_REVOKE},
    [POLICY_KIND_NAME] = {"name", REALM_RIGHT_MANAGE | REALM_RIGHT_GRANT | REALM_RIGHT_REVOKE},
    [POLICY_KIND_DEBUG] = {"debug", REALM_RIGHT_READ | REALM_RIGHT_GRANT | REALM_RIGHT_REVOKE},
    [POLICY_KIND_GATE] = {"gate", REALM_RIGHT_EXEC | REALM_RIGHT_GRANT | REALM_RIGHT_REVOKE},
};

const char *policy_rule_name(enum policy_rule rule)
{
    return (size_t)rule < POLICY_RULES ? rule_names[rule] : "?";
}

const char *policy_resource_name(enum policy_resource resource)
{
    return (size_t)resource < POLICY_RESOURCES ? resource_names[resource] : "?";
}

static bool is_kind(enum policy_kind kind)
{
    return (size_t)kind < sizeof kinds / sizeof kinds[0] && kinds[kind].name;
}

const char *policy_kind_name(enum policy_kind kind)
{
    return is_kind(kind) ? kinds[kind].name : "?";
}

uint32_t policy_kind_rights(enum policy_kind kind)
{
    return is_kind(kind) ? kinds[kind].rights : 0;
}

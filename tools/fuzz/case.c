/* Words of cases. */
#include "tools/fuzz/case.h"

#include <stdio.h>
#include <string.h>

const char *fuzz_instance_name(int identity)
{
    static char names[FUZZ_OPERATIONS][8];
    if (identity < 0 || identity >= (int)FUZZ_OPERATIONS)
        return "?";
    if (!names[identity][0])
        snprintf(names[identity], sizeof names[identity], "i%d", identity);
    return names[identity];
}

static const char *const kind_names[FUZZ_KINDS] = {
    [ORACLE_CONNECT] = "connect",
    [ORACLE_REGISTER] = "register",
    [ORACLE_CREATE] = "create",
    [ORACLE_ALLOCATE] = "allocate",
    [ORACLE_SEAL] = "seal",
    [ORACLE_GIVE] = "grant",
    [ORACLE_DERIVE] = "derive",
    [ORACLE_TAKE] = "revoke",
    [ORACLE_TAKE_SERVICE] = "revoke-child",
    [ORACLE_DELETE] = "delete",
    [ORACLE_DISCONNECT] = "disconnect",
    [ORACLE_UNREGISTER] = "unregister",
    [ORACLE_START] = "start",
    [ORACLE_KILL] = "kill",
    [ORACLE_QUOTA] = "quota",
    [ORACLE_GATE] = "gate",
    [ORACLE_LOOK] = "look",
    [ORACLE_CHARGE] = "charge",
    [ORACLE_RELEASE] = "release",
    [ORACLE_END] = "end",
    [ORACLE_INSTANCE] = "instance",
    [ORACLE_CLEARED] = "cleared",
    [FUZZ_STEPS] = "steps",
};

const char *fuzz_kind_name(int kind)
{
    return kind >= 0 && kind < FUZZ_KINDS ? kind_names[kind] : "?";
}

int fuzz_kind_find(const char *name)
{
    for (int i = 0; i < FUZZ_KINDS; i++)
        if (strcmp(kind_names[i], name) == 0)
            return i;
    return -1;
}

/*
 * Making a failing case small (delta debugging: halves, quarters, …, single operations; then the system).
 * Under an assertion the rules and limits stay as the user wrote them: without a grant `always` would break
 * by itself.
 */
#include "tools/fuzz/shrink.h"

#include <string.h>

struct shrinking {
    struct fuzz_case *best;
    struct fuzz_case trial; /* best, with something taken away */
    shrink_fails *fails;
    void *context;
    size_t tries, left;
};

/* Keeps the trial if it still fails. */
static bool keep(struct shrinking *shrinking)
{
    if (shrinking->left == 0)
        return false;
    shrinking->left--;
    if (!shrinking->fails(shrinking->context, &shrinking->trial))
        return false;
    *shrinking->best = shrinking->trial;
    return true;
}

static void begin(struct shrinking *shrinking)
{
    shrinking->trial = *shrinking->best;
}

static bool shrink_operations(struct shrinking *shrinking)
{
    bool smaller = false;
    for (size_t piece = (shrinking->best->count + 1) / 2; piece > 0; piece /= 2)
        for (size_t at = 0; at < shrinking->best->count;) {
            begin(shrinking);
            struct fuzz_case *trial = &shrinking->trial;
            size_t taken = piece < trial->count - at ? piece : trial->count - at;
            memmove(&trial->operations[at], &trial->operations[at + taken],
                    (trial->count - at - taken) * sizeof trial->operations[0]);
            trial->count -= taken;
            if (keep(shrinking))
                smaller = true;
            else
                at += taken;
        }
    return smaller;
}

static void drop_entry(struct oracle_list *list, size_t at)
{
    list->count--;
    memmove(&list->entries[at], &list->entries[at + 1], (list->count - at) * sizeof list->entries[0]);
}

/* Its rules are what an assertion speaks of. */
static bool is_asserted(const struct fuzz_case *example, size_t service)
{
    for (size_t i = 0; i < example->asserts_count; i++)
        if (example->asserts[i].service == (int)service)
            return true;
    return false;
}

static bool shrink_rules(struct shrinking *shrinking)
{
    bool smaller = false;
    for (size_t i = shrinking->best->system.grants_count; i-- > 0;) {
        if (is_asserted(shrinking->best, (size_t)shrinking->best->system.grants[i].service))
            continue;
        begin(shrinking);
        struct oracle_system *system = &shrinking->trial.system;
        system->grants_count--;
        memmove(&system->grants[i], &system->grants[i + 1],
                (system->grants_count - i) * sizeof system->grants[0]);
        smaller |= keep(shrinking);
    }
    for (size_t service = 0; service < shrinking->best->system.services_count; service++)
        for (unsigned which = 0; which < 2 && !is_asserted(shrinking->best, service); which++) {
            const struct oracle_service *now = &shrinking->best->system.services[service];
            for (size_t i = which ? now->deny.count : now->access.count; i-- > 0;) {
                begin(shrinking);
                struct oracle_service *changed = &shrinking->trial.system.services[service];
                drop_entry(which ? &changed->deny : &changed->access, i);
                smaller |= keep(shrinking);
            }
        }
    return smaller;
}

static bool uses_realm(const struct oracle_list *list, int realm)
{
    for (size_t i = 0; i < list->count; i++)
        if (list->entries[i].match == ORACLE_BY_REALM && list->entries[i].realm == realm)
            return true;
    return false;
}

static bool realm_is_needed(const struct fuzz_case *example, int realm)
{
    const struct oracle_system *system = &example->system;
    for (size_t i = 0; i < example->asserts_count; i++)
        if ((example->asserts[i].realms | example->asserts[i].trust) >> realm & 1)
            return true;
    for (size_t i = 0; i < system->realms_count; i++)
        if (system->realms[i].parent == realm)
            return true;
    for (size_t i = 0; i < system->services_count; i++)
        if (system->services[i].provider == realm || uses_realm(&system->services[i].deny, realm) ||
            uses_realm(&system->services[i].access, realm))
            return true;
    for (size_t i = 0; i < system->grants_count; i++)
        if (system->grants[i].to.match == ORACLE_BY_REALM && system->grants[i].to.realm == realm)
            return true;
    return false;
}

static void lower(int *number, int above)
{
    if (*number > above && *number < FUZZ_INSTANCE)
        --*number;
    else if (*number == above)
        *number = FUZZ_NOTHING;
}

/* Takes away a realm that nothing in the system names; those behind it move up. */
static void drop_realm(struct fuzz_case *example, int realm)
{
    struct oracle_system *system = &example->system;
    system->realms_count--;
    memmove(&system->realms[realm], &system->realms[realm + 1],
            (system->realms_count - (size_t)realm) * sizeof system->realms[0]);
    for (size_t i = 0; i < system->realms_count; i++)
        lower(&system->realms[i].parent, realm);
    for (size_t i = 0; i < system->services_count; i++) {
        lower(&system->services[i].provider, realm);
        for (size_t j = 0; j < system->services[i].deny.count; j++)
            lower(&system->services[i].deny.entries[j].realm, realm);
        for (size_t j = 0; j < system->services[i].access.count; j++)
            lower(&system->services[i].access.entries[j].realm, realm);
    }
    for (size_t i = 0; i < system->grants_count; i++)
        lower(&system->grants[i].to.realm, realm);
    for (size_t i = 0; i < example->asserts_count; i++) {
        struct fuzz_assert *row = &example->asserts[i];
        uint64_t below = (UINT64_C(1) << realm) - 1;
        row->realms = (row->realms & below) | (row->realms >> 1 & ~below);
        row->trust = (row->trust & below) | (row->trust >> 1 & ~below);
    }
    for (size_t i = 0; i < example->count; i++) {
        lower(&example->operations[i].actor, realm);
        lower(&example->operations[i].subject, realm);
    }
}

static void drop_service(struct fuzz_case *example, size_t service)
{
    struct oracle_system *system = &example->system;
    system->services_count--;
    memmove(&system->services[service], &system->services[service + 1],
            (system->services_count - service) * sizeof system->services[0]);
    for (size_t i = 0; i < system->grants_count; i++)
        system->grants[i].service -= system->grants[i].service > (int)service;
    for (size_t i = 0; i < example->asserts_count; i++)
        example->asserts[i].service -= example->asserts[i].service > (int)service;
}

static bool service_is_needed(const struct fuzz_case *example, size_t service)
{
    bool needed = is_asserted(example, service);
    for (size_t i = 0; i < example->system.grants_count; i++)
        needed |= example->system.grants[i].service == (int)service;
    return needed;
}

static bool shrink_asserts(struct shrinking *shrinking)
{
    bool smaller = false;
    for (size_t i = shrinking->best->asserts_count; i-- > 0;) {
        begin(shrinking);
        struct fuzz_case *trial = &shrinking->trial;
        trial->asserts_count--;
        memmove(&trial->asserts[i], &trial->asserts[i + 1],
                (trial->asserts_count - i) * sizeof trial->asserts[0]);
        smaller |= keep(shrinking);
    }
    return smaller;
}

static bool shrink_things(struct shrinking *shrinking)
{
    bool smaller = false;
    for (size_t i = shrinking->best->system.services_count; i-- > 0;) {
        if (service_is_needed(shrinking->best, i))
            continue;
        begin(shrinking);
        drop_service(&shrinking->trial, i);
        smaller |= keep(shrinking);
    }
    for (int i = (int)shrinking->best->system.realms_count - 1; i > 0; i--) {
        if (realm_is_needed(shrinking->best, i))
            continue;
        begin(shrinking);
        drop_realm(&shrinking->trial, i);
        smaller |= keep(shrinking);
    }
    return smaller;
}

static bool shrink_words(struct shrinking *shrinking)
{
    bool smaller = false;
    bool asserted = shrinking->best->asserts_count > 0;
    for (size_t i = 0; i < shrinking->best->system.realms_count && !asserted; i++) {
        begin(shrinking);
        struct oracle_realm *realm = &shrinking->trial.system.realms[i];
        realm->debug = false;
        realm->gates = 0;
        for (size_t j = 0; j < ORACLE_RESOURCES; j++)
            realm->limits[j] = ORACLE_NO_LIMIT;
        const struct oracle_realm *before = &shrinking->best->system.realms[i];
        if (before->debug || before->gates != 0 ||
            memcmp(realm->limits, before->limits, sizeof realm->limits) != 0)
            smaller |= keep(shrinking);
    }
    for (size_t i = 0; i < shrinking->best->system.services_count; i++)
        if (shrinking->best->system.services[i].names_count > 1) {
            begin(shrinking);
            shrinking->trial.system.services[i].names_count = 1;
            smaller |= keep(shrinking);
        }
    for (size_t i = 0; i < shrinking->best->count; i++)
        for (unsigned bit = 0; bit < 9; bit++)
            if (shrinking->best->operations[i].rights >> bit & 1) {
                begin(shrinking);
                shrinking->trial.operations[i].rights &= ~(UINT32_C(1) << bit);
                smaller |= keep(shrinking);
            }
    return smaller;
}

size_t shrink_case(struct fuzz_case *example, shrink_fails *fails, void *context, size_t tries)
{
    static struct shrinking shrinking;
    shrinking.best = example;
    shrinking.fails = fails;
    shrinking.context = context;
    shrinking.left = tries;
    bool smaller = true;
    while (smaller && shrinking.left > 0) {
        smaller = shrink_operations(&shrinking);
        smaller |= shrink_asserts(&shrinking);
        smaller |= shrink_rules(&shrinking);
        smaller |= shrink_things(&shrinking);
        smaller |= shrink_words(&shrinking);
    }
    return tries - shrinking.left;
}

/* The operations that bytes choose. What is asked for mostly makes sense, so that deep states are reached. */
#include "tools/fuzz/generate.h"

#include <string.h>

#include "tools/fuzz/draw.h"
#include "tools/fuzz/pick.h"

#define GIVEABLE     (ORACLE_SEND | ORACLE_GRANT | ORACLE_MINT | ORACLE_REVOKE)
#define COUNT(array) (sizeof(array) / sizeof(array)[0])

/* How often each kind is drawn; the sum is 256. */
static const struct {
    int kind;
    unsigned weight;
} weights[] = {
    {ORACLE_DERIVE, 68},    {ORACLE_CONNECT, 34}, {ORACLE_TAKE, 22},     {ORACLE_REGISTER, 16},
    {ORACLE_GIVE, 14},      {ORACLE_CREATE, 8},   {ORACLE_ALLOCATE, 10}, {ORACLE_TAKE_SERVICE, 8},
    {ORACLE_DELETE, 8},     {ORACLE_END, 6},      {ORACLE_START, 10},    {ORACLE_DISCONNECT, 4},
    {ORACLE_UNREGISTER, 3}, {ORACLE_KILL, 4},     {ORACLE_QUOTA, 8},     {ORACLE_GATE, 4},
    {ORACLE_LOOK, 3},       {ORACLE_CHARGE, 5},   {ORACLE_RELEASE, 3},   {ORACLE_INSTANCE, 5},
    {ORACLE_SEAL, 4},       {FUZZ_STEPS, 9},
};

static int draw_kind(struct draw *draw)
{
    unsigned at = draw_byte(draw);
    for (size_t i = 0; i < COUNT(weights); i++) {
        if (at < weights[i].weight)
            return weights[i].kind;
        at -= weights[i].weight;
    }
    return FUZZ_STEPS;
}

/* Rights of a new capability: all that its source can give, or fewer, or wrong ones. */
static uint32_t draw_rights_from(struct draw *draw, const struct oracle_capability *source)
{
    uint32_t all =
        source->kind == ORACLE_IS_ENDPOINT ? (source->rights & GIVEABLE) | ORACLE_SEND : source->rights;
    unsigned how = draw_byte(draw);
    if (how < 200)
        return all;
    if (how < 225) {
        const uint32_t one = UINT32_C(1) << draw_below(draw, 9), other = UINT32_C(1) << draw_below(draw, 9);
        return all & (one | other | ORACLE_SEND | ORACLE_READ);
    }
    if (how < 240)
        return all & ~(uint32_t)ORACLE_GRANT;
    return (uint32_t)(draw_byte(draw) | draw_byte(draw) << 8) & 0x3ff;
}

static void draw_window(struct draw *draw, const struct oracle_capability *source,
                        struct fuzz_operation *operation)
{
    static const uint64_t odd[] = {0, 1, 4095, UINT64_MAX, UINT64_MAX - 4095, UINT64_C(1) << 63};
    uint64_t pages = source->size / 4096;
    uint64_t skip = pages > 1 ? draw_below(draw, 3) : 0;
    operation->offset = source->offset + skip * 4096;
    operation->size = (pages > skip ? pages - skip : 1) * 4096;
    if (draw_chance(draw, 24))
        operation->offset = odd[draw_below(draw, COUNT(odd))];
    if (draw_chance(draw, 24))
        operation->size = odd[draw_below(draw, COUNT(odd))];
    if (draw_chance(draw, 16))
        operation->size += 4096;
}

/* Whom to give to: oneself, a child, or the other end of a channel. */
static void draw_target(struct draw *draw, const struct run *run, struct fuzz_operation *operation)
{
    int actor = run_realm(run, operation->actor);
    unsigned how = draw_byte(draw);
    int target = actor;
    operation->via = (struct fuzz_capability){FUZZ_NOTHING, 0};
    if (how >= 110 && how < 190) {
        target = pick_child(draw, run, actor);
    } else if (how >= 190 && how < 246) {
        int via = pick_wanted(draw, run, pick_wants_send);
        operation->via = pick_name_of(run, via);
        if (via != ORACLE_NONE) {
            const struct oracle_capability *send = &run->world.capabilities[via];
            int receiver = run->world.capabilities[send->endpoint].holder;
            target = send->holder == actor ? receiver : send->holder;
        }
    } else if (how >= 246) {
        target = pick_any_realm(draw, run);
    }
    operation->subject = pick_name_of_realm(run, target);
}

/* One generation more, below what hangs lowest. */
static void draw_chain(const struct run *run, struct fuzz_operation *operation)
{
    int capability = pick_lowest_giveable(run);
    operation->kind = capability == ORACLE_NONE ? ORACLE_CREATE : ORACLE_DERIVE;
    operation->actor = operation->subject = ORACLE_INIT;
    if (capability == ORACLE_NONE && run->example->asserts_count > 0)
        for (size_t i = run->world.realms_count - 1; i > 0 && operation->actor == ORACLE_INIT; i--)
            if (run->world.running[i] && !run->world.removed[i])
                operation->actor = pick_name_of_realm(run, (int)i);
    if (capability == ORACLE_NONE)
        return;
    const struct oracle_capability *source = &run->world.capabilities[capability];
    operation->source = pick_name_of(run, capability);
    operation->actor = operation->subject = pick_name_of_realm(run, source->holder);
    operation->rights = source->kind == ORACLE_IS_ENDPOINT ? GIVEABLE : source->rights;
    operation->offset = source->offset;
    operation->size = source->size;
}

static void draw_derive(struct draw *draw, const struct run *run, struct fuzz_operation *operation)
{
    static const uint64_t badges[] = {1, 7, INT64_MAX, 0, UINT64_C(1) << 63, UINT64_MAX};
    int capability = pick_held(draw, run, pick_wants_giveable, operation);
    draw_target(draw, run, operation);
    unsigned how = draw_byte(draw);
    operation->mode = how < 190   ? ORACLE_COPY
                      : how < 225 ? ORACLE_MINTED
                      : how < 254 ? ORACLE_MOVE
                                  : (enum oracle_mode)3;
    operation->rights = ORACLE_SEND;
    if (operation->mode == ORACLE_MINTED)
        operation->badge = badges[draw_below(draw, draw_chance(draw, 200) ? 3 : COUNT(badges))];
    if (capability != ORACLE_NONE) {
        const struct oracle_capability *source = &run->world.capabilities[capability];
        operation->rights = draw_rights_from(draw, source);
        if (source->kind == ORACLE_IS_MEMORY && operation->mode != ORACLE_MOVE)
            draw_window(draw, source, operation);
    }
    if (operation->mode == ORACLE_MOVE && !draw_chance(draw, 16))
        operation->rights = 0;
    if (draw_chance(draw, 6))
        operation->badge = 1;
    if (draw_chance(draw, 4))
        operation->size = 4096;
}

/* Under assertions init, which elsewhere makes and gives most, does nothing: what is revoked then is now and
 * then left to grow deep before. */
static bool grows_first(struct draw *draw, const struct run *run, struct fuzz_operation *operation)
{
    unsigned generations;
    if (run->example->asserts_count == 0 || !draw_chance(draw, 64))
        return false;
    pick_deepest_revocable(run, &generations);
    if (generations >= 3)
        return false;
    draw_chain(run, operation);
    return true;
}

static unsigned name_of_service(const struct run *run, int service)
{
    unsigned name = 0;
    while (name + 1 < run->example->names_count &&
           oracle_service(&run->world, run->example->names[name]) != service)
        name++;
    return name;
}

/* Connects mostly where it is allowed: the first realm from a drawn one on that may. */
static void draw_connect(struct draw *draw, const struct run *run, struct fuzz_operation *operation)
{
    struct oracle_answer answer;
    operation->name = draw_below(draw, run->example->names_count);
    int service = oracle_service(&run->world, run->example->names[operation->name]);
    if (service == ORACLE_NONE && draw_chance(draw, 200)) {
        operation->name = draw_below(draw, run->example->system.services_count);
        service = oracle_service(&run->world, run->example->names[operation->name]);
    }
    if (draw_chance(draw, 180)) /* one that is registered, if there is one */
        for (size_t i = 0; i < run->world.capabilities_count; i++)
            if (pick_wants_endpoint(&run->world, &run->world.capabilities[i]) &&
                run->world.capabilities[i].service != ORACLE_NONE) {
                service = run->world.capabilities[i].service;
                operation->name = name_of_service(run, service);
            }
    size_t start = draw_below(draw, run->world.realms_count);
    int actor = (int)start;
    if (service != ORACLE_NONE && draw_chance(draw, 230))
        for (size_t i = 0; i < run->world.realms_count; i++) {
            size_t realm = (start + i) % run->world.realms_count;
            if (run->world.running[realm] && !run->world.removed[realm] &&
                oracle_may_connect(&run->world, (int)realm, service, &answer)) {
                actor = (int)realm;
                break;
            }
        }
    operation->actor = draw_chance(draw, 4) ? FUZZ_NOTHING : pick_name_of_realm(run, actor);
}

static void draw_register(struct draw *draw, const struct run *run, struct fuzz_operation *operation)
{
    operation->name = draw_below(draw, draw_chance(draw, 220) ? run->example->system.services_count
                                                              : run->example->names_count);
    int service = oracle_service(&run->world, run->example->names[operation->name]);
    operation->actor = pick_name_of_realm(run, pick_running(draw, run));
    if (service == ORACLE_NONE || draw_chance(draw, 30))
        return;
    for (size_t i = 0; i < run->world.capabilities_count; i++) {
        const struct oracle_capability *capability = &run->world.capabilities[i];
        if (capability->state == ORACLE_LIVE && capability->kind == ORACLE_IS_NAME &&
            capability->service == service)
            operation->actor = pick_name_of_realm(run, capability->holder);
    }
}

static void draw_start(struct draw *draw, const struct run *run, struct fuzz_operation *operation)
{
    size_t start = draw_below(draw, run->world.realms_count);
    int subject = (int)start;
    if (!draw_chance(draw, 40))
        for (size_t i = 0; i < run->world.realms_count; i++) {
            size_t realm = (start + i) % run->world.realms_count;
            if (realm != ORACLE_INIT && !run->world.running[realm] && !run->world.removed[realm])
                subject = (int)realm;
        }
    operation->subject = pick_name_of_realm(run, subject);
    operation->actor = subject == ORACLE_INIT || draw_chance(draw, 80)
                           ? ORACLE_INIT
                           : pick_name_of_realm(run, run->world.realms[subject].parent);
    if (draw_chance(draw, 16))
        operation->actor = pick_name_of_realm(run, pick_any_realm(draw, run));
}

/* A parent that could give something: it provides a service, or may connect to one. */
static bool draw_generous(struct draw *draw, const struct run *run, struct fuzz_operation *operation)
{
    size_t start = draw_below(draw, run->world.realms_count), services = run->example->system.services_count;
    size_t first = draw_below(draw, services);
    struct oracle_answer answer;
    for (size_t i = 1; i < run->world.realms_count; i++) {
        size_t child = (start + i) % run->world.realms_count;
        int parent = run->world.realms[child].parent;
        if (child == ORACLE_INIT || run->world.removed[child] ||
            (parent != ORACLE_INIT && !run->world.running[parent]))
            continue;
        for (size_t j = 0; j < services; j++) {
            int service = (int)((first + j) % services);
            bool provides = run->example->system.services[service].provider == parent;
            if (!provides && !oracle_may_connect(&run->world, parent, service, &answer))
                continue;
            operation->actor = pick_name_of_realm(run, parent);
            operation->subject = pick_name_of_realm(run, (int)child);
            operation->name = name_of_service(run, service);
            operation->rights =
                ORACLE_SEND | ((provides ? (uint32_t)GIVEABLE : answer.rights) & draw_byte(draw));
            return true;
        }
    }
    return false;
}

/* GRANT, REVOKE of a child's, KILL, QUOTA: from a parent to its child. */
static void draw_parental(struct draw *draw, const struct run *run, struct fuzz_operation *operation)
{
    static const uint64_t limits[] = {5, 0, 1, 20, UINT64_MAX, UINT64_MAX - 1, 4096, 3};
    if (operation->kind == ORACLE_GIVE && draw_chance(draw, 160) && draw_generous(draw, run, operation))
        return;
    int actor = pick_running(draw, run);
    int subject = actor == ORACLE_NONE ? ORACLE_NONE : pick_child(draw, run, actor);
    if (subject != ORACLE_NONE && subject != ORACLE_INIT && !draw_chance(draw, 40))
        actor = draw_chance(draw, 30) ? ORACLE_INIT : run->world.realms[subject].parent;
    if (draw_chance(draw, 6))
        actor = subject = draw_chance(draw, 128) ? ORACLE_INIT : subject;
    operation->actor = pick_name_of_realm(run, actor);
    operation->subject = pick_name_of_realm(run, subject);
    operation->name = draw_below(draw, run->example->names_count);
    operation->rights = draw_chance(draw, 230) ? ORACLE_SEND | (draw_byte(draw) & GIVEABLE) : draw_byte(draw);
    operation->resource = draw_chance(draw, 250) ? draw_below(draw, ORACLE_RESOURCES) : ORACLE_RESOURCES;
    operation->amount = limits[draw_below(draw, COUNT(limits))];
}

static void draw_amount(struct draw *draw, const struct run *run, struct fuzz_operation *operation)
{
    static const uint64_t amounts[] = {1, 2, 5, 0, UINT64_MAX, UINT64_C(1) << 63};
    static const uint64_t sizes[] = {4096, 16384, 32768, 0, 4097, UINT64_MAX - 4095, UINT64_C(1) << 63};
    static const uint64_t gates[] = {1, 21, 20, 10, 0, 2, 22, 64, UINT32_MAX, UINT64_C(1) << 32 | 1};
    bool allocate = operation->kind == ORACLE_ALLOCATE, gate = operation->kind == ORACLE_GATE;
    operation->actor = pick_name_of_realm(run, pick_running(draw, run));
    pick_wanted_capability *wanted = gate ? pick_wants_gate : pick_wants_debug;
    int held = gate || operation->kind == ORACLE_LOOK ? pick_wanted(draw, run, wanted) : ORACLE_NONE;
    if (held != ORACLE_NONE && draw_chance(draw, 150)) { /* whoever holds one, with whichever rights */
        operation->actor = pick_name_of_realm(run, run->world.capabilities[held].holder);
        operation->amount = run->world.capabilities[held].gate;
        return;
    }
    operation->resource = draw_chance(draw, 240) ? ORACLE_USES_DESCRIPTORS + draw_below(draw, 2)
                                                 : draw_below(draw, ORACLE_RESOURCES + 1);
    bool plain = draw_chance(draw, 200);
    if (gate)
        operation->amount = gates[draw_below(draw, plain ? 3 : COUNT(gates))];
    else if (allocate)
        operation->amount = sizes[draw_below(draw, plain ? 3 : COUNT(sizes))];
    else
        operation->amount = amounts[draw_below(draw, plain ? 3 : COUNT(amounts))];
}

static void draw_life(struct draw *draw, const struct run *run, struct fuzz_operation *operation)
{
    int realm = pick_running(draw, run);
    if (operation->kind == ORACLE_END && realm == ORACLE_INIT && draw_chance(draw, 250))
        realm = (int)run->world.realms_count - 1;
    operation->actor = operation->kind == ORACLE_END ? pick_name_of_realm(run, realm) : ORACLE_INIT;
    operation->subject = draw_chance(draw, 200)
                             ? 1 + (int)draw_below(draw, run->example->system.realms_count - 1)
                             : pick_name_of_realm(run, realm);
    operation->remove = operation->kind == ORACLE_END && draw_chance(draw, 90);
    operation->amount = 1 + draw_below(draw, 12);
}

void generate_operation(const struct run *run, const uint8_t *record, size_t size, int identity,
                        struct fuzz_operation *ret_operation)
{
    struct draw draw = {record, size < GENERATE_RECORD ? size : GENERATE_RECORD};
    struct fuzz_operation *operation = ret_operation;
    memset(operation, 0, sizeof *operation);
    operation->identity = identity;
    operation->kind = draw_kind(&draw);
    operation->actor = operation->subject = FUZZ_NOTHING;
    operation->source.operation = operation->via.operation = FUZZ_NOTHING;
    if (run->example->chain && draw_chance(&draw, 235)) {
        draw_chain(run, operation);
        return;
    }
    switch (operation->kind) {
    case ORACLE_DERIVE:
        if (!grows_first(&draw, run, operation))
            draw_derive(&draw, run, operation);
        break;
    case ORACLE_CONNECT:
        draw_connect(&draw, run, operation);
        break;
    case ORACLE_TAKE:
        if (!grows_first(&draw, run, operation))
            pick_held(&draw, run, pick_wants_revocable, operation);
        break;
    case ORACLE_REGISTER:
        draw_register(&draw, run, operation);
        break;
    case ORACLE_DELETE:
        pick_held(&draw, run, pick_wants_any, operation);
        break;
    case ORACLE_SEAL:
        pick_held(&draw, run, draw_chance(&draw, 200) ? pick_wants_sealable : pick_wants_any, operation);
        break;
    case ORACLE_DISCONNECT:
        pick_held(&draw, run, pick_wants_send, operation);
        break;
    case ORACLE_UNREGISTER:
        pick_held(&draw, run, pick_wants_endpoint, operation);
        break;
    case ORACLE_START:
        draw_start(&draw, run, operation);
        break;
    case ORACLE_GIVE:
    case ORACLE_TAKE_SERVICE:
    case ORACLE_KILL:
    case ORACLE_QUOTA:
        draw_parental(&draw, run, operation);
        break;
    case ORACLE_END:
    case ORACLE_INSTANCE:
    case FUZZ_STEPS:
        draw_life(&draw, run, operation);
        break;
    default:
        draw_amount(&draw, run, operation);
        break;
    }
    /* Whose policy is asked about is the realms': init may do anything, and would break every assertion. */
    bool lives = operation->kind == ORACLE_START || operation->kind == ORACLE_KILL ||
                 operation->kind == ORACLE_INSTANCE;
    bool single = operation->kind == ORACLE_INSTANCE && operation->subject >= 0 &&
                  operation->subject < FUZZ_INSTANCE && (run->example->singles >> operation->subject & 1);
    if (single || (run->example->asserts_count > 0 && operation->actor == ORACLE_INIT && !lives)) {
        operation->kind = FUZZ_STEPS;
        operation->amount = 1;
    }
}

/* As a system starts: init starts all realms, parents first. */
static bool start_all(struct run *run, struct fuzz_case *example)
{
    for (size_t i = 1; i < example->system.realms_count; i++) {
        struct fuzz_operation *start = &example->operations[example->count];
        memset(start, 0, sizeof *start);
        start->identity = (int)example->count++;
        start->kind = ORACLE_START;
        start->actor = ORACLE_INIT;
        start->subject = (int)i;
        start->source.operation = start->via.operation = FUZZ_NOTHING;
        if (!run_operation(run, start))
            return false;
    }
    return true;
}

bool generate_and_run(struct run *run, const uint8_t *bytes, size_t size, const struct fuzz_case *fixed,
                      struct run_counts *counts, struct fuzz_case *ret_case, struct run_verdict *ret_verdict)
{
    if (fixed) {
        ret_case->system = fixed->system;
        memcpy(ret_case->asserts, fixed->asserts, sizeof fixed->asserts);
        ret_case->asserts_count = fixed->asserts_count;
        ret_case->singles = fixed->singles;
        ret_case->chain = false;
        memcpy(ret_case->names, fixed->names, sizeof fixed->names);
        ret_case->names_count = fixed->names_count;
        ret_case->count = 0;
    } else {
        generate_system(bytes, size, ret_case);
    }
    ret_verdict->check = NULL;
    if (!run_open(run, ret_case, counts)) {
        *ret_verdict = run->verdict;
        return false;
    }
    bool good = start_all(run, ret_case);
    size_t at = GENERATE_SYSTEM;
    while (good && at < size && ret_case->count < FUZZ_OPERATIONS) {
        struct fuzz_operation *operation = &ret_case->operations[ret_case->count];
        generate_operation(run, bytes + at, size - at, (int)ret_case->count, operation);
        ret_case->count++;
        at += GENERATE_RECORD;
        good = run_operation(run, operation);
    }
    if (!run->verdict.check)
        run_finish(run);
    *ret_verdict = run->verdict;
    run_close(run);
    return !ret_verdict->check;
}

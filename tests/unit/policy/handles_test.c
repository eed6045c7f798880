/*
 * Handles: stale and forged ones name nothing, and no handle ever becomes valid again. Slot tables by
 * themselves, and as the engine shows them.
 */
#include "tests/unit/policy/world.h"

#include "mm/policy/tables.h"

struct item {
    struct policy_slot slot;
    uint64_t content;
};

struct shelf {
    struct test_memory counted;
    struct policy_memory memory;
    struct policy_table table;
};

static void shelf_init(struct shelf *shelf)
{
    *shelf = (struct shelf){0};
    shelf->memory = (struct policy_memory){test_memory_resize, &shelf->counted};
    policy_table_init(&shelf->table, sizeof(struct item));
}

static void shelf_deinit(struct shelf *shelf)
{
    policy_table_deinit(&shelf->table, &shelf->memory);
    cr_assert_eq(shelf->counted.blocks, 0);
}

static uint32_t shelf_add(struct shelf *shelf)
{
    cr_assert_eq(policy_table_reserve(&shelf->table, &shelf->memory, 1), 0);
    return policy_table_add(&shelf->table);
}

/* Goal: a slot is reused, cleared, under a new generation; the old handle stays dead. */
Test(handles, reuse)
{
    struct shelf shelf;
    shelf_init(&shelf);
    uint32_t first = shelf_add(&shelf);
    uint32_t generation = policy_table_generation(&shelf.table, first);
    ((struct item *)policy_table_at(&shelf.table, first))->content = 7;
    policy_table_remove(&shelf.table, first);
    cr_assert_not(policy_table_names(&shelf.table, first, generation));
    cr_assert_not(policy_table_names(&shelf.table, first, generation + 1), "the next one, too early");
    uint32_t second = shelf_add(&shelf);
    cr_assert_eq(second, first);
    cr_assert_eq(((struct item *)policy_table_at(&shelf.table, second))->content, 0);
    cr_assert_not(policy_table_names(&shelf.table, first, generation));
    cr_assert(policy_table_names(&shelf.table, first, generation + 1));
    shelf_deinit(&shelf);
}

/* Goal: a slot whose generations are used up is retired: no handle to it becomes valid again. */
Test(handles, generations_end)
{
    struct shelf shelf;
    shelf_init(&shelf);
    uint32_t worn = shelf_add(&shelf);
    policy_table_slot(&shelf.table, worn)->generation = UINT32_MAX - 1;
    policy_table_remove(&shelf.table, worn);
    cr_assert_eq(shelf_add(&shelf), worn, "one generation is left");
    cr_assert_eq(policy_table_generation(&shelf.table, worn), UINT32_MAX);
    policy_table_remove(&shelf.table, worn);
    for (size_t i = 0; i < 100; i++)
        cr_assert_neq(shelf_add(&shelf), worn);
    for (uint32_t generation = 0; generation < 3; generation++) {
        cr_assert_not(policy_table_names(&shelf.table, worn, generation));
        cr_assert_not(policy_table_names(&shelf.table, worn, UINT32_MAX - generation));
    }
    cr_assert_eq(shelf.table.live, 100);
    shelf_deinit(&shelf);
}

/* Goal: many records keep their indices and contents while the table grows and slots come and go. */
Test(handles, growth)
{
    struct shelf shelf;
    shelf_init(&shelf);
    uint32_t indices[1000];
    for (size_t i = 0; i < 1000; i++) {
        indices[i] = shelf_add(&shelf);
        ((struct item *)policy_table_at(&shelf.table, indices[i]))->content = i;
        if (i % 3 == 2) {
            policy_table_remove(&shelf.table, indices[i - 1]);
            indices[i - 1] = 0;
        }
    }
    for (size_t i = 0; i < 1000; i++) {
        if (indices[i] != 0)
            cr_assert_eq(((struct item *)policy_table_at(&shelf.table, indices[i]))->content, i);
    }
    cr_assert_eq(shelf.table.live, 667);
    cr_assert_lt(shelf.table.end, 700, "removed slots are used again");
    shelf_deinit(&shelf);
}

/* Goal: a table takes the least memory that has room, and grows no sooner. */
Test(handles, takes_no_more_than_it_needs)
{
    for (uint32_t count = 1; count <= 100; count++) {
        struct shelf shelf;
        uint32_t least = 16;
        while (least - 1 < count) /* slot 0 is never in use */
            least *= 2;
        shelf_init(&shelf);
        cr_assert_eq(policy_table_reserve(&shelf.table, &shelf.memory, count), 0);
        cr_assert_eq(shelf.table.capacity, least, "%u", count);
        for (uint32_t i = 0; i < count; i++)
            shelf_add(&shelf);
        policy_table_remove(&shelf.table, 1);
        shelf_add(&shelf);
        cr_assert_eq(shelf.table.capacity, least, "%u", count);
        shelf_deinit(&shelf);
    }
}

/* Goal: a table of the largest size is the last one; what would be larger is not even asked for. */
Test(handles, largest)
{
    struct no_memory asked = {0};
    struct policy_memory memory = {no_memory_resize, &asked};
    struct policy_table table;
    policy_table_init(&table, sizeof(struct item));
    table.capacity = table.end = POLICY_CAPACITY_MAX / 2;
    cr_assert_eq(policy_table_reserve(&table, &memory, 1), POLICY_NO_MEMORY);
    cr_assert_eq(asked.bytes, POLICY_CAPACITY_MAX * sizeof(struct item));
    asked = (struct no_memory){0};
    table.capacity = table.end = POLICY_CAPACITY_MAX;
    cr_assert_eq(policy_table_reserve(&table, &memory, 1), POLICY_NO_MEMORY);
    cr_assert_eq(asked.calls, 0);
}

/* New memory whose bytes look like records in use. */
static void *looks_used(void *context, void *old, size_t old_size, size_t new_size)
{
    unsigned char *memory = test_memory_resize(context, old, old_size, new_size);
    if (memory)
        memset(memory + old_size, 0xff, new_size - old_size);
    return memory;
}

/* Goal: before the first record and behind the last there is none, whatever the memory was used for before.
 */
Test(handles, beside_the_records)
{
    struct shelf shelf;
    shelf_init(&shelf);
    shelf.memory.resize = looks_used;
    cr_assert_not(policy_table_is_live(&shelf.table, 0));
    for (uint32_t count = 1; count < 16; count++) {
        uint32_t last = shelf_add(&shelf);
        cr_assert(policy_table_is_live(&shelf.table, last));
        cr_assert_not(policy_table_is_live(&shelf.table, 0));
        cr_assert_not(policy_table_names(&shelf.table, 0, UINT32_MAX));
        if (count < 15) { /* there is memory behind */
            cr_assert_not(policy_table_is_live(&shelf.table, last + 1));
            cr_assert_not(policy_table_names(&shelf.table, last + 1, UINT32_MAX));
        }
    }
    shelf_deinit(&shelf);
}

/* Goal: every event of an unknown or dead actor is refused without a rule. */
Test(handles, actors)
{
    struct world world;
    world_init(&world);
    struct policy_realm server = realm_under(&world, world.init);
    struct policy_realm dead = instance_under(&world, world.init, server);
    struct policy_service service = service_by(&world, "vfs", server, 20);
    access_for(&world, service, POLICY_MATCH_ALL, no_realm, 21);
    put(&world, end_event(dead, true), NULL);
    struct forged {
        struct policy_realm realm;
        int status;
    } forged[] = {
        {no_realm, REALM_E_BAD_ARGUMENT},
        {{0, 1}, REALM_E_BAD_ARGUMENT},
        {{9999, 1}, REALM_E_BAD_ARGUMENT},
        {{UINT32_MAX, UINT32_MAX}, REALM_E_BAD_ARGUMENT},
        {dead, REALM_E_STALE},
        {{dead.index, dead.generation + 2}, REALM_E_BAD_ARGUMENT},
        {{server.index, 0}, REALM_E_BAD_ARGUMENT},
    };
    for (size_t i = 0; i < sizeof forged / sizeof forged[0]; i++) {
        for (enum policy_event_kind kind = POLICY_REGISTER; kind <= POLICY_END; kind++) {
            struct policy_event event = {.kind = kind,
                                         .actor = forged[i].realm,
                                         .subject = server,
                                         .service = name_of("vfs"),
                                         .rights = REALM_RIGHT_SEND};
            struct policy_decision decision = decide(&world, event);
            cr_assert_eq(decision.status, forged[i].status, "handle %zu, event %d", i, (int)kind);
            cr_assert_eq(decision.rule, POLICY_RULE_NONE);
            cr_assert_eq(decision.fix.kind, POLICY_FIX_NONE);
        }
    }
    world_deinit(&world);
}

/* Goal: an event of no known kind is a bad argument. */
Test(handles, kinds)
{
    struct world world;
    world_init(&world);
    struct policy_event event = {.kind = (enum policy_event_kind)99, .actor = world.init};
    cr_assert_eq(decide(&world, event).status, REALM_E_BAD_ARGUMENT);
    world_deinit(&world);
}

/* Goal: subjects are checked like actors. */
Test(handles, subjects)
{
    struct world world;
    world_init(&world);
    struct policy_realm realm = realm_under(&world, world.init);
    struct policy_realm dead = instance_under(&world, world.init, realm);
    put(&world, end_event(dead, true), NULL);
    enum policy_event_kind kinds[] = {POLICY_START, POLICY_KILL};
    for (size_t i = 0; i < 2; i++) {
        cr_assert_eq(decide(&world, child_event(kinds[i], world.init, dead)).status, REALM_E_STALE);
        cr_assert_eq(decide(&world, child_event(kinds[i], world.init, no_realm)).status,
                     REALM_E_BAD_ARGUMENT);
    }
    world_deinit(&world);
}

/* No list of the service's takes the entry. */
static void hold_refused(struct world *world, struct policy_service service, const struct policy_entry *entry)
{
    cr_assert_eq(policy_add_deny(world->policy, service, entry), REALM_E_BAD_ARGUMENT);
    cr_assert_eq(policy_add_grant(world->policy, service, entry), REALM_E_BAD_ARGUMENT);
    cr_assert_eq(policy_add_access(world->policy, service, entry), REALM_E_BAD_ARGUMENT);
}

/* Goal: the configuration refuses handles that name nothing, and instances where it takes declarations. */
Test(handles, configuration)
{
    struct world world;
    world_init(&world);
    struct policy_realm server = realm_under(&world, world.init);
    struct policy_realm instance = instance_under(&world, world.init, server);
    struct policy_realm dead = instance_under(&world, world.init, server);
    struct policy_service service = service_by(&world, "vfs", server, 20);
    put(&world, end_event(dead, true), NULL);
    struct policy_place place = {1, 1};
    struct policy_realm realm;
    struct policy_service other;
    struct policy_realm wrong[] = {no_realm, dead, instance, {77, 1}};
    for (size_t i = 0; i < 4; i++) {
        cr_assert_eq(policy_add_service(world.policy, name_of("x"), wrong[i], place, &other),
                     REALM_E_BAD_ARGUMENT);
        struct policy_entry entry = entry_of(POLICY_MATCH_REALM, wrong[i], REALM_RIGHT_SEND, 1);
        hold_refused(&world, service, &entry);
        struct policy_declaration below = declaration_of("x", wrong[i], no_realm);
        if (!same_realm(wrong[i], instance))
            cr_assert_eq(policy_add_realm(world.policy, &below, &realm), REALM_E_BAD_ARGUMENT);
        struct policy_declaration of = declaration_of("x", world.init, wrong[i]);
        if (!same_realm(wrong[i], no_realm))
            cr_assert_eq(policy_add_realm(world.policy, &of, &realm), REALM_E_BAD_ARGUMENT);
    }
    struct policy_declaration second_init = declaration_of("x", world.init, world.init);
    cr_assert_eq(policy_add_realm(world.policy, &second_init, &realm), REALM_E_BAD_ARGUMENT);
    struct policy_service wrong_services[] = {no_service, {service.index, 2}, {77, 1}};
    for (size_t i = 0; i < 3; i++) {
        struct policy_entry entry = entry_of(POLICY_MATCH_REALM, server, REALM_RIGHT_SEND, 1);
        hold_refused(&world, wrong_services[i], &entry);
    }
    struct policy_entry unknown = entry_of((enum policy_match)9, server, REALM_RIGHT_SEND, 1);
    hold_refused(&world, service, &unknown);
    cr_assert(same_service(policy_find_service(world.policy, name_of("x")), no_service));
    world_deinit(&world);
}

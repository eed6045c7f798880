/*
 * Patterns over paths: every construct, what is data in a name, and bad cases' cost.
 */
#include <sys/mman.h>
#include <unistd.h>

#include "tests/unit/policy/world.h"

#include "mm/policy/patterns.h"

/* A copy of it with other bytes behind its end, which must mean nothing. */
static struct policy_name before(struct policy_name name, char *storage, const char *behind)
{
    memcpy(storage, name.text, name.size);
    memcpy(storage + name.size, behind, strlen(behind) + 1);
    return (struct policy_name){storage, name.size};
}

static bool matches(const char *pattern, const char *const *names)
{
    static const char *const behinds[] = {"*", "/", "\\*", "a", "r", "s", "**/x"};
    static char patterns[POLICY_PATTERN_MAX + 8], texts[POLICY_DEPTH_MAX][REALM_NAME_MAX + 8];
    struct policy_name components[POLICY_DEPTH_MAX];
    size_t count = 0;
    for (; names[count]; count++)
        components[count] = name_of(names[count]);
    cr_assert(policy_pattern_valid(name_of(pattern)), "%s", pattern);
    bool good = policy_pattern_matches(name_of(pattern), components, count);
    for (size_t i = 0; i < sizeof behinds / sizeof behinds[0]; i++) {
        for (size_t j = 0; j < count; j++)
            components[j] = before(name_of(names[j]), texts[j], behinds[i]);
        struct policy_name same = before(name_of(pattern), patterns, behinds[i]);
        cr_assert(policy_pattern_valid(same), "%s", pattern);
        cr_assert_eq(policy_pattern_matches(same, components, count), good, "%s", pattern);
    }
    return good;
}

#define PATH(...) ((const char *const[]){__VA_ARGS__ __VA_OPT__(, ) NULL})

/* Goal: nothing behind a pattern or a name is read: both end where the memory does, and what is there traps.
 */
Test(patterns, end_of_memory)
{
    static const char *const patterns[] = {"/",        "/app",    "/ap*",   "/*",   "/**",   "/**/app",
                                           "/a\\p\\p", "/*a*a*p", "/app/*", "/a*p", "/*\\*", "/app/**"};
    static const char *const names[] = {"app", "ap", "apps", "a", "aaap", "*", "b*"};
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    char *memory = mmap(NULL, 4 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    cr_assert_neq(memory, MAP_FAILED);
    cr_assert_eq(mprotect(memory + page, page, PROT_NONE), 0);
    cr_assert_eq(mprotect(memory + 3 * page, page, PROT_NONE), 0);
    for (size_t i = 0; i < sizeof patterns / sizeof patterns[0]; i++) {
        size_t size = strlen(patterns[i]);
        struct policy_name pattern = {memcpy(memory + page - size, patterns[i], size), size};
        cr_assert(policy_pattern_valid(pattern));
        for (size_t k = 0; k < sizeof names / sizeof names[0]; k++) {
            size = strlen(names[k]);
            struct policy_name name = {memcpy(memory + 3 * page - size, names[k], size), size};
            cr_assert_eq(policy_pattern_matches(pattern, &name, 1), matches(patterns[i], PATH(names[k])),
                         "%s %s", patterns[i], names[k]);
        }
    }
    munmap(memory, 4 * page);
}

/* Goal: literals match themselves and nothing shorter, longer or beside. */
Test(patterns, literal)
{
    cr_assert(matches("/", PATH()));
    cr_assert_not(matches("/", PATH("a")));
    cr_assert(matches("/app/worker", PATH("app", "worker")));
    cr_assert_not(matches("/app/worker", PATH("app")));
    cr_assert_not(matches("/app", PATH("app", "worker")));
    cr_assert_not(matches("/app", PATH()));
    cr_assert_not(matches("/app", PATH("apps")));
    cr_assert_not(matches("/apps", PATH("app")));
}

/* Goal: a star stands for any bytes of one component, also none, as often as it is there. */
Test(patterns, star)
{
    cr_assert(matches("/*", PATH("app")));
    cr_assert_not(matches("/*", PATH("app", "worker")));
    cr_assert_not(matches("/*", PATH()));
    cr_assert(matches("/app/*", PATH("app", "worker")));
    cr_assert(matches("/w*", PATH("w")));
    cr_assert(matches("/*r", PATH("worker")));
    cr_assert(matches("/w*k*r", PATH("worker")));
    cr_assert_not(matches("/w*x*r", PATH("worker")));
    cr_assert(matches("/*a*a*", PATH("banana")));
    cr_assert(matches("/***", PATH("x")));
    cr_assert_not(matches("/***", PATH("x", "y")));
    cr_assert(matches("/*ab", PATH("aab")));
}

/* Goal: two stars alone stand for any components, also none, in every place. */
Test(patterns, any_components)
{
    cr_assert(matches("/**", PATH()));
    cr_assert(matches("/**", PATH("a", "b", "c")));
    cr_assert(matches("/app/**", PATH("app")));
    cr_assert(matches("/app/**", PATH("app", "b", "c")));
    cr_assert_not(matches("/app/**", PATH("b", "app")));
    cr_assert(matches("/**/c", PATH("c")));
    cr_assert(matches("/**/c", PATH("a", "c", "b", "c")));
    cr_assert_not(matches("/**/c", PATH("a", "c", "b")));
    cr_assert(matches("/a/**/b/**/c", PATH("a", "x", "b", "b", "y", "c")));
    cr_assert_not(matches("/a/**/b/**/c", PATH("a", "x", "c")));
}

/* Goal: an escaped byte is itself; a name is one component, whatever bytes it has. */
Test(patterns, escapes_and_data)
{
    cr_assert(matches("/\\*", PATH("*")));
    cr_assert_not(matches("/\\*", PATH("x")));
    cr_assert(matches("/\\\\", PATH("\\")));
    cr_assert(matches("/\\**", PATH("*x")));
    cr_assert_not(matches("/\\*\\*", PATH("a", "b")));
    cr_assert(matches("/*", PATH("a/b")));
    cr_assert(matches("/a\\/b", PATH("a/b")));
    cr_assert_not(matches("/a/b", PATH("a/b")));
    cr_assert_not(matches("/a", PATH("*")));
    cr_assert_not(matches("/a", PATH("**")));
}

/* Goal: what can match nothing is no pattern. */
Test(patterns, invalid)
{
    const char *bad[] = {"", "a", "//", "/a/", "/a//b", "/a\\", "/\\", "**"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        cr_assert_not(policy_pattern_valid(name_of(bad[i])), "%s", bad[i]);
    char longest[POLICY_PATTERN_MAX + 1];
    memset(longest, 'a', sizeof longest);
    longest[0] = '/';
    cr_assert(policy_pattern_valid((struct policy_name){longest, POLICY_PATTERN_MAX}));
    cr_assert_not(policy_pattern_valid((struct policy_name){longest, POLICY_PATTERN_MAX + 1}));
}

/* Goal: patterns made to be slow end: the work is bounded by the product of the lengths, not by a power. */
Test(patterns, slow_ones_end)
{
    char pattern[300] = "/", name[256];
    for (size_t i = 0; i < 100; i++)
        strcat(pattern, "*a");
    strcat(pattern, "b");
    memset(name, 'a', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    cr_assert_not(matches(pattern, PATH(name)));
    const char *names[POLICY_DEPTH_MAX + 1] = {NULL};
    char deep[300] = "";
    for (size_t i = 0; i < 30; i++) {
        names[i] = "a";
        strcat(deep, "/**/a");
    }
    strcat(deep, "/b");
    cr_assert_not(matches(deep, names));
}

/* Goal: in a system, a pattern sees an instance under its own name, and the whole path. */
Test(patterns, in_a_system)
{
    struct world world;
    world_init(&world);
    struct policy_realm server = named_under(&world, world.init, "server");
    struct policy_realm app = named_under(&world, world.init, "app");
    struct policy_realm worker = named_under(&world, app, "worker");
    struct policy_realm instance = add_realm(&world, declaration_of("w1", app, worker));
    struct policy_service service = service_by(&world, "vfs", server, 20);
    struct policy_entry deny = path_entry("/app/w?", 0, 21),
                        access = path_entry("/app/w*", REALM_RIGHT_SEND, 22);
    cr_assert_eq(policy_add_deny(world.policy, service, &deny), 0, "a question mark is a byte like others");
    cr_assert_eq(policy_add_access(world.policy, service, &access), 0);
    struct policy_decision decision = decide(&world, connect_event(instance, "vfs"));
    cr_assert_eq(decision.rule, POLICY_RULE_ACCESS_PATH);
    cr_assert_eq(decision.place.line, 22);
    cr_assert_eq(foresee(&world, worker, "vfs").rule, POLICY_RULE_ACCESS_PATH);
    cr_assert_eq(foresee(&world, app, "vfs").rule, POLICY_RULE_DEFAULT);
    world_deinit(&world);
}

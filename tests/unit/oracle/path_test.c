/* Patterns over paths, as section 3 of docs/design/capabilities.md writes them, and paths of odd names. */
#include "tests/unit/oracle/world.h"

TestSuite(oracle_path, .init = begin);

static bool matches(const char *pattern, const char *path)
{
    return oracle_pattern_matches(pattern, path);
}

Test(oracle_path, star_stays_in_its_component)
{
    /* Goal: `*` is any bytes of one component, also none, and never a slash. */
    cr_assert(matches("/app/*", "/app/worker"));
    cr_assert_not(matches("/app/*", "/app"));
    cr_assert_not(matches("/app/*", "/app/a/b"));
    cr_assert(matches("/a*b*c", "/abc"));
    cr_assert(matches("/a*b*c", "/a-b-b-c"));
    cr_assert_not(matches("/a*b*c", "/a-b-b-d"));
}

Test(oracle_path, two_stars_are_any_components)
{
    /* Goal: `**` is any number of components, also none; as a part of a component it is two stars. */
    cr_assert(matches("/**", "/"));
    cr_assert(matches("/**", "/a/b/c"));
    cr_assert(matches("/a/**/c", "/a/c"));
    cr_assert(matches("/a/**/c", "/a/b/b/c"));
    cr_assert_not(matches("/a/**/c", "/a/c/d"));
    cr_assert(matches("/**/c/**", "/c"));
    cr_assert(matches("/a**", "/abc"));
    cr_assert_not(matches("/a**", "/abc/d"));
}

Test(oracle_path, backslash_takes_the_next_byte_as_it_is)
{
    /* Goal: a realm that is really called `*` can be named, and only it. */
    cr_assert(matches("/\\*", "/*"));
    cr_assert_not(matches("/\\*", "/a"));
    cr_assert(matches("/\\**", "/*a"));
    cr_assert(matches("/\\*\\*", "/**"));
    cr_assert_not(matches("/\\*\\*", "/a/b"));
    cr_assert(matches("/a\\b", "/ab"));
    cr_assert_not(matches("/a\\", "/a"));
    /* Goal: a name is one component, whatever bytes it has; a path writes its `/` so that it is one. */
    cr_assert(matches("/*", "/a\\/b"));
    cr_assert(matches("/a\\/b", "/a\\/b"));
    cr_assert_not(matches("/a/b", "/a\\/b"));
}

Test(oracle_path, the_whole_path_must_match)
{
    /* Goal: no prefix, no suffix, and the root has no component. */
    cr_assert(matches("/", "/"));
    cr_assert_not(matches("/", "/a"));
    cr_assert_not(matches("/*", "/"));
    cr_assert_not(matches("/a", "/a/b"));
    cr_assert_not(matches("/a/b", "/a"));
    cr_assert_not(matches("a", "/a"));
    cr_assert_not(matches("", "/"));
}

Test(oracle_path, path_is_the_parents_and_the_name)
{
    /* Goal: section 1's paths, from the root down. */
    char path[ORACLE_PATH_MAX];
    oracle_path(&story.world, INIT, path);
    cr_assert_str_eq(path, "/");
    oracle_path(&story.world, SUB, path);
    cr_assert_str_eq(path, "/web/sub");
}

/* "Did you mean …?": what is near, what is not, and that hostile words cost nothing. */
#include "librealm/core/nearest.h"

#include <criterion/criterion.h>
#include <string.h>

#define NEAREST(word, ...) nearest_of(word, (const char *const[]){__VA_ARGS__, "\n"})

/* The newline ends the list: no candidate of these tests contains one. */
static const char *nearest_of(const char *word, const char *const *candidates)
{
    size_t count = 0;
    while (!candidates[count] || candidates[count][0] != '\n')
        count++;
    return realm_nearest(word, candidates, count);
}

Test(nearest, finds_each_kind_of_slip)
{
    /* Goal: one byte put in, taken out, changed, or swapped with its neighbour is one edit. */
    cr_assert_str_eq(NEAREST("servicess", "realms", "services", "grants"), "services");
    cr_assert_str_eq(NEAREST("servces", "realms", "services", "grants"), "services");
    cr_assert_str_eq(NEAREST("serwices", "realms", "services", "grants"), "services");
    cr_assert_str_eq(NEAREST("sevrices", "realms", "services", "grants"), "services");
    cr_assert_str_eq(NEAREST("ab", "ba", "xy"), "ba");
    cr_assert_str_eq(NEAREST("services", "realms", "services"), "services");
}

Test(nearest, counts_a_swap_once)
{
    /* Goal: a swap is one edit, two changes are two: a word of five bytes allows one. */
    cr_assert_str_eq(NEAREST("gratn", "grant"), "grant");
    cr_assert_null(NEAREST("graxy", "grant"));
}

Test(nearest, allows_a_third_and_three_at_most)
{
    /* Goal: the limit grows with the word and stops at three. */
    cr_assert_str_eq(NEAREST("abcdef", "abcdXY"), "abcdXY");
    cr_assert_null(NEAREST("abcdef", "abcXYZ"));
    cr_assert_str_eq(NEAREST("abcdefghi", "abcdefXYZ"), "abcdefXYZ");
    cr_assert_null(NEAREST("abcdefghijklmno", "abcdefghijkWXYZ"));
    cr_assert_str_eq(NEAREST("ab", "ax"), "ax");
}

Test(nearest, prefers_the_nearer_then_the_first)
{
    /* Goal: the answer is the best one, and the same every time. */
    cr_assert_str_eq(NEAREST("provider", "providXX", "providXr"), "providXr");
    cr_assert_str_eq(NEAREST("name", "nave", "nape"), "nave");
}

Test(nearest, suggests_nothing_where_nothing_is_in_common)
{
    /* Goal: a word that would have to change entirely is not what was meant. */
    cr_assert_null(NEAREST("x", "y"));
    cr_assert_null(NEAREST("", "a"));
    cr_assert_str_eq(NEAREST("a", "as"), "as");
    cr_assert_null(NEAREST("network", "database", "logger"));
    cr_assert_null(realm_nearest("word", NULL, 0));
}

Test(nearest, is_bounded)
{
    /* Goal: 64 bytes are compared, 65 are not; long and missing candidates are passed over. */
    char word[66], near[70], far[4096];
    memset(word, 'a', sizeof word);
    word[64] = '\0';
    memset(near, 'a', sizeof near);
    near[67] = '\0';
    memset(far, 'a', sizeof far);
    far[sizeof far - 1] = '\0';
    cr_assert_eq(NEAREST(word, far, NULL, near), near);
    near[67] = 'a';
    near[68] = '\0';
    cr_assert_null(NEAREST(word, far, NULL, near));
    near[64] = '\0';
    word[64] = 'a';
    word[65] = '\0';
    cr_assert_null(NEAREST(word, near));
}

/*
 * Edit distance with swaps of neighbours (Damerau and Levenshtein, in the form where no part is edited
 * twice), by three rows of the usual table.
 *
 * The rule: both words are short, or there is no answer. So the rows are fixed arrays and the cost is
 * bounded, whoever chose the word.
 */
#include "librealm/core/nearest.h"

#include <string.h>

#define WORD_MAX      64u
#define DISTANCE_MAX  3u
#define CANDIDATE_MAX (WORD_MAX + DISTANCE_MAX) /* whatever is longer is farther away than allowed */

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

static size_t distance(const char *a, size_t a_size, const char *b, size_t b_size)
{
    /* row[i][j] is the distance between the first i bytes of a (modulo 3) and the first j of b. */
    size_t row[3][CANDIDATE_MAX + 1];
    for (size_t j = 0; j <= b_size; j++)
        row[0][j] = j;
    for (size_t i = 1; i <= a_size; i++) {
        const size_t *before = row[(i - 1) % 3], *two_before = row[(i + 1) % 3];
        size_t *now = row[i % 3];
        now[0] = i;
        for (size_t j = 1; j <= b_size; j++) {
            size_t changed = before[j - 1] + (a[i - 1] != b[j - 1]);
            now[j] = smaller(changed, smaller(before[j], now[j - 1]) + 1);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                now[j] = smaller(now[j], two_before[j - 2] + 1);
        }
    }
    return row[a_size % 3][b_size];
}

static size_t distance_limit(size_t word_size)
{
    size_t third = word_size / 3;
    return third < 1 ? 1 : smaller(third, DISTANCE_MAX);
}

const char *realm_nearest(const char *word, const char *const *candidates, size_t count)
{
    size_t word_size = strnlen(word, WORD_MAX + 1);
    if (word_size == 0 || word_size > WORD_MAX)
        return NULL;

    const char *best = NULL;
    size_t best_distance = distance_limit(word_size) + 1;
    for (size_t i = 0; i < count; i++) {
        if (!candidates[i])
            continue;
        size_t size = strnlen(candidates[i], CANDIDATE_MAX + 1);
        if (size > CANDIDATE_MAX)
            continue;
        size_t edits = distance(word, word_size, candidates[i], size);
        size_t longer = word_size > size ? word_size : size;
        if (edits < best_distance && edits < longer) {
            best = candidates[i];
            best_distance = edits;
        }
    }
    return best;
}

/* The table of cases is sound, and what is asked for is found or refused before anything starts. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "bench/harness/cases.h"
#include "bench/harness/peers.h"

/* Goal: every row has what its kind needs, ids are unique, and words are of the documented ones. */
Test(cases, rows_are_complete)
{
    for (size_t i = 0; i < case_count; i++) {
        const struct bench_case *one = &case_table[i];
        cr_assert(one->id && one->summary && one->measure && one->name, "row %zu", i);
        cr_assert_eq(case_find(one->id), one, "%s is there twice", one->id);
        cr_assert(one->summary[strlen(one->summary) - 1] != '.');
        if (one->measure != case_pair)
            continue;
        cr_assert(strcmp(one->placement, "same-core") == 0 || strcmp(one->placement, "cross-core") == 0);
        cr_assert(strcmp(one->wait, "spin") == 0 || strcmp(one->wait, "futex") == 0 ||
                  strcmp(one->wait, "uring") == 0 || strcmp(one->wait, "pipe") == 0 ||
                  strcmp(one->wait, "default") == 0);
        cr_assert(one->size % 8 == 0 && one->size >= 8 && one->size <= PAYLOAD_MAX);
        cr_assert(one->two_cpus || strcmp(one->placement, "same-core") == 0, "%s", one->id);
    }
    cr_assert_null(case_find("no-such-case"));
}

/* Goal: there is room for all peers beside a floor and a call. */
Test(cases, room_for_peers)
{
    cr_assert_leq(peer_count, PEERS_MAX);
    cr_assert_leq(peer_count + 2, PARTICIPANTS_MAX);
}

/* Goal: an unknown case is bad usage, named, and nothing is measured or printed. */
Test(cases, unknown_case)
{
    char *out = NULL, *err = NULL;
    size_t out_size, err_size;
    FILE *output = open_memstream(&out, &out_size), *errors = open_memstream(&err, &err_size);
    const char *names[] = {"call-64", "no-such-case"};
    const struct bench_options options = {.cases = names, .cases_count = 2};
    cr_assert_eq(bench_run(&options, output, errors), 2);
    fclose(output);
    fclose(errors);
    cr_assert_str_empty(out);
    cr_assert_not_null(strstr(err, "no-such-case"));
    cr_assert_not_null(strstr(err, "--list"));
    free(out);
    free(err);
}

/* Goal: a way of waiting that is not there makes a row that says why, with its goal not met, and no failure.
 */
Test(cases, impossible_waits)
{
    char *out = NULL, *err = NULL;
    size_t out_size, err_size;
    FILE *output = open_memstream(&out, &out_size), *errors = open_memstream(&err, &err_size);
    const char *names[] = {"call-64-uring-same"};
    const struct bench_options options = {
        .cases = names, .cases_count = 1, .json = true, .no_uring = "it is forbidden"};
    cr_assert_eq(bench_run(&options, output, errors), 0);
    fclose(output);
    fclose(errors);
    cr_assert_not_null(strstr(out, "\"note\":\"it is forbidden\""));
    cr_assert_not_null(strstr(out, "\"met\":false"));
    cr_assert_null(strstr(out, "p50_ns"));
    cr_assert_str_empty(err);
    free(out);
    free(err);
}

/* Goal: the list has every case, on a line of its own. */
Test(cases, list)
{
    char *text = NULL;
    size_t size, lines = 0;
    FILE *stream = open_memstream(&text, &size);
    bench_list(stream);
    fclose(stream);
    for (size_t i = 0; i < case_count; i++)
        cr_assert_not_null(strstr(text, case_table[i].id));
    for (const char *at = text; (at = strchr(at, '\n')); at++)
        lines++;
    cr_assert_eq(lines, case_count);
    free(text);
}

/*
 * `realm run` of what `realm fuzz` found: the case again, each operation with its answer, and in the end what
 * does not hold. Whether it fails, crashes or hangs is found out in a process of its own; so here only the
 * operations before that are run.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/fuzz/campaign.h"
#include "tools/fuzz/text.h"
#include "tools/print.h"

static struct run run;
static struct fuzz_case example;
static char storage[TEXT_STORAGE];

/* One operation as a line without its end; the caller's. */
static char *line_of(size_t operation)
{
    char *text = NULL;
    size_t size = 0;
    FILE *memory = open_memstream(&text, &size);
    if (!memory)
        return NULL;
    text_print_operation(&example, &example.operations[operation], memory);
    if (fclose(memory) == 0 && size > 0)
        text[size - 1] = '\0';
    return text;
}

static void print_operation(size_t operation, const char *answer, bool json)
{
    char *text = line_of(operation);
    if (json) {
        json_t *event = json_pack("{s:s, s:s, s:s}", "event", "operation", "operation", text ? text : "?",
                                  "answer", answer);
        print_json(stdout, event);
        json_decref(event);
    } else {
        printf("  %-60s %s\n", text ? text : "?", answer);
    }
    free(text);
}

/* Runs the operations before the one that fails; they do not. */
static void run_before(size_t count, bool json)
{
    struct run_counts counts = {0};
    if (!run_open(&run, &example, &counts))
        return;
    for (size_t i = 0; i < count; i++) {
        int kind = example.operations[i].kind;
        uint64_t allowed = counts.allowed[kind], refused = counts.refused[kind];
        if (!run_operation(&run, &example.operations[i]))
            break;
        print_operation(i,
                        counts.allowed[kind] > allowed   ? "allowed"
                        : counts.refused[kind] > refused ? "refused"
                                                         : "done",
                        json);
    }
    run_close(&run);
}

static int tell_end(const struct run_verdict *verdict, bool fails, bool json)
{
    if (json) {
        json_t *event = fails ? json_pack("{s:s, s:s, s:s, s:i}", "event", "failure", "check", verdict->check,
                                          "detail", verdict->detail, "exit", EXIT_FAILED)
                              : json_pack("{s:s, s:i}", "event", "ended", "exit", EXIT_FINE);
        print_json(stdout, event);
        json_decref(event);
    } else if (fails) {
        printf("FAILURE: %s\n  %s\n", verdict->check, verdict->detail);
    } else {
        printf("everything holds\n");
    }
    return fails ? EXIT_FAILED : EXIT_FINE;
}

static int tell_size(const char *file, bool json)
{
    if (!json) {
        printf("%s: a replay of %zu operations\n", file, example.count);
        return EXIT_FINE;
    }
    json_t *answer = json_pack("{s:s, s:b, s:i}", "file", file, "ok", 1, "operations", (int)example.count);
    int status = print_json(stdout, answer);
    json_decref(answer);
    return status;
}

int fuzz_replay(const char *file, const char *text, bool operations, bool json)
{
    struct run_verdict verdict;
    const char *why;
    size_t line = text_parse(text, storage, &example, &why);
    if (line) {
        fprintf(stderr, "%s: line %zu of `replay`: %s\n", file, line, why);
        return EXIT_FAILED;
    }
    if (!operations)
        return tell_size(file, json);
    bool fails = campaign_fails(&example, &verdict);
    size_t before = fails ? verdict.operation : example.count;
    run_before(before < example.count ? before : example.count, json);
    if (fails && before < example.count)
        print_operation(before, "fails", json);
    return tell_end(&verdict, fails, json);
}

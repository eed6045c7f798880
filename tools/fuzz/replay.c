/* A case from its text, run again. */
#include "tools/fuzz/replay.h"

#include <stdio.h>

#include "tools/fuzz/run.h"
#include "tools/fuzz/text.h"

const char *replay_text(const char *text)
{
    static struct run run;
    static struct fuzz_case example;
    static char storage[TEXT_STORAGE], answer[512];
    struct run_counts counts = {0};
    struct run_verdict verdict;
    const char *why;
    size_t line = text_parse(text, storage, &example, &why);
    if (line) {
        snprintf(answer, sizeof answer, "line %zu: %s", line, why);
        return answer;
    }
    if (run_case(&run, &example, &counts, &verdict))
        return NULL;
    snprintf(answer, sizeof answer, "%s at operation %zu: %s", verdict.check, verdict.operation,
             verdict.detail);
    return answer;
}

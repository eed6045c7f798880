/*
 * Cases of the policy fuzzer as text, which anybody may have written (`replay:` in a scenario): reading one
 * never crashes, and what was read, printed and read again is the same.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/fuzz/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char *print(const struct fuzz_case *example)
{
    char *text = NULL;
    size_t size = 0;
    FILE *memory = open_memstream(&text, &size);
    if (!memory)
        abort();
    text_print(example, memory);
    fclose(memory);
    return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct fuzz_case first, second;
    static char storage[TEXT_STORAGE], again[TEXT_STORAGE];
    const char *why = NULL;
    char *text = malloc(size + 1);
    if (!text)
        abort();
    memcpy(text, data, size);
    text[size] = '\0';
    size_t line = text_parse(text, storage, &first, &why);
    free(text);
    if (line) {
        if (!why || !*why)
            abort();
        return 0;
    }
    char *printed = print(&first);
    if (text_parse(printed, again, &second, &why) != 0) {
        fprintf(stderr, "does not read what it printed: %s\n%s", why, printed);
        abort();
    }
    char *twice = print(&second);
    if (strcmp(printed, twice) != 0) {
        fprintf(stderr, "prints something else:\n%s\n%s", printed, twice);
        abort();
    }
    free(printed);
    free(twice);
    return 0;
}

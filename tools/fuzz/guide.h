/*
 * Where inputs come from: made at random, or by small changes of inputs that once took a new way through the
 * engine. Those are the corpus; with a directory it is read at first and added to. One seed makes one
 * sequence of inputs, as long as the engine, the corpus and the build are the same.
 */
#ifndef TOOLS_FUZZ_GUIDE_H
#define TOOLS_FUZZ_GUIDE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tools/fuzz/generate.h"

#define GUIDE_CORPUS_MAX 8192u

struct guide_input {
    uint8_t *bytes;
    size_t size;
    bool deep; /* it revoked a subtree of three generations */
};

struct guide {
    uint64_t state;
    const char *directory; /* NULL: the corpus is kept in memory only */
    struct guide_input corpus[GUIDE_CORPUS_MAX];
    size_t count;
    size_t loaded, replayed; /* what was read is run once as it is */
    bool is_loaded;          /* the present input is one of those */
    bool wants_deep; /* the caller's: deep revokes have been few, so what is changed is such an input */
    uint8_t bytes[GENERATE_MAX];
    size_t size;
};

void guide_init(struct guide *guide, uint64_t seed, const char *directory);
void guide_deinit(struct guide *guide);
/* Reads the directory. Return: 0; -errno: it cannot be read. What is no input is no mistake: any bytes are
 * one. */
int guide_load(struct guide *guide);
/* The next input: guide->bytes, guide->size. */
void guide_next(struct guide *guide);
/* The input took a new way: it is kept. deep: and revoked a subtree of three generations. */
void guide_keep(struct guide *guide, bool deep);

uint64_t guide_random(struct guide *guide);

#endif

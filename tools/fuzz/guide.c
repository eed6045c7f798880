/* Where inputs come from. The random source is SplitMix64 (Steele, Lea and Flood). */
#include "tools/fuzz/guide.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

uint64_t guide_random(struct guide *guide)
{
    uint64_t z = guide->state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

static size_t below(struct guide *guide, size_t limit)
{
    return limit ? (size_t)(guide_random(guide) % limit) : 0;
}

void guide_init(struct guide *guide, uint64_t seed, const char *directory)
{
    guide->state = seed;
    guide->directory = directory;
    guide->count = guide->loaded = guide->replayed = guide->size = 0;
    guide->is_loaded = guide->wants_deep = false;
}

void guide_deinit(struct guide *guide)
{
    for (size_t i = 0; i < guide->count; i++)
        free(guide->corpus[i].bytes);
    guide->count = 0;
}

static void keep(struct guide *guide, bool deep)
{
    uint8_t *copy = guide->count < GUIDE_CORPUS_MAX && guide->size ? malloc(guide->size) : NULL;
    if (!copy)
        return; /* the corpus is full: the search goes on with what it has */
    memcpy(copy, guide->bytes, guide->size);
    guide->corpus[guide->count++] = (struct guide_input){copy, guide->size, deep};
}

int guide_load(struct guide *guide)
{
    DIR *directory = opendir(guide->directory);
    if (!directory)
        return -errno;
    const struct dirent *entry;
    while ((entry = readdir(directory))) {
        char path[PATH_MAX];
        if (entry->d_name[0] == '.' ||
            (size_t)snprintf(path, sizeof path, "%s/%s", guide->directory, entry->d_name) >= sizeof path)
            continue;
        FILE *file = fopen(path, "rb");
        if (!file)
            continue;
        guide->size = fread(guide->bytes, 1, sizeof guide->bytes, file);
        fclose(file);
        keep(guide, false);
    }
    closedir(directory);
    guide->loaded = guide->count;
    return 0;
}

static void fill(struct guide *guide, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++)
        guide->bytes[i] = (uint8_t)guide_random(guide);
}

/* Mostly short, now and then one that is longer than what the oracle tells from the start each time. */
static void make_fresh(struct guide *guide)
{
    size_t records = 24 + below(guide, FUZZ_SHORT - 32);
    if (below(guide, 64) == 0)
        records += below(guide, 4 * FUZZ_SHORT);
    guide->size = GENERATE_SYSTEM + records * GENERATE_RECORD;
    fill(guide, 0, guide->size);
}

/* The input from `at` on moves by whole records, up or down. */
static void move_rest(struct guide *guide, size_t at, size_t to)
{
    size_t rest = guide->size - at;
    if (to + rest > GENERATE_MAX)
        rest = GENERATE_MAX - to;
    memmove(guide->bytes + to, guide->bytes + at, rest);
    guide->size = to + rest;
}

static size_t draw_record(struct guide *guide)
{
    size_t records = guide->size > GENERATE_SYSTEM ? (guide->size - GENERATE_SYSTEM) / GENERATE_RECORD : 0;
    return GENERATE_SYSTEM + below(guide, records) * GENERATE_RECORD;
}

static void splice(struct guide *guide, size_t at)
{
    const struct guide_input *other = &guide->corpus[below(guide, guide->count)];
    if (other->size <= at)
        return;
    memcpy(guide->bytes + at, other->bytes + at, other->size - at);
    guide->size = other->size;
}

static void change(struct guide *guide)
{
    size_t at = draw_record(guide);
    bool whole = at + GENERATE_RECORD <= guide->size;
    switch (below(guide, 8)) {
    case 0:
        guide->bytes[below(guide, guide->size)] = (uint8_t)guide_random(guide);
        break;
    case 1:
        if (whole)
            fill(guide, at, at + GENERATE_RECORD);
        break;
    case 2: /* one operation more */
        if (whole && guide->size + GENERATE_RECORD <= GENERATE_SYSTEM + FUZZ_SHORT * GENERATE_RECORD) {
            move_rest(guide, at, at + GENERATE_RECORD);
            fill(guide, at, at + GENERATE_RECORD);
        }
        break;
    case 3: /* one less */
        if (whole)
            move_rest(guide, at + GENERATE_RECORD, at);
        break;
    case 4: /* the same once more */
        if (whole && guide->size + GENERATE_RECORD <= GENERATE_SYSTEM + FUZZ_SHORT * GENERATE_RECORD)
            move_rest(guide, at, at + GENERATE_RECORD);
        break;
    case 5:
        splice(guide, at);
        break;
    case 6:
        guide->bytes[below(guide, guide->size < GENERATE_SYSTEM ? guide->size : GENERATE_SYSTEM)] =
            (uint8_t)guide_random(guide);
        break;
    default:
        if (whole)
            guide->bytes[at + below(guide, GENERATE_RECORD)] = (uint8_t)guide_random(guide);
        break;
    }
}

/* Any of the corpus; if a deep one is wanted, the next that is, if there is one. */
static const struct guide_input *choose(struct guide *guide)
{
    const size_t first = below(guide, guide->count);
    for (size_t i = 0; guide->wants_deep && i < guide->count; i++) {
        const struct guide_input *input = &guide->corpus[(first + i) % guide->count];
        if (input->deep)
            return input;
    }
    return &guide->corpus[first];
}

void guide_next(struct guide *guide)
{
    if (guide->replayed < guide->loaded) {
        const struct guide_input *input = &guide->corpus[guide->replayed++];
        memcpy(guide->bytes, input->bytes, input->size);
        guide->size = input->size;
        guide->is_loaded = true;
        return;
    }
    guide->is_loaded = false;
    if (guide->count == 0 || below(guide, 3) == 0) {
        make_fresh(guide);
        return;
    }
    const struct guide_input *input = choose(guide);
    memcpy(guide->bytes, input->bytes, input->size);
    guide->size = input->size;
    for (size_t changes = 1 + below(guide, 5); changes > 0 && guide->size > 0; changes--)
        change(guide);
}

void guide_keep(struct guide *guide, bool deep)
{
    if (guide->is_loaded)
        return; /* it comes from the corpus */
    keep(guide, deep);
    if (!guide->directory)
        return;
    uint64_t name = UINT64_C(0xcbf29ce484222325); /* FNV-1a */
    for (size_t i = 0; i < guide->size; i++)
        name = (name ^ guide->bytes[i]) * UINT64_C(0x100000001b3);
    char path[PATH_MAX];
    if ((size_t)snprintf(path, sizeof path, "%s/%016llx", guide->directory, (unsigned long long)name) >=
        sizeof path)
        return;
    FILE *file = fopen(path, "wb");
    if (!file)
        return; /* a full disk does not end the search */
    fwrite(guide->bytes, 1, guide->size, file);
    fclose(file);
}

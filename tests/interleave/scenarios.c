/*
 * The production code of the ring under every interleaving of its shared accesses, up to a number of
 * deviations (explore.h): no message is lost, doubled, reordered or altered, no honest peer is accused,
 * nothing beyond a buffer is read or written, no wake-up is lost. Stores are held back as in a store buffer.
 * In the hostile flows a peer also changes its own region, at any point.
 *
 *     interleave DEVIATIONS [SCENARIO]     exit status 0, or 1 with the steps that led to the failure
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/interleave/explore.h"
#include "tests/interleave/flow.h"
#include "tests/interleave/notes.h"

/* --- what a hostile peer does --- */

static const struct {
    uint8_t offset; /* in the region, or in the entry that the other side awaits */
    bool in_entry;
    uint8_t bytes;
    bool add; /* else: replace */
    uint32_t value;
} changes[] = {
    {0, true, 4, true, 1},                  /* commit */
    {0, true, 4, true, UINT32_MAX},         /* commit, one line less */
    {0, true, 4, false, 0},                 /* commit */
    {4, true, 2, true, 8},                  /* size (1 to 7 are copied without memcpy: see atomics.h) */
    {4, true, 2, true, 64},                 /* size, one line more */
    {4, true, 2, false, UINT16_MAX},        /* size */
    {6, true, 1, false, 0},                 /* kind */
    {6, true, 1, false, REALM_MESSAGE_PAD}, /* kind */
    {6, true, 1, false, 0x80 | REALM_MESSAGE_CALL}, /* kind */
    {offsetof(struct realm_region, parked), false, 4, false, 7},
    {offsetof(struct realm_region, marks), false, 4, false, UINT32_MAX},
    {offsetof(struct realm_region, bell), false, 4, true, 1},
    {offsetof(struct realm_region, head) + 4, false, 4, true, 3},
    {offsetof(struct realm_region, tail_lines) + 4, false, 4, true, 1},
    {offsetof(struct realm_region, tail_lines) + 4, false, 4, true, UINT32_MAX},
    {offsetof(struct realm_region, tail_messages) + 4, false, 4, true, 1},
};
#define CHANGES ((unsigned)(sizeof changes / sizeof changes[0]))

/* A change to the region of thread 0, or of thread 1. */
static void tamper(unsigned number)
{
    const unsigned side = number / CHANGES, change = number % CHANGES;
    uint8_t *bytes = explore_bytes(side) + changes[change].offset;
    uint32_t value = 0;
    if (changes[change].in_entry)
        bytes += offsetof(struct realm_region, lines) + flow_awaited(side) * REALM_LINE;
    memcpy(&value, bytes, changes[change].bytes);
    value = changes[change].add ? value + changes[change].value : changes[change].value;
    /* Two changes of a size may come to what is copied without memcpy. */
    if (changes[change].in_entry && changes[change].offset == 4 && (uint16_t)value < 8)
        value = 0;
    memcpy(bytes, &value, changes[change].bytes);
}

/* --- scenarios --- */

static const struct named_flow {
    const char *name;
    struct flow flow;
    bool revokes;
} flows[] = {
    {"message", {.count = 2, .sizes = {8, 16}, .limit = 4, .parked = REALM_PARKED_FUTEX}, false},
    {"pipe", {.count = 2, .sizes = {0, 8}, .limit = 4, .parked = REALM_PARKED_PIPE}, false},
    {"room", {.count = 3, .sizes = {8, 0, 8}, .limit = 1, .parked = REALM_PARKED_FUTEX}, false},
    {"wrap",
     {.count = 3,
      .sizes = {60, 100, 8},
      .limit = 2,
      .start = 4u * FLOW_LINES - 3u,
      .parked = REALM_PARKED_FUTEX},
     false},
    {"batch",
     {.count = 3, .sizes = {8, 40, 8}, .limit = 2, .parked = REALM_PARKED_FUTEX, .one_ring = true},
     false},
    {"full", {.count = 3, .sizes = {4096, 4096, 8}, .limit = 4, .parked = REALM_PARKED_FUTEX}, false},
    {"mimicry",
     {.count = 3,
      .sizes = {8, 60, 16},
      .limit = 4,
      .start = FLOW_LINES * 3u,
      .parked = REALM_PARKED_FUTEX,
      .mimicry = true},
     false},
    {"in place",
     {.count = 3,
      .sizes = {60, 100, 8},
      .limit = 2,
      .start = 4u * FLOW_LINES - 1u,
      .parked = REALM_PARKED_FUTEX,
      .in_place = true},
     false},
    {"queues",
     {.count = 3,
      .sizes = {8, 16, 8},
      .queues = {REALM_HIGH, REALM_NORMAL, REALM_HIGH},
      .limit = 1,
      .parked = REALM_PARKED_FUTEX},
     false},
    {"queues, pipe",
     {.count = 2,
      .sizes = {8, 16},
      .queues = {REALM_HIGH, REALM_NORMAL},
      .limit = 1,
      .parked = REALM_PARKED_PIPE},
     false},
    {"calls",
     {.count = 2, .sizes = {8, 16}, .limit = 1, .parked = REALM_PARKED_FUTEX, .replies = true},
     false},
    {"position 2^32",
     {.count = 2,
      .sizes = {48, 8},
      .limit = 1,
      .start = UINT32_MAX - 1u,
      .parked = REALM_PARKED_FUTEX,
      .mimicry = true},
     false},
    {"revoked", {.count = 2, .sizes = {100, 8}, .limit = 1, .parked = REALM_PARKED_FUTEX}, true},
    {"revoked, mimicry",
     {.count = 1,
      .sizes = {8},
      .limit = 1,
      .start = FLOW_LINES,
      .parked = REALM_PARKED_FUTEX,
      .mimicry = true},
     true},
    {"revoked in place",
     {.count = 2, .sizes = {30, 8}, .limit = 2, .parked = REALM_PARKED_FUTEX, .in_place = true},
     true},
    {"hostile",
     {.count = 2, .sizes = {8, 60}, .limit = 2, .parked = REALM_PARKED_FUTEX, .hostile = true},
     false},
    {"hostile, room",
     {.count = 3, .sizes = {0, 8, 0}, .limit = 1, .parked = REALM_PARKED_FUTEX, .hostile = true},
     false},
    {"hostile, full size",
     {.count = 1,
      .sizes = {4096},
      .limit = 2,
      .start = 7,
      .parked = REALM_PARKED_FUTEX,
      .mimicry = true,
      .hostile = true},
     false},
    {"hostile, in place",
     {.count = 2,
      .sizes = {60, 8},
      .limit = 2,
      .start = FLOW_LINES - 1u,
      .parked = REALM_PARKED_FUTEX,
      .in_place = true,
      .mimicry = true,
      .hostile = true},
     false},
    {"hostile, calls",
     {.count = 1, .sizes = {8}, .limit = 1, .parked = REALM_PARKED_FUTEX, .replies = true, .hostile = true},
     false},
};

static uint64_t explore_notes(unsigned deviations)
{
    const struct explore_scenario scenario = {.name = "notifications",
                                              .begin = notes_begin,
                                              .threads = {notes_client, notes_server},
                                              .end = notes_end};
    uint64_t some = explore_all(&scenario, deviations, true);
    printf("%s: %llu executions\n", scenario.name, (unsigned long long)some);
    fflush(stdout);
    return some;
}

int main(int argc, char **argv)
{
    unsigned deviations = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 2;
    uint64_t executions = 0;
    if (argc <= 2 || strcmp(argv[2], "notifications") == 0)
        executions += explore_notes(deviations); /* first: the hostile flows, last, take by far the longest */
    for (size_t i = 0; i < sizeof flows / sizeof flows[0]; i++) {
        if (argc > 2 && strcmp(argv[2], flows[i].name) != 0)
            continue;
        flow = &flows[i].flow;
        const struct explore_scenario scenario = {.name = flows[i].name,
                                                  .begin = flow_begin,
                                                  .threads = {flow_client, flow_server},
                                                  .end = flow_end,
                                                  .revokes = flows[i].revokes,
                                                  .tampers = flow->hostile ? 2u * CHANGES : 0,
                                                  .tamper = tamper};
        /* There is a great number of changes, and each does what it takes another thread to do. */
        const unsigned allowed = flow->hostile && deviations > 1 ? deviations - 1u : deviations;
        uint64_t some = explore_all(&scenario, allowed, true);
        printf("%s: %llu executions\n", flows[i].name, (unsigned long long)some);
        fflush(stdout);
        executions += some;
    }
    printf("%llu executions with at most %u deviations\n", (unsigned long long)executions, deviations);
    return executions == 0;
}

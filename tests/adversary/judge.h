/*
 * One attack, from the start of its realm to the verdict.
 */
#ifndef TESTS_ADVERSARY_JUDGE_H
#define TESTS_ADVERSARY_JUDGE_H

#include "tests/adversary/attack.h"
#include "tests/adversary/system.h"

struct judge {
    struct running *running;
    struct attack_target aims;
    json_t *counts; /* what the broker holds between two attacks */
    int server, client;
    unsigned number; /* of the next instance */
    bool quick;      /* only what became of the attacker counts */
};

struct verdict {
    bool fine;
    char became[192];
    char complaint[256];
};

/* quick: with a client that needs no loader. */
const char *judge_scenario(bool quick);
/* Waits until the honest pair works; ends the suite unless it is confined. Return: the event `booted`, the
 * caller's. */
json_t *judge_boot(struct judge *judge, struct running *running, const struct attack_target *aims);
void judge_attack(struct judge *judge, const struct attack *attack, struct verdict *ret_verdict);

/* Whether what became of an attack is among the alternatives. */
bool judge_matches(const char *must, const char *became);

#endif

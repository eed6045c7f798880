/*
 * Two realms of which one gives the other memory: `left` allocates and gives, and does what `right` asks of
 * it; `right` attacks, and speaks. Both keep whatever they got.
 */
#ifndef TESTS_ADVERSARY_RAW_GIVEN_H
#define TESTS_ADVERSARY_RAW_GIVEN_H

#include <realm/error.h>

#include "tests/adversary/raw.h"

#define PAGE 4096u
#define R    REALM_RIGHT_READ
#define W    REALM_RIGHT_WRITE
#define FULL (R | W | REALM_RIGHT_GRANT | REALM_RIGHT_REVOKE)

/* What left tells right: the cookie, which is left's own, and a ticket that is right's to take. */
struct raw_gift {
    uint64_t cookie;
    uint32_t ticket;
};

/* Their channel. */
extern struct raw_channel raw_pair;
void raw_tell(const void *what, size_t size);
/* false: nothing in 10 s, or the other has ended. */
bool raw_hear(void *ret_what, size_t size);
/* Until the other speaks or has ended. */
void raw_stay(void);

/* Left: opens, serves `drop`, and has right's channel. */
void raw_meet_left(void);
/* Left: allocates a page and maps it to be written. Return: the mapping; raw_fds[0] is its descriptor. */
volatile char *raw_make(struct raw_gift *ret_gift);
/* Left: offers it with these rights, and tells right. */
void raw_give(struct raw_gift *gift, uint32_t rights);

/* Right: opens, connects, and hears of a gift. */
struct raw_gift raw_receive(void);
/* Right: takes it. Ends the realm with an outcome where that is refused. Return: its own cookie. */
uint64_t raw_accepted(const struct raw_gift *gift);

/* Reading and writing where nothing may be. Before, once: raw_mind. Return: the byte, or -1; whether it was
 * stored. */
void raw_mind(void);
int raw_look(const volatile char *memory);
bool raw_put(volatile char *memory, char byte);

#endif

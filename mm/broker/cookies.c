/*
 * The table of cookies: chains of tokens, under a hash with a key of this broker's own.
 *
 * Randomness is taken from the kernel in blocks, so that most connects need no system call for their three
 * cookies. The table doubles when it is full on average; if there is no memory for that, the chains grow
 * instead, which is slow but right.
 */
#include "mm/broker/cookies.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "librealm/core/siphash.h"
#include "mm/broker/state.h"

#define BUCKETS_FIRST 64u
#define RANDOM_BLOCK  32u

struct cookies {
    struct broker_token **buckets;
    size_t buckets_count; /* a power of two */
    size_t count;
    uint8_t key[16];
    uint64_t random[RANDOM_BLOCK];
    unsigned random_left;
};

int cookies_new(struct cookies **ret_cookies)
{
    struct cookies *cookies = calloc(1, sizeof(*cookies));
    if (!cookies)
        return -ENOMEM;
    cookies->buckets = calloc(BUCKETS_FIRST, sizeof(struct broker_token *));
    cookies->buckets_count = BUCKETS_FIRST;
    if (!cookies->buckets || getrandom(cookies->key, sizeof(cookies->key), 0) != sizeof(cookies->key)) {
        int error = cookies->buckets ? -EIO : -ENOMEM;
        cookies_free(cookies);
        return error;
    }
    *ret_cookies = cookies;
    return 0;
}

void cookies_free(struct cookies *cookies)
{
    if (!cookies)
        return;
    free(cookies->buckets);
    free(cookies);
}

static struct broker_token **bucket_of(const struct cookies *cookies, uint64_t cookie)
{
    uint64_t hash = realm_siphash(cookies->key, &cookie, sizeof(cookie));
    return &cookies->buckets[hash & (cookies->buckets_count - 1)];
}

struct broker_token *cookies_find(const struct cookies *cookies, uint64_t cookie)
{
    struct broker_token *token = *bucket_of(cookies, cookie);
    while (token && token->cookie != cookie)
        token = token->next;
    return token;
}

/* All ones where both are the same, else 0; without a branch. */
static uintptr_t mask_same(uint64_t one, uint64_t other)
{
    uint64_t differs = one ^ other;
    return (uintptr_t)(((differs | (0 - differs)) >> 63) - 1);
}

/* Every token of the chain is looked at, and each in the same way. */
struct broker_token *cookies_find_of(const struct cookies *cookies, const struct broker_realm *owner,
                                     uint64_t cookie)
{
    uintptr_t found = 0;
    for (struct broker_token *token = *bucket_of(cookies, cookie); token; token = token->next)
        found |= (uintptr_t)token & mask_same(token->cookie, cookie) &
                 mask_same((uintptr_t)token->owner, (uintptr_t)owner);
    return (struct broker_token *)found; /* NOLINT(performance-no-int-to-ptr): masked, not made up */
}

static void grow(struct cookies *cookies)
{
    struct broker_token **old = cookies->buckets;
    size_t old_count = cookies->buckets_count;
    struct broker_token **larger = calloc(old_count * 2, sizeof(struct broker_token *));
    if (!larger)
        return;
    cookies->buckets = larger;
    cookies->buckets_count = old_count * 2;
    for (size_t i = 0; i < old_count; i++) {
        while (old[i]) {
            struct broker_token *token = old[i];
            old[i] = token->next;
            struct broker_token **bucket = bucket_of(cookies, token->cookie);
            token->next = *bucket;
            *bucket = token;
        }
    }
    free(old);
}

static int draw_any(struct cookies *cookies, uint64_t *ret_number)
{
    if (cookies->random_left == 0) {
        /* Up to 256 bytes come whole or not at all (getrandom(2)). */
        if (getrandom(cookies->random, sizeof(cookies->random), 0) != sizeof(cookies->random))
            return -EIO;
        cookies->random_left = RANDOM_BLOCK;
    }
    *ret_number = cookies->random[--cookies->random_left];
    cookies->random[cookies->random_left] = 0;
    return 0;
}

uint64_t cookies_random(struct cookies *cookies)
{
    uint64_t number = 0;
    return draw_any(cookies, &number) ? 0 : number;
}

/* A number that is neither 0, which means none, nor in use. */
static int draw(struct cookies *cookies, uint64_t *ret_cookie)
{
    for (;;) {
        uint64_t cookie = 0;
        int error = draw_any(cookies, &cookie);
        if (error)
            return error;
        if (cookie != 0 && !cookies_find(cookies, cookie)) {
            *ret_cookie = cookie;
            return 0;
        }
    }
}

int cookies_add(struct cookies *cookies, struct broker_token *token)
{
    uint64_t cookie;
    int error = draw(cookies, &cookie);
    if (error)
        return error;
    if (cookies->count >= cookies->buckets_count)
        grow(cookies);
    struct broker_token **bucket = bucket_of(cookies, cookie);
    token->cookie = cookie;
    token->next = *bucket;
    *bucket = token;
    cookies->count++;
    return 0;
}

void cookies_remove(struct cookies *cookies, struct broker_token *token)
{
    if (token->cookie == 0)
        return;
    struct broker_token **link = bucket_of(cookies, token->cookie);
    while (*link != token)
        link = &(*link)->next;
    *link = token->next;
    token->owner->let_go[token->owner->let_go_next++ % BROKER_LET_GO] = token->cookie;
    token->next = NULL;
    token->cookie = 0;
    cookies->count--;
}

size_t cookies_count(const struct cookies *cookies)
{
    return cookies->count;
}

/*
 * Cookies: the random 64-bit numbers by which realms call what is theirs.
 *
 * A cookie says nothing by itself: it counts only together with the socket it came in on. It is random
 * so that a realm cannot guess how many others there are, nor have an old one mean something new.
 */
#ifndef MM_BROKER_COOKIES_H
#define MM_BROKER_COOKIES_H

#include <stddef.h>
#include <stdint.h>

struct broker_token;
struct cookies;

/* Return: 0; -errno. */
int cookies_new(struct cookies **ret_cookies);
void cookies_free(struct cookies *cookies); /* NULL is a no-op; the tokens are their owners' */

/* Gives the token, which has none, a cookie of its own. Return: 0; -EIO: no randomness. */
int cookies_add(struct cookies *cookies, struct broker_token *token);
void cookies_remove(struct cookies *cookies, struct broker_token *token); /* a no-op without a cookie */

/* NULL: nobody has this cookie. The caller compares the owner. */
struct broker_token *cookies_find(const struct cookies *cookies, uint64_t cookie);
size_t cookies_count(const struct cookies *cookies);

#endif

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

struct broker_realm;
struct broker_token;
struct cookies;

/* Return: 0; -errno. */
int cookies_new(struct cookies **ret_cookies);
void cookies_free(struct cookies *cookies); /* NULL is a no-op; the tokens are their owners' */

/* Gives the token, which has none, a cookie of its own. Return: 0; -EIO: no randomness. */
int cookies_add(struct cookies *cookies, struct broker_token *token);
void cookies_remove(struct cookies *cookies, struct broker_token *token); /* a no-op without a cookie */

/*
 * What the owner calls by this cookie; NULL: nothing of its own. How long it takes depends on a secret key
 * and not on how much of the cookie is right, nor on whether another realm has it.
 */
struct broker_token *cookies_find_of(const struct cookies *cookies, const struct broker_realm *owner,
                                     uint64_t cookie);
/* Whoever's it is; for the broker's own use. NULL: nobody has this cookie. */
struct broker_token *cookies_find(const struct cookies *cookies, uint64_t cookie);
uint64_t cookies_random(struct cookies *cookies); /* any number */
size_t cookies_count(const struct cookies *cookies);

#endif

/*
 * What the policy has let go of is cleared away beside everything else that the broker does, a portion in
 * each round of its loop: a subtree of a hundred thousand capabilities stalls nobody.
 */
#ifndef MM_BROKER_AUTHORITY_H
#define MM_BROKER_AUTHORITY_H

struct broker;

void authority_init(struct broker *broker);
/* Clears one portion. If more is left, the next round comes at once. */
void authority_clear(struct broker *broker);

#endif

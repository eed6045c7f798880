/*
 * SipHash-2-4: a keyed hash for tables whose keys a peer chooses. Without the key nobody can choose keys that
 * collide. Source: Aumasson and Bernstein, "SipHash: a fast short-input PRF", 2012.
 */
#ifndef REALM_CORE_SIPHASH_H
#define REALM_CORE_SIPHASH_H

#include <stddef.h>
#include <stdint.h>

/* The same on every machine, whatever its byte order. data may be NULL if size is 0. */
uint64_t realm_siphash(const uint8_t key[16], const void *data, size_t size);

#endif

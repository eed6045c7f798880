/*
 * Values in a message: bounds-checked packing and unpacking.
 *
 * Integers are little-endian and unaligned; a string is a u32 length and its bytes (UTF-8, no NUL, no
 * terminator); bytes are a u32 length and the bytes. Both sides keep the first error and turn every later
 * step into a no-op, so a caller packs or unpacks a whole message and looks once, at the end:
 *
 *     struct realm_pack p;
 *     realm_pack_init(&p, buffer, sizeof buffer);
 *     realm_pack_u32(&p, 7);
 *     realm_pack_string(&p, "hello");
 *     if (p.error)
 *         ...
 *
 * None of this touches the system, allocates, or keeps a pointer beyond the caller's buffers; the structs
 * are the caller's and belong to one thread at a time. Source: HNX's parameters, in call order, but with
 * an error where theirs drops what does not fit (ORIGINS.md).
 */
#ifndef REALM_PACK_H
#define REALM_PACK_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct realm_pack {
    uint8_t *data;
    size_t capacity;
    size_t size; /* bytes packed so far */
    int error;   /* 0; REALM_E_TOO_BIG: something did not fit; REALM_E_BAD_ARGUMENT: not UTF-8, or a NUL */
};

struct realm_unpack {
    const uint8_t *data;
    size_t size;
    size_t offset; /* bytes consumed so far */
    int error;     /* 0; REALM_E_SHORT: the data ends early; REALM_E_BAD_ARGUMENT: a string is not UTF-8 */
};

/* Borrows buffer (capacity bytes) until the last call on *pack. */
void realm_pack_init(struct realm_pack *pack, void *buffer, size_t capacity);
void realm_pack_u32(struct realm_pack *pack, uint32_t value);
void realm_pack_u64(struct realm_pack *pack, uint64_t value);
void realm_pack_string(struct realm_pack *pack, const char *text); /* NUL-terminated */
void realm_pack_bytes(struct realm_pack *pack, const void *bytes, size_t size);

/* Borrows data (size bytes) as long as *unpack and anything taken from it are used. */
void realm_unpack_init(struct realm_unpack *unpack, const void *data, size_t size);
uint32_t realm_unpack_u32(struct realm_unpack *unpack); /* 0 after an error */
uint64_t realm_unpack_u64(struct realm_unpack *unpack); /* 0 after an error */

/*
 * Copies a string into text, NUL-terminated; capacity counts the terminator and is at least 1. After an
 * error text is "". A string that does not fit is REALM_E_SHORT.
 */
void realm_unpack_string(struct realm_unpack *unpack, char *text, size_t capacity);

/* Points into the data; *ret_size is 0 and the result NULL after an error. */
const void *realm_unpack_bytes(struct realm_unpack *unpack, size_t *ret_size);

/* 0 if there was no error and every byte was consumed; else the error, or REALM_E_BAD_ARGUMENT. */
int realm_unpack_finish(const struct realm_unpack *unpack);

#ifdef __cplusplus
}
#endif

#endif

/*
 * The assertion of the pure folders.
 *
 * It states what a caller within the project owes, never what a peer sent. It is kept in release builds, and
 * it needs no system: <assert.h> prints, so it is no part of a freestanding C.
 */
#ifndef REALM_CORE_ASSERT_H
#define REALM_CORE_ASSERT_H

#define realm_assert(condition) ((condition) ? (void)0 : __builtin_trap())

#endif

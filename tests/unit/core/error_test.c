/* Every code has a name and a text of its own, and every other number is unknown. */
#include <realm/error.h>

#include <criterion/criterion.h>
#include <limits.h>
#include <string.h>

Test(error, names_every_code)
{
    /* Goal: the numbers travel between processes: names and numbers never part. */
    static const struct {
        int code, number;
        const char *name;
    } codes[] = {
#define CODE(name, number) {name, number, #name}
        CODE(REALM_OK, 0),
        CODE(REALM_E_DENIED, 1),
        CODE(REALM_E_NO_SERVICE, 2),
        CODE(REALM_E_EXISTS, 3),
        CODE(REALM_E_BAD_NAME, 4),
        CODE(REALM_E_TIMEOUT, 5),
        CODE(REALM_E_QUEUE_FULL, 6),
        CODE(REALM_E_TOO_BIG, 7),
        CODE(REALM_E_PEER_DEAD, 8),
        CODE(REALM_E_REVOKED, 9),
        CODE(REALM_E_PEER_FAULT, 10),
        CODE(REALM_E_MM_GONE, 11),
        CODE(REALM_E_STALE, 12),
        CODE(REALM_E_LIMIT, 13),
        CODE(REALM_E_WOULD_BLOCK, 14),
        CODE(REALM_E_BAD_ARGUMENT, 15),
        CODE(REALM_E_SHORT, 16),
        CODE(REALM_E_NOT_CHILD, 17),
        CODE(REALM_E_NOT_STARTED, 18),
        CODE(REALM_E_PROTOCOL, 19),
        CODE(REALM_E_STOPPED, 20),
        CODE(REALM_E_INCAPABLE, 21),
        CODE(REALM_E_CANCELLED, 22),
    };
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        cr_assert_eq(codes[i].code, codes[i].number);
        cr_assert_str_eq(realm_error_name(codes[i].code), codes[i].name);
    }
}

Test(error, tells_codes_apart)
{
    /* Goal: no code lacks a text or shares one with another. */
    for (int a = REALM_OK; a <= REALM_E_CANCELLED; a++) {
        cr_assert_str_neq(realm_error_text(a), "unknown error");
        cr_assert_gt(strlen(realm_error_text(a)), 0);
        for (int b = REALM_OK; b < a; b++)
            cr_assert_str_neq(realm_error_text(a), realm_error_text(b));
    }
}

Test(error, knows_what_it_does_not_know)
{
    /* Goal: any int has an answer. */
    static const int unknown[] = {-1, INT_MIN, REALM_E_CANCELLED + 1, INT_MAX};
    for (size_t i = 0; i < sizeof unknown / sizeof unknown[0]; i++) {
        cr_assert_str_eq(realm_error_text(unknown[i]), "unknown error");
        cr_assert_str_eq(realm_error_name(unknown[i]), "REALM_E_?");
    }
}

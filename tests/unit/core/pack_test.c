/* Packing and unpacking: the bytes themselves, every error, and that errors stay. */
#include <realm/error.h>
#include <realm/pack.h>

#include <criterion/criterion.h>
#include <string.h>

Test(pack, lays_values_out_little_endian)
{
    /* Goal: the format is what pack.h says, byte for byte, and unaligned. */
    static const uint8_t expected[] = {0x04, 0x03, 0x02, 0x01, 0x18, 0x17, 0x16, 0x15, 0x14, 0x13,
                                       0x12, 0x11, 3,    0,    0,    0,    'a',  0xc3, 0xa4, 2,
                                       0,    0,    0,    0,    0xff, 0,    0,    0,    0};
    uint8_t buffer[sizeof expected];
    struct realm_pack pack;
    realm_pack_init(&pack, buffer, sizeof buffer);
    realm_pack_u32(&pack, 0x01020304);
    realm_pack_u64(&pack, UINT64_C(0x1112131415161718));
    realm_pack_string(&pack, "a\xc3\xa4");
    realm_pack_bytes(&pack, "\0\xff", 2);
    realm_pack_bytes(&pack, NULL, 0);
    cr_assert_eq(pack.error, 0);
    cr_assert_eq(pack.size, sizeof expected);
    cr_assert_arr_eq(buffer, expected, sizeof expected);
}

Test(pack, fits_exactly_or_not_at_all)
{
    /* Goal: with one byte less than needed, each value is refused and nothing of it is written. */
    for (size_t missing = 0; missing <= 4; missing++) {
        uint8_t buffer[16];
        struct realm_pack pack;
        memset(buffer, 0xee, sizeof buffer);
        realm_pack_init(&pack, buffer, 8 - missing);
        realm_pack_string(&pack, "four");
        cr_assert_eq(pack.error, missing ? REALM_E_TOO_BIG : 0);
        cr_assert_eq(pack.size, missing ? 0 : 8);
        for (size_t i = pack.size; i < sizeof buffer; i++)
            cr_assert_eq(buffer[i], 0xee);
    }
}

Test(pack, keeps_its_first_error)
{
    /* Goal: after an error nothing is packed any more, even what would fit, and the error stays. */
    uint8_t buffer[8];
    struct realm_pack pack;
    realm_pack_init(&pack, buffer, sizeof buffer);
    realm_pack_u32(&pack, 1);
    realm_pack_u64(&pack, 2);
    cr_assert_eq(pack.error, REALM_E_TOO_BIG);
    realm_pack_u32(&pack, 3);
    realm_pack_string(&pack, "\xff");
    realm_pack_bytes(&pack, "", 0);
    cr_assert_eq(pack.error, REALM_E_TOO_BIG);
    cr_assert_eq(pack.size, 4);
}

Test(pack, refuses_a_string_that_is_not_utf8)
{
    /* Goal: what a receiver would refuse is not sent. */
    uint8_t buffer[64];
    struct realm_pack pack;
    realm_pack_init(&pack, buffer, sizeof buffer);
    realm_pack_string(&pack, "caf\xe9");
    cr_assert_eq(pack.error, REALM_E_BAD_ARGUMENT);
    cr_assert_eq(pack.size, 0);
}

Test(pack, refuses_sizes_that_would_overflow)
{
    /* Goal: no length wraps around, in the sum or in the 32 bits of the format. */
    static const size_t sizes[] = {SIZE_MAX, SIZE_MAX - 3, SIZE_MAX - 4, (size_t)UINT32_MAX + 1, UINT32_MAX};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        uint8_t buffer[16];
        struct realm_pack pack;
        realm_pack_init(&pack, buffer, sizeof buffer);
        realm_pack_bytes(&pack, buffer, sizes[i]);
        cr_assert_eq(pack.error, REALM_E_TOO_BIG);
        cr_assert_eq(pack.size, 0);
    }
}

Test(unpack, takes_back_what_was_packed)
{
    /* Goal: a message of every kind of value comes back, and is consumed to its end. */
    uint8_t buffer[64];
    struct realm_pack pack;
    realm_pack_init(&pack, buffer, sizeof buffer);
    realm_pack_string(&pack, "");
    realm_pack_u32(&pack, UINT32_MAX);
    realm_pack_u64(&pack, UINT64_MAX);
    realm_pack_string(&pack, "hello");
    realm_pack_bytes(&pack, "\0\1", 2);

    struct realm_unpack unpack;
    char text[6];
    size_t size;
    realm_unpack_init(&unpack, buffer, pack.size);
    realm_unpack_string(&unpack, text, sizeof text);
    cr_assert_str_eq(text, "");
    cr_assert_eq(realm_unpack_u32(&unpack), UINT32_MAX);
    cr_assert_eq(realm_unpack_u64(&unpack), UINT64_MAX);
    realm_unpack_string(&unpack, text, sizeof text);
    cr_assert_str_eq(text, "hello");
    cr_assert_eq(realm_unpack_finish(&unpack), REALM_E_BAD_ARGUMENT);
    const uint8_t *bytes = realm_unpack_bytes(&unpack, &size);
    cr_assert_eq(size, 2);
    cr_assert_arr_eq(bytes, "\0\1", 2);
    cr_assert(bytes > buffer && bytes + size <= buffer + sizeof buffer);
    cr_assert_eq(realm_unpack_finish(&unpack), 0);
}

Test(unpack, says_where_the_data_ends)
{
    /* Goal: every kind of value that is cut is REALM_E_SHORT and yields nothing. */
    static const uint8_t cut[] = {5, 0, 0, 0, 'h', 'e', 'l', 'l'};
    struct realm_unpack unpack;
    char text[16] = "old";
    size_t size = 99;

    realm_unpack_init(&unpack, cut, 3);
    cr_assert_eq(realm_unpack_u32(&unpack), 0);
    cr_assert_eq(unpack.error, REALM_E_SHORT);
    realm_unpack_init(&unpack, cut, 7);
    cr_assert_eq(realm_unpack_u64(&unpack), 0);
    cr_assert_eq(unpack.error, REALM_E_SHORT);
    realm_unpack_init(&unpack, cut, sizeof cut);
    realm_unpack_string(&unpack, text, sizeof text);
    cr_assert_str_eq(text, "");
    cr_assert_eq(unpack.error, REALM_E_SHORT);
    cr_assert_eq(unpack.offset, 0);
    realm_unpack_init(&unpack, cut, sizeof cut);
    cr_assert_null(realm_unpack_bytes(&unpack, &size));
    cr_assert_eq(size, 0);
    cr_assert_eq(unpack.error, REALM_E_SHORT);
    realm_unpack_init(&unpack, NULL, 0);
    cr_assert_eq(realm_unpack_finish(&unpack), 0);
    cr_assert_eq(realm_unpack_u32(&unpack), 0);
    cr_assert_eq(realm_unpack_finish(&unpack), REALM_E_SHORT);
}

Test(unpack, believes_no_length)
{
    /* Goal: a length of 4 GiB in a message of 8 bytes reaches nowhere. */
    static const uint8_t claim[] = {0xff, 0xff, 0xff, 0xff, 'a', 'b', 'c', 'd'};
    struct realm_unpack unpack;
    size_t size = 99;
    realm_unpack_init(&unpack, claim, sizeof claim);
    cr_assert_null(realm_unpack_bytes(&unpack, &size));
    cr_assert_eq(size, 0);
    cr_assert_eq(realm_unpack_finish(&unpack), REALM_E_SHORT);
}

Test(unpack, counts_the_terminator)
{
    /* Goal: a string fits a buffer that has room for its terminator, and no smaller one. */
    static const uint8_t hello[] = {5, 0, 0, 0, 'h', 'e', 'l', 'l', 'o'};
    char text[8];
    for (size_t capacity = 1; capacity <= sizeof text; capacity++) {
        struct realm_unpack unpack;
        memset(text, 'x', sizeof text);
        realm_unpack_init(&unpack, hello, sizeof hello);
        realm_unpack_string(&unpack, text, capacity);
        cr_assert_eq(realm_unpack_finish(&unpack), capacity >= 6 ? 0 : REALM_E_SHORT);
        cr_assert_str_eq(text, capacity >= 6 ? "hello" : "");
        for (size_t i = capacity; i < sizeof text; i++)
            cr_assert_eq(text[i], 'x');
    }
}

Test(unpack, refuses_a_string_with_a_nul_or_bad_bytes)
{
    /* Goal: no string comes out shorter than it went in, and none that is not UTF-8. */
    static const uint8_t with_nul[] = {3, 0, 0, 0, 'a', 0, 'b'};
    static const uint8_t latin[] = {1, 0, 0, 0, 0xe9};
    struct realm_unpack unpack;
    char text[8];
    realm_unpack_init(&unpack, with_nul, sizeof with_nul);
    realm_unpack_string(&unpack, text, sizeof text);
    cr_assert_eq(unpack.error, REALM_E_BAD_ARGUMENT);
    cr_assert_str_eq(text, "");
    realm_unpack_init(&unpack, latin, sizeof latin);
    realm_unpack_string(&unpack, text, sizeof text);
    cr_assert_eq(unpack.error, REALM_E_BAD_ARGUMENT);
    cr_assert_str_eq(text, "");
}

Test(unpack, keeps_its_first_error)
{
    /* Goal: after an error every step yields nothing, even where data is left. */
    static const uint8_t data[32] = {200};
    struct realm_unpack unpack;
    char text[4] = "old";
    size_t size = 99;
    realm_unpack_init(&unpack, data, sizeof data);
    realm_unpack_string(&unpack, text, sizeof text);
    cr_assert_eq(unpack.error, REALM_E_SHORT);
    cr_assert_eq(realm_unpack_u32(&unpack), 0);
    cr_assert_eq(realm_unpack_u64(&unpack), 0);
    cr_assert_null(realm_unpack_bytes(&unpack, &size));
    cr_assert_eq(size, 0);
    cr_assert_eq(unpack.offset, 0);
    cr_assert_eq(realm_unpack_finish(&unpack), REALM_E_SHORT);
}

/* What is a name and what is UTF-8: the borders of every range, and everything just outside them. */
#include "librealm/core/name.h"

#include <criterion/criterion.h>
#include <string.h>

#include <realm/types.h>

/* Encodes by arithmetic, shortest form or longer, surrogates and all: the other way round than the table. */
static size_t encode(uint32_t character, size_t size, uint8_t *bytes)
{
    static const uint8_t first[] = {0, 0x00, 0xc0, 0xe0, 0xf0};
    for (size_t i = size - 1; i > 0; i--) {
        bytes[i] = (uint8_t)(0x80 | (character & 0x3f));
        character >>= 6;
    }
    bytes[0] = (uint8_t)(first[size] | character);
    return size;
}

static size_t shortest(uint32_t character)
{
    return character < 0x80 ? 1 : character < 0x800 ? 2 : character < 0x10000 ? 3 : 4;
}

static bool is_name(const char *text)
{
    return realm_name_valid(text, strlen(text));
}

Test(utf8, accepts_every_character_in_its_shortest_form_only)
{
    /* Goal: all code points, in all encoded lengths, are judged as RFC 3629 judges them. */
    for (uint32_t character = 0; character < 0x200000; character++) {
        for (size_t size = shortest(character); size <= 4; size++) {
            uint8_t bytes[4];
            encode(character, size, bytes);
            bool surrogate = character >= 0xd800 && character <= 0xdfff;
            bool good = size == shortest(character) && character <= 0x10ffff && !surrogate;
            if (realm_utf8_step(bytes, size) != (good ? size : 0))
                cr_assert_fail("U+%04X in %zu bytes", character, size);
        }
    }
}

Test(utf8, refuses_every_wrong_byte)
{
    /* Goal: bytes that can begin no character, and continuations that are none, are refused. */
    for (unsigned first = 0x80; first <= 0xff; first++) {
        if (first >= 0xc2 && first <= 0xf4)
            continue;
        uint8_t bytes[4] = {(uint8_t)first, 0x80, 0x80, 0x80};
        cr_assert_eq(realm_utf8_step(bytes, sizeof bytes), 0, "first byte %02x", first);
    }
    static const char good[] = "\xf1\x80\x80\x80";
    for (size_t place = 1; place < 4; place++) {
        uint8_t bytes[4];
        memcpy(bytes, good, sizeof bytes);
        bytes[place] = 0x7f;
        cr_assert_eq(realm_utf8_step(bytes, sizeof bytes), 0);
        bytes[place] = 0xc0;
        cr_assert_eq(realm_utf8_step(bytes, sizeof bytes), 0);
    }
}

Test(utf8, refuses_a_character_that_is_cut)
{
    /* Goal: no byte beyond the size is looked at, and a cut character is none. */
    static const char *const characters[] = {"\xc3\xa4", "\xe2\x82\xac", "\xf0\x9f\x98\x80"};
    for (size_t i = 0; i < sizeof characters / sizeof characters[0]; i++) {
        size_t size = strlen(characters[i]);
        cr_assert_eq(realm_utf8_step((const uint8_t *)characters[i], size), size);
        for (size_t cut = 0; cut < size; cut++) {
            cr_assert_eq(realm_utf8_step((const uint8_t *)characters[i], cut), 0);
            if (cut > 0)
                cr_assert_not(realm_utf8_valid(characters[i], cut));
        }
    }
}

Test(utf8, judges_a_whole_text)
{
    /* Goal: one bad byte anywhere makes the text bad; nothing at all and a NUL are good. */
    cr_assert(realm_utf8_valid("", 0));
    cr_assert(realm_utf8_valid("a\0b", 3));
    cr_assert(realm_utf8_valid("k\xc3\xa4se \xe2\x82\xac", 9));
    char text[32];
    for (size_t place = 0; place < sizeof text; place++) {
        memset(text, 'a', sizeof text);
        text[place] = (char)0xff;
        cr_assert_not(realm_utf8_valid(text, sizeof text));
    }
}

Test(name, accepts_names_of_all_four_systems)
{
    /* Goal: every way in which a service is named passes. */
    cr_assert(is_name("database"));
    cr_assert(is_name("SYSTEM::VFS"));
    cr_assert(is_name("endpoint:1"));
    cr_assert(is_name("port:11001"));
    cr_assert(is_name("a b"));
    cr_assert(is_name("gr\xc3\xb6\xc3\x9f"
                      "e"));
    cr_assert(is_name("\xf0\x9f\x98\x80"));
}

Test(name, holds_its_length)
{
    /* Goal: 1 to REALM_NAME_MAX bytes, and 10 000 are refused at once. */
    static char text[10000];
    memset(text, 'x', sizeof text);
    cr_assert_not(realm_name_valid(text, 0));
    cr_assert(realm_name_valid(text, 1));
    cr_assert(realm_name_valid(text, REALM_NAME_MAX));
    cr_assert_not(realm_name_valid(text, REALM_NAME_MAX + 1));
    cr_assert_not(realm_name_valid(text, sizeof text));
}

Test(name, refuses_control_characters)
{
    /* Goal: C0, DEL and C1 are refused wherever they stand; their neighbours pass. */
    for (uint32_t character = 0; character < 0x100; character++) {
        uint8_t text[8] = "ab";
        size_t size = 2 + encode(character, shortest(character), text + 2);
        text[size++] = 'c';
        bool control = character < 0x20 || (character >= 0x7f && character <= 0x9f);
        cr_assert_eq(realm_name_valid((const char *)text, size), !control, "U+%04X", character);
    }
    cr_assert_not(realm_name_valid("data\0base", 9));
}

Test(name, refuses_what_is_not_utf8)
{
    /* Goal: a name that a terminal or JSON could not carry is no name. */
    cr_assert_not(is_name("\xff"));
    cr_assert_not(is_name("data\xc3"));
    cr_assert_not(is_name("\xed\xa0\x80"));
    cr_assert_not(is_name("\xc1\xa1"));
}

/* Payloads belong to their numbers: whatever is changed in one is noticed. */
#include <criterion/criterion.h>
#include <string.h>

#include "bench/measure/payload.h"

/* Goal: every single byte of every size counts. */
Test(payload, every_byte_is_checked)
{
    static const size_t sizes[] = {8, 40, 64, 4096};
    uint8_t bytes[PAYLOAD_MAX];
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        payload_fill(bytes, sizes[i], 12345);
        cr_assert_eq(payload_number(bytes), 12345);
        cr_assert_eq(payload_check(bytes, sizes[i], 12345), 0);
        for (size_t at = 0; at < sizes[i]; at++) {
            bytes[at] ^= 1;
            cr_assert_eq(payload_check(bytes, sizes[i], 12345), 1, "byte %zu of %zu", at, sizes[i]);
            bytes[at] ^= 1;
        }
    }
}

/* Goal: a reply is not its request, and not that of the call before. */
Test(payload, numbers_are_told_apart)
{
    uint8_t bytes[64];
    payload_fill(bytes, sizeof bytes, 7);
    cr_assert_eq(payload_check(bytes, sizeof bytes, ~UINT64_C(7)), 1);
    cr_assert_eq(payload_check(bytes, sizeof bytes, 8), 1);
    cr_assert_eq(payload_check(bytes, sizeof bytes, 6), 1);
}

/* Goal: the two sides of a conversation agree, and each notices an echo, a message of another size, and one
 * that is left out. */
Test(payload, conversation)
{
    static struct payload_side asking, answering;
    for (int fault = 0; fault < 4; fault++) {
        asking = (struct payload_side){.number = 1, .size = 64};
        payload_answer_init(&answering, 64);
        for (unsigned i = 0; i < 10; i++) {
            payload_ask(&asking);
            if (fault == 1 && i == 5) /* an echo by mistake */
                memcpy(asking.in, asking.out, 64);
            else
                memcpy(asking.in, answering.out, 64);
            payload_answered(&asking, fault == 2 && i == 5 ? 63 : 64);
            if (fault == 3 && i == 5)
                continue; /* the request is lost */
            payload_asked(&answering, asking.out, 64);
        }
        cr_assert_eq(asking.wrong, fault != 0, "fault %d", fault);
        cr_assert_eq(answering.wrong, fault == 3, "fault %d", fault);
    }
}

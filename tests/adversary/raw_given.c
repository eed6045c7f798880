#include "tests/adversary/raw_given.h"

#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "tests/adversary/attack.h"

struct raw_channel raw_pair;
static sigjmp_buf back;

void raw_tell(const void *what, size_t size)
{
    raw_push(&raw_pair, (struct realm_entry){.size = (uint16_t)size, .kind = REALM_MESSAGE_ONEWAY}, what);
}

bool raw_hear(void *ret_what, size_t size)
{
    static struct raw_message message;
    if (!raw_pop(&raw_pair, &message, 10000))
        return false;
    memcpy(ret_what, message.payload, size);
    return true;
}

void raw_stay(void)
{
    uint64_t number;
    (void)raw_hear(&number, sizeof number);
}

void raw_meet_left(void)
{
    raw_open();
    raw_register("drop");
    raw_accept(&raw_pair);
    raw_stay();
}

volatile char *raw_make(struct raw_gift *ret_gift)
{
    if (raw_allocate(PAGE, 1, &ret_gift->cookie) != 0 || raw_map(ret_gift->cookie, R | W) != 0)
        exit(1);
    void *memory = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, raw_fds[0], 0);
    if (memory == MAP_FAILED)
        exit(1);
    return memory;
}

void raw_give(struct raw_gift *gift, uint32_t rights)
{
    if (raw_offer(raw_pair.packet.cookie, gift->cookie, PAGE, rights, &gift->ticket) != 0)
        exit(1);
    raw_tell(gift, sizeof *gift);
}

struct raw_gift raw_receive(void)
{
    struct raw_gift gift = {0};
    const uint64_t knock = 1;
    raw_open();
    raw_connect("drop", &raw_pair);
    raw_tell(&knock, sizeof knock);
    if (!raw_hear(&gift, sizeof gift)) {
        outcome("not told");
        exit(0);
    }
    return gift;
}

uint64_t raw_accepted(const struct raw_gift *gift)
{
    uint64_t cookie = 0;
    int status = raw_redeem(raw_pair.packet.cookie, gift->ticket, &cookie);
    if (status == 0)
        return cookie;
    outcome("not taken: %s", raw_status_word(status));
    exit(0);
}

static void bus(int signal)
{
    (void)signal;
    siglongjmp(back, 1);
}

void raw_mind(void)
{
    signal(SIGBUS, bus);
}

int raw_look(const volatile char *memory)
{
    return sigsetjmp(back, 1) ? -1 : (unsigned char)memory[0];
}

bool raw_put(volatile char *memory, char byte)
{
    if (sigsetjmp(back, 1))
        return false;
    memory[0] = byte;
    return true;
}

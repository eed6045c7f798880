/* A reply carries the complement of its request's number, so that an echo by mistake is noticed. */
#include "bench/floors.h"

#include <linux/futex.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "librealm/ring/atomics.h"

struct floor_page *floor_map(int fd)
{
    void *memory = mmap(NULL, sizeof(struct floor_page), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

    return memory == MAP_FAILED ? NULL : memory;
}

void floor_reset(struct floor_page *page)
{
    memset(page, 0, sizeof *page);
}

void floor_fill(uint32_t *words, unsigned count, uint32_t number)
{
    for (unsigned i = 0; i < count; i++)
        words[i] = number * 2654435761u + i;
}

int floor_check(const uint32_t *words, unsigned count, uint32_t number)
{
    uint32_t wrong = 0;

    for (unsigned i = 0; i < count; i++)
        wrong |= words[i] ^ (number * 2654435761u + i);
    return wrong != 0;
}

uint64_t floor_now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

/*
 * Publishes the line under a number; the futex floor wakes whoever sleeps on it. The payload is made in
 * private memory first: the other side watches this very line and would take it away between two words.
 */
static void publish(struct floor_line *line, enum floor_kind kind, uint32_t number, uint32_t payload)
{
    uint32_t words[FLOOR_WORDS];

    floor_fill(words, FLOOR_WORDS, payload);
    memcpy(line->payload, words, sizeof words);
    realm_store_release(&line->sequence, number);
    if (kind == FLOOR_FUTEX)
        syscall(SYS_futex, &line->sequence, FUTEX_WAKE, 1, NULL, NULL, 0);
}

static void await(struct floor_line *line, enum floor_kind kind, uint32_t number)
{
    while (realm_load_acquire(&line->sequence) != number) {
        if (kind == FLOOR_FUTEX)
            syscall(SYS_futex, &line->sequence, FUTEX_WAIT, number - 1, NULL, NULL, 0);
        else
            realm_spin_pause();
    }
}

uint64_t floor_pause(uint64_t last_ns, uint64_t pause_ns)
{
    if (pause_ns == 0)
        return last_ns;
    nanosleep(&(struct timespec){.tv_nsec = (long)pause_ns}, NULL);
    return floor_now_ns();
}

int floor_ask(struct floor_page *page, enum floor_kind kind, uint32_t count, uint64_t pause_ns,
              struct histogram *histogram)
{
    int wrong = 0;
    uint64_t after = floor_now_ns();

    for (uint32_t number = 1; number <= count; number++) {
        uint64_t before = floor_pause(after, pause_ns);
        publish(&page->request, kind, number, number);
        await(&page->reply, kind, number);
        wrong |= floor_check(page->reply.payload, FLOOR_WORDS, ~number);
        after = floor_now_ns();
        histogram_add(histogram, after - before);
    }
    return wrong;
}

int floor_answer(struct floor_page *page, enum floor_kind kind, uint32_t count)
{
    int wrong = 0;

    for (uint32_t number = 1; number <= count; number++) {
        await(&page->request, kind, number);
        wrong |= floor_check(page->request.payload, FLOOR_WORDS, number);
        publish(&page->reply, kind, number, ~number);
    }
    return wrong;
}

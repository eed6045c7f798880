#include "bench/measure/gate.h"

#include <linux/futex.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "bench/measure/clock.h"
#include "librealm/ring/atomics.h"

static void wake(uint32_t *word)
{
    syscall(SYS_futex, word, FUTEX_WAKE, GATE_STATIONS, NULL, NULL, 0);
}

struct gate *gate_map(int fd)
{
    void *memory = mmap(NULL, sizeof(struct gate), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

    return memory == MAP_FAILED ? NULL : memory;
}

void gate_ready(struct gate *gate)
{
    realm_announce(&gate->ready, 1);
    wake(&gate->ready);
}

const struct gate_order *gate_next(struct gate *gate, uint32_t *turn)
{
    while (realm_load_acquire(&gate->turn) == *turn)
        syscall(SYS_futex, &gate->turn, FUTEX_WAIT, *turn, NULL, NULL, 0);
    *turn = realm_load_acquire(&gate->turn);
    return &gate->order;
}

void gate_finish(struct gate *gate)
{
    realm_announce(&gate->done, 1);
    wake(&gate->done);
}

void gate_figures(struct gate_figures *figures, const struct histogram *histogram, uint32_t batch)
{
    figures->p50_ns = histogram_quantile(histogram, 0.5) / batch;
    figures->p99_ns = histogram_quantile(histogram, 0.99) / batch;
    figures->p999_ns = histogram_quantile(histogram, 0.999) / batch;
    figures->count = histogram->count * batch;
}

void gate_order(struct gate *gate, const struct gate_order *order)
{
    gate->order = *order;
    memset(gate->figures, 0, sizeof gate->figures);
    realm_store_release(&gate->done, 0);
    realm_store_release(&gate->turn, gate->turn + 1);
    wake(&gate->turn);
}

int gate_await(uint32_t *word, uint32_t count, uint64_t timeout_ns)
{
    uint64_t end_ns = clock_now_ns() + timeout_ns;
    uint32_t now;

    while ((now = realm_load_acquire(word)) < count) {
        uint64_t at_ns = clock_now_ns();
        if (at_ns >= end_ns)
            return 0;
        const struct timespec left = {.tv_sec = (time_t)((end_ns - at_ns) / 1000000000),
                                      .tv_nsec = (long)((end_ns - at_ns) % 1000000000)};
        syscall(SYS_futex, word, FUTEX_WAIT, now, &left, NULL, 0);
    }
    return 1;
}

/*
 * Two processes over one channel, with delays that keep both at the boundary between awake and asleep: of so
 * many messages none is lost, doubled, reordered or altered, and no wake-up is lost.
 *
 *     boundary_stress [COUNT [SEED]]     messages in all (default 200000); exit status 0 or 1
 *
 * The regions are mapped as in a channel: each process may write its own only. Three phases: one way with the
 * receiver asleep on a futex; the same on a hint pipe; calls and replies. Before each step an end may pause
 * for as long as it takes the other to fall asleep, more or less, and an end spins for a while that it draws
 * each time before it sleeps; several messages may share one ring.
 *
 * A sleep ends after LOOK_NS at the latest. If there is something then, the wake-up was lost; if not, the
 * other side was slow, which is no failure.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <realm/error.h>
#include <realm/types.h>

#include "librealm/os/os.h"
#include "librealm/ring/ring.h"

#define BYTES     REALM_REGION_DEFAULT_BYTES
#define LOOK_NS   (30 * REALM_SEC)
#define LOOKS_MAX 20u /* so long may the other side take */
#define BATCH_MAX 8u

enum phase { FUTEX, PIPE, CALLS, PHASES };
static const char *const names[PHASES] = {"one way, futex", "one way, hint pipe", "calls, futex"};

struct end {
    struct realm_producer producer;
    struct realm_consumer consumer;
    uint64_t payload_lines[REALM_CONSUMER_WORDS(BYTES)];
    struct realm_region *own;
    const struct realm_region *peer;
    const char *name;
    enum phase phase;
    uint64_t random;
    uint64_t sleeps;
    int hint; /* the client's: written; the server's: read */
};

static void fail(const struct end *end, const char *what, uint64_t number)
{
    fprintf(stderr, "boundary_stress: %s, %s: %s at message %llu\n", names[end->phase], end->name, what,
            (unsigned long long)number);
    exit(1);
}

static uint64_t draw(struct end *end)
{
    end->random ^= end->random << 13;
    end->random ^= end->random >> 7;
    end->random ^= end->random << 17;
    return end->random;
}

/* --- what is sent --- */

/* Mostly one line, now and then many. */
static uint16_t size_of(uint64_t number)
{
    uint64_t mixed = number * UINT64_C(0x9e3779b97f4a7c15) >> 32;
    if (mixed % 1024 == 0)
        return REALM_PAYLOAD_MAX;
    return (uint16_t)(mixed % 16 == 0 ? mixed / 16 % 600 : mixed % 41);
}

static void fill(uint8_t *payload, uint16_t size, uint64_t number)
{
    uint64_t word = number * UINT64_C(0xbf58476d1ce4e5b9) + 1;
    for (uint32_t at = 0; at < size; at += 8, word += UINT64_C(0x94d049bb133111eb))
        memcpy(payload + at, &word, size - at < 8 ? size - at : 8);
}

/* --- delays and sleeps --- */

/* Mostly nothing; else up to about the time that a spin or a wake-up takes. */
static void delay(struct end *end)
{
    uint64_t drawn = draw(end);
    if (drawn % 8 != 0)
        return;
    for (uint64_t turns = (drawn >> 8) % (UINT64_C(1) << ((drawn >> 32) % 9)); turns != 0; turns--)
        realm_spin_pause();
}

/* True: keep on spinning. */
static bool spin(struct end *end, uint32_t *left)
{
    if (*left == UINT32_MAX)
        *left = (uint32_t)(draw(end) % (UINT64_C(1) << (draw(end) % 9)));
    if (*left == 0)
        return false;
    (*left)--;
    realm_spin_pause();
    return true;
}

/* Return: whether the time has passed without a wake-up. */
static bool sleep_on_word(struct end *end, const uint32_t *word, uint32_t seen, uint64_t number)
{
    struct realm_os_word wait = {.address = word, .seen = seen};
    int error = realm_os_wait(NULL, &wait, 1, realm_os_now_ns(NULL) + LOOK_NS);
    if (error != 0 && error != REALM_E_WOULD_BLOCK && error != REALM_E_TIMEOUT)
        fail(end, "a wait failed", number);
    return error == REALM_E_TIMEOUT;
}

static bool sleep_on_pipe(struct end *end, uint64_t number)
{
    struct pollfd fd = {.fd = end->hint, .events = POLLIN};
    uint32_t hints[64];
    int ready = poll(&fd, 1, (int)(LOOK_NS / REALM_MSEC));
    if (ready > 0 && read(end->hint, hints, sizeof hints) <= 0 && errno != EAGAIN)
        fail(end, "the other side has ended", number);
    return ready == 0;
}

static void count_look(struct end *end, unsigned *looks, bool something, uint64_t number)
{
    if (something)
        fail(end, "a wake-up was lost", number);
    if (++*looks == LOOKS_MAX)
        fail(end, "nothing comes from the other side", number);
}

/* --- messages --- */

static void ring(struct end *end)
{
    uint32_t sleeper = realm_region_ring(end->own, end->peer);
    if (sleeper & REALM_PARKED_FUTEX)
        realm_os_wake(NULL, &end->own->bell);
    if (sleeper & REALM_PARKED_PIPE)
        realm_os_hint(NULL, end->hint, 0);
}

static void send(struct end *end, uint64_t number, bool *unrung)
{
    uint8_t payload[REALM_PAYLOAD_MAX];
    struct realm_message message = {
        .kind = REALM_MESSAGE_ONEWAY, .size = size_of(number), .call = (uint32_t)~number, .tag = number};
    uint32_t left = UINT32_MAX;
    unsigned looks = 0;
    fill(payload, message.size, number);
    delay(end);
    for (;;) {
        int error = realm_producer_push(&end->producer, &message, payload);
        if (error == 0)
            return;
        if (error != REALM_E_QUEUE_FULL)
            fail(end, realm_error_text(error), number);
        if (*unrung)
            ring(end);
        *unrung = false;
        if (spin(end, &left))
            continue;
        left = UINT32_MAX;
        const uint32_t *word;
        uint32_t seen;
        if (!realm_producer_park(&end->producer, message.size, &word, &seen))
            continue;
        end->sleeps++;
        if (sleep_on_word(end, word, seen, number))
            count_look(end, &looks, realm_producer_has_room(&end->producer, message.size), number);
        realm_producer_unpark(&end->producer);
    }
}

static void park(struct end *end, unsigned *looks, uint64_t number)
{
    const bool pipe = end->phase == PIPE;
    const uint32_t *word;
    uint32_t seen;
    if (!realm_consumer_park(&end->consumer, pipe ? REALM_PARKED_PIPE : REALM_PARKED_FUTEX, &word, &seen))
        return;
    end->sleeps++;
    if (pipe ? sleep_on_pipe(end, number) : sleep_on_word(end, word, seen, number))
        count_look(end, looks, realm_consumer_ready(&end->consumer), number);
    realm_consumer_unpark(&end->consumer);
}

static void receive(struct end *end, uint64_t number)
{
    uint8_t payload[REALM_PAYLOAD_MAX], expected[REALM_PAYLOAD_MAX];
    struct realm_message message;
    uint32_t left = UINT32_MAX;
    unsigned looks = 0;
    delay(end);
    for (;;) {
        int error = realm_consumer_pop(&end->consumer, &message, payload, sizeof payload);
        if (error == 0)
            break;
        if (error != REALM_E_WOULD_BLOCK)
            fail(end, realm_error_text(error), number);
        if (spin(end, &left))
            continue;
        left = UINT32_MAX;
        park(end, &looks, number);
    }
    if (realm_consumer_space_wanted(&end->consumer))
        realm_os_wake(NULL, &end->own->tail_lines[REALM_NORMAL]);
    if (message.tag != number || message.call != (uint32_t)~number || message.size != size_of(number))
        fail(end, "lost, doubled, reordered or altered", number);
    fill(expected, message.size, number);
    if (memcmp(payload, expected, message.size) != 0)
        fail(end, "altered payload", number);
}

/* --- the two processes --- */

static void end_init(struct end *end, const int *regions, unsigned side, enum phase phase, uint64_t seed)
{
    void *own = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, regions[side], 0);
    void *peer = mmap(NULL, BYTES, PROT_READ, MAP_SHARED, regions[1 - side], 0);
    if (own == MAP_FAILED || peer == MAP_FAILED) {
        perror("boundary_stress: mmap");
        exit(1);
    }
    *end = (struct end){.own = own,
                        .peer = peer,
                        .name = side == 0 ? "client" : "server",
                        .phase = phase,
                        .random = (seed + 2u * (uint64_t)phase + side) * UINT64_C(0x9e3779b97f4a7c15) | 1u};
    realm_producer_init(&end->producer, REALM_NORMAL, own, peer, BYTES, REALM_QUEUE_MESSAGES);
    realm_consumer_init(&end->consumer, REALM_NORMAL, own, peer, BYTES, end->payload_lines);
}

static void client(struct end *end, uint64_t count)
{
    bool unrung = false;
    uint64_t batch = 0;
    for (uint64_t number = 0; number < count; number++) {
        send(end, number, &unrung);
        unrung = true;
        if (end->phase == CALLS || batch-- == 0 || number + 1 == count) {
            ring(end);
            unrung = false;
            batch = draw(end) % 4 == 0 ? draw(end) % BATCH_MAX : 0;
        }
        if (end->phase == CALLS)
            receive(end, number);
    }
}

static void server(struct end *end, uint64_t count)
{
    bool unrung = false;
    for (uint64_t number = 0; number < count; number++) {
        receive(end, number);
        if (end->phase == CALLS) {
            send(end, number, &unrung);
            ring(end);
        }
    }
}

/* Return: how often the server slept. */
static uint64_t run_server(const int *regions, const int *hint, enum phase phase, uint64_t count,
                           uint64_t seed)
{
    static struct end end;
    end_init(&end, regions, 1, phase, seed);
    end.hint = hint[0];
    close(hint[1]);
    server(&end, count);
    return end.sleeps;
}

static int run_phase(enum phase phase, uint64_t count, uint64_t seed)
{
    static struct end end;
    int regions[2], hint[2], result[2];
    for (unsigned i = 0; i < 2; i++) {
        regions[i] = memfd_create("boundary", MFD_CLOEXEC);
        if (regions[i] < 0 || ftruncate(regions[i], BYTES) != 0)
            return perror("boundary_stress: memfd"), 1;
    }
    if (pipe2(hint, O_CLOEXEC | O_NONBLOCK) != 0 || pipe2(result, O_CLOEXEC) != 0)
        return perror("boundary_stress: pipe"), 1;
    uint64_t messages = phase == CALLS ? count / 2 : count, server_sleeps = 0;
    uint64_t started_ns = realm_os_now_ns(NULL);
    fflush(stdout);
    pid_t child = fork();
    if (child < 0)
        return perror("boundary_stress: fork"), 1;
    if (child == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        server_sleeps = run_server(regions, hint, phase, messages, seed);
        _exit(write(result[1], &server_sleeps, sizeof server_sleeps) != (ssize_t)sizeof server_sleeps);
    }
    close(result[1]);
    end_init(&end, regions, 0, phase, seed);
    end.hint = hint[1];
    client(&end, messages);
    int status = 1;
    bool told = read(result[0], &server_sleeps, sizeof server_sleeps) == (ssize_t)sizeof server_sleeps;
    if (waitpid(child, &status, 0) != child || status != 0 || !told)
        return 1;
    printf("%s: %llu messages, client slept %llu times, server %llu times, %.1f s\n", names[phase],
           (unsigned long long)count, (unsigned long long)end.sleeps, (unsigned long long)server_sleeps,
           (double)(realm_os_now_ns(NULL) - started_ns) / 1e9);
    for (unsigned i = 0; i < 2; i++)
        close(regions[i]);
    close(hint[0]);
    close(hint[1]);
    close(result[0]);
    return 0;
}

int main(int argc, char **argv)
{
    uint64_t count = argc > 1 ? strtoull(argv[1], NULL, 10) : 200000;
    uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
    int failed = run_phase(FUTEX, count / 2, seed);
    if (!failed)
        failed = run_phase(PIPE, count / 4, seed);
    if (!failed)
        failed = run_phase(CALLS, count - count / 2 - count / 4, seed);
    return failed;
}

/*
 * Both waiters against the one contract: what is armed is reported once when it is woken, nothing else is,
 * and no wake-up is lost. Words lie in memfds that another process writes, as between realms.
 */
#include "librealm/os/linux/probe.h"
#include "librealm/ring/atomics.h"
#include "tests/skip.h"
#include "tests/unit/os/world.h"

#define SLOTS 1000u

/* Words a cache line apart. */
struct stage {
    struct world world;
    enum realm_waiter_kind kind;
    struct realm_waiter *waiter;
    uint32_t *words;
    const uint32_t *view;
    uint32_t slots;
};

static const uint32_t *view_of(const struct stage *stage, uint32_t slot)
{
    return &stage->view[slot * 16u];
}

static void stage_open(struct stage *stage, enum realm_waiter_kind kind, uint32_t slots)
{
    int fd;
    world_open(&stage->world);
    stage->kind = kind;
    stage->slots = slots;
    shared_page(&fd, &stage->words, &stage->view, (size_t)slots * 64u);
    CHECK(realm_waiter_open(stage->world.os, kind, &stage->waiter) == 0);
    CHECK(realm_waiter_kind(stage->waiter) == kind);
}

static void arm(struct stage *stage, uint32_t slot)
{
    uint32_t seen = realm_load_acquire(view_of(stage, slot));
    CHECK(realm_waiter_arm(stage->waiter, slot, view_of(stage, slot), seen) == 0);
}

static void arm_all(struct stage *stage)
{
    for (uint32_t slot = 0; slot < stage->slots; slot++)
        arm(stage, slot);
}

/* What a peer does: moves its word, then wakes in the way that the waiter wants. */
static void signal_slot(struct stage *stage, uint32_t slot)
{
    uint32_t *word = &stage->words[slot * 16u];
    realm_store_release(word, *word + 1);
    if (stage->kind == REALM_WAITER_PIPE)
        realm_os_hint(stage->world.os, stage->world.hint, slot);
    else
        realm_os_wake(stage->world.os, word);
}

/*
 * Waits until so many slots were reported, counting each in reports; a scan looks at the words as a loop
 * would. Every report must be of a word that has moved.
 */
static void collect(struct stage *stage, unsigned expected, uint8_t *reports, unsigned capacity)
{
    uint32_t wakes[64];
    uint64_t deadline_ns = realm_os_now_ns(stage->world.os) + 10 * REALM_SEC;
    while (expected != 0) {
        unsigned count = 99;
        CHECK(realm_waiter_wait(stage->waiter, deadline_ns, wakes, capacity, &count) == 0);
        CHECK(count <= capacity);
        for (unsigned i = 0; i < count; i++) {
            if (wakes[i] == REALM_WAKE_SCAN) {
                for (uint32_t slot = 0; slot < stage->slots; slot++) {
                    if (reports[slot] == 0 && realm_load_acquire(view_of(stage, slot)) != 0) {
                        realm_waiter_disarm(stage->waiter, slot);
                        reports[slot]++;
                        expected--;
                    }
                }
            } else {
                CHECK(wakes[i] < stage->slots);
                CHECK(realm_load_acquire(view_of(stage, wakes[i])) != 0);
                reports[wakes[i]]++;
                expected--;
            }
        }
    }
}

/* A hint for nobody may end a wait, but it reports nothing. */
static void expect_silence(struct stage *stage)
{
    uint32_t wakes[4];
    unsigned count;
    int error;
    while ((error = realm_waiter_wait(stage->waiter, 0, wakes, 4, &count)) == 0)
        CHECK(count == 0);
    CHECK(error == REALM_E_TIMEOUT);
}

/* --- bodies, each run with both kinds --- */

static void random_slots_of_many(enum realm_waiter_kind kind)
{
    enum { WOKEN = 300 };
    struct stage stage;
    uint8_t reports[SLOTS] = {0};
    stage_open(&stage, kind, SLOTS);
    arm_all(&stage);
    pid_t peer = fork();
    CHECK(peer >= 0);
    if (peer == 0) {
        for (uint32_t i = 0; i < WOKEN; i++)
            signal_slot(&stage, i * 379 % SLOTS);
        _exit(0);
    }
    collect(&stage, WOKEN, reports, 64);
    CHECK(waitpid(peer, NULL, 0) == peer);
    for (uint32_t i = 0; i < SLOTS; i++)
        CHECK(reports[i] == (realm_load_acquire(view_of(&stage, i)) != 0));
    realm_waiter_close(stage.waiter);
    realm_waiter_close(NULL);
}

static void once_until_armed_again(enum realm_waiter_kind kind)
{
    struct stage stage;
    uint8_t reports[SLOTS] = {0};
    stage_open(&stage, kind, SLOTS);
    arm(&stage, 7);
    signal_slot(&stage, 7);
    collect(&stage, 1, reports, 64);
    signal_slot(&stage, 7);
    expect_silence(&stage);
    arm(&stage, 7);
    expect_silence(&stage);
    signal_slot(&stage, 7);
    collect(&stage, 1, reports, 64);
    CHECK(reports[7] == 2);
}

static void disarmed_slots_are_silent(enum realm_waiter_kind kind)
{
    struct stage stage;
    uint8_t reports[SLOTS] = {0};
    stage_open(&stage, kind, SLOTS);
    arm_all(&stage);
    expect_silence(&stage);
    for (uint32_t slot = 0; slot < SLOTS; slot += 2)
        realm_waiter_disarm(stage.waiter, slot);
    realm_waiter_disarm(stage.waiter, 0);
    realm_waiter_disarm(stage.waiter, 999999);
    /* Three at a time, so that hints are told by number and not by a scan. */
    for (uint32_t slot = 0; slot + 2 < SLOTS; slot += 3) {
        for (uint32_t i = slot; i < slot + 3; i++)
            signal_slot(&stage, i);
        collect(&stage, (slot + 3) / 2 - slot / 2, reports, 64);
    }
    expect_silence(&stage);
    for (uint32_t slot = 0; slot < SLOTS - 1; slot++)
        CHECK(reports[slot] == slot % 2);
    /* An old wait must not speak for a slot that was armed anew. */
    for (uint32_t slot = 0; slot < SLOTS; slot += 2)
        arm(&stage, slot);
    expect_silence(&stage);
}

static void deadlines(enum realm_waiter_kind kind)
{
    struct stage stage;
    uint32_t wakes[4];
    unsigned count;
    stage_open(&stage, kind, SLOTS);
    arm_all(&stage);
    expect_silence(&stage);
    uint64_t deadline_ns = realm_os_now_ns(stage.world.os) + 3 * REALM_MSEC;
    CHECK(realm_waiter_wait(stage.waiter, deadline_ns, wakes, 4, &count) == REALM_E_TIMEOUT);
    CHECK(realm_os_now_ns(stage.world.os) >= deadline_ns);
}

static void control_socket(enum realm_waiter_kind kind)
{
    struct stage stage;
    uint32_t wakes[4];
    unsigned count, fds;
    char packet[16];
    size_t size;
    stage_open(&stage, kind, SLOTS);
    arm_all(&stage);
    CHECK(send(stage.world.broker, "a", 1, 0) == 1);
    for (int i = 0; i < 3; i++) {
        count = 0;
        CHECK(realm_waiter_wait(stage.waiter, REALM_FOREVER, wakes, 4, &count) == 0);
        CHECK(count == 1 && wakes[0] == REALM_WAKE_CONTROL);
    }
    CHECK(realm_os_control_receive(stage.world.os, packet, sizeof packet, &size, NULL, 0, &fds) == 0);
    expect_silence(&stage);

    close(stage.world.broker);
    CHECK(realm_waiter_wait(stage.waiter, REALM_FOREVER, wakes, 4, &count) == 0);
    CHECK(count == 1 && wakes[0] == REALM_WAKE_CONTROL);
    CHECK(realm_os_control_receive(stage.world.os, packet, sizeof packet, &size, NULL, 0, &fds) ==
          REALM_E_MM_GONE);
    /* Its end wakes without end, until the socket is ignored; channels still wake. */
    CHECK(realm_waiter_wait(stage.waiter, REALM_FOREVER, wakes, 4, &count) == 0);
    CHECK(count == 1 && wakes[0] == REALM_WAKE_CONTROL);
    realm_waiter_ignore_control(stage.waiter);
    expect_silence(&stage);
    uint8_t reports[SLOTS] = {0};
    signal_slot(&stage, 3);
    collect(&stage, 1, reports, 4);
    CHECK(reports[3] == 1);
}

static void more_than_fits(enum realm_waiter_kind kind)
{
    struct stage stage;
    uint8_t reports[SLOTS] = {0};
    stage_open(&stage, kind, SLOTS);
    arm_all(&stage);
    expect_silence(&stage);
    for (uint32_t slot = 0; slot < SLOTS; slot++)
        signal_slot(&stage, slot);
    collect(&stage, SLOTS, reports, 1);
    for (uint32_t slot = 0; slot < SLOTS; slot++)
        CHECK(reports[slot] == 1);
}

static void arming_without_end(enum realm_waiter_kind kind)
{
    struct stage stage;
    uint8_t reports[SLOTS] = {0};
    stage_open(&stage, kind, SLOTS);
    arm_all(&stage);
    for (uint32_t round = 0; round < 20; round++) {
        expect_silence(&stage);
        for (uint32_t slot = 0; slot < SLOTS; slot++) {
            if (slot % 20 == round)
                continue;
            realm_waiter_disarm(stage.waiter, slot);
            arm(&stage, slot);
        }
    }
    for (uint32_t slot = 0; slot < 20; slot++) {
        signal_slot(&stage, slot * 50);
        collect(&stage, 1, reports, 64);
        CHECK(reports[slot * 50] == 1);
    }
    expect_silence(&stage);
}

#define BOTH(name)                                                                                           \
    static void name##_uring(void)                                                                           \
    {                                                                                                        \
        name(REALM_WAITER_URING);                                                                            \
    }                                                                                                        \
    static void name##_pipe(void)                                                                            \
    {                                                                                                        \
        name(REALM_WAITER_PIPE);                                                                             \
    }                                                                                                        \
    Test(waiter, name)                                                                                       \
    {                                                                                                        \
        in_child(name##_pipe);                                                                               \
        if (realm_waiter_probe() == NULL)                                                                    \
            in_child(name##_uring);                                                                          \
        else                                                                                                 \
            SKIP_PART("with io_uring: %s", realm_waiter_probe());                                            \
    }

/* Goal: of a thousand armed slots, exactly those that another process wakes are reported. */
BOTH(random_slots_of_many)

/* Goal: a slot speaks once, then not until it is armed again. */
BOTH(once_until_armed_again)

/* Goal: a disarmed slot is silent, and what was left of its old wait does not speak for its next. */
BOTH(disarmed_slots_are_silent)

/* Goal: a deadline in the past polls, one in the future is waited for. */
BOTH(deadlines)

/* Goal: the control socket is reported while it has something, and no more once it is ignored. */
BOTH(control_socket)

/* Goal: more wake-ups than fit into the caller's array come with the next waits. */
BOTH(more_than_fits)

/* Goal: disarming and arming without end neither loses slots nor wakes them. */
BOTH(arming_without_end)

/* --- io_uring alone --- */

static void words_that_have_moved(void)
{
    enum { MANY = 5000 };
    static uint8_t reports[MANY];
    struct stage stage;
    stage_open(&stage, REALM_WAITER_URING, MANY);
    for (uint32_t slot = 0; slot < MANY; slot++) {
        stage.words[slot * 16u] = 1;
        CHECK(realm_waiter_arm(stage.waiter, slot, view_of(&stage, slot), 0) == 0);
    }
    collect(&stage, MANY, reports, 64);
    for (uint32_t slot = 0; slot < MANY; slot++)
        CHECK(reports[slot] == 1);
    expect_silence(&stage);
}

static void many_woken_at_once(void)
{
    enum { MANY = 5000 };
    static uint8_t reports[MANY];
    struct stage stage;
    stage_open(&stage, REALM_WAITER_URING, MANY);
    arm_all(&stage);
    expect_silence(&stage);
    for (uint32_t slot = 0; slot < MANY; slot++)
        signal_slot(&stage, slot);
    collect(&stage, MANY, reports, 64);
    for (uint32_t slot = 0; slot < MANY; slot++)
        CHECK(reports[slot] == 1);
}

static void words_taken_away(void)
{
    struct stage stage;
    int fd;
    uint32_t *words, wakes[4];
    const uint32_t *view;
    unsigned count;
    stage_open(&stage, REALM_WAITER_URING, 10);
    shared_page(&fd, &words, &view, 4096);
    CHECK(ftruncate(fd, 0) == 0);
    CHECK(realm_waiter_arm(stage.waiter, 4, view, 0) == 0);
    CHECK(realm_waiter_wait(stage.waiter, REALM_FOREVER, wakes, 4, &count) == 0);
    CHECK(count == 1 && wakes[0] == 4);
    expect_silence(&stage);
}

/* Goal: words that have moved before they are armed are reported, more of them than the rings hold. */
Test(waiter_uring, words_that_have_moved)
{
    if (realm_waiter_probe() != NULL)
        SKIP("%s", realm_waiter_probe());
    in_child(words_that_have_moved);
}

/* Goal: more completions at once than the completion ring holds: none is lost. */
Test(waiter_uring, many_woken_at_once)
{
    if (realm_waiter_probe() != NULL)
        SKIP("%s", realm_waiter_probe());
    in_child(many_woken_at_once);
}

/* Goal: a word whose page was taken away is reported, so that its channel is looked at. */
Test(waiter_uring, words_taken_away)
{
    if (realm_waiter_probe() != NULL)
        SKIP("%s", realm_waiter_probe());
    in_child(words_taken_away);
}

/* --- the pipe alone --- */

static void false_hints(void)
{
    struct stage stage;
    uint32_t wakes[8];
    unsigned count;
    stage_open(&stage, REALM_WAITER_PIPE, SLOTS);
    arm(&stage, 5);
    static const uint32_t numbers[] = {4, 6, 63, 64, 127, 128, SLOTS, UINT32_MAX, UINT32_MAX - 1, 1u << 31};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        realm_os_hint(stage.world.os, stage.world.hint, numbers[i]);
        CHECK(realm_waiter_wait(stage.waiter, REALM_FOREVER, wakes, 8, &count) == 0 && count == 0);
    }
    /* Half a hint shifts all that follow: they cannot be read, but nothing is lost. */
    CHECK(write(stage.world.hint, "x", 1) == 1);
    realm_os_hint(stage.world.os, stage.world.hint, 5);
    CHECK(realm_waiter_wait(stage.waiter, REALM_FOREVER, wakes, 8, &count) == 0);
    CHECK(count == 1 && wakes[0] == REALM_WAKE_SCAN);
    expect_silence(&stage);
    /* The same slot twice is one wake-up. */
    realm_os_hint(stage.world.os, stage.world.hint, 5);
    realm_os_hint(stage.world.os, stage.world.hint, 5);
    CHECK(realm_waiter_wait(stage.waiter, REALM_FOREVER, wakes, 8, &count) == 0);
    CHECK(count == 1 && wakes[0] == 5);
    expect_silence(&stage);
}

/* Goal: hints are claims: what is not armed is never reported, and broken ones end in a scan. */
Test(waiter_pipe, false_hints)
{
    in_child(false_hints);
}

/* Fills the pipe, then loses a hint; the waiter must tell the loop to look everywhere. */
static void lose_a_hint(struct stage *stage, const void *filler, size_t size)
{
    uint32_t wakes[8];
    unsigned count = 0;
    arm(stage, 9);
    while (write(stage->world.hint, filler, size) > 0)
        ;
    CHECK(errno == EAGAIN);
    CHECK(fcntl(stage->world.hint, F_SETFL, O_NONBLOCK) == 0);
    signal_slot(stage, 9);
    bool told = false;
    while (realm_waiter_wait(stage->waiter, 0, wakes, 8, &count) == 0) {
        for (unsigned i = 0; i < count; i++)
            told |= wakes[i] == REALM_WAKE_SCAN || wakes[i] == 9;
    }
    CHECK(told);
    realm_waiter_disarm(stage->waiter, 9);
}

static void full_pipe(void)
{
    struct stage stage;
    static const uint32_t hints[1024];
    stage_open(&stage, REALM_WAITER_PIPE, SLOTS);
    lose_a_hint(&stage, hints, 4);
    lose_a_hint(&stage, hints, 4096);
    lose_a_hint(&stage, hints, 2052);
    /* In packet mode each write takes a slot of its own: sixteen of them fill the pipe. */
    CHECK(fcntl(stage.world.hint, F_SETFL, O_NONBLOCK | O_DIRECT) == 0);
    lose_a_hint(&stage, hints, 4);
    CHECK(fcntl(stage.world.hint, F_SETFL, O_NONBLOCK | O_DIRECT) == 0);
    lose_a_hint(&stage, hints, 1);
}

/* Goal: when a full pipe swallows a hint, a scan follows, however a hostile peer filled it. */
Test(waiter_pipe, full_pipe)
{
    in_child(full_pipe);
}

/* Cut like a revoked server's, which is a pair of sockets. */
static void cut_pipe(void)
{
    struct world world;
    struct realm_waiter *waiter;
    uint32_t wakes[4], word = 0;
    unsigned count = 0;
    int ends[2];
    world_prepare(&world);
    CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) == 0);
    CHECK(dup2(ends[0], atoi(getenv("REALM_HINT_FD"))) > 0);
    CHECK(realm_os_open(&world.os) == 0);
    CHECK(realm_waiter_open(world.os, REALM_WAITER_PIPE, &waiter) == 0);
    CHECK(realm_waiter_arm(waiter, 3, &word, 0) == 0);
    CHECK(shutdown(ends[1], SHUT_RDWR) == 0);
    for (int i = 0; i < 3; i++) {
        CHECK(realm_waiter_wait(waiter, REALM_FOREVER, wakes, 4, &count) == 0);
        CHECK(count == 1 && wakes[0] == REALM_WAKE_SCAN);
    }
    /* With nothing to look at it sleeps as long as it may. */
    realm_waiter_disarm(waiter, 3);
    CHECK(realm_waiter_wait(waiter, realm_os_now_ns(world.os) + 20 * REALM_MSEC, wakes, 4, &count) ==
          REALM_E_TIMEOUT);
    realm_waiter_close(waiter);
}

/* Goal: a server whose pipe was cut looks at its channels from time to time, and only while it has some. */
Test(waiter_pipe, cut_pipe)
{
    in_child(cut_pipe);
}

static void nobody_left_to_hint(void)
{
    struct stage stage;
    uint32_t wakes[4];
    unsigned count;
    stage_open(&stage, REALM_WAITER_PIPE, SLOTS);
    close(stage.world.hint);
    for (int i = 0; i < 3 && realm_waiter_wait(stage.waiter, 0, wakes, 4, &count) == 0; i++)
        CHECK(count == 0);
    expect_silence(&stage);
}

/* Goal: a pipe that nobody can write to any more does not keep an idle loop awake. */
Test(waiter_pipe, nobody_left_to_hint)
{
    in_child(nobody_left_to_hint);
}

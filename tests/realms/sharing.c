/*
 * Realms that share memory. The giver does what its words say and prints a line for each; the keeper does
 * what it is asked, and its answers are in those lines.
 *
 * `keep` provides "keeper". OP_KEEP takes the memory that comes and maps it as the message says. OP_READ
 * answers with the text that is there. OP_WRITE writes through the library. OP_PROTECT tries to make the
 * mapping writable, in each way that is left to a process: mprotect, mapping with WRITE, opening its own
 * descriptors. OP_AGAIN maps anew. OP_CHURN reads without end until it is gone. OP_LEAVE gives it up.
 * OP_CHECK looks again and again for bytes that are not as it found them first, OP_PATTERN for those that are
 * not as the giver filled them. OP_SEALED answers whether it is sealed (1: the Memory Manager says so, 2: the
 * kernel does). OP_SEAL seals it. OP_LOOK reads its first byte by address, and says afterwards whether it was
 * there.
 *
 * `give WORDS`: "allocate" two parts and map them, or "large", one of 1 MiB, filled with the pattern; "write"
 * and "read" its own. "give" the first part to be read, "give-all" all, "lend" the first part to be read and
 * written, "move" all. "peer" has the keeper read; "peer-write", "peer-protect" and so on have it do the
 * others. "seal"; "scribble" goes on writing through the mapping it has, in a thread; "reader" maps to be
 * read, and keeps that other one; "sealed" as the keeper. "revoke"; "delete"; "again" maps anew; "touch"
 * reads by address; "wait" until it is told to stop.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <realm/realm.h>

#define BOUND (10 * REALM_SEC)
#define PAGE  4096u
#define LARGE (1u << 20)

enum {
    OP_KEEP = 1,
    OP_READ,
    OP_WRITE,
    OP_PROTECT,
    OP_AGAIN,
    OP_CHURN,
    OP_LEAVE,
    OP_CHECK,
    OP_PATTERN,
    OP_SEALED,
    OP_SEAL,
    OP_LOOK
};

static struct realm *realm;
static struct realm_memory *memory;
static struct realm_capability capability;
static uint64_t mapped_rights;

static const char *word_of(int error)
{
    return error >= 0 ? realm_error_name(error) : strerror(-error);
}

static void must(const char *what, int error)
{
    if (!error)
        return;
    printf("failed: %s %s\n", what, word_of(error));
    exit(error == REALM_E_STOPPED ? 0 : 1);
}

static int map(uint32_t rights)
{
    realm_memory_unmap(memory);
    memory = NULL;
    mapped_rights = rights;
    return realm_memory_map(realm, capability.cookie, rights, &memory);
}

static uint8_t pattern(size_t at)
{
    return (uint8_t)(at * 31u + (at >> 8) * 7u + 1u);
}

static uint64_t seen_as_sealed(void)
{
    return capability.sealed | (realm_memory_sealed(memory) == 0 ? 2u : 0u);
}

/* --- the keeper --- */

/* While its giver writes as fast as it can. Return: how often a byte was not as it was at first. */
static uint64_t check(void)
{
    static uint8_t first[LARGE];
    const volatile uint8_t *at = realm_memory_address(memory);
    uint64_t wrong = 0;
    memcpy(first, realm_memory_address(memory), realm_memory_bytes(memory));
    for (unsigned round = 0; round < 50; round++)
        for (size_t i = 0; i < realm_memory_bytes(memory); i++)
            wrong += at[i] != first[i];
    return wrong;
}

static uint64_t check_pattern(void)
{
    const volatile uint8_t *at = realm_memory_address(memory);
    uint64_t wrong = 0;
    for (size_t i = 0; i < realm_memory_bytes(memory); i++)
        wrong += at[i] != pattern(i);
    return wrong;
}

/* Bit n: the n-th way to write to what is only to be read was there. */
static uint64_t try_to_write(void)
{
    uint64_t ways = 0;
    struct realm_memory *other;
    void *at = realm_memory_address(memory);
    ways |= mprotect(at, PAGE, PROT_READ | PROT_WRITE) == 0 ? 1u : 0u;
    ways |= mprotect(at, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC) == 0 ? 2u : 0u;
    if (realm_memory_map(realm, capability.cookie, REALM_RIGHT_READ | REALM_RIGHT_WRITE, &other) !=
        REALM_E_DENIED)
        ways |= 4u;
    for (int fd = 0; fd < 64; fd++) {
        char path[32];
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        ways |= open(path, O_RDWR) >= 0 ? 8u : 0u;
        /* A descriptor of it that is left would be one. (A ring can be mapped, too, and holds something
         * else.) */
        void *mapped = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        ways |= mapped != MAP_FAILED && memcmp(mapped, at, 8) == 0 ? 16u : 0u;
    }
    ways |= madvise(at, PAGE, MADV_REMOVE) == 0 ? 32u : 0u;
    return ways;
}

/* By address, as a program does that does not know of an end: never a signal, and the end shows. */
static int churn(void)
{
    const volatile uint8_t *at = realm_memory_address(memory);
    uint64_t sum = 0;
    while (realm_memory_state(memory) == 0)
        sum += at[sum % PAGE];
    return realm_memory_state(memory);
}

static void keep_one(struct realm *self, const struct realm_request *request, void *context)
{
    char text[64] = "";
    uint64_t value = 0;
    int error = 0;
    (void)context;
    if (request->op == OP_KEEP) {
        error = realm_take(self, request->capability, &capability, &(struct realm_channel *){NULL});
        if (!error)
            error = map(*(const uint32_t *)request->data);
    } else if (request->op == OP_AGAIN) {
        error = map((uint32_t)mapped_rights);
    } else if (request->op == OP_LEAVE) {
        realm_memory_unmap(memory);
        memory = NULL;
        error = realm_delete(self, capability.cookie);
    } else if (!memory) {
        error = REALM_E_INCAPABLE;
    } else if (request->op == OP_READ) {
        error = realm_memory_read(memory, 0, text, sizeof text - 1);
        value = realm_memory_bytes(memory);
    } else if (request->op == OP_WRITE) {
        error = realm_memory_write(memory, 0, "from the keeper", 16);
    } else if (request->op == OP_PROTECT) {
        value = try_to_write();
    } else if (request->op == OP_CHECK) {
        value = check();
        error = realm_memory_state(memory);
    } else if (request->op == OP_PATTERN) {
        value = check_pattern();
        error = realm_memory_state(memory);
    } else if (request->op == OP_SEALED) {
        value = seen_as_sealed();
    } else if (request->op == OP_LOOK) {
        value = *(const volatile uint8_t *)realm_memory_address(memory);
        snprintf(text, sizeof text, "%s", word_of(realm_memory_state(memory)));
    } else if (request->op == OP_SEAL) {
        error = realm_memory_seal(self, capability.cookie);
    } else if (request->op == OP_CHURN) {
        realm_reply(self, request->token, 0, 0, NULL, 0);
        printf("churned %s\n", word_of(churn()));
        return;
    }
    realm_reply(self, request->token, error, value, text, strlen(text));
}

static void keep(void)
{
    must("register", realm_register(realm, "keeper", keep_one, NULL, NULL));
    must("run", realm_run(realm));
}

/* --- the giver --- */

static struct realm_channel *keeper;

static void tell(const char *what, int error, const struct realm_reply *reply)
{
    if (!error)
        error = reply->status;
    if (error || reply->size == 0)
        printf("%s %s %llu\n", what, word_of(error), (unsigned long long)(error ? 0 : reply->value));
    else
        printf("%s \"%.*s\" %llu\n", what, (int)reply->size, (const char *)reply->data,
               (unsigned long long)reply->value);
}

static void ask(const char *what, uint64_t op)
{
    struct realm_reply reply = {.status = 0};
    char text[64];
    reply.data = text;
    reply.capacity = sizeof text;
    tell(what, realm_call(keeper, op, NULL, 0, &reply, BOUND), &reply);
}

static void pass_on(const char *what, enum realm_derivation mode, uint32_t rights, bool all)
{
    struct realm_reply reply = {.status = 0};
    struct realm_gift gift = {.source = capability.cookie, .mode = mode, .rights = rights};
    const uint32_t map_as = mode == REALM_MOVE ? REALM_RIGHT_READ | REALM_RIGHT_WRITE : rights;
    if (mode == REALM_COPY)
        gift.bytes = all ? capability.bytes : PAGE;
    int error = realm_call_with(keeper, OP_KEEP, &map_as, sizeof map_as, &gift, &reply, BOUND);
    tell(what, error, &reply);
}

static int allocate(const char *word, uint64_t bytes, unsigned parts)
{
    int error = realm_memory_allocate(realm, bytes, parts, &capability);
    if (!error)
        error = map(REALM_RIGHT_READ | REALM_RIGHT_WRITE);
    printf("%s %s %llu\n", word, word_of(error), (unsigned long long)capability.bytes);
    return error;
}

static void fill(const char *word)
{
    if (allocate(word, LARGE, 1))
        return;
    for (size_t i = 0; i < LARGE; i++)
        ((uint8_t *)realm_memory_address(memory))[i] = pattern(i);
}

static pthread_t scribbler;
static volatile bool scribbles;

static void *scribble(void *argument)
{
    volatile uint8_t *at = realm_memory_address(argument);
    for (size_t i = 0; scribbles; i = (i + 61) % LARGE)
        at[i] = (uint8_t)(at[i] + 1u);
    return NULL;
}

/* The thread's mapping stays as it is; what is mapped from now on is another. */
static void begin_to_scribble(const char *word)
{
    scribbles = true;
    printf("%s %d\n", word, pthread_create(&scribbler, NULL, scribble, memory));
    memory = NULL;
}

static void end_scribbling(void)
{
    if (!scribbles)
        return;
    scribbles = false;
    pthread_join(scribbler, NULL);
}

static void act(const char *word)
{
    char text[64] = "";
    if (strcmp(word, "allocate") == 0) {
        (void)allocate(word, 2 * PAGE, 2);
    } else if (strcmp(word, "large") == 0) {
        fill(word);
    } else if (strcmp(word, "scribble") == 0) {
        begin_to_scribble(word);
    } else if (strcmp(word, "seal") == 0) {
        printf("%s %s\n", word, word_of(realm_memory_seal(realm, capability.cookie)));
    } else if (strcmp(word, "reader") == 0) {
        printf("%s %s\n", word, word_of(map(REALM_RIGHT_READ)));
    } else if (strcmp(word, "sealed") == 0) {
        uint64_t cookie = capability.cookie;
        int error = realm_held(realm, 0, &capability); /* the newest: the memory */
        printf("%s %s %llu\n", word, word_of(cookie == capability.cookie ? error : REALM_E_STALE),
               (unsigned long long)seen_as_sealed());
    } else if (strcmp(word, "give-all") == 0) {
        pass_on(word, REALM_COPY, REALM_RIGHT_READ, true);
    } else if (strcmp(word, "peer-check") == 0) {
        ask(word, OP_CHECK);
    } else if (strcmp(word, "peer-pattern") == 0) {
        ask(word, OP_PATTERN);
    } else if (strcmp(word, "peer-sealed") == 0) {
        ask(word, OP_SEALED);
    } else if (strcmp(word, "peer-look") == 0) {
        ask(word, OP_LOOK);
    } else if (strcmp(word, "peer-seal") == 0) {
        ask(word, OP_SEAL);
    } else if (strcmp(word, "write") == 0) {
        printf("%s %s\n", word, word_of(realm_memory_write(memory, 0, "from the giver", 15)));
    } else if (strcmp(word, "read") == 0) {
        int error = realm_memory_read(memory, 0, text, sizeof text - 1);
        printf("%s %s \"%s\"\n", word, word_of(error), text);
    } else if (strcmp(word, "touch") == 0) {
        /* Without asking first: it reads as zeros, writes are lost, and it shows. */
        volatile uint8_t *at = realm_memory_address(memory);
        at[PAGE - 1] = 1;
        printf("%s %u %s\n", word, at[0], word_of(realm_memory_state(memory)));
    } else if (strcmp(word, "again") == 0) {
        printf("%s %s\n", word, word_of(map(REALM_RIGHT_READ | REALM_RIGHT_WRITE)));
    } else if (strcmp(word, "give") == 0) {
        pass_on(word, REALM_COPY, REALM_RIGHT_READ, false);
    } else if (strcmp(word, "lend") == 0) {
        pass_on(word, REALM_COPY, REALM_RIGHT_READ | REALM_RIGHT_WRITE, false);
    } else if (strcmp(word, "move") == 0) {
        pass_on(word, REALM_MOVE, 0, false);
    } else if (strcmp(word, "peer") == 0) {
        ask(word, OP_READ);
    } else if (strcmp(word, "peer-write") == 0) {
        ask(word, OP_WRITE);
    } else if (strcmp(word, "peer-protect") == 0) {
        ask(word, OP_PROTECT);
    } else if (strcmp(word, "peer-again") == 0) {
        ask(word, OP_AGAIN);
    } else if (strcmp(word, "peer-churn") == 0) {
        ask(word, OP_CHURN);
    } else if (strcmp(word, "peer-leave") == 0) {
        ask(word, OP_LEAVE);
    } else if (strcmp(word, "revoke") == 0) {
        printf("%s %s\n", word, word_of(realm_revoke(realm, capability.cookie)));
    } else if (strcmp(word, "delete") == 0) {
        printf("%s %s\n", word, word_of(realm_delete(realm, capability.cookie)));
    } else if (strcmp(word, "wait") == 0) {
        fflush(stdout);
        (void)realm_run(realm);
    } else {
        printf("failed: what is %s\n", word);
    }
}

int main(int argc, char **argv)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    must("open", realm_open(&realm));
    if (argc > 1 && strcmp(argv[1], "keep") == 0) {
        keep();
    } else if (argc > 1) {
        must("keeper", realm_connect(realm, "keeper", REALM_FOREVER, &keeper));
        for (int i = 2; i < argc; i++)
            act(argv[i]);
    }
    end_scribbling();
    realm_close(realm);
    return 0;
}

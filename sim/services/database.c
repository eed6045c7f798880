/*
 * database: the Lona system's "database" service, in memory.
 *
 * It keeps lines of text in one growing buffer, end to end, and where each of them ends in another. A line
 * never changes once it is stored, so its number names it for good. The rule: no client makes it hold more
 * than its limit, or work long at one request: a query looks at 1 MiB of text at most and then says where
 * to go on, so another client waits for one page, never for one whole search.
 *
 * Usage in a scenario: args: [] or [--limit, BYTES].
 */
#include <realm/realm.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/services/lona.h"

#define DEFAULT_LIMIT_BYTES (UINT64_C(128) << 20)
#define QUERY_LOOK_BYTES    (UINT64_C(1) << 20)
#define QUERY_LOOK_LINES    UINT64_C(65536)
#define FIRST_ALLOCATION    4096u

struct database {
    char *text; /* every line, one after the other */
    size_t text_size;
    size_t text_capacity;
    size_t *ends; /* line n lies between ends[n - 1] and ends[n] */
    size_t lines;
    size_t lines_capacity; /* in lines */
    uint64_t limit_bytes;  /* of both buffers together */
};

static const char *line_at(const struct database *database, size_t number, size_t *ret_size)
{
    size_t start = number > 0 ? database->ends[number - 1] : 0;

    *ret_size = database->ends[number] - start;
    return database->text + start;
}

/* Doubles a buffer, or gives it its first bytes. Return: the new one, or NULL: the old one stays. */
static void *grown(void *memory, size_t *capacity, size_t item_bytes)
{
    size_t wanted = *capacity > 0 ? *capacity * 2 : FIRST_ALLOCATION;
    void *bigger = realloc(memory, wanted * item_bytes);

    if (bigger != NULL)
        *capacity = wanted;
    return bigger;
}

/* Makes room for one more line of size bytes. The limit counts what is used, not what was allocated. */
static int make_room(struct database *database, size_t size)
{
    uint64_t used = database->text_size + size + (database->lines + 1) * sizeof *database->ends;

    if (used > database->limit_bytes)
        return LONA_FULL;
    if (database->text == NULL || database->text_size + size > database->text_capacity) {
        char *text = grown(database->text, &database->text_capacity, 1);
        if (text == NULL)
            return LONA_FULL;
        database->text = text;
    }
    if (database->lines == database->lines_capacity) {
        size_t *ends = grown(database->ends, &database->lines_capacity, sizeof *ends);
        if (ends == NULL)
            return LONA_FULL;
        database->ends = ends;
    }
    return LONA_OK;
}

static void put(struct realm *realm, struct database *database, const struct realm_request *request)
{
    int status;

    if (memchr(request->data, '\n', request->size) != NULL) {
        realm_reply(realm, request->token, LONA_BAD_REQUEST, 0, NULL, 0);
        return;
    }
    status = make_room(database, request->size);
    if (status != LONA_OK) {
        realm_reply(realm, request->token, status, 0, NULL, 0);
        return;
    }
    memcpy(database->text + database->text_size, request->data, request->size);
    database->text_size += request->size;
    database->ends[database->lines++] = database->text_size;
    realm_reply(realm, request->token, LONA_OK, database->lines - 1, NULL, 0);
}

static void get(struct realm *realm, struct database *database, const struct realm_request *request)
{
    struct realm_unpack unpack;
    uint64_t number;
    const char *line;
    size_t size;

    realm_unpack_init(&unpack, request->data, request->size);
    number = realm_unpack_u64(&unpack);
    if (realm_unpack_finish(&unpack) != 0) {
        realm_reply(realm, request->token, LONA_BAD_REQUEST, 0, NULL, 0);
    } else if (number >= database->lines) {
        realm_reply(realm, request->token, LONA_NOT_FOUND, 0, NULL, 0);
    } else {
        line = line_at(database, (size_t)number, &size);
        realm_reply(realm, request->token, LONA_OK, number, line, size);
    }
}

/*
 * Fills one page with the numbers of lines that contain the word, beginning at *number, and moves *number to
 * the first line that was not looked at.
 */
static void search(const struct database *database, const void *word, size_t word_size, size_t *number,
                   struct realm_pack *page)
{
    uint64_t looked = 0;
    size_t first = *number;

    while (*number < database->lines && *number - first < QUERY_LOOK_LINES && looked < QUERY_LOOK_BYTES &&
           page->size + sizeof(uint64_t) <= page->capacity) {
        size_t size;
        const char *line = line_at(database, *number, &size);

        if (memmem(line, size, word, word_size) != NULL)
            realm_pack_u64(page, *number);
        looked += size;
        (*number)++;
    }
}

static void query(struct realm *realm, struct database *database, const struct realm_request *request)
{
    uint8_t buffer[DATABASE_PAGE * sizeof(uint64_t)];
    struct realm_unpack unpack;
    struct realm_pack page;
    uint64_t first;
    const void *word;
    size_t word_size, number;

    realm_unpack_init(&unpack, request->data, request->size);
    first = realm_unpack_u64(&unpack);
    word = realm_unpack_bytes(&unpack, &word_size);
    if (realm_unpack_finish(&unpack) != 0 || word_size == 0) {
        realm_reply(realm, request->token, LONA_BAD_REQUEST, 0, NULL, 0);
        return;
    }
    number = first < database->lines ? (size_t)first : database->lines;
    realm_pack_init(&page, buffer, sizeof buffer);
    search(database, word, word_size, &number, &page);
    realm_reply(realm, request->token, number < database->lines ? LONA_MORE : LONA_OK, number, buffer,
                page.size);
}

static void serve(struct realm *realm, const struct realm_request *request, void *context)
{
    struct database *database = context;

    switch (request->op) {
    case DATABASE_PUT:
        put(realm, database, request);
        break;
    case DATABASE_GET:
        get(realm, database, request);
        break;
    case DATABASE_COUNT:
        realm_reply(realm, request->token, LONA_OK, database->lines, NULL, 0);
        break;
    case DATABASE_QUERY:
        query(realm, database, request);
        break;
    default:
        realm_reply(realm, request->token, LONA_UNKNOWN_OP, 0, NULL, 0);
        break;
    }
}

int main(int argc, char **argv)
{
    struct database database = {.limit_bytes = DEFAULT_LIMIT_BYTES};
    struct realm *realm;
    int error;

    if (argc == 3 && strcmp(argv[1], "--limit") == 0)
        database.limit_bytes = strtoull(argv[2], NULL, 10);
    error = realm_open(&realm);
    if (error != 0) {
        fprintf(stderr, "database: this program is started by a scenario (realm run): %s\n",
                realm_error_text(error));
        return 1;
    }
    error = realm_register(realm, "database", serve, &database, NULL);
    if (error != 0)
        realm_log(realm, "cannot register \"database\": %s", realm_error_text(error));
    else
        error = realm_run(realm);
    realm_close(realm);
    free(database.text);
    free(database.ends);
    return error != 0;
}

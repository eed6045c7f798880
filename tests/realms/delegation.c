/*
 * Realms that pass capabilities on. Who is told what to do by a call says what came of it in its reply.
 *
 *   serve        provides "shared": OP_WHO tells the caller's badge; OP_GIVE gives the caller a send
 * capability to it, with all rights and a counted badge; OP_MINT the same with badge 77; OP_PRIVATE one with
 *                badge 5 to an endpoint without a name, which answers OP_WHO too
 *   keep         provides "keeper": takes what comes with OP_KEEP; OP_USE calls OP_WHO through it
 *   give WORDS   connects to both, is given a capability by the server, and then does what the words say,
 * each printing a line: "give" and "move" it to the keeper, "poor" gives what it has by connecting, "use" its
 * own, "peer" has the keeper use its, "revoke" what was derived, "held" tells what this realm holds, "wrong"
 * names a cookie that is nobody's, "gate" asks for the gates 7 and 8, "forge" sends the keeper a message that
 * says that something comes with it, "mint" and "private" take another one from the server, "delete" what it
 * has, "wait" until it is stopped
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <realm/realm.h>

#include "librealm/client/internal.h"

#define BOUND (10 * REALM_SEC)
#define ALL   (REALM_RIGHT_SEND | REALM_RIGHT_GRANT | REALM_RIGHT_MINT | REALM_RIGHT_REVOKE)

enum { OP_WHO = 1, OP_GIVE, OP_MINT, OP_PRIVATE, OP_KEEP, OP_USE };

static struct realm *realm;
static struct realm_endpoint *shared, *anonymous;
static struct realm_channel *kept;

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

/* --- the server --- */

static void who(struct realm *self, const struct realm_request *request, void *context)
{
    (void)context;
    realm_reply(self, request->token, 0, request->badge, NULL, 0);
}

static void serve_one(struct realm *self, const struct realm_request *request, void *context)
{
    struct realm_gift gift = {.source = realm_endpoint_capability(shared), .mode = REALM_COPY, .rights = ALL};
    if (request->op == OP_WHO) {
        who(self, request, context);
        return;
    }
    if (request->op == OP_MINT) {
        gift.mode = REALM_MINT;
        gift.badge = 77;
    } else if (request->op == OP_PRIVATE) {
        if (!anonymous)
            must("create", realm_create(self, who, NULL, &anonymous));
        gift.source = realm_endpoint_capability(anonymous);
        gift.mode = REALM_MINT;
        gift.badge = 5;
    }
    int error = realm_reply_with(self, request->token, 0, NULL, 0, &gift);
    if (error)
        realm_reply(self, request->token, error, 0, NULL, 0);
}

static void serve(void)
{
    must("register", realm_register(realm, "shared", serve_one, NULL, &shared));
    must("run", realm_run(realm));
}

/* --- the keeper --- */

static void keep_one(struct realm *self, const struct realm_request *request, void *context)
{
    struct realm_capability capability;
    struct realm_reply reply = {.status = 0};
    int error = REALM_E_INCAPABLE;
    (void)context;
    if (request->op == OP_KEEP) {
        realm_disconnect(kept);
        kept = NULL;
        error = realm_take(self, request->capability, &capability, &kept);
    } else if (kept) {
        error = realm_call(kept, OP_WHO, NULL, 0, &reply, BOUND);
    }
    realm_reply(self, request->token, error, reply.value, NULL, 0);
}

static void keep(void)
{
    must("register", realm_register(realm, "keeper", keep_one, NULL, NULL));
    must("run", realm_run(realm));
}

/* --- the giver --- */

static struct realm_channel *server, *keeper, *own;

/* "badge 3", "minted 77" or the error. */
static void tell(const char *what, int error, const struct realm_reply *reply)
{
    if (!error)
        error = reply->status;
    if (error)
        printf("%s %s\n", what, word_of(error));
    else if (reply->value >> 63)
        printf("%s minted %" PRIu64 "\n", what, reply->value & ~(UINT64_C(1) << 63));
    else
        printf("%s badge %" PRIu64 "\n", what, reply->value);
}

static void get(const char *what, uint64_t op)
{
    struct realm_reply reply = {.status = 0};
    struct realm_capability capability;
    must(what, realm_call(server, op, NULL, 0, &reply, BOUND));
    must(what, reply.status);
    realm_disconnect(own);
    own = NULL;
    int error = realm_take(realm, reply.capability, &capability, &own);
    if (!error && capability.rights != ALL)
        printf("failed: rights %u\n", capability.rights);
    printf("%s %s\n", what, word_of(error));
    /* It is good for one taking. */
    struct realm_channel *twice;
    if (realm_take(realm, reply.capability, &capability, &twice) != REALM_E_STALE)
        printf("failed: taken twice\n");
}

static void pass_on(const char *what, const struct realm_gift *gift)
{
    struct realm_reply reply = {.status = 0};
    int error = realm_call_with(keeper, OP_KEEP, NULL, 0, gift, &reply, BOUND);
    tell(what, error, &reply);
}

static void list_held(void)
{
    struct realm_capability capability = {.cookie = 0};
    unsigned counts[8] = {0};
    while (realm_held(realm, capability.cookie, &capability) == 0)
        counts[capability.kind]++;
    printf("held send %u name %u gate %u\n", counts[REALM_KIND_SEND], counts[REALM_KIND_NAME],
           counts[REALM_KIND_GATE]);
}

static void act(const char *word)
{
    struct realm_reply reply = {.status = 0};
    struct realm_gift gift = {.source = own ? realm_channel_capability(own) : 1};
    if (strcmp(word, "give") == 0) {
        gift.mode = REALM_COPY;
        gift.rights = REALM_RIGHT_SEND;
        pass_on(word, &gift);
    } else if (strcmp(word, "poor") == 0) { /* what a connect gave */
        gift = (struct realm_gift){
            .source = realm_channel_capability(server), .mode = REALM_COPY, .rights = REALM_RIGHT_SEND};
        pass_on(word, &gift);
    } else if (strcmp(word, "more") == 0) { /* a right that no send has */
        gift.mode = REALM_COPY;
        gift.rights = REALM_RIGHT_SEND | REALM_RIGHT_MANAGE;
        pass_on(word, &gift);
    } else if (strcmp(word, "move") == 0) {
        gift.mode = REALM_MOVE;
        pass_on(word, &gift);
    } else if (strcmp(word, "use") == 0) {
        tell(word, realm_call(own, OP_WHO, NULL, 0, &reply, BOUND), &reply);
    } else if (strcmp(word, "peer") == 0) {
        tell(word, realm_call(keeper, OP_USE, NULL, 0, &reply, BOUND), &reply);
    } else if (strcmp(word, "revoke") == 0) {
        printf("revoke %s\n", word_of(realm_revoke(realm, gift.source)));
    } else if (strcmp(word, "held") == 0) {
        list_held();
    } else if (strcmp(word, "wrong") == 0) {
        printf("wrong %s\n", word_of(realm_revoke(realm, 0x1234567)));
    } else if (strcmp(word, "mint") == 0) {
        get(word, OP_MINT);
    } else if (strcmp(word, "private") == 0) {
        get(word, OP_PRIVATE);
    } else if (strcmp(word, "gate") == 0) {
        printf("gate %s %s\n", word_of(realm_may_call_gate(realm, 7)), word_of(realm_may_look(realm)));
    } else if (strcmp(word, "forge") == 0) {
        keeper->gift = 77; /* as the library does for what was offered */
        tell(word, realm_call(keeper, OP_KEEP, NULL, 0, &reply, BOUND), &reply);
        keeper->gift = 0;
    } else if (strcmp(word, "wait") == 0) {
        fflush(stdout);
        (void)realm_run(realm);
    } else {
        printf("failed: what is %s\n", word);
    }
}

static void give(int count, char **words)
{
    must("server", realm_connect(realm, "shared", REALM_FOREVER, &server));
    must("keeper", realm_connect(realm, "keeper", REALM_FOREVER, &keeper));
    get("get", OP_GIVE);
    for (int i = 0; i < count; i++)
        act(words[i]);
}

int main(int argc, char **argv)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    must("open", realm_open(&realm));
    if (argc > 1 && strcmp(argv[1], "serve") == 0)
        serve();
    else if (argc > 1 && strcmp(argv[1], "keep") == 0)
        keep();
    else if (argc > 1)
        give(argc - 2, argv + 2);
    realm_close(realm);
    return 0;
}

/*
 * notify OWN OTHER ROUNDS first|second [receive]: two realms that wake each other with notifications and
 * nothing else. Each serves OWN and notifies OTHER; bit n % 64 is the n-th. The first one stops both in the
 * end.
 */
#include <realm/realm.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct player {
    struct realm_channel *other;
    unsigned rounds, got, next;
    bool wrong;
};

/* Answers a notification with the next one; once it has had all of them, it is done. */
static int play(struct player *player, uint64_t bits)
{
    player->wrong |= bits != UINT64_C(1) << player->next % 64u;
    player->got++;
    player->next += 2;
    return realm_notify(player->other, UINT64_C(1) << (player->next - 1u) % 64u);
}

static void on_bits(struct realm *realm, const struct realm_request *request, void *context)
{
    struct player *player = context;
    if (player->got < player->rounds && play(player, request->bits) != 0)
        player->wrong = true;
    if (player->got == player->rounds)
        realm_stop(realm);
}

static int receive(struct realm_endpoint *endpoint, struct player *player)
{
    static struct realm_request request;
    int error = 0;
    while (!error && player->got < player->rounds) {
        error = realm_receive(endpoint, &request, 20 * REALM_SEC);
        if (!error)
            error = play(player, request.bits);
    }
    return error;
}

int main(int argc, char **argv)
{
    struct realm *realm = NULL;
    struct realm_endpoint *endpoint = NULL;
    struct player player = {.next = 1};
    const bool in_loop = argc < 6;
    int error = argc < 5 ? REALM_E_BAD_ARGUMENT : realm_open(&realm);
    if (!error)
        error = realm_register(realm, argv[1], in_loop ? on_bits : NULL, &player, &endpoint);
    if (!error)
        error = realm_connect(realm, argv[2], 20 * REALM_SEC, &player.other);
    if (!error) {
        player.rounds = (unsigned)strtoul(argv[3], NULL, 10);
        const bool first = strcmp(argv[4], "first") == 0;
        player.next = first ? 1 : 0;
        if (first)
            error = realm_notify(player.other, 1);
    }
    if (!error)
        error = in_loop ? realm_run(realm) : receive(endpoint, &player);
    realm_log(realm, "got %u wrong %d %s", player.got, player.wrong, realm_error_name(error));
    /* The last one is still to be taken by the other: whoever is asked to stop has seen everything. */
    if (!error)
        error = realm_run(realm);
    realm_close(realm);
    return error != 0;
}

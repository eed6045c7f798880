/*
 * The hostile realm: runs the one attack that its first argument names.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/adversary/attack.h"
#include "tests/adversary/raw.h"

static bool text_of(const char *argument, const char *key, char *ret_text, size_t capacity)
{
    const size_t size = strlen(key);
    if (strncmp(argument, key, size) != 0 || argument[size] != '=')
        return false;
    snprintf(ret_text, capacity, "%s", argument + size + 1);
    return true;
}

static bool number_of(const char *argument, const char *key, int *ret_number)
{
    char text[32];
    if (!text_of(argument, key, text, sizeof text))
        return false;
    *ret_number = atoi(text);
    return true;
}

static void read_target(char **argument)
{
    for (; *argument; argument++) {
        char side[2];
        if (text_of(*argument, "side", side, sizeof side))
            target.side = side[0];
        (void)(text_of(*argument, "secret", target.secret, sizeof target.secret) ||
               text_of(*argument, "folder", target.folder, sizeof target.folder) ||
               text_of(*argument, "program", target.program, sizeof target.program) ||
               text_of(*argument, "path", target.path, sizeof target.path) ||
               text_of(*argument, "abstract", target.abstract, sizeof target.abstract) ||
               number_of(*argument, "tcp", &target.tcp) || number_of(*argument, "victim", &target.victim) ||
               number_of(*argument, "broker", &target.broker) ||
               number_of(*argument, "launcher", &target.launcher) ||
               number_of(*argument, "shm", &target.shm) || number_of(*argument, "sem", &target.sem) ||
               number_of(*argument, "msg", &target.msg));
    }
}

/* For the suite: a realm that is there and does nothing. */
static void idle(void)
{
    raw_loaded();
    for (;;)
        raw_sleep_ms(60000);
}

int main(int argc, char **argv)
{
    const struct attack *attack = argc > 1 ? attack_find(argv[1], NULL) : NULL;

    if (argc > 1 && strcmp(argv[1], "idle") == 0)
        idle();
    if (argc > 1 && strcmp(argv[1], "executed") == 0) {
        outcome("done");
        return 0;
    }
    if (!attack) {
        outcome("no such attack");
        return 2;
    }
    read_target(argv + 2);
    if (!(attack->flags & ATTACK_LOADING))
        raw_loaded();
    attack->run();
    _exit(0);
}

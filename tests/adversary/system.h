/*
 * A running system as the suite sees it: `realm run` in a session of its own on a pseudo-terminal, its
 * events, its admin socket, its processes.
 *
 * Every wait has a deadline; passing it ends the suite with a message, since nothing after it would mean
 * anything.
 */
#ifndef TESTS_ADVERSARY_SYSTEM_H
#define TESTS_ADVERSARY_SYSTEM_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct running {
    pid_t front, launcher, broker;
    int events;
    char *text; /* bytes of the stream that are no whole line yet */
    size_t size, capacity;
    char socket[160];
    char directory[64];
    int terminal; /* master side */
};

/* Ends the suite with status GAVE_UP. */
#define GAVE_UP 3
void give_up(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

/* The folder in which this program's build has its bin folder. */
const char *system_bin(void);

/* Boots a scenario given as text, by `front run`; words: more for it, NULL-terminated. */
void system_start(const char *front, const char *scenario, char *const *words, struct running *ret_running);
/* The next event within ms, the caller's; NULL: none. Ends the suite if the stream has ended. */
json_t *system_event(struct running *running, unsigned ms);
/* The result of a request, the caller's; NULL if it was refused. */
json_t *system_ask(struct running *running, json_t *request);
/* Looks the broker and the launcher up; false if they are not the ones of before. */
bool system_find_processes(struct running *running);
/* Whether anything was typed into the terminal. */
bool system_terminal_quiet(struct running *running);
/* Whether `realm logs REALM` prints no control character but ends of lines and tabs. */
bool system_shows_plain(const struct running *running, const char *realm);
/* Ends it. Return: its exit status. */
int system_stop(struct running *running);

uint64_t now_ms(void);

#endif

/*
 * Booting a real system for a test: `realm run` in a runtime directory of its own, its event stream, its
 * admin socket, and the proof that nothing is left of it afterwards.
 *
 * The test's process is made a child subreaper: whatever the system leaves behind becomes its child, so
 * "nothing is left" is "waitpid has no children". Every wait has a deadline that only a hang reaches.
 */
#ifndef TESTS_INTEGRATION_HARNESS_H
#define TESTS_INTEGRATION_HARNESS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

struct run;

/* The build's bin folder, found from the test's own place. */
const char *harness_bin(void);

/*
 * Boots a scenario given as text. In it, "@BIN@" stands for the bin folder. options: further words for
 * `realm run`, NULL-terminated, or NULL. Fails the test if it cannot start the command.
 */
struct run *run_start(const char *scenario, const char *const *options);
/* The same for a scenario file that exists. */
struct run *run_start_file(const char *path, const char *const *options);

/* The next event, borrowed until the next call; NULL at the end of the stream. */
json_t *run_next_event(struct run *run);
/* Reads on until an event of that name, in which member has that text (member NULL: any). Fails the test if
 * the stream ends first. Borrowed until the next call. */
json_t *run_wait_event(struct run *run, const char *event, const char *member, const char *text);
/* How many events of that name were read so far. */
unsigned run_seen(const struct run *run, const char *event);

/* Asks the admin socket; the whole answer, the caller's to json_decref. */
json_t *run_ask(struct run *run, const char *request);
/* The same in two parts, for an answer that takes its time; NULL: the broker has hung up. */
FILE *run_ask_begin(struct run *run, const char *request);
json_t *run_ask_end(FILE *stream);
/* The same: the "result" of an answer that must be ok. */
json_t *run_result(struct run *run, const char *request);
/* The row of an array whose member has that text; borrowed; NULL if none. */
json_t *row_of(json_t *rows, const char *member, const char *text);

pid_t run_front(const struct run *run);
pid_t run_launcher(const struct run *run);
pid_t run_broker(const struct run *run);
/* The process of a running realm, from the admin socket. */
pid_t run_realm_pid(struct run *run, const char *realm);

/* Asks politely (SIGINT), reads the stream to its end, and returns the exit status (128 + signal). */
int run_stop(struct run *run);
/* Reads the stream to its end and returns the exit status. */
int run_finish(struct run *run);
/* After run_stop or run_finish: no process, no file in the runtime directory. Frees the run. */
void run_nothing_left(struct run *run);

/* Runs `realm WORDS…` against the run's instance; its standard output, and error output appended, are the
 * caller's to free. */
char *run_command(struct run *run, int *ret_status, const char *const *words);

/* Waits until a process sleeps and has not run for 100 ms. */
void harness_wait_idle(pid_t pid);
/* Lets time pass, where the passing of time is what is tested ("nothing happens for two seconds"). */
void harness_let_pass(unsigned ms);

/*
 * What the broker holds, once it is idle; and: it holds that again, or will before long. Everything counts
 * but the regions that stand ready in pools, whose number depends on when a pool was last refilled: those
 * may differ by one filling.
 */
json_t *run_counts(struct run *run);
void run_counts_back_to(struct run *run, json_t *before); /* frees it */

#endif

/*
 * The kill matrix: SIGKILL of client, server, broker and launcher at every step of the protocol. Where each
 * dies is not left to luck: a process stands still at a stop point (librealm/core/stop_point.h), says so, and
 * is killed there, or another is killed meanwhile and it then goes on. The cells and what each must lead to
 * stand in the table; docs/design/kill-matrix.md explains them.
 *
 * Of every cell the same is asked: it ends (each wait has a deadline that only a hang reaches), those who had
 * to do with the dead are told, the broker holds nothing of it, the system works as before, and at the end no
 * process and no file is left.
 */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/integration/harness.h"

#ifdef REALM_STOP_POINTS
#include "tests/integration/kill_matrix.h"

#define HANG_MS 60000u

#define REVOKE "{\"command\":\"revoke\",\"realm\":\"client\",\"service\":\"echo\"}"

/* --- one system, and what was heard of it --- */

struct stage {
    const struct cell *cell;
    struct run *run;
    char folder[40];  /* of the realms' reports */
    char heard[8192]; /* "realm|text" of each line of the realms' logs */
    unsigned clients_started;
    FILE *revoking; /* the administrator's question, not answered yet */
};

/* For whoever reads that a cell hung: which one, and how far it came. */
static const struct stage *on_stage;

static void say_where(int number)
{
    char text[sizeof on_stage->heard + 200];
    const struct cell *cell = on_stage->cell;
    int size = snprintf(text, sizeof text, "%s dies at %s, %s stands at %s:%s, and it hangs; heard:%s\n",
                        cell->victim, cell->step, cell->stopper, cell->point, cell->passing, on_stage->heard);
    (void)!write(STDERR_FILENO, text, (size_t)size);
    signal(number, SIG_DFL);
    raise(number);
}

static bool is(const char *a, const char *b)
{
    return strcmp(a, b) == 0;
}

static bool stops_in_realm(const struct cell *cell)
{
    return is(cell->stopper, "client") || is(cell->stopper, "server");
}

/* The parent's words: where its children stop, how long the client waits for its server, and what they do. */
static void format_parent(const struct cell *cell, char *text, size_t size)
{
    const char *server[2] = {"-", "0"}, *client[2] = {"-", "0"};
    const char **stopper = is(cell->stopper, "server") ? server : client;
    if (stops_in_realm(cell)) {
        stopper[0] = cell->point;
        stopper[1] = cell->passing;
    }
    snprintf(text, size, ", \"%s\", \"%s\", \"%s\", \"%s\", \"%d\", \"%d\"", server[0], server[1], client[0],
             client[1], strstr(cell->told, NO_SERVER) ? 500 : HANG_MS,
             is(cell->step, "revoke") ? 1
             : is(cell->step, "seal") ? 2
                                      : 0);
}

static void boot(struct stage *stage)
{
    const struct cell *cell = stage->cell;
    /* Who is told by the broker's death, or works on after it, needs time for it; else there is nothing to
     * wait for. */
    const char *options[] = {"--orphan-grace", cell->told[0] ? "5s" : "100ms", NULL};
    char scenario[2048], text[1024], stop[32];
    const char *realms[] = {"parent", "server", "client"};

    snprintf(stage->folder, sizeof stage->folder, "/tmp/realmkit-kill-XXXXXX");
    cr_assert_not_null(mkdtemp(stage->folder));
    size_t used = (size_t)snprintf(scenario, sizeof scenario, "system: t\nrealms:\n");
    for (unsigned i = 0; i < 3; i++) {
        format_parent(cell, text, sizeof text);
        used += (size_t)snprintf(
            scenario + used, sizeof scenario - used,
            "  - {name: %s, program: \"@BIN@/killed_realm\", args: [%s%s], files: {report: {path: \"%s/%s\", "
            "mode: a}}%s}\n",
            realms[i], realms[i], i == 0 ? text : "", stage->folder, realms[i],
            i == 0 ? "" : ", parent: parent");
    }
    snprintf(scenario + used, sizeof scenario - used,
             "services:\n  - {name: echo, provider: server, access: all}\n");
    if (!stops_in_realm(cell)) {
        snprintf(stop, sizeof stop, "%s:%s", cell->point, cell->passing);
        setenv("REALM_STOP_AT", stop, 1);
    }
    stage->run = run_start(scenario, options);
    unsetenv("REALM_STOP_AT");
}

static bool heard(const struct stage *stage, const char *realm, const char *text)
{
    char line[300];
    snprintf(line, sizeof line, "\n%s|%s", realm, text);
    return strstr(stage->heard, line) != NULL;
}

static const char *member(json_t *event, const char *name)
{
    const char *text = json_string_value(json_object_get(event, name));
    return text ? text : "";
}

/* Takes one event; notes what matters later. false: the stream has ended. */
static bool listen_once(struct stage *stage)
{
    json_t *event = run_next_event(stage->run);
    if (!event)
        return false;
    const char *name = member(event, "event"), *realm = member(event, "realm");
    size_t used = strlen(stage->heard);
    if (is(name, "log"))
        snprintf(stage->heard + used, sizeof stage->heard - used, "\n%s|%s", realm, member(event, "text"));
    else if (is(name, "terminated"))
        snprintf(stage->heard + used, sizeof stage->heard - used, "\n%s|terminated %s", realm,
                 member(event, "exit"));
    else if (is(name, "started") && is(realm, "client"))
        stage->clients_started++;
    return true;
}

static void listen_for(struct stage *stage, const char *realm, const char *text)
{
    while (!heard(stage, realm, text))
        cr_assert(listen_once(stage), "the stream ended without '%s' of %s; heard:%s", text, realm,
                  stage->heard);
}

/* One of the lines that the cell allows is among the teller's: those heard, or those of its report. */
static bool is_told(const struct stage *stage, const char *report)
{
    const struct cell *cell = stage->cell;
    char lines[sizeof cell->told], line[sizeof lines + 1], *rest = lines;
    strcpy(lines, cell->told);
    do {
        const char *told = rest;
        rest = strchr(rest, '|');
        if (rest)
            *rest++ = '\0';
        snprintf(line, sizeof line, "%s\n", told);
        const char *at = strstr(report, line);
        if (at ? at == report || at[-1] == '\n' : heard(stage, cell->teller, told))
            return true;
    } while (rest);
    return false;
}

static void wait_told(struct stage *stage)
{
    const struct cell *cell = stage->cell;
    while (!is_told(stage, ""))
        cr_assert(listen_once(stage), "%s was not told '%s'; heard:%s", cell->teller, cell->told,
                  stage->heard);
}

/* --- standing still, and the kill --- */

/* Broker and launcher say so on the standard error that they share with the front end. */
static void wait_stopped(struct stage *stage)
{
    char path[64], text[4096], line[64];
    snprintf(path, sizeof path, "/proc/%d/fd/2", (int)run_front(stage->run));
    snprintf(line, sizeof line, "stopped at %s\n", stage->cell->point);
    for (unsigned waited = 0;; waited++) {
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        cr_assert_geq(fd, 0);
        ssize_t size = pread(fd, text, sizeof text - 1, 0);
        close(fd);
        text[size > 0 ? size : 0] = '\0';
        if (strstr(text, line))
            break;
        cr_assert_lt(waited, HANG_MS, "nobody stopped at %s: %s", stage->cell->point, text);
        harness_let_pass(1);
    }
}

/* The launcher's children in the order of their making: broker, parent, server, client. What is asked for is
 * there, and nobody of them has been reaped yet. Events would not do: the last of them are not written when
 * the broker stands still. */
enum child { SERVER = 2, CLIENT = 3, NEWEST = 99 };

static pid_t child_of_launcher(const struct stage *stage, enum child which)
{
    char path[64];
    int launcher = run_launcher(stage->run), pid = 0, next;
    snprintf(path, sizeof path, "/proc/%d/task/%d/children", launcher, launcher);
    FILE *file = fopen(path, "r");
    cr_assert_not_null(file);
    for (int i = 0; i <= (int)which && fscanf(file, "%d", &next) == 1; i++)
        pid = next;
    fclose(file);
    cr_assert_gt(pid, 0);
    return pid;
}

static pid_t realm_of(const struct stage *stage, const char *name)
{
    return child_of_launcher(stage, is(name, "server") ? SERVER : CLIENT);
}

/* Dead, though not reaped: its parent stands still. */
static void wait_dead(pid_t pid)
{
    char path[64], state = '?';
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    for (unsigned waited = 0; state != 'Z'; waited++) {
        FILE *file = fopen(path, "r");
        cr_assert_not_null(file);
        cr_assert_eq(fscanf(file, "%*d (%*[^)]) %c", &state), 1);
        fclose(file);
        cr_assert_lt(waited, HANG_MS);
        harness_let_pass(1);
    }
}

static void stand_still(struct stage *stage)
{
    const struct cell *cell = stage->cell;
    char stopped[48];

    if (is(cell->step, "revoke")) {
        /* The client sleeps in its call, the server in its loop. */
        listen_for(stage, "server", "holding");
        stage->revoking = run_ask_begin(stage->run, REVOKE);
    }
    if (stops_in_realm(cell)) {
        snprintf(stopped, sizeof stopped, "stopped at %s", cell->point);
        listen_for(stage, cell->stopper, stopped);
        listen_for(stage, "parent", "watching");
    } else {
        wait_stopped(stage);
    }
    if (cell->ready[0])
        listen_for(stage, cell->teller, cell->ready);
    /* Who is to be served by whom it never saw before must be told of it while the broker lives. */
    if (is(cell->victim, "broker") && is(cell->stopper, "client") && is(cell->told, "call 1: REALM_OK"))
        listen_for(stage, "server", "clients 1");
}

static void kill_victim(struct stage *stage)
{
    const struct cell *cell = stage->cell;
    pid_t launcher = run_launcher(stage->run), broker = run_broker(stage->run);
    pid_t stopper = stops_in_realm(cell) ? realm_of(stage, cell->stopper) : 0;
    pid_t victim = is(cell->victim, "broker")     ? broker
                   : is(cell->victim, "launcher") ? launcher
                   : is(cell->victim, "child")    ? child_of_launcher(stage, NEWEST)
                                                  : realm_of(stage, cell->victim);
    cr_assert_gt(victim, 0);
    cr_assert_eq(kill(victim, SIGKILL), 0);
    if (is(cell->victim, "child"))
        wait_dead(victim); /* else it could still be released, and die later */
    /* Whoever stood still goes on; whoever was killed does not mind. */
    if (is(cell->stopper, "launcher") && !is(cell->victim, "launcher"))
        kill(launcher, SIGCONT);
    else if (is(cell->stopper, "broker") && !is(cell->victim, "broker"))
        kill(broker, SIGCONT);
    else if (stops_in_realm(cell) && !is(cell->stopper, cell->victim))
        kill(stopper, SIGCONT);
}

/* --- what must follow --- */

/* The broker holds what the parent alone makes it hold. */
static void nothing_held(struct stage *stage)
{
    static const struct {
        const char *kind;
        json_int_t most;
    } limits[] = {{"processes", 1}, {"sockets", 1}, {"pages", 1},       {"regions", 2},
                  {"channels", 0},  {"waits", 0},   {"cookies", 0},     {"endpoints", 0},
                  {"packets", 0},   {"records", 3}, {"descriptors", 6}, {"launch_requests", 0},
                  {"memories", 0}};
    const char *over = "";
    for (unsigned waited = 0; over; waited += 5) {
        json_t *counts = run_result(stage->run, "{\"command\":\"counts\"}");
        over = NULL;
        for (unsigned i = 0; i < sizeof limits / sizeof *limits; i++) {
            json_t *value = json_object_get(counts, limits[i].kind);
            cr_assert(json_is_integer(value), "no count of %s", limits[i].kind);
            if (json_integer_value(value) > limits[i].most)
                over = limits[i].kind;
        }
        json_decref(counts);
        if (over) {
            cr_assert_lt(waited, HANG_MS / 4, "the broker still holds %s", over);
            harness_let_pass(5);
        }
    }
}

static void ask_for(struct stage *stage, const char *command, const char *realm)
{
    char request[100];
    snprintf(request, sizeof request, "{\"command\":\"%s\",\"realm\":\"%s\"}", command, realm);
    json_decref(run_result(stage->run, request));
}

static void end_children(struct stage *stage)
{
    ask_for(stage, "kill", "client");
    ask_for(stage, "kill", "server");
    nothing_held(stage);
}

/* A client and a server of the same names, from the same broker, do all of it. */
static void works_as_before(struct stage *stage)
{
    unsigned before = stage->clients_started;
    ask_for(stage, "spawn", "server");
    ask_for(stage, "spawn", "client");
    while (stage->clients_started == before)
        cr_assert(listen_once(stage));
    stage->heard[0] = '\0'; /* what the first client said came before the second started */
    listen_for(stage, "client", "call 2: REALM_OK");
    listen_for(stage, "client", "terminated 0");
}

/* The administrator is answered, whoever has died meanwhile, and the event is there, once. */
static void was_revoked(struct stage *stage)
{
    json_t *answer = run_ask_end(stage->revoking);
    cr_assert_not_null(answer);
    json_t *count = json_object_get(json_object_get(answer, "result"), "channels");
    cr_assert_eq(json_integer_value(count), 1);
    json_decref(answer);
    cr_assert_eq(run_seen(stage->run, "revoked"), 1);
}

static void a_realm_died(struct stage *stage)
{
    const struct cell *cell = stage->cell;
    char line[64];

    if (!is(cell->victim, "child")) {
        snprintf(line, sizeof line, "terminated SIGKILL");
        listen_for(stage, cell->victim, line);
        snprintf(line, sizeof line, "child %s SIGKILL", cell->victim);
        listen_for(stage, "parent", line);
    }
    if (cell->told[0])
        wait_told(stage);
    listen_for(stage, "parent", "watching"); /* else it would start more of what is ended now */
    end_children(stage);
    /* A stop that the broker has not passed yet would stop it now. */
    works_as_before(stage);
    if (stage->revoking)
        was_revoked(stage);
    end_children(stage);
    cr_assert_lt(run_stop(stage->run), 2);
}

static void the_memory_manager_died(struct stage *stage)
{
    const struct cell *cell = stage->cell;
    char path[64], text[4096];
    bool broker = is(cell->victim, "broker");

    if (broker)
        cr_assert_str_eq(member(run_wait_event(stage->run, "broker-died", NULL, NULL), "exit"), "SIGKILL");
    cr_assert_eq(run_finish(stage->run), 1);
    if (stage->revoking)
        json_decref(run_ask_end(stage->revoking)); /* the administrator is not left waiting either */
    if (!cell->told[0])
        return;
    snprintf(path, sizeof path, "%s/%s", stage->folder, cell->teller);
    FILE *file = fopen(path, "r");
    cr_assert_not_null(file);
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    fclose(file);
    cr_assert(is_told(stage, text), "%s was not told '%s' but:\n%s", cell->teller, cell->told, text);
}

ParameterizedTestParameters(kill_matrix, cell)
{
    return cr_make_param_array(struct cell, cells, sizeof cells / sizeof *cells);
}

/* Goal: whoever dies, wherever: nobody hangs, who had to do with it is told, and nothing leaks. */
ParameterizedTest(struct cell *cell, kill_matrix, cell)
{
    struct stage stage = {.cell = cell};
    char command[64];

    cr_log_info("%s dies at %s: %s stands at %s:%s", cell->victim, cell->step, cell->stopper, cell->point,
                cell->passing);
    on_stage = &stage;
    signal(SIGALRM, say_where);
    boot(&stage);
    stand_still(&stage);
    kill_victim(&stage);
    if (is(cell->victim, "broker") || is(cell->victim, "launcher"))
        the_memory_manager_died(&stage);
    else
        a_realm_died(&stage);
    run_nothing_left(stage.run);
    snprintf(command, sizeof command, "rm -rf %s", stage.folder);
    cr_assert_eq(system(command), 0);
}

/* Goal: each of the steps is there for each of the four, where it takes part in it. */
Test(kill_matrix, is_whole)
{
    static const char *const victims[] = {"client", "server", "broker", "launcher"};
    static const char *const steps[] = {"spawn", "loaded", "register", "connect", "map",
                                        "call",  "reply",  "withdraw", "revoke",  "seal"};

    for (unsigned v = 0; v < 4; v++) {
        for (unsigned s = 0; s < sizeof steps / sizeof *steps; s++) {
            bool found = v == 0 && s == 2; /* a client registers nothing */
            for (unsigned i = 0; i < sizeof cells / sizeof *cells && !found; i++)
                found = is(cells[i].victim, victims[v]) && is(cells[i].step, steps[s]);
            cr_expect(found, "no cell for the %s's death at %s", victims[v], steps[s]);
        }
    }
}

#else

/* Goal: a release build knows no stop point: neither the command nor a realm's program contains the name of
 * one. The matrix itself needs them: `make test-kill-matrix` runs it from the debug build. */
Test(kill_matrix, release_has_no_stop_points)
{
    static const char *const programs[] = {"realm", "killed_realm"};

    for (unsigned i = 0; i < 2; i++) {
        char command[4200];
        snprintf(command, sizeof command, "grep -q stop-point: '%.4000s/%s'", harness_bin(), programs[i]);
        int status = system(command);
        cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == 1, "%s has stop points", programs[i]);
    }
}

#endif

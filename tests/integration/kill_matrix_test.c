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

#define HANG_MS 60000u

/* A channel whose other end died. */
#define ENDED " REALM_E_PEER_DEAD| REALM_E_REVOKED"

struct cell {
    char victim[10]; /* client, server, broker, launcher, child: a client between fork and exec */
    char step[10];
    char stopper[10]; /* who stands still … */
    char point[20];   /* … where … */
    char passing[4];  /* … the how many-th time */
    char ready[24];   /* what must be in `teller`'s log before the kill; "" nothing */
    char teller[8];   /* who says afterwards … */
    char told[16];    /* … this … */
    char how[64];     /* … with one of these at its end */
};

static struct cell cells[] = {
    /* a client dies; the server is told where it had heard of it */
    {"child", "spawn", "launcher", "launcher-forked", "3", "", "parent",
     "spawn client:", " REALM_E_NOT_STARTED"},
    {"client", "spawn", "client", "asked", "1", "", "", "", ""},
    {"client", "map", "client", "pool-mapped", "1", "", "", "", ""},
    {"client", "connect", "client", "asked", "2", "", "", "", ""},
    {"client", "connect", "broker", "broker-connect", "1", "", "", "", ""},
    {"client", "connect", "broker", "broker-accepted", "1", "", "", "", ""},
    {"client", "connect", "client", "connected", "1", "clients 1", "server", "clients 0", ""},
    {"client", "map", "client", "mapped", "1", "clients 1", "server", "clients 0", ""},
    {"client", "map", "client", "client-mapped", "1", "clients 1", "server", "clients 0", ""},
    {"client", "call", "client", "call", "1", "clients 1", "server", "clients 0", ""},
    {"client", "call", "client", "pushed", "1", "clients 1", "server", "clients 0", ""},
    {"client", "call", "client", "called", "1", "clients 1", "server", "clients 0", ""},
    {"client", "call", "server", "request-taken", "1", "", "server", "clients 0", ""},
    {"client", "reply", "server", "reply-pushed", "1", "", "server", "clients 0", ""},
    {"client", "reply", "client", "reply-taken", "1", "clients 1", "server", "clients 0", ""},
    {"client", "revoke", "client", "closed", "1", "left", "server", "left", ""},
    {"client", "revoke", "broker", "broker-close", "1", "", "server", "left", ""},
    /* a server dies; its client is told by its connect or its call */
    {"child", "spawn", "launcher", "launcher-forked", "2", "", "parent",
     "spawn server:", " REALM_E_NOT_STARTED"},
    {"server", "spawn", "server", "asked", "1", "", "client", "connect:", " REALM_E_TIMEOUT"},
    {"server", "map", "server", "pool-mapped", "1", "", "client", "connect:", " REALM_E_TIMEOUT"},
    {"server", "register", "server", "asked", "2", "", "client", "connect:", " REALM_E_TIMEOUT"},
    {"server", "register", "broker", "broker-register", "1", "", "client", "connect:", " REALM_E_TIMEOUT"},
    {"server", "connect", "server", "accepted", "1", "connect: REALM_OK", "client", "call 1:", ENDED},
    {"server", "connect", "broker", "broker-accepted", "1", "", "client", "call 1:", ENDED},
    {"server", "map", "server", "mapped", "1", "connect: REALM_OK", "client", "call 1:", ENDED},
    {"server", "map", "server", "server-mapped", "1", "connect: REALM_OK", "client", "call 1:", ENDED},
    {"server", "call", "client", "pushed", "1", "", "client", "call 1:", ENDED "| REALM_OK"},
    {"server", "call", "server", "request-taken", "1", "", "client", "call 1:", ENDED},
    {"server", "reply", "server", "reply", "1", "", "client", "call 1:", ENDED},
    {"server", "reply", "server", "reply-pushed", "1", "", "client", "call 2:", ENDED},
    {"server", "reply", "server", "replied", "1", "", "client", "call 2:", ENDED},
    {"server", "revoke", "server", "asked", "3", "", "client", "call 3:", ENDED},
    {"server", "revoke", "broker", "broker-withdraw", "1", "", "client", "call 3:", ENDED},
    /* the broker dies; who waits for it is told, and open channels go on */
    {"broker", "spawn", "broker", "broker-spawn", "2", "", "parent", "spawn server:", " REALM_E_MM_GONE"},
    {"broker", "spawn", "broker", "broker-started", "2", "", "parent", "spawn server:", " REALM_E_MM_GONE"},
    {"broker", "spawn", "broker", "broker-hello", "2", "", "parent", "gone", ""},
    {"broker", "register", "broker", "broker-register", "1", "", "server", "register:", " REALM_E_MM_GONE"},
    {"broker", "register", "broker", "broker-registered", "1", "", "server", "register:", " REALM_E_MM_GONE"},
    {"broker", "connect", "broker", "broker-connect", "1", "", "client", "connect:", " REALM_E_MM_GONE"},
    {"broker", "connect", "broker", "broker-accepted", "1", "", "client", "connect:", " REALM_E_MM_GONE"},
    {"broker", "map", "broker", "broker-sealed", "3", "", "parent", "gone", ""},
    {"broker", "map", "broker", "broker-mapped", "1", "", "client", "call 1:", " REALM_OK"},
    {"broker", "map", "client", "mapped", "1", "", "client", "call 1:", " REALM_OK"},
    {"broker", "call", "client", "pushed", "1", "", "client", "call 1:", " REALM_OK"},
    {"broker", "call", "server", "request-taken", "1", "", "client", "call 1:", " REALM_OK"},
    {"broker", "reply", "server", "reply-pushed", "1", "", "client", "call 1:", " REALM_OK"},
    {"broker", "revoke", "broker", "broker-withdraw", "1", "", "parent", "gone", ""},
    {"broker", "revoke", "broker", "broker-close", "1", "", "parent", "gone", ""},
    {"broker", "revoke", "broker", "broker-sever", "1", "", "parent", "gone", ""},
    /* the launcher dies, and everybody with it: nobody is left to be told but the user */
    {"launcher", "spawn", "launcher", "launcher-spawn", "2", "", "", "", ""},
    {"launcher", "spawn", "launcher", "launcher-forked", "2", "", "", "", ""},
    {"launcher", "spawn", "launcher", "launcher-spawned", "2", "", "", "", ""},
    {"launcher", "map", "launcher", "launcher-regions", "3", "", "", "", ""},
    {"launcher", "register", "server", "asked", "2", "", "", "", ""},
    {"launcher", "register", "broker", "broker-register", "1", "", "", "", ""},
    {"launcher", "connect", "client", "asked", "2", "", "", "", ""},
    {"launcher", "connect", "broker", "broker-connect", "1", "", "", "", ""},
    {"launcher", "map", "client", "mapped", "1", "", "", "", ""},
    {"launcher", "call", "client", "pushed", "1", "", "", "", ""},
    {"launcher", "reply", "server", "reply-pushed", "1", "", "", "", ""},
    {"launcher", "revoke", "server", "asked", "3", "", "", "", ""},
    {"launcher", "revoke", "broker", "broker-close", "1", "", "", "", ""},
};

/* --- one system, and what was heard of it --- */

struct stage {
    const struct cell *cell;
    struct run *run;
    char folder[40];  /* of the realms' reports */
    char heard[8192]; /* "realm|text" of each line of the realms' logs */
    pid_t server, client;
};

static bool is(const char *a, const char *b)
{
    return strcmp(a, b) == 0;
}

static bool stops_in_realm(const struct cell *cell)
{
    return is(cell->stopper, "client") || is(cell->stopper, "server");
}

static void boot(struct stage *stage)
{
    const struct cell *cell = stage->cell;
    const char *options[] = {"--orphan-grace", "500ms", NULL};
    char scenario[2048], text[1024], stop[32];
    const char *realms[] = {"parent", "server", "client"};

    snprintf(stage->folder, sizeof stage->folder, "/tmp/realmkit-kill-XXXXXX");
    cr_assert_not_null(mkdtemp(stage->folder));
    size_t used = (size_t)snprintf(scenario, sizeof scenario, "system: t\nrealms:\n");
    for (unsigned i = 0; i < 3; i++) {
        const char *at[4] = {"-", "0", "-", "0"};
        if (is(cell->stopper, "server") || is(cell->stopper, "client")) {
            unsigned first = is(cell->stopper, "server") ? 0 : 2;
            at[first] = cell->point;
            at[first + 1] = cell->passing;
        }
        snprintf(text, sizeof text, ", \"%s\", \"%s\", \"%s\", \"%s\"], ", at[0], at[1], at[2], at[3]);
        used += (size_t)snprintf(
            scenario + used, sizeof scenario - used,
            "  - {name: %s, program: \"@BIN@/killed_realm\", args: [%s%sfiles: {report: {path: \"%s/%s\", "
            "mode: a}}%s}\n",
            realms[i], realms[i], i == 0 ? text : "], ", stage->folder, realms[i],
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
    else if (is(name, "started") && is(realm, "server"))
        stage->server = (pid_t)json_integer_value(json_object_get(event, "pid"));
    else if (is(name, "started") && is(realm, "client"))
        stage->client = (pid_t)json_integer_value(json_object_get(event, "pid"));
    return true;
}

static void listen_for(struct stage *stage, const char *realm, const char *text)
{
    while (!heard(stage, realm, text))
        cr_assert(listen_once(stage), "the stream ended without '%s' of %s; heard:%s", text, realm,
                  stage->heard);
}

/* text, with one of the ends that `how` lists. */
static bool heard_end(const struct stage *stage, const char *log, const struct cell *cell)
{
    char how[sizeof cell->how], line[100], *rest = how;
    strcpy(how, cell->how);
    do {
        char *end = rest;
        rest = strchr(rest, '|');
        if (rest)
            *rest++ = '\0';
        snprintf(line, sizeof line, "%s%s\n", cell->told, end);
        const char *at = strstr(log, line);
        if (at && (at == log || at[-1] == '\n'))
            return true;
        snprintf(line, sizeof line, "%s%s", cell->told, end);
        if (stage && heard(stage, cell->teller, line))
            return true;
    } while (rest);
    return false;
}

static void wait_told(struct stage *stage)
{
    const struct cell *cell = stage->cell;
    while (!heard_end(stage, "", cell))
        cr_assert(listen_once(stage), "%s was not told '%s%s'; heard:%s", cell->teller, cell->told, cell->how,
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

/* The newest child: the highest number, or the lowest after the numbers began anew; here none does. */
static pid_t newest_child(pid_t parent)
{
    char path[64];
    int pid, newest = 0;
    snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)parent, (int)parent);
    FILE *file = fopen(path, "r");
    cr_assert_not_null(file);
    while (fscanf(file, "%d", &pid) == 1)
        newest = pid; /* they are listed in the order of their making */
    fclose(file);
    cr_assert_gt(newest, 0);
    return newest;
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

    if (stops_in_realm(cell)) {
        snprintf(stopped, sizeof stopped, "stopped at %s", cell->point);
        listen_for(stage, cell->stopper, stopped);
        listen_for(stage, "parent", "watching");
    } else {
        if (is(cell->victim, "client"))
            while (!stage->client)
                cr_assert(listen_once(stage));
        if (is(cell->victim, "server"))
            while (!stage->server)
                cr_assert(listen_once(stage));
        wait_stopped(stage);
    }
    if (cell->ready[0])
        listen_for(stage, cell->teller, cell->ready);
}

static void kill_victim(struct stage *stage)
{
    const struct cell *cell = stage->cell;
    pid_t launcher = run_launcher(stage->run), broker = run_broker(stage->run);
    pid_t victim = is(cell->victim, "client")   ? stage->client
                   : is(cell->victim, "server") ? stage->server
                   : is(cell->victim, "broker") ? broker
                   : is(cell->victim, "child")  ? newest_child(launcher)
                                                : launcher;
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
        kill(is(cell->stopper, "server") ? stage->server : stage->client, SIGCONT);
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
                  {"packets", 0},   {"records", 3}, {"descriptors", 6}, {"launch_requests", 0}};
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
    stage->heard[0] = '\0';
    ask_for(stage, "spawn", "server");
    ask_for(stage, "spawn", "client");
    listen_for(stage, "client", "call 2: REALM_OK");
    listen_for(stage, "client", "terminated 0");
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
    if (!cell->told[0])
        return;
    snprintf(path, sizeof path, "%s/%s", stage->folder, cell->teller);
    FILE *file = fopen(path, "r");
    cr_assert_not_null(file);
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    fclose(file);
    cr_assert(heard_end(NULL, text, cell), "%s was not told '%s%s' but:\n%s", cell->teller, cell->told,
              cell->how, text);
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

/* Goal: each of the seven steps is there for each of the four, where it takes part in it. */
Test(kill_matrix, is_whole)
{
    static const char *const victims[] = {"client", "server", "broker", "launcher"};
    static const char *const steps[] = {"spawn", "register", "connect", "map", "call", "reply", "revoke"};

    for (unsigned v = 0; v < 4; v++) {
        for (unsigned s = 0; s < 7; s++) {
            bool found = v == 0 && s == 1; /* a client registers nothing */
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

/* The table of commands. Adding one means: a row here, its function, and its section of the manual. */
#include "tools/command.h"

#include <string.h>

#include "librealm/core/nearest.h"

#define JSON                                                                                                 \
    {                                                                                                        \
        "--json", 0, NULL, "print JSON instead of text", NULL                                                \
    }
#define INSTANCE                                                                                             \
    {                                                                                                        \
        "--instance", 0, "NAME", "which running system (default: $REALMKIT_INSTANCE, else \"default\")",     \
            NULL                                                                                             \
    }

const struct command command_table[] = {
    {"run",
     "FILE",
     1,
     1,
     "boot a scenario and stream what happens",
     "Reads the scenario, starts its realms, and prints every event until the system has ended: when its "
     "clients have finished, when --for is over, or with ctrl-C, which asks all realms to stop (again: at "
     "once). Refusals of a realm that are alike are printed once a second, then their number (denied-more). "
     "The exit status is 1 if the system could not start or did not end well.",
     "realm run examples/hello.yaml --for 5s",
     {{"--json", 0, NULL, "print events as they are: one JSON object a line", NULL},
      {"--for", 0, "TIME", "end politely after this time, such as 500ms or 5s", NULL},
      {"--waiter", 0, "KIND", "how realms wait: auto, uring or pipe (default: auto)", "auto|uring|pipe"},
      {"--without", 0, "PARTS", "do without these parts of the box, such as userns,landlock", NULL},
      {"--orphan-grace", 0, "TIME", "how long channels live on when the broker dies (default: 5s)", NULL},
      {"--instance", 0, "NAME", "name of this system (default: $REALMKIT_INSTANCE, else \"default\")", NULL},
      {"--quiet", 'q', NULL, "print only what went wrong", NULL}},
     run_main},
    {"check",
     "FILE",
     1,
     1,
     "say whether a scenario is sound, and who may connect to what",
     "Reads the scenario as `realm run` does and starts nothing. Prints what is wrong with file, line, "
     "column "
     "and the line itself; checks the assertions with the policy engine; warns of rules that match nothing "
     "or "
     "everything. The exit status is 1 if there is an error; warnings are not errors.",
     "realm check examples/hello.yaml",
     {JSON},
     check_main},
    {"ps",
     "",
     0,
     0,
     "list the realms",
     "Lists every realm of the running system, also those that are dormant or have ended.",
     "realm ps",
     {JSON, INSTANCE},
     ps_main},
    {"services",
     "",
     0,
     0,
     "list the services",
     "Lists every declared service, its provider, whether it is registered, and who may connect.",
     "realm services",
     {JSON, INSTANCE},
     services_main},
    {"channels",
     "",
     0,
     0,
     "list the open channels",
     "Lists every channel: who is connected to which service of whom, and since when.",
     "realm channels",
     {JSON, INSTANCE},
     channels_main},
    {"caps",
     "",
     0,
     0,
     "list the capabilities",
     "Lists the capabilities: endpoints, memory with its size and whether it is sealed, and what was derived "
     "from them. With --tree each stands below what it was derived from.",
     "realm caps --tree",
     {{"--tree", 0, NULL, "draw the derivation tree", NULL}, JSON, INSTANCE},
     caps_main},
    {"graph",
     "",
     0,
     0,
     "draw the system: realms, services, channels, who may connect, capabilities",
     "Prints the realms as a tree, each with what it provides and what it is connected to. With --dot it "
     "prints "
     "a graph in graphviz's language instead, and with --svg it lets graphviz's program dot draw that.",
     "realm graph --svg system.svg",
     {{"--dot", 0, NULL, "print a graph for graphviz", NULL},
      {"--svg", 0, "FILE", "draw the graph into this file; needs graphviz", NULL},
      INSTANCE},
     graph_main},
    {"explain",
     "[REALM SERVICE]",
     0,
     2,
     "say whether a realm may connect to a service, and why",
     "Shows each rule that is looked at, in order, with its place in the scenario, which one decided, and "
     "the "
     "smallest change of the scenario that allows a connection that is denied, as lines to paste. With "
     "--file it "
     "asks a scenario instead of a running system; with --decision it shows a decision of the past, by the "
     "number "
     "in its event.",
     "realm explain client hello --file examples/hello.yaml",
     {{"--right", 0, "RIGHT", "ask for a channel with this right: send, grant, mint or revoke",
       "send|grant|mint|revoke"},
      {"--file", 0, "FILE", "ask this scenario, with nothing running", NULL},
      {"--decision", 0, "N", "show the decision of this number", NULL},
      JSON,
      INSTANCE},
     explain_main},
    {"spawn",
     "REALM [ARG...]",
     1,
     65,
     "start a realm",
     "Starts a realm that is dormant or has ended, or an instance of a template. Further words are given to "
     "the program after the scenario's own arguments; put -- before words that begin with a dash.",
     "realm spawn worker --name worker-2 -- --fast",
     {{"--name", 0, "NAME", "name of the new instance, if REALM is a template", NULL}, JSON, INSTANCE},
     spawn_main},
    {"kill",
     "REALM",
     1,
     1,
     "end a realm at once",
     "Ends a realm and all its descendants with SIGKILL. Its clients are told. It is not restarted.",
     "realm kill server",
     {JSON, INSTANCE},
     kill_main},
    {"revoke",
     "REALM SERVICE",
     2,
     2,
     "take a realm's channels to a service away",
     "Closes every channel that the realm has to the service, and takes their memory away from both sides, "
     "whatever they do. Both are told. What the scenario allows stays allowed: the realm may connect again.",
     "realm revoke app database",
     {JSON, INSTANCE},
     revoke_main},
    {"limit",
     "REALM memory=SIZE",
     2,
     2,
     "move a running realm's limit of private memory",
     "The process may have that much from now on; what it has already stays. The next start has the "
     "scenario's limit again. The event `limit-moved` says where the limit is.",
     "realm limit app memory=128MiB",
     {JSON, INSTANCE},
     limit_main},
    {"logs",
     "[REALM]",
     0,
     1,
     "print what realms have printed",
     "Prints the lines that the realms' standard output and error have had, of one realm or of all.",
     "realm logs -f client",
     {{"--follow", 'f', NULL, "go on with new lines as they come", NULL}, JSON, INSTANCE},
     logs_main},
    {"fuzz",
     "[SCENARIO]",
     0,
     1,
     "search for a sequence of operations in which the policy is wrong",
     "Lets the policy engine and a second, naive implementation of docs/design/capabilities.md decide the "
     "same "
     "operations, and compares; coverage of the engine guides the search. Without SCENARIO the systems are "
     "made, "
     "too; with it, the system is its, and a state that breaks one of its assertions is a failure as well. A "
     "failure is shrunk, and printed as a scenario that `realm run` replays and as a test. The exit status "
     "is 1 if there is "
     "one.",
     "realm fuzz examples/hello.yaml --time 10s",
     {{"--time", 't', "TIME", "how long (default: 60s; with --sequences: no limit)", NULL},
      {"--jobs", 'j', "N", "how many processes search at once (default: 1)", NULL},
      {"--seed", 0, "S", "where the random sequences begin (default: anywhere)", NULL},
      {"--sequences", 0, "N", "end after this many sequences of each job", NULL},
      {"--corpus", 0, "DIR", "keep inputs that reach something new here, and begin with them", NULL},
      {"--replay", 0, "FILE", "run the case in FILE instead", NULL},
      {"--save", 0, "FILE",
       "write a failure to FILE: a scenario if it ends in .yaml, else a case for --replay", NULL},
      JSON},
     fuzz_main},
    {"doctor",
     "[FILTER]",
     0,
     1,
     "say what this machine gives, what is missing, and how to get it",
     "Tries each part of the box, io_uring and futexes, and looks at the kernel and the limits. With "
     "--filter "
     "it prints the rules of a system call filter with their reasons instead: of the realm's, or of FILTER, "
     "which is realm, broker or launcher. The exit status is 0 if the box can be complete, 1 if a part is "
     "missing.",
     "realm doctor --filter broker",
     {{"--filter", 0, NULL, "print the rules of a filter", NULL}, JSON},
     doctor_main},
    {"bench",
     "[CASE...]",
     0,
     32,
     "measure what calls cost, beside floors and peers",
     "Boots a small system for each case, and measures it in rounds that are interleaved with what this "
     "machine needs at least (floors) and with other ways to send the same bytes (peers). Prints medians and "
     "the quartiles of the ratios, and whether the goals are met; the exit status says only whether "
     "everything could be measured.",
     "realm bench --quick",
     {{"--json", 0, NULL, "print one JSON object a line: the machine, then one a case", NULL},
      {"--quick", 'q', NULL, "own cases, floors and pipe only, in at most 30 s", NULL},
      {"--rounds", 0, "N", "measure in so many rounds (default: 29, with --quick 15)", NULL},
      {"--list", 'l', NULL, "list the cases and measure nothing", NULL}},
     bench_main},
    {"help",
     "[COMMAND]",
     0,
     1,
     "print help, of everything or of one command",
     "The same as `realm COMMAND --help`.",
     "realm help run",
     {{0}},
     help_main},
    {"completion",
     "SHELL",
     1,
     1,
     "print a completion script for bash or zsh",
     "SHELL is bash or zsh. Completes commands and their options.",
     "eval \"$(realm completion bash)\"",
     {{0}},
     completion_main},
};

const size_t command_count = sizeof command_table / sizeof command_table[0];

const struct command *command_find(const char *name)
{
    for (size_t i = 0; i < command_count; i++)
        if (strcmp(command_table[i].name, name) == 0)
            return &command_table[i];
    return NULL;
}

const char *command_nearest(const char *name)
{
    const char *names[sizeof command_table / sizeof command_table[0]];
    for (size_t i = 0; i < command_count; i++)
        names[i] = command_table[i].name;
    return realm_nearest(name, names, command_count);
}

size_t command_options(const struct command *command)
{
    size_t count = 0;
    while (count < COMMAND_OPTIONS_MAX && command->options[count].name)
        count++;
    return count;
}

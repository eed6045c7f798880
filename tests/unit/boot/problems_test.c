/* Every mistake in a scenario is said with its exact place, with advice, and with the line itself. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <realm/error.h>

#include "sim/boot/scenario.h"

static struct scenario_problems problems;
static char folder[64];

static void write_file(const char *name, const char *text, mode_t mode)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    int fd = open(path, O_CREAT | O_WRONLY | O_TRUNC, mode);
    cr_assert_geq(fd, 0);
    cr_assert_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    cr_assert_eq(fchmod(fd, mode), 0);
    close(fd);
}

/* A folder with a program, a text that is none, and a folder. */
static void set_up(void)
{
    char below[128];
    scenario_problems_init(&problems);
    strcpy(folder, "/tmp/realmkit-problems-XXXXXX");
    cr_assert_not_null(mkdtemp(folder));
    write_file("p", "#!/bin/sh\n", 0755);
    write_file("text", "words\n", 0644);
    snprintf(below, sizeof below, "%s/sub", folder);
    cr_assert_eq(mkdir(below, 0755), 0);
    write_file("sub/q", "#!/bin/sh\n", 0755);
}

static void tear_down(void)
{
    char command[128];
    scenario_problems_deinit(&problems);
    snprintf(command, sizeof command, "rm -rf %s", folder);
    cr_assert_eq(system(command), 0);
}

TestSuite(problems, .init = set_up, .fini = tear_down);

static int read_text(const char *text, struct mm_config **ret_config)
{
    char beside[128];
    snprintf(beside, sizeof beside, "%s/sub", folder);
    struct scenario_origin origin = {.name = "t.yaml", .folder = folder, .beside = beside, .look = true};
    scenario_problems_deinit(&problems);
    return scenario_read_text(text, strlen(text), &origin, &problems, ret_config);
}

/* The text has this problem at this place, among others or alone. */
static void expect(const char *text, uint32_t line, uint32_t column, const char *words)
{
    struct mm_config *config = NULL;
    cr_assert_eq(read_text(text, &config), REALM_E_BAD_ARGUMENT, "no problem in: %s", text);
    cr_assert_null(config);
    for (size_t i = 0; i < problems.count; i++)
        if (problems.list[i].place.line == line && problems.list[i].place.column == column &&
            strstr(problems.list[i].message, words))
            return;
    for (size_t i = 0; i < problems.count; i++)
        fprintf(stderr, "%u:%u: %s\n", problems.list[i].place.line, problems.list[i].place.column,
                problems.list[i].message);
    cr_assert_fail("no problem \"%s\" at %u:%u in: %s", words, line, column, text);
}

/* A mistake within a realm, a service or a grant: the rest of the scenario is right. */
#define HEAD "system: s\nrealms:\n  - {name: a, program: p}\n  - {name: b, program: p}\n"
static void expect_realm(const char *keys, uint32_t column, const char *words)
{
    char text[2048];
    snprintf(text, sizeof text, HEAD "  - {name: c, program: p, %s}\n", keys);
    expect(text, 5, column, words);
    cr_assert_eq(problems.errors, 1u, "%s: %zu problems", keys, problems.errors);
}

static void expect_service(const char *keys, uint32_t column, const char *words)
{
    char text[2048];
    snprintf(text, sizeof text, HEAD "services:\n  - {name: x, provider: a, %s}\n", keys);
    expect(text, 6, column, words);
    cr_assert_eq(problems.errors, 1u, "%s: %zu problems", keys, problems.errors);
}

static void expect_rule(const char *section, const char *rule, uint32_t column, const char *words)
{
    char text[2048];
    snprintf(text, sizeof text, HEAD "services: [{name: database, provider: a}]\n%s:\n  - %s\n", section,
             rule);
    expect(text, 7, column, words);
    cr_assert_eq(problems.errors, 1u, "%s: %zu problems", rule, problems.errors);
}

/* Goal: the scenario that the other tests put their mistakes into has none. */
Test(problems, the_frame_is_right)
{
    struct mm_config *config = NULL;
    cr_assert_eq(read_text(HEAD "services: [{name: database, provider: a}]\n", &config), 0);
    cr_assert_eq(problems.count, 0u);
    mm_config_free(config);
}

/* Goal: unknown keys are refused on every level, with the nearest known one, or without any. */
Test(problems, unknown_keys)
{
    expect("sytem: s\nrealms: []\n", 1, 1, "unknown key \"sytem\" in a scenario; did you mean \"system\"?");
    expect_realm("progarm: p", 27, "unknown key \"progarm\" in a realm; did you mean \"program\"?");
    expect_realm("zzzzzz: 1", 27, "unknown key \"zzzzzz\" in a realm");
    expect_realm("start_limit: {conut: 1}", 41,
                 "unknown key \"conut\" in start_limit; did you mean \"count\"?");
    expect_realm("files: {f: {path: text, mod: r}}", 51,
                 "unknown key \"mod\" in a file; did you mean \"mode\"?");
    expect_service("acess: [b]", 28, "unknown key \"acess\" in a service; did you mean \"access\"?");
    expect_rule("grants", "{to: a, service: database, right: [send]}", 32, "did you mean \"rights\"?");
    expect_rule("assert", "{nevr: b -> database}", 6, "did you mean \"never\"?");
    expect_realm("<<: 1", 27, "merge keys");
}

/* Goal: a key that is there twice is refused at the second place. */
Test(problems, duplicate_keys)
{
    expect("system: a\nsystem: b\nrealms: [{name: a, program: p}]\n", 2, 1, "here twice; first in line 1");
    expect_realm("name: d", 27, "the key \"name\" is here twice");
    expect_realm("files: {f: {path: text}, f: {path: text}}", 52, "the file \"f\" is here twice");
}

/* Goal: what must be there and is not is named, at the map that lacks it. */
Test(problems, missing_keys)
{
    expect("realms: [{name: a, program: p}]\n", 1, 1, "needs the key \"system\"");
    expect("system: s\n", 1, 1, "needs the key \"realms\"");
    expect("system: s\nrealms: [{program: p}]\n", 2, 10, "a realm needs the key \"name\"");
    expect("system: s\nrealms: [{name: a}]\n", 2, 10, "a realm needs the key \"program\"");
    expect(HEAD "services: [{name: x}]\n", 5, 12, "a service needs the key \"provider\"");
    expect_realm("files: {f: {mode: r}}", 38, "a file needs the key \"path\"");
    expect_rule("grants", "{to: a}", 5, "a grant needs the key \"service\"");
    expect_rule("assert", "{}", 5, "an assertion needs never:, only: or always:");
    expect("", 0, 0, "the file is empty");
}

/* Goal: wrong types are refused, and say what was found and what is wanted. */
Test(problems, wrong_types)
{
    expect("[a]\n", 1, 1, "a scenario must be a map");
    expect("system: 5\nrealms: [{name: a, program: p}]\n", 1, 9, "write \"5\"");
    expect("system: s\nrealms: {a: b}\n", 2, 9, "realms must be a list");
    expect("system: s\nrealms: [a]\n", 2, 10, "a realm must be a map");
    expect("system: s\nrealms: [{name: true, program: p}]\n", 2, 17, "write \"true\"");
    expect("system: s\nrealms: [{name: , program: p}]\n", 2, 11,
           "name must be a string, and this is nothing");
    expect_realm("args: x", 33, "args must be a list");
    expect_realm("args: [[x]]", 34, "an argument must be a string");
    expect_realm("args: [~]", 34, "an argument must be a string");
    expect_realm("files: [f]", 34, "files must be a map");
    expect_realm("files: {f: text}", 38, "a file must be a map");
    expect_realm("files: {f: {path: [text]}}", 45, "path must be a string");
    expect_realm("template: yes", 37, "template must be true or false");
    expect_realm("start: 1", 34, "start must be true or false, and this is a number");
    expect_realm("restart: always", 36, "restart \"always\" is none of: never, on-failure");
    expect_realm("start_limit: 5", 40, "start_limit must be a map");
    expect_realm("start_limit: {count: many}", 48, "count must be a whole number");
    expect_realm("start_limit: {count: 0}", 48, "count must be from 1");
    expect_realm("limits: 5", 35, "limits must be a map");
    expect_realm("limits: {memory: 64}", 44, "memory must be a size such as 512KiB, 64MiB or 1GiB");
    expect_realm("limits: {memory: 64MB}", 44, "memory must be a size");
    expect_realm("limits: {memory: -1MiB}", 44, "memory must be a size");
    expect_realm("limits: {memory: 1KiB}", 44, "memory must be from 1024KiB to 1048576MiB");
    expect_realm("limits: {log: 1GiB}", 41, "log must be from 1KiB to 1MiB");
    expect_realm("limits: {descriptors: 3}", 49, "descriptors must be from 64");
    expect_realm("limits: {memroy: 64MiB}", 36, "did you mean \"memory\"?");
    expect_realm("start_limit: {within: 10}", 49, "a number and a unit");
    expect_service("access: 5", 36, "must be a string");
    expect_service("access: {a: b}", 36, "access must be a list");
    expect_service("aliases: db", 37, "aliases must be a list");
    expect_service("endpoint: one", 38, "endpoint must be a whole number");
    expect_service("queue: 7", 35, "queue must be a map");
    expect_service("queue: {messages: 0}", 46, "messages must be from 1 to 4096");
    expect_service("queue: {messages: 4097}", 46, "messages must be from 1 to 4096");
    expect_service("queue: {messages: 18446744073709551617}", 46, "messages must be from 1 to 4096");
    expect_service("queue: {bytes: 4KiB}", 43, "bytes must be from 5KiB to 256KiB");
    expect_service("queue: {bytes: 0KiB}", 43, "bytes must be from 5KiB to 256KiB");
    expect_service("queue: {bytes: 257KiB}", 43, "bytes must be from 5KiB to 256KiB");
    expect_service("queue: {bytes: 4194309KiB}", 43, "bytes must be from 5KiB to 256KiB");
    expect_service("queue: {bytes: 8191}", 43, "bytes must be ");
    expect_service("queue: {bytes: 8200B}", 43, "bytes must be ");
    expect_service("queue: {lines: 5}", 36, "unknown key");
    expect_service("port: -1", 34, "port must be from 0");
    expect_service("port: 4294967296", 34, "port must be from 0");
    expect_service("port: 99999999999999999999999", 34, "port must be from 0");
    expect_rule("grants", "{to: a, service: database, rights: send}", 40, "rights must be a list");
    expect_rule("grants", "{to: a, service: database, rights: []}", 40,
                "without the right send nobody can connect: write [send]");
    expect_rule("grants", "{to: a, service: database, rights: [recv]}", 41, "none of: send");
    expect_rule("assert", "{never: [a]}", 13, "an assertion must be a string");
    expect_rule("assert", "{never: a to b}", 13, "\"realm -> service\"");
    expect_rule("assert", "{never: b -> database, always: b -> database}", 28,
                "one assertion says one of never, only and always");
    expect_rule("require", "gpu", 5, "a requirement \"gpu\" is none of: userns");
    expect_rule("require", "landlok", 5, "did you mean \"landlock\"?");
}

/* Goal: references that lead nowhere are refused where they stand, with the nearest name. */
Test(problems, references)
{
    expect_realm("parent: aa", 35, "there is no realm \"aa\"; did you mean \"a\"?");
    expect_service("access: [nobody]", 37, "there is no realm \"nobody\"");
    expect_service("access: [childen]", 37, "did you mean \"children\"?");
    expect(HEAD "services: [{name: x, provider: c}]\n", 5, 32, "there is no realm \"c\"");
    expect_rule("grants", "{to: cc, service: database}", 10, "there is no realm \"cc\"");
    expect_rule("grants", "{to: b, service: databse}", 22,
                "there is no service \"databse\"; did you mean \"database\"?");
    expect_rule("assert", "{never: b -> databse}", 13, "did you mean \"database\"?");
    expect_rule("assert", "{never: z -> database}", 13, "there is no realm \"z\"");
}

/* Goal: names are unique (services and aliases share one space), well formed, and not reserved. */
Test(problems, names)
{
    char text[700], name[300];
    expect(HEAD "  - {name: a, program: p}\n", 5, 5, "the realm \"a\" is declared in line 3 already");
    expect(HEAD "services:\n  - {name: x, provider: a}\n  - {name: y, provider: a, aliases: [x]}\n", 7, 38,
           "the service or alias \"x\" is declared in line 6 already");
    expect(
        HEAD
        "services:\n  - {name: x, provider: a, port: 5}\n  - {name: y, provider: a, aliases: [\"port:5\"]}\n",
        7, 38, "declared in line 6 already");
    expect("system: s\nrealms: [{name: children, program: p}]\n", 2, 17, "has a meaning in access lists");
    expect("system: s\nrealms: [{name: all, program: p}]\n", 2, 17, "has a meaning in access lists");
    expect("system: s\nrealms: [{name: \"\", program: p}]\n", 2, 17, "is not a name");
    expect("system: s\nrealms: [{name: \"a\\nb\", program: p}]\n", 2, 17, "\"a?b\" is not a name");
    memset(name, 'n', 256);
    name[256] = '\0';
    snprintf(text, sizeof text, "system: s\nrealms: [{name: %s, program: p}]\n", name);
    expect(text, 2, 17, "1 to 255 bytes");
    expect_realm("files: {\"a=b\": {path: text}}", 35, "cannot have \"=\"");
    expect_realm("files: {\"a,b\": {path: text}}", 35, "or \",\"");
}

/* Goal: a realm is not its own ancestor; who is meant to start can. */
Test(problems, parents)
{
    expect_realm("parent: c", 5, "its parents go round in a circle");
    expect(HEAD "  - {name: c, program: p, parent: d}\n  - {name: d, program: p, parent: c}\n", 5, 5,
           "its own ancestor");
    cr_assert_eq(problems.errors, 1u);
    expect_realm("template: true, start: true", 50, "a template does not start by itself");
    expect(HEAD
           "  - {name: c, program: p, start: false}\n  - {name: d, program: p, parent: c, start: true}\n",
           6, 45, "the parent \"c\" does not start at boot");
    expect(HEAD "  - {name: c, program: p, template: true}\n  - {name: d, program: p, parent: c}\n", 6, 35,
           "make the child a template, too");
}

/* Goal: programs and files are looked for, and it is said where. */
Test(problems, paths)
{
    expect("system: s\nrealms: [{name: a, program: ./no}]\n", 2, 29,
           "program \"./no\" is not found; looked for /");
    expect("system: s\nrealms: [{name: a, program: no}]\n", 2, 29, "/libexec/realmkit/no");
    expect("system: s\nrealms: [{name: a, program: no}]\n", 2, 29, "/sub/no");
    expect("system: s\nrealms: [{name: a, program: text}]\n", 2, 29, "chmod +x");
    expect("system: s\nrealms: [{name: a, program: sub}]\n", 2, 29, "is a folder");
    expect("system: s\nrealms: [{name: a, program: \"\"}]\n", 2, 29, "1 to 4095 bytes");
    expect_realm("files: {f: {path: nothing}}", 45, "No such file");
    expect_realm("files: {f: {path: nothing, mode: rw}}", 45, "mode w");
    expect_realm("files: {f: {path: nowhere/new, mode: a}}", 45, "there is no folder");
    expect_realm("files: {f: {path: sub}}", 45, "is a folder");
    struct mm_config *config = NULL;
    cr_assert_eq(
        read_text("system: s\nrealms: [{name: a, program: q, files: {f: {path: sub/new, mode: w}}}]\n",
                  &config),
        0, "found beside the command, and a file that can be made");
    cr_assert_not_null(strstr(config->realms[0].program, "/sub/q"));
    mm_config_free(config);
}

/* Goal: 4096 realms and services are fine, one more is refused; so are too many files, arguments, bytes. */
Test(problems, limits)
{
    char *text = NULL;
    size_t size;
    FILE *stream = open_memstream(&text, &size);
    fputs("system: s\nrealms:\n", stream);
    for (int i = 0; i < 4096; i++)
        fprintf(stream, "  - {name: r%d, program: p}\n", i);
    fflush(stream);
    struct mm_config *config = NULL;
    cr_assert_eq(read_text(text, &config), 0);
    mm_config_free(config);
    fputs("  - {name: more, program: p}\n", stream);
    fclose(stream);
    expect(text, 3, 3, "1 to 4096 realms");
    free(text);

    stream = open_memstream(&text, &size);
    fputs(HEAD "services:\n", stream);
    for (int i = 0; i < 4097; i++)
        fprintf(stream, "  - {name: s%d, provider: a}\n", i);
    fclose(stream);
    expect(text, 6, 3, "4096 services");
    free(text);

    stream = open_memstream(&text, &size);
    fputs(HEAD "  - name: c\n    program: p\n    files:\n", stream);
    for (int i = 0; i < 65; i++)
        fprintf(stream, "      f%d: {path: text}\n", i);
    fputs("    args:\n", stream);
    for (int i = 0; i < 1025; i++)
        fputs("      - x\n", stream);
    fclose(stream);
    expect(text, 8, 7, "64 files");
    expect(text, 74, 7, "1024 arguments");
    free(text);

    stream = open_memstream(&text, &size);
    fprintf(stream, HEAD "  - {name: c, program: p, args: [%040000d, %040000d]}\n", 1, 1);
    fclose(stream);
    expect(text, 5, 40036, "65536 bytes");
    free(text);
}

/* Goal: twenty problems are kept, in the order of the file, and the others are counted. */
Test(problems, many)
{
    char text[4000] = "system: s\nrealms: [{name: a, program: p}]\n";
    for (int i = 0; i < 50; i++)
        sprintf(text + strlen(text), "key%d: 1\n", i);
    struct mm_config *config = NULL;
    cr_assert_eq(read_text(text, &config), REALM_E_BAD_ARGUMENT);
    cr_assert_eq(problems.count, SCENARIO_PROBLEMS_MAX);
    cr_assert_eq(problems.errors, 50u);
    for (size_t i = 0; i < problems.count; i++)
        cr_assert_eq(problems.list[i].place.line, 3u + i);
}

static char *printed(void)
{
    char *text = NULL;
    size_t size;
    FILE *stream = open_memstream(&text, &size);
    scenario_problems_print(&problems, stream, false);
    fclose(stream);
    return text;
}

/* Goal: what is printed is file:line:column, the message, the line and a caret below the column. */
Test(problems, printing)
{
    struct mm_config *config = NULL;
    read_text("system: s\nrealms:\n  - {name: é, program: p, acess: 1}\n", &config);
    char *text = printed();
    cr_assert_str_eq(text, "t.yaml:3:27: unknown key \"acess\" in a realm\n"
                           "      - {name: é, program: p, acess: 1}\n"
                           "                              ^\n");
    free(text);
}

/* Goal: of a very long line only the part around the place is shown, and nothing of it commands a terminal.
 */
Test(problems, printing_long_lines)
{
    char text[3000];
    struct mm_config *config = NULL;
    snprintf(text, sizeof text,
             "system: s\nrealms: [{name: a, program: p, args: [%01000d], k: \"\\e[31m\"}]\n", 7);
    read_text(text, &config);
    cr_assert_eq(problems.errors, 1u);
    char *shown = printed();
    cr_assert_lt(strlen(shown), 400u);
    cr_assert_not_null(strstr(shown, "k: \"\\e[31m\"}]"), "%s", shown);
    cr_assert_null(strchr(shown, '\033'));
    free(shown);
    scenario_problems_add(&problems, SCENARIO_ERROR, (struct mm_place){0, 0}, "raw \033[31m \xc2\x9b \xff");
    cr_assert_str_eq(problems.list[1].message, "raw ?[31m ?? ?");
}

/* Goal: a file that cannot be read is one problem, without a place. */
Test(problems, unreadable_files)
{
    struct mm_config *config = NULL;
    char path[128];
    cr_assert_eq(scenario_read("/nonexistent/s.yaml", &problems, &config), REALM_E_BAD_ARGUMENT);
    cr_assert_eq(problems.count, 1u);
    cr_assert_eq(problems.list[0].place.line, 0u);
    scenario_problems_deinit(&problems);
    cr_assert_eq(scenario_read(folder, &problems, &config), REALM_E_BAD_ARGUMENT);
    cr_assert_not_null(strstr(problems.list[0].message, "directory"));
    scenario_problems_deinit(&problems);
    snprintf(path, sizeof path, "%s/pipe", folder);
    cr_assert_eq(mkfifo(path, 0600), 0);
    cr_assert_eq(scenario_read(path, &problems, &config), REALM_E_BAD_ARGUMENT); /* and does not hang */
}

/* Goal: from a file, paths start at the file's folder, wherever we are. */
Test(problems, from_a_file)
{
    char path[128];
    struct mm_config *config = NULL;
    write_file("s.yaml", "system: s\nrealms: [{name: a, program: p, files: {f: {path: text}}}]\n", 0644);
    snprintf(path, sizeof path, "%s/s.yaml", folder);
    cr_assert_eq(scenario_read(path, &problems, &config), 0);
    cr_assert_eq(config->realms[0].program[0], '/');
    cr_assert_eq(access(config->realms[0].program, X_OK), 0);
    cr_assert_eq(access(config->realms[0].files[0].path, R_OK), 0);
    mm_config_free(config);
}

/* Scenarios that are right: every key, its default, and what it becomes. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include <realm/error.h>
#include <realm/types.h>

#include "sim/boot/scenario.h"

static struct scenario_problems problems;
static struct mm_config *config;

static void set_up(void)
{
    scenario_problems_init(&problems);
    config = NULL;
}

static void tear_down(void)
{
    scenario_problems_deinit(&problems);
    mm_config_free(config);
}

TestSuite(scenario, .init = set_up, .fini = tear_down);

static void read_text(const char *text)
{
    static const struct scenario_origin origin = {
        .name = "test.yaml", .folder = "/home/u", .beside = "/opt/bin", .look = false};
    int error = scenario_read_text(text, strlen(text), &origin, &problems, &config);
    cr_assert_eq(error, 0, "%s", problems.count ? problems.list[0].message : "?");
    cr_assert_eq(problems.errors, 0u);
}

/* Goal: the smallest scenario, and the defaults of everything it does not say. */
Test(scenario, defaults)
{
    read_text("system: s\nrealms:\n  - {name: a, program: ./p}\n");
    cr_assert_str_eq(config->system, "s");
    cr_assert_str_eq(config->source, "test.yaml");
    cr_assert_eq(config->realms_count, 1u);
    const struct mm_realm *realm = &config->realms[0];
    cr_assert_str_eq(realm->name, "a");
    cr_assert_str_eq(realm->program, "/home/u/p");
    cr_assert_not_null(realm->args);
    cr_assert_null(realm->args[0]);
    cr_assert_eq(realm->files_count, 0u);
    cr_assert_eq(realm->parent, MM_INIT);
    cr_assert(realm->start && !realm->template && !realm->provider);
    cr_assert_eq(realm->restart, MM_RESTART_NEVER);
    cr_assert_eq(realm->start_limit_count, 5u);
    cr_assert_eq(realm->start_limit_ns, UINT64_C(10000000000));
    cr_assert_eq(realm->limits.memory_bytes, 64u << 20);
    cr_assert_eq(realm->limits.address_space_bytes, 1u << 30);
    cr_assert_eq(realm->limits.threads, 32u);
    cr_assert_eq(realm->limits.descriptors, 4096u);
    cr_assert_eq(realm->limits.channels, 0u); /* it depends on what it provides */
    cr_assert_eq(realm->limits.waits, 32u);
    cr_assert_eq(realm->limits.log_bytes, 32768u);
    cr_assert_eq(realm->place.line, 3u);
    cr_assert_eq(realm->place.column, 5u);
    cr_assert_eq(config->services_count + config->grants_count + config->asserts_count, 0u);
}

/* Goal: every limit arrives, in its unit; those that are not named keep their default. */
Test(scenario, limits)
{
    read_text(
        "system: s\nrealms:\n  - name: a\n    program: p\n    limits: {memory: 512MiB, address_space: 3GiB, "
        "threads: 2, descriptors: 64, channels: 7, waits: 1, log: 8KiB, cpu_weight: 50}\n"
        "  - {name: b, program: p, limits: {threads: 4}}\n");
    const struct mm_limits *a = &config->realms[0].limits, *b = &config->realms[1].limits;
    cr_assert_eq(a->memory_bytes, UINT64_C(512) << 20);
    cr_assert_eq(a->address_space_bytes, UINT64_C(3) << 30);
    cr_assert(a->threads == 2 && a->descriptors == 64 && a->channels == 7 && a->waits == 1);
    cr_assert_eq(a->log_bytes, 8192u);
    cr_assert_eq(a->cpu_weight, 50u);
    cr_assert(a->places[MM_LIMIT_MEMORY].line == 5 && a->places[MM_LIMIT_MEMORY].column == 22);
    cr_assert(a->places[MM_LIMIT_CPU_WEIGHT].line == 5 && a->places[MM_LIMIT_CPU_WEIGHT].column == 126);
    cr_assert_eq(b->places[MM_LIMIT_MEMORY].line, 0u);
    cr_assert_eq(b->places[MM_LIMIT_THREADS].line, 6u);
    cr_assert(b->threads == 4 && b->descriptors == 4096 && b->memory_bytes == 64u << 20);
}

/* Goal: every key of a realm arrives. */
Test(scenario, realm_keys)
{
    read_text("system: s\nrealms:\n"
              "  - name: a\n"
              "    program: /bin/a\n"
              "    args: [--n, 10, \"\", true]\n"
              "    files:\n"
              "      r: {path: x}\n"
              "      w: {path: /y, mode: w}\n"
              "      b: {path: z/z, mode: rw}\n"
              "      l: {path: ./l, mode: a}\n"
              "    start: false\n"
              "    restart: on-failure\n"
              "    start_limit: {count: 2, within: 500ms}\n"
              "  - {name: t, program: p, parent: a, template: true, private_code: true}\n");
    const struct mm_realm *a = &config->realms[0], *t = &config->realms[1];
    static const char *const args[] = {"--n", "10", "", "true"};
    for (size_t i = 0; i < 4; i++)
        cr_assert_str_eq(a->args[i], args[i]);
    cr_assert_null(a->args[4]);
    static const struct {
        const char *name, *path;
        enum mm_file_mode mode;
    } files[] = {{"r", "/home/u/x", MM_FILE_READ},
                 {"w", "/y", MM_FILE_WRITE},
                 {"b", "/home/u/z/z", MM_FILE_READ_WRITE},
                 {"l", "/home/u/l", MM_FILE_APPEND}};
    cr_assert_eq(a->files_count, 4u);
    for (size_t i = 0; i < 4; i++) {
        cr_assert_str_eq(a->files[i].name, files[i].name);
        cr_assert_str_eq(a->files[i].path, files[i].path);
        cr_assert_eq(a->files[i].mode, files[i].mode);
        cr_assert_eq(a->files[i].place.line, 7u + i);
        cr_assert_eq(a->files[i].place.column, 7u);
    }
    cr_assert_not(a->start);
    cr_assert_eq(a->restart, MM_RESTART_ON_FAILURE);
    cr_assert_eq(a->start_limit_count, 2u);
    cr_assert_eq(a->start_limit_ns, 500000000u);
    cr_assert_eq(a->start_limit_place.line, 13u);
    cr_assert_eq(a->start_limit_place.column, 18u);
    cr_assert_eq(t->start_limit_place.line, 0u, "it is the default");
    cr_assert_eq(t->parent, 0u);
    cr_assert(t->template && !t->start);
    cr_assert(t->private_code && !a->private_code);
}

/* Goal: who starts at boot: top-level realms; not children, not templates; as said, where it is said. */
Test(scenario, start)
{
    read_text("system: s\nrealms:\n"
              "  - {name: child, program: p, parent: top}\n" /* declared before its parent */
              "  - {name: top, program: p}\n"
              "  - {name: eager, program: p, parent: top, start: true}\n"
              "  - {name: lazy, program: p, start: false}\n"
              "  - {name: mould, program: p, template: true}\n");
    static const bool starts[] = {false, true, true, false, false};
    for (size_t i = 0; i < 5; i++)
        cr_assert_eq(config->realms[i].start, starts[i], "%s", config->realms[i].name);
    cr_assert_eq(config->realms[0].parent, 1u);
}

/* Goal: every key of a service arrives; endpoint and port become aliases; one word of access needs no list.
 */
Test(scenario, service_keys)
{
    read_text("system: s\nrealms: [{name: a, program: p}, {name: b, program: p}, {name: c, program: p}]\n"
              "services:\n"
              "  - name: db\n"
              "    provider: b\n"
              "    access: [a, children, all]\n"
              "    aliases: [store, \"DB::MAIN\"]\n"
              "    endpoint: 0x10\n"
              "    port: 11001\n"
              "    queue: {messages: 1000, bytes: 256KiB}\n"
              "  - {name: other, provider: a, access: all}\n"
              "  - {name: closed, provider: a, queue: {messages: 4096}}\n");
    const struct mm_service *db = &config->services[0];
    cr_assert_str_eq(db->name, "db");
    cr_assert_eq(db->provider, 1u);
    cr_assert_eq(db->access_count, 3u);
    cr_assert_eq(db->access[0].kind, MM_ACCESS_REALM);
    cr_assert_eq(db->access[0].realm, 0u);
    cr_assert_eq(db->access[0].place.line, 6u);
    cr_assert_eq(db->access[0].place.column, 14u);
    cr_assert_eq(db->access[1].kind, MM_ACCESS_CHILDREN);
    cr_assert_eq(db->access[2].kind, MM_ACCESS_ALL);
    static const char *const aliases[] = {"store", "DB::MAIN", "endpoint:16", "port:11001"};
    cr_assert_eq(db->aliases_count, 4u);
    for (size_t i = 0; i < 4; i++)
        cr_assert_str_eq(db->aliases[i].name, aliases[i]);
    cr_assert_eq(db->queue.messages, 1000u);
    cr_assert_eq(db->queue.bytes, 256u * 1024u);
    cr_assert_eq(config->services[1].queue.messages, 0u);
    cr_assert_eq(config->services[2].queue.messages, 4096u);
    cr_assert_eq(config->services[2].queue.bytes, 0u);
    cr_assert_eq(config->services[1].access_count, 1u);
    cr_assert_eq(config->services[1].access[0].kind, MM_ACCESS_ALL);
    cr_assert_eq(config->services[2].access_count, 0u);
    cr_assert(config->realms[0].provider && config->realms[1].provider && !config->realms[2].provider);
}

/* Goal: grants, assertions and requirements arrive; services may be named by an alias; order does not matter.
 */
Test(scenario, rules)
{
    read_text("assert:\n  - never: a -> db\n  - always: \"b->port:5\"\n"
              "grants:\n  - {to: a, service: port:5, rights: [send]}\n  - {to: b, service: db}\n"
              "require: [uring, waitv, userns, landlock, seccomp, cgroup]\n"
              "services:\n  - {name: db, provider: b, port: 5}\n"
              "realms:\n  - {name: a, program: p}\n  - {name: b, program: p}\n"
              "system: s\n");
    cr_assert_eq(config->grants_count, 2u);
    cr_assert_eq(config->grants[0].realm, 0u);
    cr_assert_eq(config->grants[0].service, 0u);
    cr_assert_eq(config->grants[0].rights, REALM_RIGHT_SEND);
    cr_assert_eq(config->grants[1].rights, REALM_RIGHT_SEND);
    cr_assert_eq(config->grants[1].place.line, 6u);
    cr_assert_eq(config->asserts_count, 2u);
    cr_assert_eq(config->asserts[0].kind, MM_ASSERT_NEVER);
    cr_assert_eq(config->asserts[1].kind, MM_ASSERT_ALWAYS);
    cr_assert_eq(config->asserts[1].subjects[0].realm, 1u);
    cr_assert_eq(config->requirements_count, 6u);
    cr_assert_eq(config->requirements[0].kind, MM_REQUIRE_URING);
    cr_assert_eq(config->requirements[5].kind, MM_REQUIRE_CGROUP);
}

/* Goal: names are compared as bytes and may be any text: spaces, other scripts, words of YAML in quotes. */
Test(scenario, names_are_free)
{
    read_text("system: \"true\"\nrealms: [{name: \"1\", program: p}, {name: \"two words\", program: p}, "
              "{name: 服務, "
              "program: p}]\n"
              "assert: []\n");
    cr_assert_str_eq(config->system, "true");
    cr_assert_str_eq(config->realms[1].name, "two words");
    cr_assert_str_eq(config->realms[2].name, "服務");
}

/* `realm doctor`: what this machine gives for the box and for waiting; and the tables of the filters. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/utsname.h>

#include "librealm/os/linux/probe.h"
#include "mm/sandbox/features.h"
#include "mm/sandbox/filter.h"
#include "tools/doctor_memory.h"
#include "tools/print.h"

/* What is lost with each part, in the order of enum sandbox_part. */
static const struct {
    const char *what;
    const char *without;
} parts[] = {
    {"user, pid, mount, ipc, uts and net namespaces together, and an empty root in them",
     "realms see the host's names of processes and files; the filter still denies the calls that use them"},
    {"Landlock", "the empty root and the filter alone keep realms from files and the network"},
    {"seccomp filters with listeners", "there is no box: nothing starts"},
    {"io_uring with futex waits and restrictions", "servers wait on a pipe of hints (--waiter=pipe)"},
    {"futex_waitv", "a call waits on one word, and looks at the other from time to time"},
    {"a cgroup of our own with memory and pids", "each realm has its limits, but nothing bounds the kernel's "
                                                 "memory for it; threads are counted by its user "
                                                 "namespace, or by a cgroup of version 1"},
};

static json_t *describe_parts(const struct sandbox_features *features)
{
    json_t *rows = json_array();
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        json_array_append_new(rows, json_pack("{s:s, s:s, s:b, s:s, s:s?, s:s?}", "part",
                                              sandbox_part_name(1u << i), "what", parts[i].what, "present",
                                              (features->present >> i & 1u) != 0, "without", parts[i].without,
                                              "why", features->why[i], "how", features->how[i]));
    }
    return rows;
}

static void add_limit(json_t *rows, const char *name, int resource, rlim_t wanted, const char *meaning)
{
    struct rlimit limit;
    if (getrlimit((__rlimit_resource_t)resource, &limit) != 0)
        return;
    json_t *soft = limit.rlim_cur == RLIM_INFINITY ? json_null() : json_integer((json_int_t)limit.rlim_cur);
    json_t *hard = limit.rlim_max == RLIM_INFINITY ? json_null() : json_integer((json_int_t)limit.rlim_max);
    json_array_append_new(rows, json_pack("{s:s, s:o, s:o, s:b, s:s}", "limit", name, "soft", soft, "hard",
                                          hard, "enough", limit.rlim_max >= wanted, "meaning", meaning));
}

static json_t *describe_limits(void)
{
    json_t *rows = json_array();
    add_limit(rows, "nofile", RLIMIT_NOFILE, 4096,
              "descriptors: the broker needs 4 for each channel, and those in flight count per user");
    add_limit(rows, "memlock", RLIMIT_MEMLOCK, 64 * 1024, "locked memory: older kernels count io_uring here");
    add_limit(rows, "nproc", RLIMIT_NPROC, 256, "processes and threads of this user, all realms together");
    return rows;
}

static json_t *describe(const struct sandbox_features *features)
{
    struct utsname names;
    if (uname(&names) != 0)
        return NULL;
    bool affected = realm_waiter_kernel_affected(names.release);
    bool ring = (features->present & SANDBOX_URING) != 0;
    uint64_t bound;
    json_t *memory = doctor_memory_bound(&bound) ? json_integer((json_int_t)bound) : json_null();
    return json_pack("{s:s, s:s, s:b, s:i, s:s, s:o, s:o, s:o}", "kernel", names.release, "machine",
                     names.machine, "cve_2025_39698", affected, "landlock_abi", features->landlock_abi,
                     "default_waiter", ring ? "uring" : "pipe", "memory_bound_bytes", memory, "parts",
                     describe_parts(features), "limits", describe_limits());
}

/* --- for people --- */

static void print_part(const json_t *part)
{
    const char *why = json_string_value(json_object_get(part, "why"));
    const char *name = json_string_value(json_object_get(part, "part"));
    if (!why) {
        printf("  %-9s present  %s\n", name, json_string_value(json_object_get(part, "what")));
        return;
    }
    printf("  %-9s MISSING  %s\n", name, why);
    printf("            means    %s\n", json_string_value(json_object_get(part, "without")));
    printf("            to get   %s\n", json_string_value(json_object_get(part, "how")));
}

static void print_amount(const json_t *value)
{
    if (json_is_null(value))
        printf("unlimited");
    else
        printf("%" JSON_INTEGER_FORMAT, json_integer_value(value));
}

static void print_limit(const json_t *limit)
{
    printf("  %-9s ", json_string_value(json_object_get(limit, "limit")));
    print_amount(json_object_get(limit, "soft"));
    printf(" of ");
    print_amount(json_object_get(limit, "hard"));
    if (json_is_false(json_object_get(limit, "enough")))
        printf("  LOW: raise it in /etc/security/limits.conf or with ulimit");
    printf("  (%s)\n", json_string_value(json_object_get(limit, "meaning")));
}

static void print_facts(const json_t *facts)
{
    const json_t *row;
    size_t index;
    printf("kernel %s (%s)%s\n", json_string_value(json_object_get(facts, "kernel")),
           json_string_value(json_object_get(facts, "machine")),
           json_is_true(json_object_get(facts, "cve_2025_39698"))
               ? ": has CVE-2025-39698, so io_uring is not used; get 6.12.44, 6.16.4, 6.17 or later"
               : ": none of those known to be bad");
    printf("default waiter %s, Landlock ABI %" JSON_INTEGER_FORMAT "\n",
           json_string_value(json_object_get(facts, "default_waiter")),
           json_integer_value(json_object_get(facts, "landlock_abi")));
    puts("\nparts of the box");
    json_array_foreach(json_object_get(facts, "parts"), index, row) print_part(row);
    puts("\nlimits");
    json_array_foreach(json_object_get(facts, "limits"), index, row) print_limit(row);
    const json_t *bound = json_object_get(facts, "memory_bound_bytes");
    printf("  %-9s ", "memory");
    print_amount(bound);
    puts(json_is_null(bound)
             ? "  (no memory cgroup bounds the kernel memory of rings and sockets: servers that "
               "many clients connect to can take gigabytes)"
             : "  (of the memory cgroup that we are in; kernel memory counts)");
}

/* --- the filters --- */

static bool filter_named(const char *word, enum sandbox_filter *ret_filter)
{
    static const char *const words[] = {"realm", "broker", "launcher"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (strcmp(word, words[i]) == 0) {
            *ret_filter = (enum sandbox_filter)i;
            return true;
        }
    }
    return false;
}

static int print_filter(const struct arguments *arguments, enum sandbox_filter filter)
{
    static const struct print_column columns[] = {
        {"RULE", "rule", PRINT_TEXT, true},           {"CALL", "call", PRINT_TEXT, false},
        {"ACTION", "action", PRINT_TEXT, false},      {"CONDITION", "condition", PRINT_TEXT, false},
        {"RESTRICTS", "restricts", PRINT_YES, false}, {"REASON", "reason", PRINT_TEXT, false},
    };
    json_t *rows = json_array();
    for (size_t i = 0; i < sandbox_filter_rules(filter); i++) {
        struct sandbox_rule_text rule = sandbox_filter_rule(filter, i);
        json_array_append_new(rows, json_pack("{s:I, s:s, s:s, s:s, s:b, s:s}", "rule", (json_int_t)i, "call",
                                              rule.call, "action", rule.action, "condition", rule.condition,
                                              "restricts", rule.restricts, "reason", rule.reason));
    }
    int status = EXIT_FINE;
    if (arguments_has(arguments, "--json"))
        status = print_json(stdout, rows);
    else
        print_table(stdout, rows, columns, sizeof columns / sizeof *columns, "no rules");
    json_decref(rows);
    return status;
}

static int doctor_filter(const struct arguments *arguments)
{
    const char *word = arguments->operands_count > 0 ? arguments->operands[0] : "realm";
    enum sandbox_filter filter;
    if (!filter_named(word, &filter)) {
        fprintf(stderr, "realm doctor: there is no filter \"%s\": they are realm, broker and launcher\n",
                word);
        return EXIT_USAGE;
    }
    return print_filter(arguments, filter);
}

int doctor_main(const struct arguments *arguments)
{
    if (arguments_has(arguments, "--filter"))
        return doctor_filter(arguments);
    if (arguments->operands_count > 0) {
        fprintf(stderr, "realm doctor: \"%s\" makes sense with --filter only\n", arguments->operands[0]);
        return EXIT_USAGE;
    }
    struct sandbox_features features;
    int error = sandbox_probe(0, &features);
    json_t *facts = error ? NULL : describe(&features);
    if (!facts) {
        fprintf(stderr, "realm doctor: cannot look at this machine: %s\n", strerror(error ? -error : errno));
        return EXIT_FAILED;
    }
    int status = EXIT_FINE;
    if (arguments_has(arguments, "--json"))
        status = print_json(stdout, facts);
    else
        print_facts(facts);
    json_decref(facts);
    unsigned all = (1u << sizeof parts / sizeof *parts) - 1u;
    return features.present == all ? status : EXIT_FAILED;
}

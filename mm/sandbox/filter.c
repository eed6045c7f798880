/*
 * From a table to a BPF program, by libseccomp.
 *
 * libseccomp takes rules of one comparison an argument, joined by "and". So the ONLY rows of a call are
 * multiplied out: from each row one of its values, and where two rows look at the same argument, their masks
 * and values joined into one comparison (two values that contradict each other make no rule).
 *
 * Rule: a row that is weakened is simply not looked at, and if it was a refusal, its call is allowed; only
 * the call by which the launcher itself starts a realm is notified in any case, or there would be no realm.
 */
#include "mm/sandbox/filter.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "mm/sandbox/filter_table.h"

#define ARGUMENTS 6u

/* A rule in the making: for each argument, what its masked value must be. A mask of 0 is no comparison. */
struct product {
    uint64_t mask[ARGUMENTS];
    uint64_t value[ARGUMENTS];
};

struct build {
    scmp_filter_ctx context;
    uint32_t architecture;
    const struct filter_table *table;
    const struct sandbox_filter_options *options;
    size_t weakened; /* table->count: none */
};

static const struct filter_table *table_of(enum sandbox_filter which)
{
    switch (which) {
    case SANDBOX_FILTER_REALM:
        return &filter_table_realm;
    case SANDBOX_FILTER_BROKER:
        return &filter_table_broker;
    case SANDBOX_FILTER_LAUNCHER:
        return &filter_table_launcher;
    }
    return NULL;
}

static bool restricts(const struct filter_row *row)
{
    return row->kind == FILTER_ONLY || row->kind == FILTER_NOTIFY || row->kind == FILTER_REFUSE ||
           row->kind == FILTER_KILL_ARCH;
}

/*
 * The number by which libseccomp takes rules for a call: always that of the machine it runs on (a negative
 * one if that does not have the call), which it translates. false: the architecture does not have it.
 */
static bool find_number(const struct build *build, const char *call, int *ret_number)
{
    if (seccomp_syscall_resolve_name_arch(build->architecture, call) < 0)
        return false;
    *ret_number = seccomp_syscall_resolve_name(call);
    return true;
}

static int add_product(const struct build *build, int number, const struct product *product)
{
    struct scmp_arg_cmp comparisons[ARGUMENTS];
    unsigned count = 0;
    for (unsigned i = 0; i < ARGUMENTS; i++) {
        if (product->mask[i] == FILTER_ALL)
            comparisons[count++] = SCMP_CMP(i, SCMP_CMP_EQ, product->value[i], 0);
        else if (product->mask[i] != 0)
            comparisons[count++] = SCMP_CMP(i, SCMP_CMP_MASKED_EQ, product->mask[i], product->value[i]);
    }
    int error = seccomp_rule_add_array(build->context, SCMP_ACT_ALLOW, number, count, comparisons);
    return error == -EEXIST ? 0 : error; /* two rows may need a call for two reasons */
}

/* The next ONLY row of a call at or after index; table->count: none. */
static size_t next_only(const struct build *build, const char *call, size_t index)
{
    for (; index < build->table->count; index++) {
        const struct filter_row *row = &build->table->rows[index];
        if (row->kind == FILTER_ONLY && index != build->weakened && strcmp(row->call, call) == 0)
            break;
    }
    return index;
}

static int add_products(const struct build *build, int number, const char *call, size_t index,
                        const struct product *product)
{
    index = next_only(build, call, index);
    if (index == build->table->count)
        return add_product(build, number, product);
    const struct filter_condition *condition = &build->table->rows[index].condition;
    unsigned argument = condition->argument;
    for (unsigned i = 0; i < condition->values_count; i++) {
        uint64_t common = product->mask[argument] & condition->mask;
        if (((product->value[argument] ^ condition->values[i]) & common) != 0)
            continue;
        struct product joined = *product;
        joined.mask[argument] |= condition->mask;
        joined.value[argument] |= condition->values[i];
        int error = add_products(build, number, call, index + 1, &joined);
        if (error != 0)
            return error;
    }
    return 0;
}

static int add_allow(const struct build *build, int number, const char *call)
{
    static const struct product anything = {{0}, {0}};
    return add_products(build, number, call, 0, &anything);
}

/* What an ONLY row answers to whom it does not let through, if that is not the default. */
static int add_only(const struct build *build, int number, const struct filter_row *row)
{
    const struct filter_condition *condition = &row->condition;
    if (row->error == 0)
        return 0;
    if (condition->mask != FILTER_ALL || condition->values_count != 1)
        return -EINVAL; /* the complement of more than one exact value is no single comparison */
    return seccomp_rule_add(build->context, SCMP_ACT_ERRNO((uint32_t)row->error), number, 1,
                            SCMP_CMP(condition->argument, SCMP_CMP_NE, condition->values[0], 0));
}

static bool has_row(const struct filter_table *table, const char *call)
{
    for (size_t i = 0; i < table->count; i++) {
        if (strcmp(table->rows[i].call, call) == 0)
            return true;
    }
    return false;
}

/* Whoever starts realms must have what they have: a filter is inherited. A row of one's own goes before. */
static int add_calls_of_realms(const struct build *build)
{
    for (size_t i = 0; i < filter_table_realm.count; i++) {
        const struct filter_row *row = &filter_table_realm.rows[i];
        bool wanted = !restricts(row) || row->kind == FILTER_NOTIFY;
        if (!wanted || has_row(build->table, row->call))
            continue;
        int number;
        int error = find_number(build, row->call, &number)
                        ? seccomp_rule_add(build->context, SCMP_ACT_ALLOW, number, 0)
                        : 0;
        if (error != 0)
            return error;
    }
    return 0;
}

/* The launcher's own execveat has arguments; one without them is the realm's. */
static int add_weakened(const struct build *build, int number, const struct filter_row *row)
{
    const bool starts = row->kind == FILTER_NOTIFY && strcmp(row->call, "execveat") == 0;
    if (!starts)
        return seccomp_rule_add(build->context, SCMP_ACT_ALLOW, number, 0);
    const struct scmp_arg_cmp none = {.arg = 2, .op = SCMP_CMP_EQ}, some = {.arg = 2, .op = SCMP_CMP_NE};
    int error = seccomp_rule_add_array(build->context, SCMP_ACT_ALLOW, number, 1, &none);
    return error != 0 ? error : seccomp_rule_add_array(build->context, SCMP_ACT_NOTIFY, number, 1, &some);
}

static int add_row(const struct build *build, size_t index)
{
    const struct filter_row *row = &build->table->rows[index];
    if (row->kind == FILTER_ALLOW_REALM)
        return add_calls_of_realms(build);
    if (row->kind == FILTER_KILL_ARCH)
        return seccomp_attr_set(build->context, SCMP_FLTATR_ACT_BADARCH,
                                index == build->weakened ? SCMP_ACT_ALLOW : SCMP_ACT_KILL_PROCESS);
    int number;
    if (!find_number(build, row->call, &number))
        return 0;
    switch (row->kind) {
    case FILTER_ALLOW:
        return add_allow(build, number, row->call);
    case FILTER_ALLOW_RING:
        return build->options->uring ? add_allow(build, number, row->call) : 0;
    case FILTER_ALLOW_WAITV:
        return build->options->without_waitv ? 0 : add_allow(build, number, row->call);
    case FILTER_ONLY:
        return index == build->weakened ? 0 : add_only(build, number, row);
    case FILTER_NOTIFY:
    case FILTER_REFUSE:
        break;
    default:
        return -EINVAL;
    }
    if (index == build->weakened)
        return add_weakened(build, number, row);
    if (row->kind == FILTER_NOTIFY)
        return seccomp_rule_add(build->context, SCMP_ACT_NOTIFY, number, 0);
    if (row->error == 0)
        return 0; /* what the default does */
    return seccomp_rule_add(build->context, SCMP_ACT_ERRNO((uint32_t)row->error), number, 0);
}

/* The context has the native architecture at first. */
static int choose_architecture(const struct build *build)
{
    if (build->architecture == seccomp_arch_native())
        return 0;
    int error = seccomp_arch_add(build->context, build->architecture);
    return error != 0 ? error : seccomp_arch_remove(build->context, seccomp_arch_native());
}

/* Reads the program that libseccomp writes into a file of memory. */
static int export_program(scmp_filter_ctx context, struct sandbox_program *ret_program)
{
    int fd = memfd_create("filter", MFD_CLOEXEC);
    if (fd < 0)
        return -errno;
    struct stat status;
    int error = seccomp_export_bpf(context, fd);
    if (error == 0 && fstat(fd, &status) != 0)
        error = -errno;
    if (error == 0 &&
        (status.st_size <= 0 || (size_t)status.st_size > BPF_MAXINSNS * sizeof *ret_program->instructions))
        error = -E2BIG;
    if (error == 0) {
        size_t size = (size_t)status.st_size;
        struct sock_filter *instructions = malloc(size);
        if (instructions == NULL)
            error = -ENOMEM;
        else if (pread(fd, instructions, size, 0) != status.st_size)
            error = -EIO;
        if (error == 0) {
            ret_program->instructions = instructions;
            ret_program->count = (unsigned short)(size / sizeof *instructions);
        } else {
            free(instructions);
        }
    }
    close(fd);
    return error;
}

int filter_build_for(uint32_t architecture, enum sandbox_filter which,
                     const struct sandbox_filter_options *options, struct sandbox_program *ret_program)
{
    struct build build = {.architecture = architecture, .table = table_of(which), .options = options};
    build.weakened = build.table->count;
    if (options->weakened >= 0) {
        build.weakened = (size_t)options->weakened;
        if (build.weakened >= build.table->count || !restricts(&build.table->rows[build.weakened]))
            return -EINVAL;
    }
    build.context = seccomp_init(SCMP_ACT_ERRNO(EPERM));
    if (build.context == NULL)
        return -ENOMEM;
    int error = choose_architecture(&build);
    /* A search tree over the numbers: a call passes a handful of comparisons, however long the table. */
    if (error == 0)
        error = seccomp_attr_set(build.context, SCMP_FLTATR_CTL_OPTIMIZE, 2);
    for (size_t i = 0; i < build.table->count && error == 0; i++)
        error = add_row(&build, i);
    if (error == 0)
        error = export_program(build.context, ret_program);
    seccomp_release(build.context);
    return error;
}

int sandbox_filter_build(enum sandbox_filter which, const struct sandbox_filter_options *options,
                         struct sandbox_program *ret_program)
{
    return filter_build_for(seccomp_arch_native(), which, options, ret_program);
}

void sandbox_program_free(struct sandbox_program *program)
{
    if (program == NULL)
        return;
    free(program->instructions);
    *program = (struct sandbox_program){0};
}

int sandbox_program_install(const struct sandbox_program *program, bool listener)
{
    struct sock_fprog code = {.len = program->count, .filter = program->instructions};
    unsigned flags = listener ? SECCOMP_FILTER_FLAG_NEW_LISTENER : 0;
    long result = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &code);
    return result < 0 ? -errno : (int)result;
}

/* --- the table for people --- */

size_t sandbox_filter_rules(enum sandbox_filter which)
{
    return table_of(which)->count;
}

static const char *errno_name(int error)
{
    return error == ENOENT ? "ENOENT" : error == ENOSYS ? "ENOSYS" : "EPERM";
}

static const char *action_name(const struct filter_row *row)
{
    switch (row->kind) {
    case FILTER_ALLOW:
    case FILTER_ALLOW_RING:
    case FILTER_ALLOW_WAITV:
    case FILTER_ALLOW_REALM:
        return "allow";
    case FILTER_ONLY:
        return "only";
    case FILTER_NOTIFY:
        return "notify";
    case FILTER_REFUSE:
        return errno_name(row->error);
    case FILTER_KILL_ARCH:
        return "kill";
    }
    return "";
}

struct sandbox_rule_text sandbox_filter_rule(enum sandbox_filter which, size_t index)
{
    const struct filter_row *row = &table_of(which)->rows[index];
    return (struct sandbox_rule_text){.call = row->call,
                                      .condition = row->text,
                                      .action = action_name(row),
                                      .reason = row->reason,
                                      .restricts = restricts(row)};
}

/*
 * Goal of this file: the filters of both architectures do what their tables say, also on a machine that can
 * run only one of them: the programs are run by an interpreter of classic BPF, on calls as the kernel would
 * describe them.
 */
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stddef.h>
#include <string.h>

#include "mm/sandbox/filter_table.h"
#include "tests/unit/sandbox/tried.h"

#define X32_BIT 0x40000000

struct machine {
    uint32_t seccomp; /* libseccomp's name */
    uint32_t audit;   /* the kernel's name, in seccomp_data */
};

static const struct machine intel = {SCMP_ARCH_X86_64, AUDIT_ARCH_X86_64};
static const struct machine arm = {SCMP_ARCH_AARCH64, AUDIT_ARCH_AARCH64};

static uint32_t load(const struct seccomp_data *call, uint32_t offset)
{
    uint32_t word;
    cr_assert(offset % 4 == 0 && offset + 4 <= sizeof *call);
    memcpy(&word, (const char *)call + offset, sizeof word);
    return word;
}

static bool holds(uint16_t code, uint32_t a, uint32_t k)
{
    switch (BPF_OP(code)) {
    case BPF_JEQ:
        return a == k;
    case BPF_JGT:
        return a > k;
    case BPF_JGE:
        return a >= k;
    case BPF_JSET:
        return (a & k) != 0;
    default:
        cr_assert_fail("a jump that is not known here: %u", code);
        return false;
    }
}

/* What the program says of a call: SECCOMP_RET_… with its data. */
static uint32_t judge(const struct sandbox_program *program, const struct seccomp_data *call)
{
    uint32_t a = 0;
    for (size_t at = 0; at < program->count; at++) {
        const struct sock_filter *step = &program->instructions[at];
        switch (step->code) {
        case BPF_LD | BPF_W | BPF_ABS:
            a = load(call, step->k);
            break;
        case BPF_ALU | BPF_AND | BPF_K:
            a &= step->k;
            break;
        case BPF_JMP | BPF_JA:
            at += step->k;
            break;
        case BPF_RET | BPF_K:
            return step->k;
        default:
            cr_assert(BPF_CLASS(step->code) == BPF_JMP, "code %u", step->code);
            at += holds(step->code, a, step->k) ? step->jt : step->jf;
        }
    }
    cr_assert_fail("the program has no end");
    return 0;
}

static struct sandbox_program build_for(const struct machine *machine, enum sandbox_filter which)
{
    const struct sandbox_filter_options options = {.uring = true, .weakened = -1};
    struct sandbox_program program;
    cr_assert_eq(filter_build_for(machine->seccomp, which, &options, &program), 0);
    return program;
}

/* Arguments that satisfy every condition of a call. */
static void satisfy(const struct filter_table *table, const char *name, struct seccomp_data *call)
{
    for (size_t i = 0; i < table->count; i++) {
        const struct filter_row *row = &table->rows[i];
        if (row->kind == FILTER_ONLY && strcmp(row->call, name) == 0)
            call->args[row->condition.argument] |= row->condition.values[0];
    }
}

static uint32_t expected_of(const struct filter_row *row)
{
    switch (row->kind) {
    case FILTER_NOTIFY:
        return SECCOMP_RET_USER_NOTIF;
    case FILTER_REFUSE:
        return SECCOMP_RET_ERRNO | (uint32_t)(row->error ? row->error : EPERM);
    default:
        return SECCOMP_RET_ALLOW;
    }
}

static void follows_its_table(const struct machine *machine)
{
    struct sandbox_program program = build_for(machine, SANDBOX_FILTER_REALM);
    unsigned judged = 0;
    for (size_t i = 0; i < filter_table_realm.count; i++) {
        const struct filter_row *row = &filter_table_realm.rows[i];
        int number = seccomp_syscall_resolve_name_arch(machine->seccomp, row->call);
        if (row->kind == FILTER_KILL_ARCH || row->kind == FILTER_ONLY || number < 0)
            continue;
        struct seccomp_data call = {.nr = number, .arch = machine->audit};
        satisfy(&filter_table_realm, row->call, &call);
        uint32_t said = judge(&program, &call);
        cr_expect_eq(said, expected_of(row), "%s: %#x", row->call, said);
        judged++;
    }
    cr_expect_gt(judged, 100);
    sandbox_program_free(&program);
}

/* Goal: each row means on both architectures what it says. */
Test(architectures, programs_follow_the_table)
{
    follows_its_table(&intel);
    follows_its_table(&arm);
}

static void one_value_off_is_refused(const struct machine *machine)
{
    struct sandbox_program program = build_for(machine, SANDBOX_FILTER_REALM);
    for (size_t i = 0; i < filter_table_realm.count; i++) {
        const struct filter_row *row = &filter_table_realm.rows[i];
        int number = seccomp_syscall_resolve_name_arch(machine->seccomp, row->call);
        if (row->kind != FILTER_ONLY || number < 0)
            continue;
        struct seccomp_data call = {.nr = number, .arch = machine->audit};
        satisfy(&filter_table_realm, row->call, &call);
        /* Every bit that is looked at: a call that a listed value does not cover is refused. */
        for (unsigned bit = 0; bit < 64; bit++) {
            if ((row->condition.mask >> bit & 1) == 0)
                continue;
            struct seccomp_data other = call;
            other.args[row->condition.argument] ^= UINT64_C(1) << bit;
            uint64_t masked = other.args[row->condition.argument] & row->condition.mask;
            bool listed = false;
            for (unsigned value = 0; value < row->condition.values_count; value++)
                listed = listed || masked == row->condition.values[value];
            uint32_t said = judge(&program, &other);
            cr_expect(listed || said == (SECCOMP_RET_ERRNO | (uint32_t)(row->error ? row->error : EPERM)),
                      "%s, bit %u of argument %u: %#x", row->call, bit, row->condition.argument, said);
        }
    }
    sandbox_program_free(&program);
}

/* Goal: a condition looks at every bit that it names, on both architectures. */
Test(architectures, one_bit_off_is_refused)
{
    one_value_off_is_refused(&intel);
    one_value_off_is_refused(&arm);
}

/* Goal: calls of any other architecture kill, whatever their number: 32-bit Intel and ARM, and each other's.
 */
Test(architectures, foreign_calls_kill)
{
    static const uint32_t all[] = {AUDIT_ARCH_I386,    AUDIT_ARCH_ARM,     AUDIT_ARCH_X86_64,
                                   AUDIT_ARCH_AARCH64, AUDIT_ARCH_RISCV64, 0};
    static const struct machine *const machines[] = {&intel, &arm};
    for (unsigned m = 0; m < 2; m++) {
        for (int which = SANDBOX_FILTER_REALM; which <= SANDBOX_FILTER_LAUNCHER; which++) {
            struct sandbox_program program = build_for(machines[m], (enum sandbox_filter)which);
            for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
                for (int number = 0; number < 600 && all[i] != machines[m]->audit; number++) {
                    struct seccomp_data call = {.nr = number, .arch = all[i]};
                    cr_assert_eq(judge(&program, &call), SECCOMP_RET_KILL_PROCESS);
                }
            }
            sandbox_program_free(&program);
        }
    }
}

/* Goal: x32, whose calls come with the architecture of the others and a bit in the number, kills. */
Test(architectures, x32_kills)
{
    for (int which = SANDBOX_FILTER_REALM; which <= SANDBOX_FILTER_LAUNCHER; which++) {
        struct sandbox_program program = build_for(&intel, (enum sandbox_filter)which);
        for (int number = 0; number < 600; number++) {
            struct seccomp_data call = {.nr = X32_BIT | number, .arch = AUDIT_ARCH_X86_64};
            cr_assert_eq(judge(&program, &call), SECCOMP_RET_KILL_PROCESS, "%d", number);
        }
        sandbox_program_free(&program);
    }
}

/* Goal: a needed call that aarch64 does not have says so, and one that says so is not there. */
Test(architectures, calls_of_one_machine_say_so)
{
    static const struct filter_table *const tables[] = {&filter_table_realm, &filter_table_broker};
    for (unsigned t = 0; t < 2; t++) {
        for (size_t i = 0; i < tables[t]->count; i++) {
            const struct filter_row *row = &tables[t]->rows[i];
            if (row->kind == FILTER_ONLY || row->kind == FILTER_REFUSE || row->kind == FILTER_KILL_ARCH)
                continue;
            bool there = seccomp_syscall_resolve_name_arch(SCMP_ARCH_AARCH64, row->call) >= 0;
            cr_expect_eq(there, strstr(row->reason, "(x86-64)") == NULL, "%s: %s", row->call, row->reason);
        }
    }
}

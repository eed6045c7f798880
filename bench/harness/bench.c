/* The run as a whole: which cases, in which order, and how it ends. */
#include "bench/harness/bench.h"

#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/harness/cases.h"
#include "bench/measure/clock.h"

#define BAR_WIDTH 30u

static volatile sig_atomic_t stop_asked;

bool bench_stopped(void)
{
    return stop_asked != 0;
}

static void on_signal(int number)
{
    (void)number;
    stop_asked = 1;
}

/* The second signal ends at once: what was started dies with this process. */
static void take_signals(struct sigaction old[3])
{
    const struct sigaction action = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};

    stop_asked = 0;
    sigaction(SIGINT, &action, &old[0]);
    sigaction(SIGTERM, &action, &old[1]);
    sigaction(SIGHUP, &action, &old[2]);
}

static void give_signals_back(const struct sigaction old[3])
{
    sigaction(SIGINT, &old[0], NULL);
    sigaction(SIGTERM, &old[1], NULL);
    sigaction(SIGHUP, &old[2], NULL);
}

/* --- what people see meanwhile --- */

static void clear_bar(struct bench *bench)
{
    if (bench->progress)
        fprintf(bench->errors, "\r\033[K");
}

int bench_fail(struct bench *bench, const char *format, ...)
{
    va_list list;

    clear_bar(bench);
    fprintf(bench->errors, "realm bench: %s: ", bench->now);
    va_start(list, format);
    vfprintf(bench->errors, format, list);
    va_end(list);
    fputc('\n', bench->errors);
    return 1;
}

void bench_row(struct bench *bench, const struct row *row)
{
    clear_bar(bench);
    report_row(&bench->report, row);
}

void bench_progress(struct bench *bench, double part)
{
    if (!bench->progress)
        return;
    double all = (bench->done + part) / bench->steps;
    unsigned full = (unsigned)(all * BAR_WIDTH);
    fprintf(bench->errors, "\r[%.*s%*s] %3.0f %% %s\033[K", (int)full, "##############################",
            (int)(BAR_WIDTH - full), "", all * 100, bench->now);
    fflush(bench->errors);
}

/* --- the run --- */

/* The first and the last processor that this process may use. */
static void find_cpus(struct bench *bench)
{
    cpu_set_t set;
    bool found = false;

    CPU_ZERO(&set);
    sched_getaffinity(0, sizeof set, &set);
    for (unsigned cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        if (!CPU_ISSET(cpu, &set))
            continue;
        if (!found)
            bench->cpus[0] = cpu;
        bench->cpus[1] = cpu;
        found = true;
    }
}

/* What one look at the clock costs: the least of several, since nothing makes it cheaper. */
static double clock_cost_ns(void)
{
    uint64_t best_ns = UINT64_MAX;

    for (unsigned i = 0; i < 20; i++) {
        uint64_t start_ns = clock_now_ns(), end_ns = start_ns;
        for (unsigned look = 0; look < 1000; look++)
            end_ns = clock_now_ns();
        if (end_ns - start_ns < best_ns)
            best_ns = end_ns - start_ns;
    }
    return (double)best_ns / 1000;
}

static bool wanted(const struct bench *bench, const struct bench_case *one)
{
    for (size_t i = 0; i < bench->options.cases_count; i++)
        if (strcmp(bench->options.cases[i], one->id) == 0)
            return true;
    return bench->options.cases_count == 0 && !(bench->options.quick && one->slow);
}

static int measure_one(struct bench *bench, const struct bench_case *one)
{
    bench->now = one->id;
    if (one->two_cpus && bench->cpus[0] == bench->cpus[1]) {
        bench_row(bench, &(struct row){.name = one->name,
                                       .size_bytes = one->size,
                                       .placement = one->placement,
                                       .wait = one->wait,
                                       .goal = one->goal,
                                       .note = "skipped: there is one processor"});
        return 0;
    }
    bench_progress(bench, 0);
    return one->measure(bench, one);
}

static int measure_all(struct bench *bench)
{
    int status = 0;

    for (size_t i = 0; i < case_count; i++)
        bench->steps += wanted(bench, &case_table[i]);
    for (size_t i = 0; i < case_count && !bench_stopped(); i++) {
        if (!wanted(bench, &case_table[i]))
            continue;
        status |= measure_one(bench, &case_table[i]);
        bench->done++;
    }
    clear_bar(bench);
    if (bench_stopped()) {
        fprintf(bench->errors, "realm bench: stopped\n");
        return 1;
    }
    return status;
}

int bench_run(const struct bench_options *options, FILE *output, FILE *errors)
{
    struct bench *bench = calloc(1, sizeof *bench);
    struct sigaction old[3];

    if (bench == NULL)
        return 1;
    for (size_t i = 0; i < options->cases_count; i++) {
        if (case_find(options->cases[i]) == NULL) {
            fprintf(errors, "realm bench: there is no case \"%s\"; `realm bench --list` shows them\n",
                    options->cases[i]);
            free(bench);
            return 2;
        }
    }
    bench->options = *options;
    if (options->rounds == 0)
        bench->options.rounds = options->quick ? BENCH_ROUNDS_QUICK : BENCH_ROUNDS_DEFAULT;
    bench->errors = errors;
    bench->progress = isatty(fileno(errors)) == 1;
    find_cpus(bench);
    take_signals(old);
    report_start(&bench->report, output, options->json);
    report_header(&bench->report, bench->options.rounds, clock_cost_ns());
    int status = measure_all(bench);
    if (status == 0)
        report_end(&bench->report);
    give_signals_back(old);
    free(bench);
    return status;
}

void bench_list(FILE *output)
{
    for (size_t i = 0; i < case_count; i++)
        fprintf(output, "%-20s %s%s\n", case_table[i].id, case_table[i].summary,
                case_table[i].slow ? " (not in --quick)" : "");
}

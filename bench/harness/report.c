/* The only file that knows how results look. JSON: times in nanoseconds, rates in operations a second. */
#include "bench/harness/report.h"

#include <jansson.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

bool row_met(const struct row *row)
{
    switch (row->goal.kind) {
    case GOAL_RATIO_AT_MOST:
        return row->ratio.low <= row->goal.value;
    case GOAL_RATIO_AT_LEAST:
        return row->ratio.high >= row->goal.value;
    case GOAL_TIMES_AT_LEAST:
        return row->times.high >= row->goal.value;
    case GOAL_VALUE_AT_MOST:
        return row->value <= row->goal.value;
    case GOAL_NONE:
        break;
    }
    return true;
}

void report_start(struct report *report, FILE *output, bool json)
{
    *report = (struct report){.output = output, .json = json};
}

/* --- the header --- */

/* The first line of a file that has the key, from behind its colon; or its first line, if key is NULL. */
static void line_of(const char *path, const char *key, char *text, size_t capacity)
{
    char line[256];
    FILE *stream = fopen(path, "r");

    while (stream != NULL && fgets(line, sizeof line, stream) != NULL) {
        const char *from = line;
        if (key != NULL && strncmp(line, key, strlen(key)) != 0)
            continue;
        if (key != NULL && (from = strchr(line, ':')) != NULL)
            from += strspn(from, ": \t");
        if (from != NULL) {
            snprintf(text, capacity, "%.*s", (int)strcspn(from, "\n"), from);
            break;
        }
    }
    if (stream != NULL)
        fclose(stream);
}

void report_header(struct report *report, unsigned rounds, double clock_ns)
{
    char machine[128] = "unknown processor", governor[64] = "none to be seen", load[64] = "";
    struct utsname name;
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);

    uname(&name);
    line_of("/proc/cpuinfo", "model name", machine, sizeof machine);
    line_of("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", NULL, governor, sizeof governor);
    line_of("/proc/loadavg", NULL, load, sizeof load);
    load[strcspn(load, " ")] = '\0';
    if (report->json) {
        json_t *header =
            json_pack("{s:s, s:i, s:s, s:s, s:s, s:s, s:i, s:f, s:s}", "machine", machine, "cpus", (int)cpus,
                      "architecture", name.machine, "kernel", name.release, "governor", governor, "commit",
                      report_commit, "rounds", (int)rounds, "clock_ns", clock_ns, "load", load);
        json_dumpf(header, report->output, JSON_COMPACT | JSON_REAL_PRECISION(6));
        fputc('\n', report->output);
        json_decref(header);
        return;
    }
    fprintf(report->output,
            "%s, %ld processors, %s, Linux %s; governor: %s; load %s; commit %s\n"
            "medians of %u interleaved rounds, intervals are quartiles; a look at the clock costs %.0f ns\n\n"
            "%-14s %5s %-10s %-7s %9s %9s %9s %11s %8s %6s %-14s %-22s %s\n",
            machine, cpus, name.machine, name.release, governor, load, report_commit, rounds, clock_ns,
            "case", "bytes", "placement", "wait", "p50 ns", "p99 ns", "p99.9 ns", "per s", "CPU us", "sleeps",
            "floor", "ratio (quartiles)", "goal");
}

/* --- rows --- */

static void set_number(json_t *object, const char *key, double value)
{
    json_object_set_new(object, key, json_real(value));
}

static void set_text(json_t *object, const char *key, const char *value)
{
    if (value != NULL)
        json_object_set_new(object, key, json_string(value));
}

static const char *goal_word(enum goal_kind kind)
{
    switch (kind) {
    case GOAL_RATIO_AT_MOST:
        return "ratio at most";
    case GOAL_RATIO_AT_LEAST:
        return "ratio at least";
    case GOAL_TIMES_AT_LEAST:
        return "times at least";
    default:
        return "value at most";
    }
}

static void print_json(struct report *report, const struct row *row)
{
    json_t *object = json_object();

    set_text(object, "name", row->name);
    if (row->size_bytes != 0)
        json_object_set_new(object, "size_bytes", json_integer((json_int_t)row->size_bytes));
    set_text(object, "placement", row->placement);
    set_text(object, "wait", row->wait);
    if (row->timed) {
        set_number(object, "p50_ns", row->p50_ns);
        set_number(object, "p99_ns", row->p99_ns);
        set_number(object, "p999_ns", row->p999_ns);
        set_number(object, "per_s", row->per_s);
        set_number(object, "cpu_s_per_op", row->cpu_s);
        set_number(object, "sleeps_per_op", row->sleeps);
    }
    if (row->floor != NULL) {
        set_text(object, "floor", row->floor);
        set_number(object, "floor_value", row->floor_value);
        set_number(object, "ratio", row->ratio.median);
        set_number(object, "ratio_low", row->ratio.low);
        set_number(object, "ratio_high", row->ratio.high);
    }
    if (row->times.median > 0) {
        set_number(object, "times_call", row->times.median);
        set_number(object, "times_call_low", row->times.low);
        set_number(object, "times_call_high", row->times.high);
    }
    if (row->unit != NULL) {
        set_number(object, "value", row->value);
        set_text(object, "unit", row->unit);
    }
    set_text(object, "note", row->note);
    if (row->goal.kind != GOAL_NONE) {
        set_text(object, "goal_is", goal_word(row->goal.kind));
        set_number(object, "goal", row->goal.value);
        json_object_set_new(object, "met", json_boolean(row->note == NULL && row_met(row)));
    }
    json_dumpf(object, report->output, JSON_COMPACT | JSON_REAL_PRECISION(6));
    fputc('\n', report->output);
    json_decref(object);
}

static void goal_text(const struct row *row, char *text, size_t capacity)
{
    const char *met = row->note != NULL ? "" : row_met(row) ? ": met" : ": NOT MET";

    switch (row->goal.kind) {
    case GOAL_RATIO_AT_MOST:
        snprintf(text, capacity, "<= %g x%s", row->goal.value, met);
        break;
    case GOAL_RATIO_AT_LEAST:
        snprintf(text, capacity, ">= %g x%s", row->goal.value, met);
        break;
    case GOAL_TIMES_AT_LEAST:
        if (row->note != NULL)
            snprintf(text, capacity, ">= %g x a call", row->goal.value);
        else
            snprintf(text, capacity, "%.1f (%.1f-%.1f) x a call, >= %g%s", row->times.median, row->times.low,
                     row->times.high, row->goal.value, met);
        break;
    case GOAL_VALUE_AT_MOST:
        snprintf(text, capacity, "<= %g%s", row->goal.value, met);
        break;
    case GOAL_NONE:
        if (row->times.median > 0)
            snprintf(text, capacity, "%.1f (%.1f-%.1f) x a call", row->times.median, row->times.low,
                     row->times.high);
        else
            text[0] = '\0';
        break;
    }
}

static void print_text(struct report *report, const struct row *row)
{
    char goal[96], size[16] = "", floor[32] = "", ratio[40] = "";

    goal_text(row, goal, sizeof goal);
    if (row->size_bytes != 0)
        snprintf(size, sizeof size, "%u", row->size_bytes);
    fprintf(report->output, "%-14s %5s %-10s %-7s ", row->name, size, row->placement ? row->placement : "",
            row->wait ? row->wait : "");
    if (row->note != NULL) {
        fprintf(report->output, "%s  %s\n", row->note, goal);
        return;
    }
    if (row->floor != NULL) {
        snprintf(floor, sizeof floor, "%s %.4g", row->floor, row->floor_value);
        snprintf(ratio, sizeof ratio, "%.2f (%.2f-%.2f)", row->ratio.median, row->ratio.low, row->ratio.high);
    }
    if (row->timed)
        fprintf(report->output, "%9.*f %9.*f %9.*f %11.0f %8.3f %6.2f ", row->p50_ns < 100, row->p50_ns,
                row->p50_ns < 100, row->p99_ns, row->p50_ns < 100, row->p999_ns, row->per_s, row->cpu_s * 1e6,
                row->sleeps);
    if (row->unit != NULL)
        fprintf(report->output, "%9.4g %s ", row->value, row->unit);
    fprintf(report->output, "%-14s %-22s %s\n", floor, ratio, goal);
}

void report_row(struct report *report, const struct row *row)
{
    report->rows++;
    if (row->goal.kind != GOAL_NONE) {
        report->goals++;
        report->met += row->note == NULL && row_met(row);
    }
    if (report->json)
        print_json(report, row);
    else
        print_text(report, row);
    fflush(report->output);
}

void report_end(struct report *report)
{
    if (!report->json)
        fprintf(report->output, "\n%u of %u goals met\n", report->met, report->goals);
}

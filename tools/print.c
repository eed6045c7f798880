/*
 * Tables are measured first and printed then, so every cell is made into text once. Widths count characters,
 * not bytes.
 */
#include "tools/print.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "librealm/core/name.h"
#include "tools/client.h"

void print_text(FILE *stream, const char *text)
{
    size_t size = strlen(text);
    for (size_t i = 0; i < size;) {
        size_t step = realm_utf8_step((const uint8_t *)text + i, size - i);
        unsigned char first = (unsigned char)text[i];
        bool control = step == 0 || first < 0x20 || first == 0x7f ||
                       (step == 2 && first == 0xc2 && (unsigned char)text[i + 1] < 0xa0);
        if (control)
            fputc(first == '\t' ? ' ' : '?', stream);
        else
            fwrite(text + i, 1, step, stream);
        i += step ? step : 1;
    }
}

int print_json(FILE *stream, const json_t *value)
{
    if (json_dumpf(value, stream, 0) != 0)
        return EXIT_FAILED;
    fputc('\n', stream);
    return EXIT_FINE;
}

bool print_colours(FILE *stream)
{
    const char *no = getenv("NO_COLOR");
    return isatty(fileno(stream)) && !(no && *no);
}

void print_time_text(uint64_t ns, char *text, size_t capacity)
{
    double seconds = (double)ns / 1e9;
    if (ns < 1000)
        snprintf(text, capacity, "%" PRIu64 "ns", ns);
    else if (ns < 1000000)
        snprintf(text, capacity, "%.0fus", seconds * 1e6);
    else if (ns < 1000000000)
        snprintf(text, capacity, "%.0fms", seconds * 1e3);
    else if (seconds < 120)
        snprintf(text, capacity, "%.1fs", seconds);
    else if (seconds < 7200)
        snprintf(text, capacity, "%.0fm", seconds / 60);
    else
        snprintf(text, capacity, "%.1fh", seconds / 3600);
}

static void print_bytes(FILE *stream, json_int_t bytes)
{
    static const char units[] = "KMGT";
    if (bytes < 1024) {
        fprintf(stream, "%" JSON_INTEGER_FORMAT, bytes);
        return;
    }
    double value = (double)bytes / 1024;
    size_t unit = 0;
    for (; value >= 1024 && unit + 2 < sizeof units; unit++)
        value /= 1024;
    fprintf(stream, "%.1f%c", value, units[unit]);
}

static void print_value(FILE *stream, const json_t *value, enum print_form form);

static void print_list(FILE *stream, const json_t *list)
{
    if (json_array_size(list) == 0)
        fputc('-', stream);
    for (size_t i = 0; i < json_array_size(list); i++) {
        if (i > 0)
            fputs(", ", stream);
        print_value(stream, json_array_get(list, i), PRINT_TEXT);
    }
}

static void print_value(FILE *stream, const json_t *value, enum print_form form)
{
    char text[32];
    if (json_is_array(value)) {
        print_list(stream, value);
    } else if (json_is_boolean(value)) {
        fputs(json_is_true(value) ? "yes" : "no", stream);
    } else if (json_is_integer(value) && form == PRINT_BYTES) {
        print_bytes(stream, json_integer_value(value));
    } else if (json_is_integer(value) && form == PRINT_TIME) {
        print_time_text((uint64_t)json_integer_value(value), text, sizeof text);
        fputs(text, stream);
    } else if (json_is_integer(value)) {
        fprintf(stream, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
    } else if (json_is_string(value) && json_string_length(value) > 0) {
        print_text(stream, json_string_value(value));
    } else {
        fputc('-', stream);
    }
}

static char *cell_text(const json_t *value, enum print_form form)
{
    char *text = NULL;
    size_t size;
    FILE *stream = open_memstream(&text, &size);
    if (!stream)
        return NULL;
    print_value(stream, value, form);
    return fclose(stream) == 0 ? text : NULL;
}

static size_t width_of(const char *text)
{
    size_t width = 0;
    for (; text && *text; text++)
        width += ((unsigned char)*text & 0xc0) != 0x80; /* not a continuation byte */
    return width;
}

static void print_cell(FILE *stream, const char *text, size_t width, bool right, bool last)
{
    int padding = (int)(width - width_of(text));
    if (right)
        fprintf(stream, "%*s%s", padding, "", text ? text : "");
    else
        fprintf(stream, "%s%*s", text ? text : "", last ? 0 : padding, "");
    fputs(last ? "\n" : "  ", stream);
}

static void print_cells(FILE *stream, char *const *cells, size_t rows, const struct print_column *columns,
                        size_t count)
{
    size_t widths[32];
    for (size_t column = 0; column < count; column++) {
        widths[column] = width_of(columns[column].title);
        for (size_t row = 0; row < rows; row++) {
            size_t width = width_of(cells[row * count + column]);
            widths[column] = width > widths[column] ? width : widths[column];
        }
    }
    for (size_t column = 0; column < count; column++)
        print_cell(stream, columns[column].title, widths[column], columns[column].right, column + 1 == count);
    for (size_t row = 0; row < rows; row++)
        for (size_t column = 0; column < count; column++)
            print_cell(stream, cells[row * count + column], widths[column], columns[column].right,
                       column + 1 == count);
}

void print_table(FILE *stream, const json_t *rows, const struct print_column *columns, size_t count,
                 const char *none)
{
    size_t rows_count = json_array_size(rows);
    if (rows_count == 0) {
        fprintf(stream, "%s\n", none);
        return;
    }
    char **cells = count <= 32 ? calloc(rows_count * count, sizeof *cells) : NULL;
    if (!cells) {
        fputs("realm: out of memory\n", stderr);
        return;
    }
    for (size_t i = 0; i < rows_count * count; i++) {
        const struct print_column *column = &columns[i % count];
        cells[i] = cell_text(json_object_get(json_array_get(rows, i / count), column->member), column->form);
    }
    print_cells(stream, cells, rows_count, columns, count);
    for (size_t i = 0; i < rows_count * count; i++)
        free(cells[i]);
    free(cells);
}

int print_rows(const struct arguments *arguments, const json_t *rows, const struct print_column *columns,
               size_t count, const char *none)
{
    if (arguments_has(arguments, "--json"))
        return print_json(stdout, rows);
    print_table(stdout, rows, columns, count, none);
    return EXIT_FINE;
}

int print_answer(const struct arguments *arguments, const char *command, const struct print_column *columns,
                 size_t count, const char *none)
{
    json_t *rows = NULL;
    int status = client_ask(arguments, json_pack("{s:s}", "command", command), &rows);
    if (status)
        return status;
    status = print_rows(arguments, rows, columns, count, none);
    json_decref(rows);
    return status;
}

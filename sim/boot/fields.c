/*
 * Reading maps by table and values by type.
 *
 * The rule of types: a word that YAML takes for a number, a boolean or nothing is not quietly taken for a
 * string. The message says what was found and how to write what was probably meant.
 */
#include "sim/boot/fields.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "librealm/core/name.h"
#include "librealm/core/nearest.h"
#include "sim/boot/duration.h"

#define SHOWN 60 /* bytes of the file's own words that a message quotes */

static const char *found(const struct yaml_node *node)
{
    if (node->kind == YAML_LIST)
        return "a list";
    if (node->kind == YAML_MAP)
        return "a map";
    static const char *const types[] = {[YAML_STRING] = "a word",
                                        [YAML_NULL] = "nothing",
                                        [YAML_BOOL] = "true or false",
                                        [YAML_INTEGER] = "a number",
                                        [YAML_FLOAT] = "a number"};
    return types[node->type];
}

static bool wrong_type(struct reader *reader, const struct yaml_node *node, const char *what,
                       const char *wanted)
{
    fields_problem(reader, node, "%s must be %s, and this is %s", what, wanted, found(node));
    return false;
}

static const struct field *find_field(const struct field *fields, size_t count, const char *key)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(fields[i].key, key) == 0)
            return &fields[i];
    return NULL;
}

static void unknown_key(struct reader *reader, const struct yaml_node *key, const char *what,
                        const struct field *fields, size_t count)
{
    const char *candidates[FIELDS_MAX];
    for (size_t i = 0; i < count; i++)
        candidates[i] = fields[i].key;
    const char *nearest = realm_nearest(key->text, candidates, count);
    if (strcmp(key->text, "<<") == 0)
        fields_problem(reader, key, "merge keys (<<) are not supported: write the values out");
    else if (nearest)
        fields_problem(reader, key, "unknown key \"%.*s\" in %s; did you mean \"%s\"?", SHOWN, key->text,
                       what, nearest);
    else
        fields_problem(reader, key, "unknown key \"%.*s\" in %s", SHOWN, key->text, what);
}

bool fields_read(struct reader *reader, const struct yaml_node *map, const char *what,
                 const struct field *fields, size_t count, void *target)
{
    assert(count <= FIELDS_MAX);
    if (map->kind != YAML_MAP)
        return wrong_type(reader, map, what, "a map of keys and values");
    const struct yaml_node *seen[FIELDS_MAX] = {0};
    for (const struct yaml_node *entry = map->children; entry && !reader->error; entry = entry->next) {
        const struct field *field = find_field(fields, count, entry->key->text);
        if (!field) {
            unknown_key(reader, entry->key, what, fields, count);
            continue;
        }
        size_t index = (size_t)(field - fields);
        if (seen[index]) {
            fields_problem(reader, entry->key, "the key \"%s\" is here twice; first in line %u", field->key,
                           seen[index]->place.line);
            continue;
        }
        seen[index] = entry->key;
        field->read(reader, entry, target);
    }
    for (size_t i = 0; i < count; i++)
        if (fields[i].required && !seen[i])
            fields_problem(reader, map, "%s needs the key \"%s\"", what, fields[i].key);
    return true;
}

bool fields_list(struct reader *reader, const struct yaml_node *node, const char *what, size_t *ret_count)
{
    if (node->kind != YAML_LIST)
        return wrong_type(reader, node, what, "a list, such as [a, b]");
    size_t count = 0;
    for (const struct yaml_node *entry = node->children; entry; entry = entry->next)
        count++;
    *ret_count = count;
    return true;
}

bool fields_string(struct reader *reader, const struct yaml_node *node, const char *what,
                   const char **ret_text)
{
    if (node->kind != YAML_SCALAR || node->type == YAML_NULL)
        return wrong_type(reader, node, what, "a string");
    if (node->type != YAML_STRING) {
        fields_problem(reader, node, "%s must be a string, and YAML takes this for %s: write \"%.*s\"", what,
                       found(node), SHOWN, node->text);
        return false;
    }
    *ret_text = node->text;
    return true;
}

bool fields_name(struct reader *reader, const struct yaml_node *node, const char *what, const char **ret_text)
{
    const char *text;
    if (!fields_string(reader, node, what, &text))
        return false;
    if (!realm_name_valid(text, strlen(text))) {
        fields_problem(reader, node,
                       "%s \"%.*s\" is not a name: it needs 1 to 255 bytes and no control characters", what,
                       SHOWN, text);
        return false;
    }
    *ret_text = text;
    return true;
}

bool fields_bool(struct reader *reader, const struct yaml_node *node, const char *what, bool *ret_value)
{
    if (node->kind != YAML_SCALAR || node->type != YAML_BOOL)
        return wrong_type(reader, node, what, "true or false");
    *ret_value = node->text[0] == 't' || node->text[0] == 'T';
    return true;
}

bool fields_integer(struct reader *reader, const struct yaml_node *node, const char *what, uint32_t min,
                    uint32_t max, uint32_t *ret_value)
{
    if (node->kind != YAML_SCALAR || node->type != YAML_INTEGER)
        return wrong_type(reader, node, what, "a whole number");
    const char *text = node->text;
    int base = 10;
    if (text[0] == '0' && (text[1] == 'o' || text[1] == 'x')) {
        base = text[1] == 'o' ? 8 : 16;
        text += 2;
    }
    errno = 0;
    unsigned long long value = strtoull(text, NULL, base);
    if (errno || *text == '-' || value < min || value > max) {
        fields_problem(reader, node, "%s must be from %u to %u, not %.*s", what, min, max, SHOWN, node->text);
        return false;
    }
    *ret_value = (uint32_t)value;
    return true;
}

bool fields_duration(struct reader *reader, const struct yaml_node *node, const char *what, uint64_t *ret_ns)
{
    if (node->kind != YAML_SCALAR)
        return wrong_type(reader, node, what, DURATION_FORM);
    if (!duration_parse(node->text, ret_ns)) {
        fields_problem(reader, node, "%s must be %s, not \"%.*s\"", what, DURATION_FORM, SHOWN, node->text);
        return false;
    }
    return true;
}

bool fields_choice(struct reader *reader, const struct yaml_node *node, const char *what,
                   const char *const *words, size_t *ret_index)
{
    const char *text;
    if (!fields_string(reader, node, what, &text))
        return false;
    size_t count = 0;
    char all[200] = "";
    for (; words[count]; count++) {
        if (strcmp(words[count], text) == 0) {
            *ret_index = count;
            return true;
        }
        size_t used = strlen(all);
        snprintf(all + used, sizeof all - used, "%s%s", count ? ", " : "", words[count]);
    }
    const char *nearest = realm_nearest(text, words, count);
    fields_problem(reader, node, "%s \"%.*s\" is none of: %s%s%s%s", what, SHOWN, text, all,
                   nearest ? "; did you mean \"" : "", nearest ? nearest : "", nearest ? "\"?" : "");
    return false;
}

char *fields_copy(struct reader *reader, const char *text)
{
    char *copy = strdup(text);
    if (!copy)
        reader->error = -ENOMEM;
    return copy;
}

void *fields_array(struct reader *reader, size_t count, size_t size)
{
    if (count == 0)
        return NULL;
    void *array = calloc(count, size);
    if (!array)
        reader->error = -ENOMEM;
    return array;
}

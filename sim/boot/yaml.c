/*
 * libfyaml's events become a tree of our own.
 *
 * Events rather than libfyaml's documents, because each can be refused as it comes, before anything has been
 * built from it, and because each has the exact place of its token. The tree is made with a stack of fixed
 * height; a map's entry is its value, which carries its key.
 */
#include "sim/boot/yaml.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libfyaml.h>

#include <realm/error.h>

#include "librealm/core/name.h"
#include "sim/boot/yaml_quoted.h"

/* A list or map that is being read. */
struct level {
    struct yaml_node *node;
    struct yaml_node **end; /* where its next entry is linked in */
    struct yaml_node *key;  /* a map's key whose value is still to come */
};

struct builder {
    const char *text;
    size_t size;
    struct scenario_problems *problems;
    struct yaml_node *root;
    struct level stack[YAML_DEPTH_MAX];
    size_t depth;
    size_t nodes;
    struct mm_place last; /* where the last token was: for nodes that have none of their own */
    bool document_seen;
};

void yaml_free(struct yaml_node *root)
{
    /* Recursion goes YAML_DEPTH_MAX deep at most; entries of one level are a loop. */
    while (root) {
        struct yaml_node *next = root->next;
        if (root->key) {
            free(root->key->text);
            free(root->key);
        }
        yaml_free(root->children);
        free(root->text);
        free(root);
        root = next;
    }
}

static int problem(struct builder *builder, struct mm_place place, const char *what)
{
    scenario_problems_add(builder->problems, SCENARIO_ERROR, place, "%s", what);
    return REALM_E_BAD_ARGUMENT;
}

/* The place of a token; a quoted scalar's mark stands behind its quote, which is where people see it begin.
 */
static struct mm_place place_of(struct builder *builder, struct fy_token *token)
{
    const struct fy_mark *mark = token ? fy_token_start_mark(token) : NULL;
    if (!mark || mark->line < 0 || mark->column < 0)
        return builder->last;
    struct mm_place place = {.line = (uint32_t)mark->line + 1, .column = (uint32_t)mark->column + 1};
    bool marked = fy_token_get_type(token) == FYTT_ANCHOR || fy_token_get_type(token) == FYTT_ALIAS;
    if (fy_token_get_type(token) == FYTT_SCALAR) {
        enum fy_scalar_style style = fy_token_scalar_style(token);
        marked = style == FYSS_SINGLE_QUOTED || style == FYSS_DOUBLE_QUOTED;
    }
    if (marked && place.column > 1)
        place.column--;
    builder->last = place;
    return place;
}

static int new_node(struct builder *builder, enum yaml_kind kind, struct mm_place place,
                    struct yaml_node **ret_node)
{
    if (builder->nodes++ >= YAML_NODES_MAX)
        return problem(builder, place, "the file has more than 100000 values");
    struct yaml_node *node = calloc(1, sizeof *node);
    if (!node)
        return -ENOMEM;
    node->kind = kind;
    node->place = place;
    *ret_node = node;
    return 0;
}

static bool is_key(const struct builder *builder)
{
    if (builder->depth == 0)
        return false;
    const struct level *level = &builder->stack[builder->depth - 1];
    return level->node->kind == YAML_MAP && !level->key;
}

/* Links a finished scalar, or a list or map that begins, to where it belongs. */
static void attach(struct builder *builder, struct yaml_node *node)
{
    if (builder->depth == 0) {
        builder->root = node;
        return;
    }
    struct level *level = &builder->stack[builder->depth - 1];
    node->key = level->key;
    level->key = NULL;
    *level->end = node;
    level->end = &node->next;
}

/* What a scenario does without is named, and the reading goes on: there may be more to say. */
static void refuse_extras(struct builder *builder, struct fy_token *anchor, struct fy_token *tag)
{
    if (anchor)
        problem(builder, place_of(builder, anchor), "anchors (&) are not supported: write the value out");
    if (tag)
        problem(builder, place_of(builder, tag), "tags (!) are not supported");
}

/* The text of a scalar that is not quoted, put together from the token's pieces. */
static int unquoted_text(struct fy_token *token, char **ret_text, size_t *ret_size)
{
    char *text = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&text, &size);
    if (!stream)
        return -ENOMEM;
    struct fy_token_iter *pieces = fy_token_iter_create(token);
    const struct fy_iter_chunk *piece = NULL;
    int failed = !pieces;
    while (!failed && (piece = fy_token_iter_chunk_next(pieces, piece, &failed)))
        fwrite(piece->str, 1, piece->len, stream);
    fy_token_iter_destroy(pieces);
    if (fclose(stream) != 0 || failed) {
        free(text);
        return -ENOMEM;
    }
    *ret_text = text;
    *ret_size = size;
    return 0;
}

static int text_of(struct builder *builder, struct fy_token *token, char **ret_text, size_t *ret_size)
{
    enum fy_scalar_style style = token ? fy_token_scalar_style(token) : FYSS_PLAIN;
    const struct fy_mark *mark = token ? fy_token_start_mark(token) : NULL;
    if (!mark) { /* `key:` with nothing behind it */
        *ret_text = strdup("");
        *ret_size = 0;
        return *ret_text ? 0 : -ENOMEM;
    }
    if (style != FYSS_SINGLE_QUOTED && style != FYSS_DOUBLE_QUOTED)
        return unquoted_text(token, ret_text, ret_size);
    char quote = style == FYSS_SINGLE_QUOTED ? '\'' : '"';
    int error = REALM_E_BAD_ARGUMENT;
    if (mark->input_pos <= builder->size)
        error = yaml_quoted(builder->text + mark->input_pos, builder->size - mark->input_pos, quote, ret_text,
                            ret_size);
    return error == REALM_E_BAD_ARGUMENT ? problem(builder, builder->last, "this quoted text cannot be read")
                                         : error;
}

static int take_scalar(struct builder *builder, const struct fy_event_scalar_data *scalar)
{
    refuse_extras(builder, scalar->anchor, scalar->tag);
    struct mm_place place = place_of(builder, scalar->value);
    char *text;
    size_t size;
    int error = text_of(builder, scalar->value, &text, &size);
    if (error)
        return error;
    struct yaml_node *node = NULL;
    if (memchr(text, '\0', size) || !realm_utf8_valid(text, size))
        error = problem(builder, place, "the text holds a character that cannot be used (NUL, or not UTF-8)");
    else
        error = new_node(builder, YAML_SCALAR, place, &node);
    if (error) {
        free(text);
        return error;
    }
    node->text = text;
    bool plain = !scalar->value || fy_token_scalar_style(scalar->value) == FYSS_PLAIN;
    node->type = plain ? yaml_plain_type(node->text) : YAML_STRING;
    if (is_key(builder))
        builder->stack[builder->depth - 1].key = node;
    else
        attach(builder, node);
    return 0;
}

static int take_start(struct builder *builder, enum yaml_kind kind, struct fy_token *start,
                      struct fy_token *anchor, struct fy_token *tag)
{
    refuse_extras(builder, anchor, tag);
    struct mm_place place = place_of(builder, start);
    if (is_key(builder))
        return problem(builder, place, "a key must be a word, not a list or a map");
    if (builder->depth == YAML_DEPTH_MAX)
        return problem(builder, place, "lists and maps are nested more than 16 deep");
    struct yaml_node *node;
    int error = new_node(builder, kind, place, &node);
    if (error)
        return error;
    attach(builder, node);
    builder->stack[builder->depth++] = (struct level){.node = node, .end = &node->children};
    return 0;
}

static int take_alias(struct builder *builder, struct fy_token *alias)
{
    problem(builder, place_of(builder, alias), "aliases (*) are not supported: write the value out");
    struct fy_event_scalar_data nothing = {0};
    return take_scalar(builder, &nothing);
}

static int take_event(struct builder *builder, const struct fy_event *event)
{
    switch (event->type) {
    case FYET_DOCUMENT_START:
        if (builder->document_seen)
            return problem(builder, place_of(builder, event->document_start.document_start),
                           "a scenario is one YAML document: a second one starts here");
        builder->document_seen = true;
        return 0;
    case FYET_SCALAR:
        return take_scalar(builder, &event->scalar);
    case FYET_ALIAS:
        return take_alias(builder, event->alias.anchor);
    case FYET_SEQUENCE_START:
        return take_start(builder, YAML_LIST, event->sequence_start.sequence_start,
                          event->sequence_start.anchor, event->sequence_start.tag);
    case FYET_MAPPING_START:
        return take_start(builder, YAML_MAP, event->mapping_start.mapping_start, event->mapping_start.anchor,
                          event->mapping_start.tag);
    case FYET_SEQUENCE_END:
    case FYET_MAPPING_END:
        builder->depth--;
        return 0;
    default:
        return 0;
    }
}

/* A tab at the start of the line at fault, or of the next, is the likely cause of odd complaints. */
static bool tab_near(const struct builder *builder, uint32_t line)
{
    const char *at = builder->text, *end = at + builder->size;
    for (uint32_t number = 1; at < end && number <= line + 1; number++) {
        if (number >= line && *at == '\t')
            return true;
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        at = newline ? newline + 1 : end;
    }
    return false;
}

static int syntax_problem(struct builder *builder, struct fy_diag *diag)
{
    void *position = NULL;
    const struct fy_diag_error *error = fy_diag_errors_iterate(diag, &position);
    if (!error || error->line < 1 || error->column < 1)
        return problem(builder, builder->last, "this is not YAML");
    struct mm_place place = {.line = (uint32_t)error->line, .column = (uint32_t)error->column};
    scenario_problems_add(builder->problems, SCENARIO_ERROR, place, "%s%s",
                          error->msg ? error->msg : "this is not YAML",
                          tab_near(builder, place.line) ? " (YAML is indented with spaces, not tabs)" : "");
    return REALM_E_BAD_ARGUMENT;
}

static int read_events(struct builder *builder, struct fy_parser *parser, struct fy_diag *diag)
{
    struct fy_event *event;
    while ((event = fy_parser_parse(parser))) {
        int error = take_event(builder, event);
        fy_parser_event_free(parser, event);
        if (error)
            return error;
    }
    if (fy_parser_get_stream_error(parser) || fy_diag_got_error(diag))
        return syntax_problem(builder, diag);
    return builder->problems->errors > 0 ? REALM_E_BAD_ARGUMENT : 0;
}

static void print_nothing(struct fy_diag *diag, void *user, const char *text, size_t size)
{
    (void)diag;
    (void)user;
    (void)text;
    (void)size;
}

static int run_parser(struct builder *builder)
{
    struct fy_diag_cfg diag_config;
    fy_diag_cfg_default(&diag_config);
    diag_config.fp = NULL;
    diag_config.output_fn = print_nothing;
    diag_config.level = FYET_ERROR;
    struct fy_diag *diag = fy_diag_create(&diag_config);
    if (!diag)
        return -ENOMEM;
    fy_diag_set_collect_errors(diag, true);

    int error = -ENOMEM;
    struct fy_parse_cfg config = {.flags = FYPCF_QUIET | FYPCF_DEFAULT_VERSION_1_2, .diag = diag};
    struct fy_parser *parser = fy_parser_create(&config);
    if (parser && fy_parser_set_string(parser, builder->text, builder->size) == 0)
        error = read_events(builder, parser, diag);
    if (parser)
        fy_parser_destroy(parser);
    fy_diag_destroy(diag);
    return error;
}

/* The parser sees only UTF-8 text without control characters, and lines that end one way. */
static int check_text(struct builder *builder)
{
    struct mm_place place = {.line = 1, .column = 1};
    for (size_t i = 0; i < builder->size; place.column++) {
        const uint8_t *at = (const uint8_t *)builder->text + i;
        size_t left = builder->size - i, step = realm_utf8_step(at, left);
        if (step == 0)
            return problem(builder, place, "this byte is not UTF-8: save the file as UTF-8");
        bool line_end = at[0] == '\r' && left > 1 && at[1] == '\n';
        bool control = (at[0] < 0x20 && at[0] != '\t' && at[0] != '\n' && !line_end) || at[0] == 0x7f ||
                       (step == 2 && at[0] == 0xc2 && at[1] < 0xa0);
        if (control)
            return problem(builder, place, "a control character cannot stand in a scenario");
        i += step;
        if (at[0] == '\n')
            place = (struct mm_place){.line = place.line + 1, .column = 0};
    }
    return 0;
}

int yaml_parse(const char *text, size_t size, struct scenario_problems *problems, struct yaml_node **ret_root)
{
    struct builder builder = {
        .text = text, .size = size, .problems = problems, .last = {.line = 1, .column = 1}};
    if (size > YAML_TEXT_MAX)
        return problem(&builder, (struct mm_place){0, 0}, "the file is larger than 1 MiB");
    int error = check_text(&builder);
    if (!error)
        error = run_parser(&builder);
    if (error) {
        for (size_t i = 0; i < builder.depth; i++)
            yaml_free(builder.stack[i].key);
        yaml_free(builder.root);
        return error;
    }
    *ret_root = builder.root;
    return 0;
}

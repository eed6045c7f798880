/* Reading a case's text. It may have been written by anybody: numbers are checked against what is declared so
 * far. */
#include <string.h>

#include "tools/fuzz/text.h"
#include "tools/fuzz/words.h"

#define WORDS_MAX 32u

struct parser {
    struct fuzz_case *example;
    char *storage;
    size_t used;
    const char *why;
    char *words[WORDS_MAX];
    size_t count;
};

static bool wrong(struct parser *parser, const char *why)
{
    parser->why = why;
    return false;
}

static int digit(char c)
{
    const char *digits = "0123456789abcdef", *at = c ? strchr(digits, c) : NULL;
    return at ? (int)(at - digits) : -1;
}

/* Copies a word, a quoted part of it unquoted, into the storage. *at is moved behind it. */
static bool take_word(struct parser *parser, const char **at)
{
    bool quoted = false;
    if (parser->count == WORDS_MAX)
        return wrong(parser, "too many words");
    parser->words[parser->count++] = parser->storage + parser->used;
    for (; **at && **at != '\n' && (quoted || **at != ' '); (*at)++) {
        char byte = **at;
        if (parser->used + 2 >= TEXT_STORAGE)
            return wrong(parser, "too much text");
        if (byte == '"') {
            quoted = !quoted;
            continue;
        }
        if (byte == '\\') {
            int high = (*at)[1] == 'x' ? digit((*at)[2]) : -1, low = high >= 0 ? digit((*at)[3]) : -1;
            if (low < 0 || high + low == 0)
                return wrong(parser, "a backslash begins \\xHH, which is not 00");
            byte = (char)(high << 4 | low);
            *at += 3;
        }
        parser->storage[parser->used++] = byte;
    }
    parser->storage[parser->used++] = '\0';
    return !quoted || wrong(parser, "a quote is not closed");
}

/* The value of key=value among the words from first on, or NULL. */
static const char *value_of(const struct parser *parser, const char *key)
{
    size_t size = strlen(key);
    for (size_t i = 1; i < parser->count; i++)
        if (strncmp(parser->words[i], key, size) == 0 && parser->words[i][size] == '=')
            return parser->words[i] + size + 1;
    return NULL;
}

static bool has_word(const struct parser *parser, const char *word)
{
    for (size_t i = 1; i < parser->count; i++)
        if (strcmp(parser->words[i], word) == 0)
            return true;
    return false;
}

static bool number_below(struct parser *parser, const char *text, uint64_t limit, uint64_t *ret_number)
{
    if (!text || !words_parse_number(text, ret_number) || *ret_number >= limit)
        return wrong(parser, "a number is missing, none, or too large");
    return true;
}

static bool parse_realm(struct parser *parser)
{
    struct oracle_system *system = &parser->example->system;
    uint64_t number, parent = 0, value;
    if (parser->count < 3 || system->realms_count == ORACLE_REALMS)
        return wrong(parser, "realm NUMBER NAME …, and not too many of them");
    if (!number_below(parser, parser->words[1], ORACLE_REALMS, &number) || number != system->realms_count)
        return wrong(parser, "realms are numbered from 0 on");
    if (number > 0 && !number_below(parser, value_of(parser, "parent"), number, &parent))
        return false;
    struct oracle_realm *realm = &system->realms[system->realms_count++];
    memset(realm, 0, sizeof *realm);
    realm->name = parser->words[2];
    realm->parent = number > 0 ? (int)parent : ORACLE_NONE;
    realm->instance_of = ORACLE_NONE;
    realm->debug = has_word(parser, "debug");
    for (size_t i = 3; i < parser->count; i++)
        if (strncmp(parser->words[i], "gate=", 5) == 0) {
            if (!number_below(parser, parser->words[i] + 5, ORACLE_GATES + 1, &value))
                return false;
            realm->gates |= value ? 1u << value : 0;
        }
    for (unsigned i = 0; i < ORACLE_RESOURCES; i++) {
        const char *limit = value_of(parser, words_resources[i]);
        realm->limits[i] = ORACLE_NO_LIMIT;
        if (limit && !words_parse_number(limit, &realm->limits[i]))
            return wrong(parser, "a limit is a number");
    }
    return true;
}

static bool parse_service(struct parser *parser)
{
    struct oracle_system *system = &parser->example->system;
    uint64_t number, provider;
    if (parser->count < 4 || system->services_count == ORACLE_SERVICES || parser->count - 3 > ORACLE_NAMES)
        return wrong(parser, "service NUMBER NAME … provider=REALM, and not too many of them");
    if (!number_below(parser, parser->words[1], ORACLE_SERVICES, &number) || number != system->services_count)
        return wrong(parser, "services are numbered from 0 on");
    if (!number_below(parser, value_of(parser, "provider"), system->realms_count, &provider) || provider == 0)
        return wrong(parser, "the provider is a realm above, and not init");
    struct oracle_service *service = &system->services[system->services_count++];
    memset(service, 0, sizeof *service);
    service->provider = (int)provider;
    for (size_t i = 2; i + 1 < parser->count; i++)
        service->names[service->names_count++] = parser->words[i];
    return true;
}

static bool parse_entry(struct parser *parser, struct oracle_entry *ret_entry, uint64_t *ret_service)
{
    const struct oracle_system *system = &parser->example->system;
    const char *rights = value_of(parser, "rights"), *realm = value_of(parser, "realm");
    uint64_t number;
    memset(ret_entry, 0, sizeof *ret_entry);
    if (parser->count < 3 || !number_below(parser, parser->words[1], system->services_count, ret_service))
        return wrong(parser, "an entry is for a service above");
    if (rights && !words_parse_rights(rights, &ret_entry->rights))
        return wrong(parser, "a right is unknown");
    ret_entry->pattern = value_of(parser, "path");
    if (realm) {
        if (!number_below(parser, realm, system->realms_count, &number))
            return false;
        ret_entry->match = ORACLE_BY_REALM;
        ret_entry->realm = (int)number;
    } else if (ret_entry->pattern) {
        ret_entry->match = ORACLE_BY_PATH;
    } else if (has_word(parser, "children")) {
        ret_entry->match = ORACLE_BY_CHILDREN;
    } else if (has_word(parser, "descendants")) {
        ret_entry->match = ORACLE_BY_DESCENDANTS;
    } else if (has_word(parser, "all")) {
        ret_entry->match = ORACLE_BY_ALL;
    } else {
        return wrong(parser, "an entry is realm=NUMBER, path=PATTERN, children, descendants or all");
    }
    return true;
}

static bool parse_list(struct parser *parser)
{
    struct oracle_system *system = &parser->example->system;
    struct oracle_entry entry;
    uint64_t service;
    if (!parse_entry(parser, &entry, &service))
        return false;
    if (strcmp(parser->words[0], "grant") == 0) {
        if (system->grants_count == ORACLE_GRANTS)
            return wrong(parser, "too many grants");
        system->grants[system->grants_count++] = (struct oracle_config_grant){(int)service, entry};
        return true;
    }
    bool deny = strcmp(parser->words[0], "deny") == 0;
    struct oracle_list *list = deny ? &system->services[service].deny : &system->services[service].access;
    if (list->count == ORACLE_ENTRIES)
        return wrong(parser, "too many entries");
    list->entries[list->count++] = entry;
    return true;
}

static bool parse_assert(struct parser *parser)
{
    struct fuzz_case *example = parser->example;
    uint64_t service, realm;
    if (parser->count < 3 || example->asserts_count == FUZZ_ASSERTS ||
        !number_below(parser, parser->words[1], example->system.services_count, &service))
        return wrong(parser, "assert SERVICE never|only|always realm=NUMBER …");
    struct fuzz_assert *row = &example->asserts[example->asserts_count++];
    *row = (struct fuzz_assert){.service = (int)service};
    row->kind = has_word(parser, "always") ? FUZZ_ALWAYS : has_word(parser, "only") ? FUZZ_ONLY : FUZZ_NEVER;
    const char *rights = value_of(parser, "rights");
    if (rights && !words_parse_rights(rights, &row->rights))
        return wrong(parser, "a right is unknown");
    for (size_t i = 3; i < parser->count; i++) {
        bool trust = strncmp(parser->words[i], "trust=", 6) == 0;
        if (strncmp(parser->words[i], "path=", 5) == 0) {
            if (row->paths_count == FUZZ_ASSERT_PATHS)
                return wrong(parser, "an assertion has too many paths");
            if (parser->words[i][5] != '/' || strlen(parser->words[i] + 5) > FUZZ_PATTERN_MAX)
                return wrong(parser, "a path is a pattern of at most 1024 bytes that begins with /");
            row->paths[row->paths_count++] = parser->words[i] + 5;
            continue;
        }
        if (!trust && strncmp(parser->words[i], "realm=", 6) != 0)
            continue;
        if (!number_below(parser, parser->words[i] + 6, example->system.realms_count, &realm))
            return false;
        *(trust ? &row->trust : &row->realms) |= UINT64_C(1) << realm;
    }
    return true;
}

static bool parse_reference(struct parser *parser, const char *key, int *ret_realm)
{
    const char *text = value_of(parser, key);
    uint64_t number;
    *ret_realm = FUZZ_NOTHING;
    if (!text || strcmp(text, "nobody") == 0)
        return true;
    bool instance = *text == 'i';
    if (!number_below(parser, text + instance, instance ? FUZZ_OPERATIONS : ORACLE_REALMS, &number))
        return false;
    *ret_realm = (int)number + (instance ? FUZZ_INSTANCE : 0);
    return true;
}

static bool parse_capability(struct parser *parser, const char *key, struct fuzz_capability *ret_capability)
{
    char *text = (char *)value_of(parser, key);
    uint64_t operation, nth;
    *ret_capability = (struct fuzz_capability){FUZZ_NOTHING, 0};
    char *dot = text ? strchr(text, '.') : NULL;
    if (!text)
        return true;
    if (!dot || !number_below(parser, dot + 1, ORACLE_CAPABILITIES, &nth))
        return wrong(parser, "a capability is OPERATION.NTH or forged.NUMBER");
    *dot = '\0';
    ret_capability->nth = (unsigned)nth;
    if (strcmp(text, "forged") == 0)
        return true;
    if (!number_below(parser, text, FUZZ_OPERATIONS, &operation))
        return false;
    ret_capability->operation = (int)operation;
    return true;
}

static bool parse_amount(struct parser *parser, const char *key, uint64_t *ret_number)
{
    const char *text = value_of(parser, key);
    return !text || words_parse_number(text, ret_number) || wrong(parser, "a number is none");
}

static bool parse_name(struct parser *parser, unsigned *ret_name)
{
    struct fuzz_case *example = parser->example;
    const char *name = value_of(parser, "name");
    *ret_name = FUZZ_NAMES;
    if (!name)
        return true;
    for (unsigned i = 0; i < example->names_count; i++)
        if (strcmp(example->names[i], name) == 0) {
            *ret_name = i;
            return true;
        }
    if (example->names_count == FUZZ_NAMES)
        return wrong(parser, "too many names");
    *ret_name = (unsigned)example->names_count;
    example->names[example->names_count++] = name;
    return true;
}

static bool parse_operation(struct parser *parser)
{
    struct fuzz_case *example = parser->example;
    const char *rights = value_of(parser, "rights"), *mode = value_of(parser, "mode");
    const char *resource = value_of(parser, "resource");
    uint64_t identity;
    if (parser->count < 2 || example->count == FUZZ_OPERATIONS || example->system.realms_count == 0)
        return wrong(parser, "an operation is NUMBER KIND …, after the realms, and not too many of them");
    struct fuzz_operation *operation = &example->operations[example->count];
    memset(operation, 0, sizeof *operation);
    operation->kind = fuzz_kind_find(parser->words[1]);
    if (!number_below(parser, parser->words[0], FUZZ_OPERATIONS, &identity))
        return false;
    if (operation->kind < 0 || operation->kind == ORACLE_CLEARED)
        return wrong(parser, "the kind of operation is unknown");
    for (size_t i = 0; i < example->count; i++)
        if (example->operations[i].identity == (int)identity)
            return wrong(parser, "two operations have one number");
    operation->identity = (int)identity;
    int found = mode ? words_find(words_modes, 3, mode, strlen(mode)) : 0;
    operation->mode = found < 0 ? (enum oracle_mode)3 : (enum oracle_mode)found;
    found = resource ? words_find(words_resources, ORACLE_RESOURCES, resource, strlen(resource)) : 0;
    operation->resource = found < 0 ? ORACLE_RESOURCES : (unsigned)found;
    operation->remove = has_word(parser, "remove");
    if (rights && !words_parse_rights(rights, &operation->rights))
        return wrong(parser, "a right is unknown");
    if (!parse_reference(parser, "actor", &operation->actor) ||
        !parse_reference(parser, "subject", &operation->subject) ||
        !parse_capability(parser, "source", &operation->source) ||
        !parse_capability(parser, "via", &operation->via) ||
        !parse_amount(parser, "badge", &operation->badge) ||
        !parse_amount(parser, "offset", &operation->offset) ||
        !parse_amount(parser, "size", &operation->size) ||
        !parse_amount(parser, "amount", &operation->amount) || !parse_name(parser, &operation->name))
        return false;
    example->count++;
    return true;
}

static bool parse_line(struct parser *parser)
{
    struct oracle_system *system = &parser->example->system;
    const char *first = parser->words[0];
    if (strcmp(first, "hierarchy") == 0) {
        system->children_call_parents = has_word(parser, "children-call-parents");
        system->parents_call_children = has_word(parser, "parents-call-children");
        system->siblings_call = has_word(parser, "siblings-call");
        return true;
    }
    if (strcmp(first, "realm") == 0)
        return parse_realm(parser);
    if (strcmp(first, "service") == 0)
        return parse_service(parser);
    if (strcmp(first, "deny") == 0 || strcmp(first, "access") == 0 || strcmp(first, "grant") == 0)
        return parse_list(parser);
    if (strcmp(first, "assert") == 0)
        return parse_assert(parser);
    return parse_operation(parser);
}

size_t text_parse(const char *text, char *storage, struct fuzz_case *ret_case, const char **ret_why)
{
    struct parser parser = {.example = ret_case, .storage = storage, .why = "?"};
    memset(&ret_case->system, 0, sizeof ret_case->system);
    ret_case->count = ret_case->names_count = ret_case->asserts_count = 0;
    size_t line = 1;
    for (const char *at = text; *at; line++) {
        bool good = true;
        parser.count = 0;
        while (good && *at && *at != '\n') {
            if (*at == ' ')
                at++;
            else if (*at == '#')
                at += strcspn(at, "\n");
            else
                good = take_word(&parser, &at);
        }
        if (!good || (parser.count > 0 && !parse_line(&parser))) {
            *ret_why = parser.why;
            return line;
        }
        at += *at == '\n';
    }
    *ret_why = "there is no realm";
    return ret_case->system.realms_count > 0 ? 0 : line;
}

/*
 * Edits in the scenario's own words. Names are data: one that YAML would take for something else is quoted,
 * and what is no printable character is written as an escape.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <realm/types.h>

#include "mm/analysis/edits.h"

/* --- words --- */

#define PLAIN "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-."

static bool is_plain(const char *word)
{
    static const char *const special[] = {"true", "false", "null", "~", "yes", "no", "on", "off", NULL};
    if (!*word || strspn(word, PLAIN) != strlen(word) || strchr("-.0123456789", *word))
        return false;
    for (size_t i = 0; special[i]; i++)
        if (strcasecmp(word, special[i]) == 0)
            return false;
    return true;
}

void edits_word(const char *word, char *text, size_t capacity)
{
    if (is_plain(word)) {
        snprintf(text, capacity, "%s", word);
        return;
    }
    size_t used = 0;
    if (capacity < 8) {
        text[0] = '\0';
        return;
    }
    text[used++] = '"';
    for (; *word && used + 8 < capacity; word++) {
        unsigned char byte = (unsigned char)*word;
        if (byte == '"' || byte == '\\') {
            text[used++] = '\\';
            text[used++] = (char)byte;
        } else if (byte < 0x20 || byte == 0x7f) {
            used += (size_t)snprintf(text + used, capacity - used, "\\x%02x", byte);
        } else {
            text[used++] = (char)byte;
        }
    }
    text[used++] = '"';
    text[used] = '\0';
}

struct word {
    char text[2 * REALM_NAME_MAX + 16];
};

static struct word word_of(const char *name)
{
    struct word word;
    edits_word(name ? name : "", word.text, sizeof word.text);
    return word;
}

static struct word realm_word(const struct mm_config *config, uint32_t realm)
{
    return word_of(realm < config->realms_count ? config->realms[realm].name : "init");
}

static struct word service_word(const struct mm_config *config, uint32_t service)
{
    return word_of(service < config->services_count ? config->services[service].name : "?");
}

static void rights_text(uint32_t rights, char *text, size_t capacity)
{
    static const struct {
        uint32_t bit;
        const char *name;
    } names[] = {{REALM_RIGHT_SEND, "send"},
                 {REALM_RIGHT_GRANT, "grant"},
                 {REALM_RIGHT_MINT, "mint"},
                 {REALM_RIGHT_REVOKE, "revoke"}};
    size_t used = 0;
    text[0] = '\0';
    for (size_t i = 0; i < sizeof names / sizeof names[0] && used < capacity; i++)
        if (rights & names[i].bit)
            used += (size_t)snprintf(text + used, capacity - used, "%s%s", used ? ", " : "", names[i].name);
}

/* Whom an entry means: a name, a word, or a pattern. */
static void who_text(const struct mm_config *config, const struct mm_access *who, char *text, size_t capacity)
{
    struct word name;
    switch (who->kind) {
    case MM_ACCESS_REALM:
        name = realm_word(config, who->realm);
        snprintf(text, capacity, "%s", name.text);
        break;
    case MM_ACCESS_CHILDREN:
        snprintf(text, capacity, "children");
        break;
    case MM_ACCESS_DESCENDANTS:
        snprintf(text, capacity, "descendants");
        break;
    case MM_ACCESS_ALL:
        snprintf(text, capacity, "all");
        break;
    case MM_ACCESS_PATH: {
        char pattern[1100];
        edits_word(who->pattern ? who->pattern : "", pattern, sizeof pattern);
        snprintf(text, capacity, "{path: %s}", pattern);
        break;
    }
    }
}

/* An entry of an access list, with rights only where it has more than send. */
static void access_text(const struct mm_config *config, const struct mm_access *who, uint32_t rights,
                        char *text, size_t capacity)
{
    char words[1300], bits[40];
    who_text(config, who, words, sizeof words);
    rights_text(rights, bits, sizeof bits);
    if (rights == REALM_RIGHT_SEND)
        snprintf(text, capacity, "%s", words);
    else if (who->kind == MM_ACCESS_PATH)
        snprintf(text, capacity, "%.*s, rights: [%s]}", (int)strlen(words) - 1, words, bits);
    else
        snprintf(text, capacity, "{%s: %s, rights: [%s]}", who->kind == MM_ACCESS_REALM ? "realm" : "who",
                 words, bits);
}

static const char *const resource_names[] = {[MM_RESOURCE_REALMS] = "realms",
                                             [MM_RESOURCE_CHANNELS] = "channels",
                                             [MM_RESOURCE_CAPABILITIES] = "capabilities",
                                             [MM_RESOURCE_MEMORY] = "memory",
                                             [MM_RESOURCE_DESCRIPTORS] = "descriptors",
                                             [MM_RESOURCE_REQUESTS] = "requests"};

static void quota_text(const struct edit *edit, char *text, size_t capacity)
{
    unsigned long long limit = edit->limit;
    if (edit->resource == MM_RESOURCE_MEMORY)
        snprintf(text, capacity, "memory: %lluKiB", (limit + 1023) / 1024);
    else
        snprintf(text, capacity, "%s: %llu", resource_names[edit->resource], limit);
}

/* --- what is added, without where --- */

static void body_text(const struct mm_config *config, const struct edit *edit, char *text, size_t capacity)
{
    char who[1400], bits[40];
    struct word service = service_word(config, edit->service), realm = realm_word(config, edit->realm);
    rights_text(edit->rights, bits, sizeof bits);
    switch (edit->kind) {
    case EDIT_GRANT:
        who_text(config, &edit->who, who, sizeof who);
        snprintf(text, capacity, "- {to: %s, service: %s, rights: [%s]}", who, service.text, bits);
        break;
    case EDIT_ACCESS:
        access_text(config, &edit->who, edit->rights, who, sizeof who);
        snprintf(text, capacity, "- %s", who);
        break;
    case EDIT_UNDENY:
        who_text(config, &config->denies[edit->entry].who, who, sizeof who);
        snprintf(text, capacity, "%s", who);
        break;
    case EDIT_GRANT_RIGHTS:
    case EDIT_ACCESS_RIGHTS:
        snprintf(text, capacity, "%s", bits);
        break;
    case EDIT_QUOTA:
        quota_text(edit, text, capacity);
        break;
    case EDIT_CAPABILITY:
        if (edit->gate == 0)
            snprintf(text, capacity, "- debug");
        else
            snprintf(text, capacity, "- {gate: %u}", edit->gate);
        break;
    case EDIT_DECLARE: {
        struct word name = word_of(edit->name);
        access_text(config, &edit->who, edit->rights, who, sizeof who);
        snprintf(text, capacity, "- {name: %s, provider: %s, access: [%s]}", name.text, realm.text, who);
        break;
    }
    case EDIT_PROVIDER:
        snprintf(text, capacity, "provider: %s", realm.text);
        break;
    case EDIT_PARENT:
        snprintf(text, capacity, "parent: %s", realm_word(config, edit->parent).text);
        break;
    }
}

static void where_text(const struct mm_config *config, const struct edit *edit, char *text, size_t capacity)
{
    uint32_t service = edit->kind == EDIT_UNDENY ? config->denies[edit->entry].service : edit->service;
    struct word name = service_word(config, service), realm = realm_word(config, edit->realm);
    struct mm_place place = {0, 0};
    char at[40] = "";
    switch (edit->kind) {
    case EDIT_GRANT:
        snprintf(text, capacity, "grants");
        return;
    case EDIT_ACCESS:
    case EDIT_PROVIDER:
        snprintf(text, capacity, "service %s%s", name.text, edit->kind == EDIT_ACCESS ? ", access" : "");
        return;
    case EDIT_DECLARE:
        snprintf(text, capacity, "services");
        return;
    case EDIT_QUOTA:
    case EDIT_CAPABILITY:
    case EDIT_PARENT:
        snprintf(text, capacity, "realm %s%s", realm.text,
                 edit->kind == EDIT_QUOTA        ? ", quota"
                 : edit->kind == EDIT_CAPABILITY ? ", capabilities"
                                                 : "");
        return;
    case EDIT_UNDENY:
        place = config->denies[edit->entry].who.place;
        break;
    case EDIT_GRANT_RIGHTS:
        place = config->grants[edit->entry].place;
        break;
    case EDIT_ACCESS_RIGHTS:
        place = config->services[edit->service].access[edit->entry].place;
        break;
    }
    if (place.line > 0)
        snprintf(at, sizeof at, " in line %u, column %u", place.line, place.column);
    if (edit->kind == EDIT_UNDENY)
        snprintf(text, capacity, "service %s, deny%s", name.text, at);
    else if (edit->kind == EDIT_GRANT_RIGHTS)
        snprintf(text, capacity, "grants, the entry%s", at);
    else
        snprintf(text, capacity, "service %s, access, the entry%s", name.text, at);
}

void edit_line(const struct mm_config *config, const struct edit *edit, char *text, size_t capacity)
{
    char where[700], body[2800];
    where_text(config, edit, where, sizeof where);
    body_text(config, edit, body, sizeof body);
    if (edit->kind == EDIT_UNDENY)
        snprintf(text, capacity, "%s: remove %s", where, body);
    else if (edit->kind == EDIT_GRANT_RIGHTS || edit->kind == EDIT_ACCESS_RIGHTS)
        snprintf(text, capacity, "%s: add the rights %s", where, body);
    else
        snprintf(text, capacity, "%s: %s", where, body);
}

/* --- to paste --- */

static void print_yaml(FILE *stream, const struct mm_config *config, const struct edit *edit)
{
    char line[EDIT_TEXT_MAX], body[2800];
    struct word service = service_word(config, edit->service), realm = realm_word(config, edit->realm);
    edit_line(config, edit, line, sizeof line);
    body_text(config, edit, body, sizeof body);
    switch (edit->kind) {
    case EDIT_GRANT:
        fprintf(stream, "grants: # as its first entry\n  %s\n", body);
        break;
    case EDIT_DECLARE:
        fprintf(stream, "services:\n  %s\n", body);
        break;
    case EDIT_ACCESS:
        fprintf(stream, "services:\n  - name: %s\n    access: # as its first entry\n      %s\n", service.text,
                body);
        break;
    case EDIT_PROVIDER:
        fprintf(stream, "services:\n  - name: %s\n    %s\n", service.text, body);
        break;
    case EDIT_QUOTA:
        fprintf(stream, "realms:\n  - name: %s\n    quota: {%s}\n", realm.text, body);
        break;
    case EDIT_CAPABILITY:
        fprintf(stream, "realms:\n  - name: %s\n    capabilities:\n      %s\n", realm.text, body);
        break;
    case EDIT_PARENT:
        fprintf(stream, "realms:\n  - name: %s\n    %s\n", realm.text, body);
        break;
    case EDIT_UNDENY:
    case EDIT_GRANT_RIGHTS:
    case EDIT_ACCESS_RIGHTS:
        fprintf(stream, "# %s\n", line);
        break;
    }
}

char *edits_yaml(const struct mm_config *config, const struct edits *edits)
{
    char *text = NULL;
    size_t size;
    FILE *stream = open_memstream(&text, &size);
    if (!stream)
        return NULL;
    for (size_t i = 0; i < edits->count; i++)
        print_yaml(stream, config, &edits->list[i]);
    if (fclose(stream) != 0) {
        free(text);
        return NULL;
    }
    return text;
}

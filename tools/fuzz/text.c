/* A case as text. */
#include "tools/fuzz/text.h"

#include <stdlib.h>
#include <string.h>

#include "tools/fuzz/words.h"

static void print_string(const char *string, FILE *file)
{
    fputc('"', file);
    for (; *string; string++) {
        unsigned char byte = (unsigned char)*string;
        if (byte < 0x20 || byte >= 0x7f || byte == '"' || byte == '\\')
            fprintf(file, "\\x%02x", byte);
        else
            fputc(byte, file);
    }
    fputc('"', file);
}

static void print_realm(const struct oracle_realm *realm, size_t number, FILE *file)
{
    fprintf(file, "realm %zu ", number);
    print_string(realm->name, file);
    if (number > 0)
        fprintf(file, " parent=%d", realm->parent);
    if (realm->debug)
        fprintf(file, " debug");
    for (unsigned gate = 1; gate <= ORACLE_GATES; gate++)
        if (realm->gates >> gate & 1)
            fprintf(file, " gate=%u", gate);
    for (unsigned i = 0; i < ORACLE_RESOURCES; i++)
        if (realm->limits[i] != ORACLE_NO_LIMIT)
            fprintf(file, " %s=%llu", words_resources[i], (unsigned long long)realm->limits[i]);
    fputc('\n', file);
}

static void print_entry(const char *list, int service, const struct oracle_entry *entry, FILE *file)
{
    char rights[96];
    fprintf(file, "%s %d ", list, service);
    switch (entry->match) {
    case ORACLE_BY_REALM:
        fprintf(file, "realm=%d", entry->realm);
        break;
    case ORACLE_BY_CHILDREN:
        fprintf(file, "children");
        break;
    case ORACLE_BY_DESCENDANTS:
        fprintf(file, "descendants");
        break;
    case ORACLE_BY_ALL:
        fprintf(file, "all");
        break;
    case ORACLE_BY_PATH:
        fprintf(file, "path=");
        print_string(entry->pattern, file);
        break;
    }
    words_print_rights(entry->rights, rights, sizeof rights);
    if (entry->rights)
        fprintf(file, " rights=%s", rights);
    fputc('\n', file);
}

static void print_system(const struct oracle_system *system, FILE *file)
{
    fprintf(file, "hierarchy%s%s%s\n", system->children_call_parents ? " children-call-parents" : "",
            system->parents_call_children ? " parents-call-children" : "",
            system->siblings_call ? " siblings-call" : "");
    for (size_t i = 0; i < system->realms_count; i++)
        print_realm(&system->realms[i], i, file);
    for (size_t i = 0; i < system->services_count; i++) {
        const struct oracle_service *service = &system->services[i];
        fprintf(file, "service %zu", i);
        for (size_t j = 0; j < service->names_count; j++) {
            fputc(' ', file);
            print_string(service->names[j], file);
        }
        fprintf(file, " provider=%d\n", service->provider);
        for (size_t j = 0; j < service->deny.count; j++)
            print_entry("deny", (int)i, &service->deny.entries[j], file);
        for (size_t j = 0; j < service->access.count; j++)
            print_entry("access", (int)i, &service->access.entries[j], file);
    }
    for (size_t i = 0; i < system->grants_count; i++)
        print_entry("grant", system->grants[i].service, &system->grants[i].to, file);
}

static void print_asserts(const struct fuzz_case *example, FILE *file)
{
    static const char *const kinds[] = {
        [FUZZ_NEVER] = "never", [FUZZ_ONLY] = "only", [FUZZ_ALWAYS] = "always"};
    for (size_t i = 0; i < example->asserts_count; i++) {
        fprintf(file, "assert %d %s", example->asserts[i].service, kinds[example->asserts[i].kind]);
        for (unsigned realm = 0; realm < ORACLE_REALMS; realm++)
            if (example->asserts[i].realms >> realm & 1)
                fprintf(file, " realm=%u", realm);
        for (unsigned realm = 0; realm < ORACLE_REALMS; realm++)
            if (example->asserts[i].trust >> realm & 1)
                fprintf(file, " trust=%u", realm);
        for (size_t j = 0; j < example->asserts[i].paths_count; j++) {
            fputs(" path=", file);
            print_string(example->asserts[i].paths[j], file);
        }
        char rights[96];
        words_print_rights(example->asserts[i].rights, rights, sizeof rights);
        if (example->asserts[i].rights)
            fprintf(file, " rights=%s", rights);
        fputc('\n', file);
    }
}

/* --- operations: only what the kind uses --- */

static void print_realm_reference(const char *word, int realm, FILE *file)
{
    if (realm >= FUZZ_INSTANCE)
        fprintf(file, " %s=i%d", word, realm - FUZZ_INSTANCE);
    else if (realm == FUZZ_NOTHING)
        fprintf(file, " %s=nobody", word);
    else
        fprintf(file, " %s=%d", word, realm);
}

static void print_capability(const char *word, struct fuzz_capability capability, FILE *file)
{
    if (capability.operation < 0)
        fprintf(file, " %s=forged.%u", word, capability.nth);
    else
        fprintf(file, " %s=%d.%u", word, capability.operation, capability.nth);
}

static void print_derive(const struct fuzz_operation *operation, FILE *file)
{
    fprintf(file, " mode=%s", operation->mode <= ORACLE_MOVE ? words_modes[operation->mode] : "wrong");
    if (operation->via.operation >= 0)
        print_capability("via", operation->via, file);
    if (operation->badge)
        fprintf(file, " badge=%llu", (unsigned long long)operation->badge);
    if (operation->offset)
        fprintf(file, " offset=%llu", (unsigned long long)operation->offset);
    if (operation->size)
        fprintf(file, " size=%llu", (unsigned long long)operation->size);
}

void text_print_operation(const struct fuzz_case *example, const struct fuzz_operation *operation, FILE *file)
{
    char rights[96];
    int kind = operation->kind;
    bool taking = kind == ORACLE_TAKE || kind == ORACLE_DELETE || kind == ORACLE_DISCONNECT ||
                  kind == ORACLE_UNREGISTER || kind == ORACLE_SEAL;
    fprintf(file, "%d %s", operation->identity, fuzz_kind_name(kind));
    if (kind != FUZZ_STEPS && kind != ORACLE_INSTANCE)
        print_realm_reference("actor", operation->actor, file);
    if (kind == ORACLE_GIVE || kind == ORACLE_DERIVE || kind == ORACLE_TAKE_SERVICE || kind == ORACLE_START ||
        kind == ORACLE_KILL || kind == ORACLE_QUOTA || kind == ORACLE_INSTANCE)
        print_realm_reference("subject", operation->subject, file);
    if (taking || kind == ORACLE_DERIVE)
        print_capability("source", operation->source, file);
    if (kind == ORACLE_DERIVE)
        print_derive(operation, file);
    if (kind == ORACLE_CONNECT || kind == ORACLE_REGISTER || kind == ORACLE_GIVE ||
        kind == ORACLE_TAKE_SERVICE) {
        fprintf(file, " name=");
        print_string(operation->name < example->names_count ? example->names[operation->name] : "", file);
    }
    words_print_rights(operation->rights, rights, sizeof rights);
    if (kind == ORACLE_GIVE || kind == ORACLE_DERIVE)
        fprintf(file, " rights=%s", rights);
    if (kind == ORACLE_QUOTA || kind == ORACLE_CHARGE || kind == ORACLE_RELEASE)
        fprintf(file, " resource=%s",
                operation->resource < 6 ? words_resources[operation->resource] : "wrong");
    if (kind == ORACLE_QUOTA || kind == ORACLE_CHARGE || kind == ORACLE_RELEASE || kind == ORACLE_ALLOCATE ||
        kind == ORACLE_GATE || kind == FUZZ_STEPS)
        fprintf(file, " amount=%llu", (unsigned long long)operation->amount);
    if (kind == ORACLE_END && operation->remove)
        fprintf(file, " remove");
    fputc('\n', file);
}

void text_print(const struct fuzz_case *example, FILE *file)
{
    print_system(&example->system, file);
    print_asserts(example, file);
    for (size_t i = 0; i < example->count; i++)
        text_print_operation(example, &example->operations[i], file);
}

/* The text of a case; the caller's. NULL: no memory. */
static char *text_of(const struct fuzz_case *example)
{
    char *text = NULL;
    size_t size = 0;
    FILE *memory = open_memstream(&text, &size);
    if (!memory)
        return NULL;
    text_print(example, memory);
    if (fclose(memory) == 0)
        return text;
    free(text);
    return NULL;
}

void text_print_scenario(const struct fuzz_case *example, const char *check, const char *detail, FILE *file)
{
    char *text = text_of(example);
    if (!text)
        return;
    fprintf(file, "# Found by `realm fuzz`: %s: %s\n# `realm run` replays it.\nsystem: found\nreplay: |\n",
            check, detail);
    for (const char *line = text; *line;) {
        size_t length = strcspn(line, "\n");
        fprintf(file, "  %.*s\n", (int)length, line);
        line += length + (line[length] == '\n');
    }
    free(text);
}

void text_print_test(const struct fuzz_case *example, const char *check, FILE *file)
{
    char *text = text_of(example);
    if (!text)
        return;
    fprintf(file,
            "/* Found by `realm fuzz`: %s. */\n#include <criterion/criterion.h>\n\n"
            "#include \"tools/fuzz/replay.h\"\n\nTest(found, by_fuzzing)\n{\n"
            "    /* Goal: engine and oracle agree on this case, and every invariant holds. */\n"
            "    const char *why = replay_text(",
            check);
    for (const char *line = text; *line;) {
        size_t length = strcspn(line, "\n");
        fprintf(file, "\n        \"");
        for (size_t i = 0; i < length; i++) {
            if (line[i] == '"' || line[i] == '\\')
                fputc('\\', file);
            fputc(line[i], file);
        }
        fprintf(file, "\\n\"");
        line += length + (line[length] == '\n');
    }
    fprintf(file, ");\n    cr_assert_null(why, \"%%s\", why);\n}\n");
    free(text);
}

/*
 * A variation is the configuration's struct with those arrays copied that an edit touches; everything else is
 * shared with the original, so that making one costs little and the original is never changed.
 */
#include "mm/analysis/edits.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <realm/error.h>
#include <realm/types.h>

/* A copy with room for `more` entries at its head or end. */
static void *copy_of(const void *array, size_t count, size_t size, size_t more, size_t head)
{
    char *copy = calloc(count + more + 1, size);
    if (copy && count > 0)
        memcpy(copy + head * size, array, count * size);
    return copy;
}

static int copy_arrays(const struct mm_config *config, struct edits_variation *variation)
{
    struct mm_config *changed = &variation->config;
    *variation = (struct edits_variation){.config = *config};
    changed->realms = copy_of(config->realms, config->realms_count, sizeof *config->realms, 0, 0);
    changed->services =
        copy_of(config->services, config->services_count, sizeof *config->services, EDITS_MAX, 0);
    changed->grants = copy_of(config->grants, config->grants_count, sizeof *config->grants, EDITS_MAX, 0);
    changed->denies = copy_of(config->denies, config->denies_count, sizeof *config->denies, 0, 0);
    return changed->realms && changed->services && changed->grants && changed->denies ? 0 : -ENOMEM;
}

void edits_variation_deinit(struct edits_variation *variation)
{
    for (size_t i = 0; i < variation->lists_count; i++)
        free(variation->lists[i]);
    free(variation->config.realms);
    free(variation->config.services);
    free(variation->config.grants);
    free(variation->config.denies);
    *variation = (struct edits_variation){0};
}

/* The service's list, as one that may be changed, with room for one more entry at its head. */
static struct mm_access *own_list(struct edits_variation *variation, struct mm_service *service, size_t more)
{
    struct mm_access *list = copy_of(service->access, service->access_count, sizeof *list, more, more);
    if (!list)
        return NULL;
    variation->lists[variation->lists_count++] = list;
    service->access = list;
    service->access_count += more;
    return list;
}

static int add_grant(struct mm_config *config, const struct edit *edit)
{
    memmove(config->grants + 1, config->grants, config->grants_count * sizeof *config->grants);
    config->grants[0] =
        (struct mm_grant){.realm = edit->who.realm,
                          .service = edit->service,
                          .rights = edit->rights,
                          .pattern = edit->who.kind == MM_ACCESS_PATH ? edit->who.pattern : NULL};
    config->grants_count++;
    return 0;
}

static int add_access(struct edits_variation *variation, struct mm_service *service, const struct edit *edit)
{
    struct mm_access *list = own_list(variation, service, 1);
    if (!list)
        return -ENOMEM;
    list[0] = edit->who;
    list[0].rights = edit->rights;
    list[0].place = (struct mm_place){0, 0};
    return 0;
}

static int declare(struct edits_variation *variation, const struct edit *edit)
{
    struct mm_config *config = &variation->config;
    struct mm_service *service = &config->services[config->services_count++];
    *service = (struct mm_service){.name = (char *)edit->name, .provider = edit->realm};
    return add_access(variation, service, edit);
}

static int add_rights(struct edits_variation *variation, const struct edit *edit)
{
    struct mm_service *service = &variation->config.services[edit->service];
    if (edit->entry >= service->access_count)
        return REALM_E_BAD_ARGUMENT;
    struct mm_access *list = own_list(variation, service, 0);
    if (!list)
        return -ENOMEM;
    list[edit->entry].rights |= edit->rights | REALM_RIGHT_SEND;
    return 0;
}

/* Entries are numbered as in the original: what is removed is marked, and goes at the end. */
#define REMOVED UINT32_MAX

static int apply_one(struct edits_variation *variation, const struct edit *edit)
{
    struct mm_config *config = &variation->config;
    struct mm_realm *realm = edit->realm < config->realms_count ? &config->realms[edit->realm] : NULL;
    bool needs_service = edit->kind == EDIT_GRANT || edit->kind == EDIT_ACCESS ||
                         edit->kind == EDIT_ACCESS_RIGHTS || edit->kind == EDIT_PROVIDER;
    if (needs_service && edit->service >= config->services_count)
        return REALM_E_BAD_ARGUMENT;
    switch (edit->kind) {
    case EDIT_GRANT:
        return add_grant(config, edit);
    case EDIT_ACCESS:
        return add_access(variation, &config->services[edit->service], edit);
    case EDIT_UNDENY:
        if (edit->entry >= config->denies_count)
            return REALM_E_BAD_ARGUMENT;
        config->denies[edit->entry].service = REMOVED;
        return 0;
    case EDIT_GRANT_RIGHTS:
        if (edit->entry >= config->grants_count)
            return REALM_E_BAD_ARGUMENT;
        config->grants[edit->entry].rights |= edit->rights;
        return 0;
    case EDIT_ACCESS_RIGHTS:
        return add_rights(variation, edit);
    case EDIT_DECLARE:
        return declare(variation, edit);
    default:
        break;
    }
    if (!realm)
        return REALM_E_BAD_ARGUMENT;
    if (edit->kind == EDIT_PROVIDER)
        config->services[edit->service].provider = edit->realm;
    else if (edit->kind == EDIT_PARENT)
        realm->parent = edit->parent;
    else if (edit->kind == EDIT_CAPABILITY && edit->gate == 0)
        realm->debug = true;
    else if (edit->kind == EDIT_CAPABILITY)
        realm->gates |= UINT64_C(1) << edit->gate;
    if (edit->kind == EDIT_QUOTA) {
        realm->quota.limited[edit->resource] = true;
        realm->quota.limit[edit->resource] = edit->limit;
    }
    return 0;
}

static void drop_removed(struct mm_config *config)
{
    size_t kept = 0;
    for (size_t i = 0; i < config->denies_count; i++)
        if (config->denies[i].service != REMOVED)
            config->denies[kept++] = config->denies[i];
    config->denies_count = kept;
}

/* In an order in which no edit moves what another speaks of: first the entries that are there, then new ones.
 */
int edits_apply(const struct mm_config *config, const struct edits *edits,
                struct edits_variation *ret_variation)
{
    struct edits_variation variation;
    int error = edits->count <= EDITS_MAX ? copy_arrays(config, &variation) : REALM_E_BAD_ARGUMENT;
    if (edits->count > EDITS_MAX)
        return error;
    for (int pass = 0; pass < 2; pass++) {
        for (size_t i = 0; !error && i < edits->count; i++) {
            const struct edit *edit = &edits->list[i];
            bool adds = edit->kind == EDIT_GRANT || edit->kind == EDIT_ACCESS || edit->kind == EDIT_DECLARE;
            if (adds == (pass == 1))
                error = apply_one(&variation, edit);
        }
    }
    if (error) {
        edits_variation_deinit(&variation);
        return error;
    }
    drop_removed(&variation.config);
    *ret_variation = variation;
    return 0;
}

/* --- the order --- */

static unsigned rights_count(uint32_t rights)
{
    unsigned count = 0;
    for (; rights != 0; rights &= rights - 1)
        count++;
    return count;
}

/* Whether it is about more than one exact realm. */
static bool is_wide(const struct mm_config *config, const struct edit *edit)
{
    switch (edit->kind) {
    case EDIT_GRANT:
    case EDIT_ACCESS:
    case EDIT_DECLARE:
        return edit->who.kind != MM_ACCESS_REALM;
    case EDIT_GRANT_RIGHTS:
        return config->grants[edit->entry].pattern != NULL;
    case EDIT_ACCESS_RIGHTS:
        return config->services[edit->service].access[edit->entry].kind != MM_ACCESS_REALM;
    default:
        return false;
    }
}

static int by_text(const void *a, const void *b)
{
    return strcmp(a, b);
}

/* The lines of a set, sorted: a set has no order. */
static void lines_of(const struct mm_config *config, const struct edits *edits, char (*lines)[EDIT_TEXT_MAX])
{
    for (size_t i = 0; i < edits->count; i++)
        edit_line(config, &edits->list[i], lines[i], EDIT_TEXT_MAX);
    if (edits->count > 0)
        qsort(lines, edits->count, sizeof *lines, by_text);
}

static int compare_lines(const struct mm_config *config, const struct edits *a, const struct edits *b)
{
    char(*lines)[EDIT_TEXT_MAX] = calloc(a->count + b->count + 1, sizeof *lines);
    int order = 0;
    if (!lines)
        return 0;
    lines_of(config, a, lines);
    lines_of(config, b, lines + a->count);
    for (size_t i = 0; order == 0 && i < a->count && i < b->count; i++)
        order = strcmp(lines[i], lines[a->count + i]);
    free(lines);
    return order;
}

int edits_compare(const struct mm_config *config, const struct edits *a, const struct edits *b)
{
    unsigned wide[2] = {0, 0}, rights[2] = {0, 0};
    const struct edits *const sets[] = {a, b};
    if (a->count != b->count)
        return a->count < b->count ? -1 : 1;
    for (size_t s = 0; s < 2; s++) {
        for (size_t i = 0; i < sets[s]->count; i++) {
            wide[s] += is_wide(config, &sets[s]->list[i]);
            rights[s] += rights_count(sets[s]->list[i].rights);
        }
    }
    if (wide[0] != wide[1])
        return wide[0] < wide[1] ? -1 : 1;
    if (rights[0] != rights[1])
        return rights[0] < rights[1] ? -1 : 1;
    return compare_lines(config, a, b);
}

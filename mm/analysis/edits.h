/*
 * Edits: the smallest things that somebody can change in a scenario to change what is allowed, and what a
 * set of them costs. docs/design/diagnosis.md says what each is and in which order sets of them stand.
 */
#ifndef MM_ANALYSIS_EDITS_H
#define MM_ANALYSIS_EDITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mm/config/config.h"

enum edit_kind {
    EDIT_GRANT,         /* add an entry at the head of `grants` */
    EDIT_ACCESS,        /* add an entry at the head of a service's `access` */
    EDIT_UNDENY,        /* remove an entry of `deny` */
    EDIT_GRANT_RIGHTS,  /* add rights to an entry of `grants` */
    EDIT_ACCESS_RIGHTS, /* add rights to an entry of a service's `access` */
    EDIT_QUOTA,         /* raise a quota of a realm */
    EDIT_CAPABILITY,    /* add to a realm's `capabilities` */
    EDIT_DECLARE,       /* declare a service, with who may connect */
    EDIT_PROVIDER,      /* make a realm the provider of a service */
    EDIT_PARENT,        /* make a realm the child of another */
};

struct edit {
    enum edit_kind kind;
    uint32_t service;          /* of what is changed */
    uint32_t entry;            /* UNDENY: in denies; *_RIGHTS: in grants, or in the service's access */
    struct mm_access who;      /* GRANT, ACCESS, DECLARE; its pattern and place are not owned */
    uint32_t rights;           /* GRANT, ACCESS, DECLARE: of the entry; *_RIGHTS: that are added */
    uint32_t realm;            /* QUOTA, CAPABILITY, DECLARE, PROVIDER: whose; PARENT: the child */
    uint32_t parent;           /* PARENT */
    enum mm_resource resource; /* QUOTA */
    uint64_t limit;            /* QUOTA: the new one */
    uint32_t gate;             /* CAPABILITY: 0: debug */
    const char *name;          /* DECLARE; borrowed */
};

#define EDITS_MAX 16u /* in a set */

struct edits {
    struct edit list[EDITS_MAX];
    size_t count;
};

/* A configuration with edits applied. It borrows all strings of the original, and of the edits. */
struct edits_variation {
    struct mm_config config;
    struct mm_access *lists[2 * EDITS_MAX]; /* access lists of its own */
    size_t lists_count;
};

/* Return: 0; -ENOMEM; REALM_E_BAD_ARGUMENT: an edit speaks of what is not there. */
int edits_apply(const struct mm_config *config, const struct edits *edits,
                struct edits_variation *ret_variation);
void edits_variation_deinit(struct edits_variation *variation); /* zeroed memory is fine */

/*
 * Which of two sets is the smaller change: fewer edits; then fewer that are about more than one exact realm;
 * then fewer rights; then the one whose text comes first. < 0: a.
 */
int edits_compare(const struct mm_config *config, const struct edits *a, const struct edits *b);

/* One edit as a line: where, and what, in the scenario's own words. capacity: EDIT_TEXT_MAX is enough. */
#define EDIT_TEXT_MAX 3600u
void edit_line(const struct mm_config *config, const struct edit *edit, char *text, size_t capacity);

/*
 * The set as lines of YAML that can be pasted, with comments where something is to be removed or changed.
 * Return: the caller's; NULL: no memory.
 */
char *edits_yaml(const struct mm_config *config, const struct edits *edits);

/* A word as YAML takes it for a string, in quotes if it needs them; cut if it does not fit. */
void edits_word(const char *word, char *text, size_t capacity);

#endif

/*
 * What the parts of the reader share: the configuration in the making, and what it is checked against.
 * Private to sim/boot.
 */
#ifndef SIM_BOOT_READER_H
#define SIM_BOOT_READER_H

#include "mm/config/config.h"
#include "sim/boot/names.h"
#include "sim/boot/problems.h"
#include "sim/boot/scenario.h"
#include "sim/boot/yaml.h"

struct reader {
    struct scenario_problems *problems;
    const struct scenario_origin *origin;
    struct mm_config *config;
    struct names realms;   /* once they have been read */
    struct names services; /* with their aliases */
    size_t denies_capacity;
    int error; /* 0, or -ENOMEM: sticks, and nothing is worth going on for */
};

/* The sections of a scenario, in the order in which they must be read; NULL: the section is not there. */
void realms_read(struct reader *reader, const struct yaml_node *list);
/* The map `limits` of a realm: what it names is changed in *limits. */
void limits_read(struct reader *reader, const struct yaml_node *map, struct mm_limits *limits);
/* A size with its unit, from min to max bytes. false: reported. */
bool limits_read_size(struct reader *reader, const struct yaml_node *value, const char *what, uint64_t min,
                      uint64_t max, uint64_t *ret_bytes);
/* The map `quota` of a realm, and its list `capabilities`. */
void quota_read(struct reader *reader, const struct yaml_node *map, struct mm_quota *quota);
void quota_read_capabilities(struct reader *reader, const struct yaml_node *list, struct mm_realm *realm);
void services_read(struct reader *reader, const struct yaml_node *list);
void rules_read_grants(struct reader *reader, const struct yaml_node *list);
void rules_read_hierarchy(struct reader *reader, const struct yaml_node *map);
/* An entry of a service's `deny`: goes to the configuration's. */
void rules_add_deny(struct reader *reader, const struct yaml_node *entry, uint32_t service);
void asserts_read(struct reader *reader, const struct yaml_node *list);
void rules_read_requirements(struct reader *reader, const struct yaml_node *list);

/* Looks a realm or a service up; a name that is not there is a problem, with the nearest one that is. */
bool reader_find_realm(struct reader *reader, const char *name, struct mm_place place, uint32_t *ret_index);
/* Also for an access list, where `children`, `descendants` or `all` may have been meant. */
bool reader_find_client(struct reader *reader, const char *name, struct mm_place place, uint32_t *ret_index);
bool reader_find_service(struct reader *reader, const char *name, struct mm_place place, uint32_t *ret_index);

/* Sorts an index and reports every name that is in it twice. what: "realm", … */
void reader_finish_names(struct reader *reader, struct names *names, const char *what);

#endif

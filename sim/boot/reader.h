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
    int error;             /* 0, or -ENOMEM: sticks, and nothing is worth going on for */
};

/* The sections of a scenario, in the order in which they must be read; NULL: the section is not there. */
void realms_read(struct reader *reader, const struct yaml_node *list);
/* The map `limits` of a realm: what it names is changed in *limits. */
void limits_read(struct reader *reader, const struct yaml_node *map, struct mm_limits *limits);
void services_read(struct reader *reader, const struct yaml_node *list);
void rules_read_grants(struct reader *reader, const struct yaml_node *list);
void rules_read_asserts(struct reader *reader, const struct yaml_node *list);
void rules_read_requirements(struct reader *reader, const struct yaml_node *list);

/* Looks a realm or a service up; a name that is not there is a problem, with the nearest one that is. */
bool reader_find_realm(struct reader *reader, const char *name, struct mm_place place, uint32_t *ret_index);
/* Also for an access list, where `children` and `all` may have been meant. */
bool reader_find_client(struct reader *reader, const char *name, struct mm_place place, uint32_t *ret_index);
bool reader_find_service(struct reader *reader, const char *name, struct mm_place place, uint32_t *ret_index);

/* Sorts an index and reports every name that is in it twice. what: "realm", … */
void reader_finish_names(struct reader *reader, struct names *names, const char *what);

#endif

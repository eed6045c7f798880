/*
 * Reading a scenario: YAML in, a checked configuration out (docs/scenario.md has every key).
 *
 * What comes out is complete and consistent: names are valid and unique, every reference resolves, the
 * realms form a tree, programs and files are there. Whatever is not so is a problem with its place, and
 * then nothing comes out.
 */
#ifndef SIM_BOOT_SCENARIO_H
#define SIM_BOOT_SCENARIO_H

#include <stdbool.h>
#include <stddef.h>

#include "mm/config/config.h"
#include "sim/boot/problems.h"

#define SCENARIO_REALMS_MAX   4096u
#define SCENARIO_SERVICES_MAX 4096u

/* Where a scenario comes from, and where what it names is looked for. */
struct scenario_origin {
    const char *name;   /* of the file, for messages */
    const char *folder; /* absolute: what the scenario's relative paths start from */
    const char *beside; /* the folder of the `realm` program, for programs named without a slash; or NULL */
    bool look;          /* whether programs and files must be there; false: the disk is not touched */
};

/*
 * Reads the file at path (up to 1 MiB). `problems` is initialised by the caller and receives what is wrong,
 * sorted by place.
 * Return: 0: *ret_config is the caller's, to be freed with mm_config_free; REALM_E_BAD_ARGUMENT: there were
 * problems, also when the file cannot be read; -ENOMEM.
 */
int scenario_read(const char *path, struct scenario_problems *problems, struct mm_config **ret_config);

/* The same from memory. */
int scenario_read_text(const char *text, size_t size, const struct scenario_origin *origin,
                       struct scenario_problems *problems, struct mm_config **ret_config);

#endif

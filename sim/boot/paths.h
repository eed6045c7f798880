/*
 * Paths of a scenario: made absolute, and looked for on the disk, so that what is missing is said with its
 * place in the file and not when the realm fails to start.
 */
#ifndef SIM_BOOT_PATHS_H
#define SIM_BOOT_PATHS_H

#include <stdbool.h>

#include "sim/boot/reader.h"

/*
 * The absolute path of a program: from the scenario's folder; and, if it is named without a slash and not
 * there, beside the `realm` program, then in ../libexec/realmkit from there. false: reported.
 */
bool paths_program(struct reader *reader, const struct yaml_node *node, char **ret_path);

/* The absolute path of a file: what is read must be there, what is written needs its folder. */
bool paths_file(struct reader *reader, const struct yaml_node *node, enum mm_file_mode mode, char **ret_path);

#endif

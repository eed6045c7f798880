/*
 * The state of the system as JSON: one function a question. They change nothing. Each returns a new
 * reference, or NULL: out of memory, or more than ADMIN_ANSWERS_MAX entries.
 */
#ifndef MM_BROKER_ADMIN_ANSWERS_H
#define MM_BROKER_ADMIN_ANSWERS_H

#include <jansson.h>

#include "mm/broker/logs.h"
#include "mm/broker/state.h"

#define ADMIN_ANSWERS_MAX 65536u /* so that no question stops the broker for long */

json_t *admin_answers_ps(const struct broker *broker);
json_t *admin_answers_services(const struct broker *broker);
json_t *admin_answers_channels(const struct broker *broker);
json_t *admin_answers_caps(const struct broker *broker);
json_t *admin_answers_counts(const struct broker *broker);
json_t *admin_answers_logs(const struct broker *broker, const char *realm); /* NULL: of all */
json_t *admin_answers_line(const struct logs_line *line);
json_t *admin_answers_explanation(const struct broker_explanation *explanation);

#endif

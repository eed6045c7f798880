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

/* In admin_diagnosis.c: an explanation, and a refusal that was kept. right: NULL, or the one asked for. */
struct diagnosis_entry;
json_t *admin_answers_explanation(const struct broker *broker, const struct broker_realm *realm,
                                  const char *service, const char *right,
                                  const struct broker_explanation *explanation);
/* A right by its name, with SEND; SEND alone for NULL. false: there is none of that name. */
bool admin_answers_right(const char *name, uint32_t *ret_rights);
json_t *admin_answers_decision(const struct broker *broker, const struct diagnosis_entry *entry);
/* The scenario's grants, denials and access lists, one row an entry. */
json_t *admin_answers_rules(const struct broker *broker);

#endif

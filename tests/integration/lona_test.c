/*
 * The Lona system as the demo boots it: the seed's figure, live.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "tests/integration/harness.h"

/* Goal: it boots, shows registration, connection, refusal with rule and fix, and ends well by itself. */
Test(lona, the_figure)
{
    struct run *run = run_start_file("sim/scenarios/lona.yaml", NULL);
    json_t *event;
    bool d_refused = false, c1_logs = false, database = false, network = false;

    while ((event = run_next_event(run))) {
        const char *name = json_string_value(json_object_get(event, "event"));
        const char *realm = json_string_value(json_object_get(event, "realm"));
        const char *service = json_string_value(json_object_get(event, "service"));
        if (strcmp(name, "denied") == 0) {
            cr_assert_not_null(json_string_value(json_object_get(event, "rule")));
            cr_assert_not_null(json_string_value(json_object_get(event, "fix")));
            d_refused |= strcmp(realm, "D") == 0 && strcmp(service, "logger") == 0;
        } else if (strcmp(name, "connected") == 0) {
            c1_logs |= strcmp(realm, "C1") == 0 && strcmp(service, "logger") == 0;
            database |= strcmp(realm, "A") == 0 && strcmp(service, "database") == 0;
            network |= strcmp(realm, "A") == 0 && strcmp(service, "network") == 0;
        }
    }
    cr_assert_eq(run_finish(run), 0);
    cr_assert(d_refused && c1_logs && database && network);
    cr_assert_geq(run_seen(run, "registered"), 3u);
    cr_assert_geq(run_seen(run, "terminated"), 5u);
    run_nothing_left(run);
}

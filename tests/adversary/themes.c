#include <string.h>

#include "tests/adversary/attack.h"

/* Gathered by name, so that linking fails where a theme is forgotten. */
const struct attack_theme *const attack_themes[] = {
    &files_theme,   &old_theme,    &network_theme, &process_theme, &kernel_theme,   &ipc_theme,
    &loading_theme, &uring_theme,  &memory_theme,  &region_theme,  &writes_theme,   &state_theme,
    &ring_theme,    &server_theme, &control_theme, &lies_theme,    &granted_theme,  &given_theme,
    &sealed_theme,  &revoke_theme, &collude_theme, &flood_theme,   &terminal_theme,
};
const size_t attack_themes_count = sizeof attack_themes / sizeof *attack_themes;

const struct attack *attack_find(const char *name, const struct attack_theme **ret_theme)
{
    for (size_t t = 0; t < attack_themes_count; t++) {
        for (size_t i = 0; i < attack_themes[t]->count; i++) {
            if (strcmp(attack_themes[t]->attacks[i].name, name) != 0)
                continue;
            if (ret_theme)
                *ret_theme = attack_themes[t];
            return &attack_themes[t]->attacks[i];
        }
    }
    return NULL;
}

#include "tests/adversary/table.h"

#include <string.h>

#include "tests/adversary/attack.h"

static const char head[] =
    "# The adversary suite\n"
    "\n"
    "Hostile realms, each one attack, in plain C without librealm (`tests/adversary`). *What must happen* is "
    "what the attacker sees, or how it ends: the name of an errno is the answer of\n"
    "the call, a signal ends the realm, an *offence* is why the broker ends it. After each attack everything "
    "else must be as before: a file with a secret and its folder, a TCP, a unix and an\n"
    "abstract listener, a process of the same user, System V objects and the terminal on the host; the "
    "processes of the Memory Manager; the honest pair, its channel, and a new honest client,\n"
    "which must be served; and all that the broker holds, counted.\n"
    "\n"
    "`make test-adversary` runs it, as the user who calls it and, called by root, once more as an ordinary "
    "user. `make test-adversary-weakened` takes the restrictions of the realm's filter away\n"
    "one at a time, and fails if no attack notices; `tests/adversary/witnesses.tsv` has the attack that "
    "noticed, "
    "for each of them. This page is printed by `adversary_suite --table`, and a "
    "test holds it to that.\n";

static const char *role_text(const struct attack *attack)
{
    switch (attack->role) {
    case ROLE_CLIENT:
        return "client";
    case ROLE_PROVIDER:
        return attack->flags & ATTACK_VICTIM ? "server of an honest client" : "server";
    case ROLE_PAIR:
        return "two realms that collude";
    case ROLE_STATIC:
        return "static program";
    case ROLE_SMALL:
        return "client with tight limits";
    }
    return "?";
}

/* '|' would end the cell. */
static void print_must(FILE *out, const char *must)
{
    for (; *must; must++) {
        if (*must == '|')
            fputs(", ", out);
        else
            fputc(*must, out);
    }
}

static void print_row(FILE *out, const struct attack *attack)
{
    fprintf(out, "| %s | %s | %s | ", attack->name, role_text(attack), attack->goal);
    print_must(out, attack->must);
    if (attack->victim) {
        fputs("; its victim: ", out);
        print_must(out, attack->victim);
    }
    fputs(" |\n", out);
}

static bool sound(const struct attack_theme *theme, const struct attack *attack)
{
    const struct attack_theme *found_in = NULL;
    return attack->name && attack->goal && attack->must && attack->run &&
           attack_find(attack->name, &found_in) == attack && found_in == theme &&
           !attack->victim == !(attack->flags & ATTACK_VICTIM);
}

int table_print(FILE *out)
{
    size_t total = 0;
    int bad = 0;

    for (size_t t = 0; t < attack_themes_count; t++)
        total += attack_themes[t]->count;
    fputs(head, out);
    fprintf(out, "\n%zu attacks.\n", total);
    for (size_t t = 0; t < attack_themes_count; t++) {
        const struct attack_theme *theme = attack_themes[t];
        fprintf(out, "\n## %s (`%s`, %zu)\n\n", theme->title, theme->name, theme->count);
        fputs("| attack | by | what it tries | what must happen |\n|---|---|---|---|\n", out);
        for (size_t i = 0; i < theme->count; i++) {
            print_row(out, &theme->attacks[i]);
            if (!sound(theme, &theme->attacks[i])) {
                fprintf(stderr, "table: row %s/%zu is not sound\n", theme->name, i);
                bad = 1;
            }
        }
    }
    return bad;
}

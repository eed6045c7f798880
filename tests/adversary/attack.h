/*
 * An attack: one thing that a hostile realm tries, and what must come of it.
 *
 * The realm (realm.c) runs exactly one attack, reports one outcome on its standard output, and ends. The
 * suite (suite.c) knows the same table: it starts the realm, compares what became of it with `must`, and
 * looks whether host, broker and honest realms are as before. An attack uses nothing of librealm but layouts.
 *
 * An outcome is a few words: the name of the errno with which the call was refused, "done" if it was not
 * refused, or what the attack itself found out. An attack that succeeds must never say what `must` says.
 */
#ifndef TESTS_ADVERSARY_ATTACK_H
#define TESTS_ADVERSARY_ATTACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How the scenario knows the realm that attacks. */
enum attack_role {
    ROLE_CLIENT,   /* may connect to `echo`, provides nothing: it has no ring */
    ROLE_PROVIDER, /* provides `trap`, which the victim may connect to; where there is io_uring it has a ring
                    */
    ROLE_PAIR,     /* two instances: `left`, which provides `drop`, and `right`, its client */
    ROLE_STATIC,   /* as CLIENT, linked statically */
    ROLE_SMALL,    /* as CLIENT, with tight limits */
};

enum attack_flags {
    ATTACK_LOADING = 1,  /* begins while the loader is still served */
    ATTACK_VICTIM = 2,   /* once it says "ready", an honest client calls `trap`, and must say `victim` */
    ATTACK_REVOKE = 4,   /* once it says "ready", the channel to its service is revoked */
    ATTACK_URING = 8,    /* needs the inherited ring; left out where the machine or an option forbids it */
    ATTACK_GATE = 16,    /* needs the 32-bit entry, which some machines do not have */
    ATTACK_USERNS = 512, /* only namespaces stop it: left out without them (docs/security.md says so) */
    ATTACK_X86 = 32,     /* x86-64 only */
    ATTACK_PIPE = 64,    /* needs the hint pipe */
    ATTACK_LIMIT = 256,  /* needs the limits of memory, which a build with sanitizers does not set */
    ATTACK_SHOWN = 128,  /* its log is shown as a person would see it, and must be harmless to a terminal */
};

struct attack {
    const char *name;
    const char *goal; /* what is tried, for the table in docs/adversary.md */
    void (*run)(void);
    /* Alternatives, separated by '|': "EPERM" (what it says), "SIGSYS" (the signal that ends it), "offence:
     * TEXT" (the broker ends it, and says TEXT or more). */
    const char *must;
    enum attack_role role;
    unsigned flags;
    const char *victim; /* ATTACK_VICTIM: what the victim must say, alternatives as above */
};

struct attack_theme {
    const char *name;
    const char *title;
    const struct attack *attacks;
    size_t count;
    bool calls; /* its attacks are system calls: what a filter is for */
};

/* All themes, in the order of the table. */
extern const struct attack_theme *const attack_themes[];
extern const size_t attack_themes_count;
const struct attack *attack_find(const char *name, const struct attack_theme **ret_theme);

/* One a file. */
extern const struct attack_theme files_theme, old_theme, network_theme, process_theme, kernel_theme,
    ipc_theme, loading_theme, memory_theme, region_theme, state_theme, uring_theme, control_theme, lies_theme,
    granted_theme, given_theme, sealed_theme, ring_theme, writes_theme, server_theme, flood_theme,
    revoke_theme, collude_theme, terminal_theme;
#define ATTACK_THEME(theme_, name_, title_, table_, calls_)                                                  \
    const struct attack_theme theme_ = {name_, title_, table_, sizeof(table_) / sizeof *(table_), calls_}

/* What of the host an attack aims at; from the realm's arguments. */
struct attack_target {
    char secret[128];   /* a file that holds a secret and that its owner may write */
    char folder[128];   /* the folder of it */
    char program[256];  /* one that says when it runs */
    char path[108];     /* a listening unix socket */
    char abstract[108]; /* the same without a file, the name behind the NUL */
    int tcp;            /* a port on 127.0.0.1 */
    int victim;         /* a process of the same user */
    int broker, launcher;
    int shm, sem, msg; /* System V objects anybody may use */
    char side;         /* PAIR: 'l' or 'r' */
};
extern struct attack_target target;

/* Says the outcome; the last word counts. */
void outcome(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* The outcome of one system call: "done" or the errno's name. */
void outcome_call(long result);
/* Another line for the suite: "ready". */
void announce(const char *word);
const char *errno_word(int error);

/* An attack that is nothing but one system call. */
#define ATTACK_CALL(function_, ...)                                                                          \
    static void function_(void)                                                                              \
    {                                                                                                        \
        outcome_call(syscall(__VA_ARGS__));                                                                  \
    }

#endif

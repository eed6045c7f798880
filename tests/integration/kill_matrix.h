/*
 * The cells of the kill matrix (kill_matrix_test.c): who dies at which step, who stands still where
 * meanwhile, and who must be told what. docs/design/kill-matrix.md explains them.
 */
#ifndef TESTS_INTEGRATION_KILL_MATRIX_H
#define TESTS_INTEGRATION_KILL_MATRIX_H

struct cell {
    char victim[10]; /* client, server, broker, launcher, child: a client or server between fork and exec */
    char step[10];
    char stopper[10]; /* who stands still … */
    char point[20];   /* … where … */
    char passing[4];  /* … the how many-th time */
    char ready[24];   /* what must be in `teller`'s log before the kill; "": nothing */
    char teller[8];   /* who says afterwards … */
    char told[96];    /* … one of these lines; "": nothing is asked */
};

/* The call of a channel whose other end died. */
#define ENDED(number) "call " number ": REALM_E_PEER_DEAD|call " number ": REALM_E_REVOKED"
#define NO_SERVER     "connect: REALM_E_TIMEOUT"

static struct cell cells[] = {
    /* a client dies; the server is told where it had heard of it */
    {"child", "spawn", "launcher", "launcher-forked", "3", "", "parent", "spawn client: REALM_E_NOT_STARTED"},
    {"client", "spawn", "client", "asked", "1", "", "", ""},
    {"client", "loaded", "client", "loading", "1", "", "", ""},
    {"client", "loaded", "launcher", "launcher-loaded", "3", "", "", ""},
    {"client", "loaded", "broker", "broker-loaded", "3", "", "", ""},
    {"client", "map", "client", "pool-mapped", "1", "", "", ""},
    {"client", "connect", "client", "asked", "2", "", "", ""},
    {"client", "connect", "broker", "broker-connect", "1", "", "", ""},
    {"client", "connect", "broker", "broker-accepted", "1", "", "", ""},
    {"client", "connect", "client", "connected", "1", "clients 1", "server", "clients 0"},
    {"client", "map", "client", "mapped", "1", "clients 1", "server", "clients 0"},
    {"client", "map", "client", "client-mapped", "1", "clients 1", "server", "clients 0"},
    {"client", "call", "client", "call", "1", "clients 1", "server", "clients 0"},
    {"client", "call", "client", "pushed", "1", "clients 1", "server", "clients 0"},
    {"client", "call", "client", "called", "1", "clients 1", "server", "clients 0"},
    {"client", "call", "server", "request-taken", "1", "", "server", "clients 0"},
    {"client", "reply", "server", "reply-pushed", "1", "", "server", "clients 0"},
    {"client", "reply", "client", "reply-taken", "1", "clients 1", "server", "clients 0"},
    {"client", "withdraw", "client", "closed", "1", "left", "server", "left"},
    {"client", "withdraw", "broker", "broker-close", "1", "", "server", "left"},
    {"client", "revoke", "client", "revoked", "1", "", "server", "clients 0"},
    {"client", "revoke", "broker", "broker-revoke", "1", "", "server", "clients 0"},
    {"client", "revoke", "broker", "broker-close", "1", "", "server", "clients 0"},
    {"client", "seal", "launcher", "launcher-memory", "3", "", "", ""},
    {"client", "seal", "broker", "broker-sealing", "1", "", "", ""},
    /* a server dies; its client is told by its connect or its call */
    {"child", "spawn", "launcher", "launcher-forked", "2", "", "parent", "spawn server: REALM_E_NOT_STARTED"},
    {"server", "spawn", "server", "asked", "1", "", "client", NO_SERVER},
    {"server", "loaded", "server", "loading", "1", "", "client", NO_SERVER},
    {"server", "loaded", "launcher", "launcher-loaded", "2", "", "client", NO_SERVER},
    {"server", "loaded", "broker", "broker-loaded", "2", "", "client", NO_SERVER},
    {"server", "map", "server", "pool-mapped", "1", "", "client", NO_SERVER},
    /* its registration may be done by then, and a client connected to the dead */
    {"server", "register", "server", "asked", "2", "", "client", NO_SERVER "|" ENDED("1")},
    {"server", "register", "broker", "broker-register", "1", "", "client", NO_SERVER "|" ENDED("1")},
    {"server", "connect", "server", "accepted", "1", "connect: REALM_OK", "client", ENDED("1")},
    {"server", "connect", "broker", "broker-accepted", "1", "", "client", ENDED("1")},
    {"server", "map", "server", "mapped", "1", "connect: REALM_OK", "client", ENDED("1")},
    {"server", "map", "server", "server-mapped", "1", "connect: REALM_OK", "client", ENDED("1")},
    {"server", "call", "client", "pushed", "1", "", "client", ENDED("1") "|call 1: REALM_OK"},
    {"server", "call", "server", "request-taken", "1", "", "client", ENDED("1")},
    {"server", "reply", "server", "reply", "1", "", "client", ENDED("1")},
    {"server", "reply", "server", "reply-pushed", "1", "", "client", ENDED("2")},
    {"server", "reply", "server", "replied", "1", "", "client", ENDED("2")},
    {"server", "withdraw", "server", "asked", "3", "", "client", ENDED("3")},
    {"server", "withdraw", "broker", "broker-withdraw", "1", "", "client", ENDED("3")},
    {"server", "revoke", "server", "revoked", "1", "", "client", "call 1: REALM_E_REVOKED"},
    {"server", "revoke", "server", "closed", "1", "", "client", "call 1: REALM_E_REVOKED"},
    {"server", "revoke", "broker", "broker-revoke", "1", "", "client", "call 1: REALM_E_REVOKED"},
    {"server", "revoke", "broker", "broker-close", "1", "", "client", "call 1: REALM_E_REVOKED"},
    {"server", "seal", "broker", "broker-sealing", "1", "", "client", ENDED("1")},
    /* the broker dies; who waits for it is told, and open channels go on */
    {"broker", "spawn", "broker", "broker-spawn", "2", "", "parent", "spawn server: REALM_E_MM_GONE"},
    {"broker", "spawn", "broker", "broker-started", "2", "", "parent", "spawn server: REALM_E_MM_GONE"},
    {"broker", "spawn", "broker", "broker-hello", "2", "", "parent", "gone"},
    {"broker", "loaded", "server", "loading", "1", "", "parent", "gone"},
    {"broker", "loaded", "launcher", "launcher-loaded", "2", "", "parent", "gone"},
    {"broker", "loaded", "broker", "broker-loaded", "2", "", "parent", "gone"},
    {"broker", "register", "broker", "broker-register", "1", "", "server", "register: REALM_E_MM_GONE"},
    {"broker", "register", "broker", "broker-registered", "1", "", "server", "register: REALM_E_MM_GONE"},
    {"broker", "connect", "broker", "broker-connect", "1", "", "client", "connect: REALM_E_MM_GONE"},
    {"broker", "connect", "broker", "broker-accepted", "1", "", "client", "connect: REALM_E_MM_GONE"},
    {"broker", "map", "broker", "broker-sealed", "3", "", "parent", "gone"},
    {"broker", "map", "broker", "broker-mapped", "2", "", "client", "call 1: REALM_OK"},
    {"broker", "map", "client", "mapped", "1", "", "client", "call 1: REALM_OK"},
    {"broker", "call", "client", "pushed", "1", "", "client", "call 1: REALM_OK"},
    {"broker", "call", "server", "request-taken", "1", "", "client", "call 1: REALM_OK"},
    {"broker", "reply", "server", "reply-pushed", "1", "", "client", "call 1: REALM_OK"},
    {"broker", "withdraw", "broker", "broker-withdraw", "1", "", "parent", "gone"},
    {"broker", "withdraw", "broker", "broker-close", "1", "", "parent", "gone"},
    {"broker", "withdraw", "broker", "broker-sever", "1", "", "parent", "gone"},
    /* between the page and the memory nobody is woken: the end of all comes first */
    {"broker", "revoke", "broker", "broker-revoke", "1", "", "parent", "gone"},
    {"broker", "revoke", "broker", "broker-close", "1", "", "client", "call 1: REALM_E_REVOKED"},
    {"broker", "revoke", "client", "revoked", "1", "", "client", "call 1: REALM_E_REVOKED"},
    {"broker", "seal", "launcher", "launcher-memory", "3", "", "client", "seal: REALM_E_MM_GONE"},
    {"broker", "seal", "broker", "broker-sealing", "1", "", "client", "seal: REALM_E_MM_GONE"},
    /* the launcher dies, and everybody with it: nobody is left to be told but the user */
    {"launcher", "spawn", "launcher", "launcher-spawn", "2", "", "", ""},
    {"launcher", "spawn", "launcher", "launcher-forked", "2", "", "", ""},
    {"launcher", "spawn", "launcher", "launcher-spawned", "2", "", "", ""},
    {"launcher", "map", "launcher", "launcher-regions", "3", "", "", ""},
    {"launcher", "loaded", "server", "loading", "1", "", "", ""},
    {"launcher", "loaded", "launcher", "launcher-loaded", "2", "", "", ""},
    {"launcher", "loaded", "broker", "broker-loaded", "2", "", "", ""},
    {"launcher", "register", "server", "asked", "2", "", "", ""},
    {"launcher", "register", "broker", "broker-register", "1", "", "", ""},
    {"launcher", "connect", "client", "asked", "2", "", "", ""},
    {"launcher", "connect", "broker", "broker-connect", "1", "", "", ""},
    {"launcher", "map", "client", "mapped", "1", "", "", ""},
    {"launcher", "call", "client", "pushed", "1", "", "", ""},
    {"launcher", "reply", "server", "reply-pushed", "1", "", "", ""},
    {"launcher", "withdraw", "server", "asked", "3", "", "", ""},
    {"launcher", "withdraw", "broker", "broker-close", "1", "", "", ""},
    {"launcher", "revoke", "broker", "broker-revoke", "1", "", "", ""},
    {"launcher", "revoke", "broker", "broker-close", "1", "", "", ""},
    {"launcher", "revoke", "client", "revoked", "1", "", "", ""},
    {"launcher", "seal", "launcher", "launcher-memory", "3", "", "", ""},
    {"launcher", "seal", "broker", "broker-sealing", "1", "", "", ""},
};

#endif

/*
 * The errors of librealm.
 *
 * A function returns 0 when it did what it says; a negative errno when the system failed below it (pass
 * it up, do not match on it); and one of these positive codes when the cause is the business of the
 * direct caller. The same numbers travel in the control protocol, so they never change meaning.
 */
#ifndef REALM_ERROR_H
#define REALM_ERROR_H

#ifdef __cplusplus
extern "C" {
#endif

enum realm_error {
    REALM_OK = 0,
    REALM_E_DENIED = 1,        /* policy refuses; `realm explain` says which rule and what would allow it */
    REALM_E_NO_SERVICE = 2,    /* no such name, or declared but registered by nobody at present */
    REALM_E_EXISTS = 3,        /* the name is taken by another endpoint */
    REALM_E_BAD_NAME = 4,      /* empty, over REALM_NAME_MAX bytes, not UTF-8, or with control characters */
    REALM_E_TIMEOUT = 5,       /* the deadline passed first; a late reply is dropped */
    REALM_E_QUEUE_FULL = 6,    /* the ring holds its limit of messages or bytes; nothing was sent */
    REALM_E_TOO_BIG = 7,       /* a payload over REALM_PAYLOAD_MAX, or a value that does not fit the buffer */
    REALM_E_PEER_DEAD = 8,     /* the other realm ended or closed the channel */
    REALM_E_REVOKED = 9,       /* the capability was revoked */
    REALM_E_PEER_FAULT = 10,   /* the peer's shared memory made an impossible claim; the channel is closed */
    REALM_E_MM_GONE = 11,      /* the Memory Manager is gone; open channels work until it ends the realm */
    REALM_E_STALE = 12,        /* the token was used already, or its channel is gone: replies are one-shot */
    REALM_E_LIMIT = 13,        /* a limit or quota of the realm is reached */
    REALM_E_WOULD_BLOCK = 14,  /* nothing there now (only when polling) */
    REALM_E_BAD_ARGUMENT = 15, /* the caller's argument is out of its documented range */
    REALM_E_SHORT = 16,        /* the data ends before the value does, or the buffer is too small for it */
    REALM_E_NOT_CHILD = 17,    /* the realm named is not a child of the caller */
    REALM_E_NOT_STARTED = 18,  /* the realm or its program could not be started */
    REALM_E_PROTOCOL = 19,     /* a message of another version, or one that breaks the protocol */
    REALM_E_STOPPED = 20,      /* this realm was asked to stop: clean up and return from main */
    REALM_E_INCAPABLE = 21,    /* this needs a capability that the realm does not hold */
    REALM_E_CANCELLED = 22,    /* the caller gave the call up, or closed its channel or realm */
};

/*
 * A sentence fragment for people, such as "denied by policy"; for a negative errno, its system text is
 * not given here (use strerror). Never NULL: an unknown code gives "unknown error".
 */
const char *realm_error_text(int error);

/* The symbolic name of a code, such as "REALM_E_DENIED"; "REALM_E_?" when unknown. Never NULL. */
const char *realm_error_name(int error);

#ifdef __cplusplus
}
#endif

#endif

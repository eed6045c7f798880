/*
 * The texts of the error codes: one table, indexed by the code, so that name and text cannot part.
 */
#include <realm/error.h>

#include <stddef.h>

struct error_entry {
    const char *name;
    const char *text;
};

#define ENTRY(code, text) [code] = {#code, text}

static const struct error_entry entries[] = {
    ENTRY(REALM_OK, "success"),
    ENTRY(REALM_E_DENIED, "denied by policy"),
    ENTRY(REALM_E_NO_SERVICE, "no such service, or nobody has registered it"),
    ENTRY(REALM_E_EXISTS, "taken already"),
    ENTRY(REALM_E_BAD_NAME, "not a valid name"),
    ENTRY(REALM_E_TIMEOUT, "the deadline has passed"),
    ENTRY(REALM_E_QUEUE_FULL, "the queue is full"),
    ENTRY(REALM_E_TOO_BIG, "too big"),
    ENTRY(REALM_E_PEER_DEAD, "the other realm has ended or closed the channel"),
    ENTRY(REALM_E_REVOKED, "the capability was revoked"),
    ENTRY(REALM_E_PEER_FAULT, "the other realm broke the rules of the channel"),
    ENTRY(REALM_E_MM_GONE, "the Memory Manager is gone"),
    ENTRY(REALM_E_STALE, "used already, or its channel is gone"),
    ENTRY(REALM_E_LIMIT, "a limit of the realm is reached"),
    ENTRY(REALM_E_WOULD_BLOCK, "nothing there now"),
    ENTRY(REALM_E_BAD_ARGUMENT, "an argument is out of range"),
    ENTRY(REALM_E_SHORT, "the data ends early, or the buffer is too small"),
    ENTRY(REALM_E_NOT_CHILD, "not a child of this realm"),
    ENTRY(REALM_E_NOT_STARTED, "could not be started"),
    ENTRY(REALM_E_PROTOCOL, "another version of the protocol, or a breach of it"),
    ENTRY(REALM_E_STOPPED, "the realm was asked to stop"),
    ENTRY(REALM_E_INCAPABLE, "a capability is missing that this needs"),
    ENTRY(REALM_E_CANCELLED, "the call was given up"),
};

static const struct error_entry *find_entry(int error)
{
    if (error < 0 || (size_t)error >= sizeof entries / sizeof entries[0])
        return NULL;
    return &entries[error];
}

const char *realm_error_text(int error)
{
    const struct error_entry *entry = find_entry(error);
    return entry ? entry->text : "unknown error";
}

const char *realm_error_name(int error)
{
    const struct error_entry *entry = find_entry(error);
    return entry ? entry->name : "REALM_E_?";
}

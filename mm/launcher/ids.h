/*
 * Who a realm is: user and group 65534 inside its namespace, and no user 0 anywhere.
 */
#ifndef MM_LAUNCHER_IDS_H
#define MM_LAUNCHER_IDS_H

#include <stdbool.h>
#include <sys/types.h>

#define IDS_NOBODY 65534u

/*
 * In the launcher: writes the id maps of a child in a user namespace of its own. Started by root, the child
 * is user 65534 outside, too (unless this system knows no such user: then the launcher's own); else it is
 * the launcher's user. Return: 0; -errno.
 */
int ids_map(pid_t child, bool root);

/* In the child, once it is mapped, or where there are no namespaces: takes the ids on. Return: 0; -errno. */
int ids_become(bool mapped, bool root);

/* In the child: drops every capability from every set, for ever. Return: 0; -errno. */
int ids_drop_capabilities(void);

#endif

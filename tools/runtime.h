/*
 * The runtime directory of an instance: where its admin socket is, and who owns the name.
 *
 *   $XDG_RUNTIME_DIR/realmkit/<instance>/     (else /tmp/realmkit-<uid>/<instance>/)
 *       lock         held with flock as long as the instance lives, with its process id
 *       admin.sock
 *
 * Both folders have mode 0700 and must belong to the user: in /tmp anybody could have made them before.
 */
#ifndef TOOLS_RUNTIME_H
#define TOOLS_RUNTIME_H

#include <stddef.h>
#include <sys/un.h>

/* Where the instance's admin socket is. Return: 0; -ENAMETOOLONG; -EINVAL: $XDG_RUNTIME_DIR is relative. */
int runtime_address(const char *instance, struct sockaddr_un *ret_address);

struct runtime;

/*
 * Makes the folder, takes the name (of an instance that has died without cleaning up, too) and listens on
 * the admin socket. What goes wrong is said on standard error.
 * Return: 0; 1: failed.
 */
int runtime_open(const char *instance, struct runtime **ret_runtime);
/* Removes socket, lock and folders. NULL is a no-op. */
void runtime_close(struct runtime *runtime);

int runtime_listener(const struct runtime *runtime); /* borrowed */

#endif

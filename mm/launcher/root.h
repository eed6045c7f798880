/*
 * The file system of a realm: an empty, read-only folder.
 */
#ifndef MM_LAUNCHER_ROOT_H
#define MM_LAUNCHER_ROOT_H

/*
 * In the child, in a mount namespace of its own: replaces the root by an empty tmpfs that cannot be written,
 * and lets go of the old one. Descriptors that are open stay good. Return: 0; -errno.
 */
int root_empty(void);

#endif

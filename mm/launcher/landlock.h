/*
 * Landlock: the second wall around files, and on newer kernels around TCP, abstract sockets and signals.
 */
#ifndef MM_LAUNCHER_LANDLOCK_H
#define MM_LAUNCHER_LANDLOCK_H

/*
 * In the child, with no_new_privs set: denies all that an ABI knows of, but executing the count files given.
 * What is open already is not touched. Return: 0; -errno.
 */
int landlock_enter(int abi, const int *executables, unsigned count);

#endif

/*
 * Which descriptors a process keeps when it parts from its parent.
 */
#ifndef MM_LAUNCHER_DESCRIPTORS_H
#define MM_LAUNCHER_DESCRIPTORS_H

/*
 * Closes every descriptor above 2 but those in keep (count of them, at most 16, in any order; negative ones
 * and those up to 2 are passed over). Return: 0; -errno: some may be closed already, so the process should
 * end.
 */
int descriptors_keep_only(const int *keep, unsigned count);

#endif

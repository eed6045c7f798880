/*
 * The one io_uring that a provider gets: it can wait, wake and poll, and nothing else.
 */
#ifndef MM_LAUNCHER_RING_H
#define MM_LAUNCHER_RING_H

#include <stddef.h>

#define RING_TEXT_MAX 320u /* REALM_URING=fd:240 digits */

/*
 * In the process that will exec, which becomes its only user: makes a ring, restricts and enables it, and
 * leaves it at descriptor `number`, open over exec. ret_text gets the variable that tells the realm of it.
 * Return: 0; -errno.
 */
int ring_make(int number, char ret_text[RING_TEXT_MAX]);

#endif

/* Trying the namespaces: all of them at once, and an empty root inside. */
#ifndef MM_SANDBOX_PROBE_NAMESPACES_H
#define MM_SANDBOX_PROBE_NAMESPACES_H

#include "mm/sandbox/verdict.h"

/* Leaves nothing behind; call it in a child, whose namespaces it does not change either. */
struct sandbox_verdict sandbox_try_namespaces(void);

#endif

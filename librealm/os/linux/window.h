/*
 * Windows of memory capabilities: the fault handler's other table (fault.h has the regions of channels).
 */
#ifndef REALM_OS_WINDOW_H
#define REALM_OS_WINDOW_H

#include <stdbool.h>

/* In the handler, between saying that it is in flight and saying that it is not any more: the touch at this
 * address finds zeros from now on. false: it is in no window, or there is no memory for zeros. */
bool realm_window_mend(const void *address);

#endif

/* Which commit this was built from: the Makefile says, and has this file compiled again when it changes. */
#include "bench/harness/report.h"

#ifndef BUILD_COMMIT
#define BUILD_COMMIT "unknown"
#endif

const char *const report_commit = BUILD_COMMIT;

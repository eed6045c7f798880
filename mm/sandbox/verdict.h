/* What trying a part has shown. */
#ifndef MM_SANDBOX_VERDICT_H
#define MM_SANDBOX_VERDICT_H

struct sandbox_verdict {
    const char *why; /* static text, why it is missing; NULL: it is present */
    const char *how; /* static text, what would give it */
};

#endif

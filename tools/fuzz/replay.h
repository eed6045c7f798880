/* A case from its text, run again: for --replay, and for tests that a failure became. */
#ifndef TOOLS_FUZZ_REPLAY_H
#define TOOLS_FUZZ_REPLAY_H

/* NULL: everything holds. Else what does not, or what is wrong with the text; valid until the next call. */
const char *replay_text(const char *text);

#endif

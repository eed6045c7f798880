/* What the counter and its clients agree on. */
#ifndef EXAMPLES_COUNTER_H
#define EXAMPLES_COUNTER_H

#define COUNTER_NAME_MAX 31u /* bytes */

enum counter_op {
    COUNTER_ADD = 1, /* string name, u64 amount → value: the new sum */
    COUNTER_TOP = 2, /* nothing → string name, u64 sum */
};

enum counter_status { COUNTER_OK = 0, COUNTER_BAD_REQUEST = 1, COUNTER_FULL = 2, COUNTER_EMPTY = 3 };

#endif

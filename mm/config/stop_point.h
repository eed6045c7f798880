/*
 * The stop points of broker and launcher (librealm/core/stop_point.h says what a stop point is).
 *
 * The environment of `realm run` chooses one: REALM_STOP_AT=name or name:n, the n-th passing in a process.
 * The process that gets there writes "stopped at name" to its standard error and stops as by SIGSTOP; a test
 * then kills it, or does something else meanwhile and lets it go on.
 */
#ifndef MM_CONFIG_STOP_POINT_H
#define MM_CONFIG_STOP_POINT_H

#ifdef REALM_STOP_POINTS
void mm_stop_point(const char *name);
#define MM_STOP_POINT(name) mm_stop_point("stop-point:" name)
#else
#define MM_STOP_POINT(name) ((void)0)
#endif

#endif

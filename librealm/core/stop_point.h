/*
 * Stop points: places of the protocol at which a test can make a process stand still, to kill it there.
 *
 * A point has a name and does nothing, unless the build defines REALM_STOP_POINTS (the debug and asan
 * variants; release has not even the names) and the program defines realm_stop_point(). Librealm only
 * declares it, weakly: what to do at a point is the affair of the program under test, since a realm has no
 * environment to be told by, and the realm's logic makes no system call of its own. The Memory Manager's
 * points are those of mm/config/stop_point.h. The list of all points is in docs/design/kill-matrix.md.
 */
#ifndef REALM_CORE_STOP_POINT_H
#define REALM_CORE_STOP_POINT_H

#ifdef REALM_STOP_POINTS
void realm_stop_point(const char *name) __attribute__((weak));
#define REALM_STOP_POINT(name) (realm_stop_point ? realm_stop_point("stop-point:" name) : (void)0)
#else
#define REALM_STOP_POINT(name) ((void)0)
#endif

#endif

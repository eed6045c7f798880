/*
 * The parts of a scenario (explore.h) for notifications.
 */
#ifndef TESTS_INTERLEAVE_NOTES_H
#define TESTS_INTERLEAVE_NOTES_H

void notes_begin(void);
void notes_client(void);
void notes_server(void);
void notes_end(void);

#endif

/*
 * The end of the system. broker_stop begins it; this carries it on.
 */
#ifndef MM_BROKER_ENDING_H
#define MM_BROKER_ENDING_H

struct broker;

void ending_init(struct broker *broker);

/* Between rounds: begins the end if the clients have finished, and completes it when nothing runs any more.
 */
void ending_check(struct broker *broker);

#endif

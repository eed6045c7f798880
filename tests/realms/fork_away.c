/*
 * A realm that leaves something behind: a grandchild in a session of its own, out of reach of whoever kills
 * the realm's process group. It says that it is there, then both stay for ever.
 */
#include <stdio.h>
#include <unistd.h>

int main(void)
{
    pid_t child = fork();
    if (child < 0 || (child == 0 && setsid() < 0))
        return 1;
    if (child == 0) {
        printf("away %d\n", (int)getpid());
        fflush(stdout);
    }
    for (;;)
        pause();
}

/*
 * A realm that tries to leave something behind: a child in a session of its own, out of reach of whoever
 * kills the realm's process group. The box refuses the fork; it says what came of it, and stays.
 */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

int main(void)
{
    pid_t child = fork();
    if (child == 0 && setsid() < 0)
        return 1;
    if (child <= 0) {
        printf(child < 0 ? "refused %d\n" : "away %d\n", child < 0 ? errno : (int)getpid());
        fflush(stdout);
    }
    for (;;)
        pause();
}

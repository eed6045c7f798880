/*
 * A realm that tries to leave something behind: a child in a session of its own, out of reach of whoever
 * kills the realm's process group. The box refuses the fork; it says what came of it, and stays.
 */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#ifdef __SANITIZE_ADDRESS__
/* What librealm does for those who link it: the box forbids what these would need. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "disable_coredump=0:detect_leaks=0";
}
#endif

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

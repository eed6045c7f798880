/* The `realm` command: what people type. Everything is in the table (command.c) and its functions. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tools/command.h"
#include "tools/dispatch.h"

/* A standard descriptor that is closed would be the number of the next thing opened, which would then be
 * printed into. open takes the lowest number that is free, so this goes upwards. */
static void open_standard_descriptors(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0 && errno == EBADF)
            (void)open("/dev/null", O_RDWR);
}

int main(int argc, char **argv)
{
    open_standard_descriptors();
    int status = dispatch(argc, argv);
    /* What could not be written was not printed: a full disk must not look like success. */
    if ((fflush(stdout) != 0 || ferror(stdout)) && status == EXIT_FINE) {
        fprintf(stderr, "realm: cannot write the output: %s\n", strerror(errno));
        status = EXIT_FAILED;
    }
    return status;
}

/* The `realm` command: what people type. Everything is in the table (command.c) and its functions. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "tools/command.h"
#include "tools/dispatch.h"

int main(int argc, char **argv)
{
    int status = dispatch(argc, argv);
    /* What could not be written was not printed: a full disk must not look like success. */
    if ((fflush(stdout) != 0 || ferror(stdout)) && status == EXIT_FINE) {
        fprintf(stderr, "realm: cannot write the output: %s\n", strerror(errno));
        status = EXIT_FAILED;
    }
    return status;
}

/*
 * The terminal that `realm run` was started on, which the suite watches.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <termios.h>
#include <unistd.h>

#include "tests/adversary/attack.h"

static void type_into(int fd)
{
    char byte = 'x';
    outcome_call(ioctl(fd, TIOCSTI, &byte));
}

static void type_input(void)
{
    type_into(0);
}

static void type_output(void)
{
    type_into(1);
}

static void type_errors(void)
{
    type_into(2);
}

/* The kernel looks at 32 bits of the request; a filter that compares 64 would let this one through. */
static void type_high_bits(void)
{
    char byte = 'x';
    outcome_call(syscall(SYS_ioctl, 0, 0x100000000ul | TIOCSTI, &byte));
}

static void paste_selection(void)
{
    char paste = 3;
    outcome_call(ioctl(0, TIOCLINUX, &paste));
}

static void take_terminal(void)
{
    outcome_call(ioctl(0, TIOCSCTTY, 1));
}

static void other_group(void)
{
    int group = getpid();
    outcome_call(ioctl(0, TIOCSPGRP, &group));
}

static void resize(void)
{
    struct winsize size = {1, 1, 0, 0};
    outcome_call(ioctl(0, TIOCSWINSZ, &size));
}

static void read_input(void)
{
    char byte;
    ssize_t got = read(0, &byte, 1);
    outcome("%s", got == 0 ? "nothing there" : got < 0 ? errno_word(errno) : "read");
}

ATTACK_CALL(open_terminal, SYS_openat, AT_FDCWD, "/dev/tty", O_RDWR, 0)
ATTACK_CALL(open_pseudo, SYS_openat, AT_FDCWD, "/dev/pts/0", O_RDWR, 0)
ATTACK_CALL(new_pseudo, SYS_openat, AT_FDCWD, "/dev/ptmx", O_RDWR, 0)

static const struct attack terminal[] = {
    {"tty-type-0", "types into its standard input (TIOCSTI)", type_input, .must = "EPERM"},
    {"tty-type-1", "types into its standard output", type_output, .must = "EPERM"},
    {"tty-type-2", "types into its standard error", type_errors, .must = "EPERM"},
    {"tty-type-high", "the same with high bits set in the request", type_high_bits, .must = "EPERM"},
    {"tty-paste", "pastes the console's selection", paste_selection, .must = "EPERM"},
    {"tty-take", "takes a terminal for its own", take_terminal, .must = "EPERM"},
    {"tty-group", "becomes the foreground", other_group, .must = "EPERM"},
    {"tty-resize", "resizes the window", resize, .must = "EPERM"},
    {"tty-read", "reads what the user types", read_input, .must = "nothing there"},
    {"tty-open", "opens /dev/tty", open_terminal, .must = "ENOSYS"},
    {"tty-open-other", "opens another's terminal", open_pseudo, .must = "ENOSYS"},
    {"tty-open-new", "opens a new terminal", new_pseudo, .must = "ENOSYS"},
};
ATTACK_THEME(terminal_theme, "terminal", "The terminal", terminal, true);

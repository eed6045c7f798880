/*
 * From the words of a command line to a command's function.
 */
#ifndef TOOLS_DISPATCH_H
#define TOOLS_DISPATCH_H

/* Runs the command that the words name; returns the exit status. */
int dispatch(int argc, char *const *argv);

#endif

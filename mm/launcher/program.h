/*
 * The program of a realm: which kind it is, and what loads it.
 */
#ifndef MM_LAUNCHER_PROGRAM_H
#define MM_LAUNCHER_PROGRAM_H

#include <stdbool.h>

struct program {
    int file;   /* open for reading */
    int loader; /* its interpreter, open for reading; -1: it is static and needs none */
};

/*
 * Opens a program and, if it is a dynamic one, its interpreter. Only programs of this machine can live in
 * the box: a script would need a shell and files.
 * Return: 0; -ENOEXEC: it is none; -EACCES: it may not be executed, or asks for an interpreter that is none;
 * -errno.
 */
int program_open(const char *path, struct program *ret_program);
/* Makes both files copies of their own. Return: 0; -errno, and they are open still. */
int program_copy(struct program *program);
void program_close(struct program *program); /* also one that was never opened: both -1 */

/* Whether a path is a plain name in one of the folders where a system keeps its libraries. */
bool program_is_library(const char *path);

#endif

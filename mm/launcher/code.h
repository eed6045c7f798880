/*
 * Code that a realm shares with nobody: copies of its program and its libraries.
 *
 * Whoever maps a page of a file can wait and wake by its address, and meets there everybody else who has
 * mapped the same page: a way to talk that no policy sees. A copy is a file of its own.
 */
#ifndef MM_LAUNCHER_CODE_H
#define MM_LAUNCHER_CODE_H

/* A program or library larger than this is not copied: the launcher does nothing else meanwhile. */
#define CODE_BYTES_MAX (64u << 20)

/*
 * Replaces *fd, a regular file open for reading, by a sealed memfd with its content, which can be executed;
 * the file is closed. Return: 0; -EFBIG: it is too large; -errno. On failure *fd is as it was.
 */
int code_copy(int *fd);

#endif

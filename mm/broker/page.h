/*
 * The control page: the one page of memory that the broker writes and a realm reads. Its epoch is in every
 * wait of the realm, so that bumping it ends the wait without anybody's help.
 */
#ifndef MM_BROKER_PAGE_H
#define MM_BROKER_PAGE_H

#include <stdint.h>

#include "librealm/proto/control.h"

#define PAGE_BYTES 4096u

/* Maps a fresh memfd of PAGE_BYTES and seals it, so that from now on nobody else can write to it or change
 * its size. fd is borrowed. Return: 0; -errno. */
int page_map(int fd, struct realm_control_page **ret_page);
void page_unmap(struct realm_control_page *page); /* NULL is a no-op */

/* The slot's channel is revoked, or its peer has ended; to be followed by page_change. */
void page_set_revoked(struct realm_control_page *page, uint32_t slot);
void page_set_dead(struct realm_control_page *page, uint32_t slot);
/* The slot is used again. */
void page_clear(struct realm_control_page *page, uint32_t slot);

/* The two halves of page_bump: the epoch, and its sleepers. */
void page_change(struct realm_control_page *page);
void page_wake(struct realm_control_page *page);

/* To be called after the packet that is urgent has been sent: who sees the new epoch finds the packet. */
void page_bump(struct realm_control_page *page);

#endif

/*
 * Making and bumping a control page. The memory is the broker's own: the realm gets a read-only open file
 * description of it, and the seals keep that from ever becoming a writable mapping.
 *
 * The realm's memory of the page costs the broker nothing but this mapping: the writable descriptor is
 * closed as soon as the page is mapped, since FUTURE_WRITE leaves an existing mapping writable.
 */
#include "mm/broker/page.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "librealm/ring/atomics.h"

int page_map(int fd, struct realm_control_page **ret_page)
{
    void *page = mmap(NULL, PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (page == MAP_FAILED)
        return -errno;
    if (fcntl(fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0) {
        int error = -errno;
        munmap(page, PAGE_BYTES);
        return error;
    }
    *ret_page = page;
    return 0;
}

void page_unmap(struct realm_control_page *page)
{
    if (page)
        munmap(page, PAGE_BYTES);
}

void page_set_revoked(struct realm_control_page *page, uint32_t slot)
{
    uint32_t *word = &page->revoked[slot / 32];
    /* The bit before the count, and both before the epoch: who sees the later one sees the earlier. */
    realm_store_release(word, realm_load_relaxed(word) | UINT32_C(1) << (slot % 32));
    realm_store_release(&page->revocations, realm_load_relaxed(&page->revocations) + 1);
}

void page_set_dead(struct realm_control_page *page, uint32_t slot)
{
    uint32_t *word = &page->dead[slot / 32];
    realm_store_release(word, realm_load_relaxed(word) | UINT32_C(1) << (slot % 32));
}

static void clear(uint32_t *bits, uint32_t slot)
{
    uint32_t *word = &bits[slot / 32];
    realm_store_release(word, realm_load_relaxed(word) & ~(UINT32_C(1) << (slot % 32)));
}

void page_clear(struct realm_control_page *page, uint32_t slot)
{
    clear(page->revoked, slot);
    clear(page->dead, slot);
}

void page_change(struct realm_control_page *page)
{
    /* Release: the realm's acquire load of the new epoch happens after the send of the packet. The broker
     * is the only writer, so reading its own word needs no order. */
    realm_store_release(&page->epoch, realm_load_relaxed(&page->epoch) + 1);
}

void page_wake(struct realm_control_page *page)
{
    syscall(SYS_futex, &page->epoch, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

void page_bump(struct realm_control_page *page)
{
    page_change(page);
    page_wake(page);
}

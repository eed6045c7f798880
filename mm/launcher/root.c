/*
 * The new root needs a folder to be mounted on, and /proc is one that is always there: the launcher itself
 * works with it. pivot_root puts the old root on top of the new one, from where it is detached.
 */
#include "mm/launcher/root.h"

#include <errno.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PLACE "/proc"
#define FLAGS (MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC)

int root_empty(void)
{
    /* Nothing that is done here may be seen outside, nor the other way round. */
    if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
        return -errno;
    if (mount("none", PLACE, "tmpfs", FLAGS, "size=4k,nr_inodes=1,mode=555") < 0)
        return -errno;
    if (chdir(PLACE) < 0 || syscall(SYS_pivot_root, ".", ".") < 0)
        return -errno;
    if (umount2(".", MNT_DETACH) < 0)
        return -errno;
    return chdir("/") < 0 ? -errno : 0;
}

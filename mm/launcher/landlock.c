/*
 * A ruleset handles rights, which denies them, and then allows some of them below certain files. What an ABI
 * can handle is listed here by number: the headers that this is built with may be older than the kernel.
 */
#include "mm/launcher/landlock.h"

#include <errno.h>
#include <linux/landlock.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

/* As in <linux/landlock.h> since ABI 6; kernels that know less take a shorter struct. */
struct ruleset {
    uint64_t files;
    uint64_t network; /* from ABI 4 */
    uint64_t scoped;  /* from ABI 6 */
};

#define FILES_ABI_1  ((UINT64_C(1) << 13) - 1)
#define FILES_REFER  (UINT64_C(1) << 13) /* ABI 2 */
#define FILES_CUT    (UINT64_C(1) << 14) /* ABI 3: truncate */
#define FILES_IOCTL  (UINT64_C(1) << 15) /* ABI 5: of devices */
#define NETWORK_TCP  UINT64_C(3)         /* ABI 4: bind, connect */
#define SCOPED_ABI_6 UINT64_C(3)         /* abstract sockets, signals */

/* Return: the size of the struct that this ABI takes. */
static size_t describe(int abi, struct ruleset *ret_ruleset)
{
    *ret_ruleset = (struct ruleset){.files = FILES_ABI_1};
    if (abi >= 2)
        ret_ruleset->files |= FILES_REFER;
    if (abi >= 3)
        ret_ruleset->files |= FILES_CUT;
    if (abi >= 4)
        ret_ruleset->network = NETWORK_TCP;
    if (abi >= 5)
        ret_ruleset->files |= FILES_IOCTL;
    if (abi >= 6)
        ret_ruleset->scoped = SCOPED_ABI_6;
    return abi >= 6   ? sizeof *ret_ruleset
           : abi >= 4 ? offsetof(struct ruleset, scoped)
                      : offsetof(struct ruleset, network);
}

/* To execute a file the kernel opens it for reading, too. A copy in memory is in no file system: nothing can
 * be said of it (EBADFD), and nothing is denied. */
static int allow(int ruleset, int executable)
{
    const struct landlock_path_beneath_attr rule = {
        .allowed_access = LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE,
        .parent_fd = executable,
    };

    if (syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) < 0 && errno != EBADFD)
        return -errno;
    return 0;
}

int landlock_enter(int abi, const int *executables, unsigned count)
{
    struct ruleset attributes;
    int error = 0;

    size_t size = describe(abi, &attributes);
    int ruleset = (int)syscall(SYS_landlock_create_ruleset, &attributes, size, 0);
    if (ruleset < 0)
        return -errno;
    for (unsigned i = 0; i < count && error == 0; i++)
        error = allow(ruleset, executables[i]);
    if (error == 0 && syscall(SYS_landlock_restrict_self, ruleset, 0) < 0)
        error = -errno;
    close(ruleset);
    return error;
}

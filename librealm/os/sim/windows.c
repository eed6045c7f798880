/*
 * Memory that is mapped by windows. A part is a real memfd, so that a window can lay several side by side;
 * who maps one sees what others write there. Taking a part away ends every window that has it: from then on
 * there are zeros, and `gone` says so. In the twin, every realm has touched it at once.
 */
#include "librealm/os/sim/world.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

struct sim_window {
    struct sim_window *next;
    uint8_t *bytes;
    size_t size;
    uint32_t gone;
    unsigned count;
    struct sim_part *parts[REALM_CONTROL_PARTS_MAX];
};

/* --- parts --- */

struct sim_part *sim_part_new(size_t size, bool sealed)
{
    struct sim_part *part = sim_alloc(sizeof *part);
    part->fd = memfd_create("part", MFD_CLOEXEC);
    if (part->fd < 0 || ftruncate(part->fd, (off_t)size) != 0)
        abort();
    part->size = size;
    part->refs = 1;
    part->sealed = sealed;
    return part;
}

struct sim_part *sim_part_copy(const struct sim_part *part, bool sealed)
{
    struct sim_part *copy = sim_part_new(part->size, sealed);
    void *bytes = mmap(NULL, part->size, PROT_READ, MAP_SHARED, part->fd, 0);
    if (bytes == MAP_FAILED || pwrite(copy->fd, bytes, part->size, 0) != (ssize_t)part->size)
        abort();
    munmap(bytes, part->size);
    return copy;
}

void sim_part_ref(struct sim_part *part)
{
    part->refs++;
}

void sim_part_unref(struct sim_part *part)
{
    if (--part->refs != 0)
        return;
    close(part->fd);
    free(part);
}

static void end_window(struct sim_window *window)
{
    void *zeros = mmap(window->bytes, window->size, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    if (zeros == MAP_FAILED)
        abort();
    window->gone = 1;
}

static bool has_part(const struct sim_window *window, const struct sim_part *part)
{
    for (unsigned i = 0; i < window->count; i++)
        if (window->parts[i] == part)
            return true;
    return false;
}

void sim_part_take_away(const struct sim_world *world, struct sim_part *part)
{
    part->gone = true;
    for (unsigned i = 0; i < world->realms_count; i++)
        for (struct sim_window *window = world->realms[i]->windows; window; window = window->next)
            if (!window->gone && has_part(window, part))
                end_window(window);
}

/* --- windows --- */

static void window_free(struct sim_window *window)
{
    for (unsigned i = 0; i < window->count; i++)
        sim_part_unref(window->parts[i]);
    munmap(window->bytes, window->size);
    free(window);
}

/* Lays the parts side by side. What was taken away while its handle was on the way is gone at once. */
static int lay(struct realm_os *os, struct sim_window *window, const int *handles, unsigned count,
               size_t part_bytes, bool writable)
{
    const int protection = writable ? PROT_READ | PROT_WRITE : PROT_READ;
    bool gone = false;
    for (unsigned i = 0; i < count; i++) {
        struct sim_part *part = sim_handle(os, handles[i])->part;
        if (!part || part->size != part_bytes)
            return -EINVAL;
        if (mmap(window->bytes + i * part_bytes, part_bytes, protection, MAP_SHARED | MAP_FIXED, part->fd,
                 0) == MAP_FAILED)
            return -errno;
        sim_part_ref(part);
        window->parts[window->count++] = part;
        gone = gone || part->gone;
    }
    if (gone)
        end_window(window);
    return 0;
}

int realm_os_window_map(struct realm_os *os, const int *handles, unsigned count, size_t part_bytes,
                        bool writable, struct realm_os_region *ret_window)
{
    if (count > REALM_CONTROL_PARTS_MAX)
        return -EINVAL;
    struct sim_window *window = sim_alloc(sizeof *window);
    window->size = count * part_bytes;
    void *bytes = mmap(NULL, window->size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (bytes == MAP_FAILED)
        abort();
    window->bytes = bytes;
    int error = lay(os, window, handles, count, part_bytes, writable);
    if (error) {
        window_free(window);
        return error;
    }
    window->next = os->windows;
    os->windows = window;
    os->counters.memory++;
    *ret_window = (struct realm_os_region){.memory = window->bytes, .gone = &window->gone};
    return 0;
}

void realm_os_window_unmap(struct realm_os *os, const struct realm_os_region *mapped, size_t bytes)
{
    struct sim_window **at = &os->windows;
    while (*at && (*at)->bytes != mapped->memory)
        at = &(*at)->next;
    struct sim_window *window = *at;
    if (!window || window->size != bytes)
        abort(); /* not mapped: the client's mistake */
    *at = window->next;
    window_free(window);
    os->counters.memory--;
}

void sim_windows_release(struct realm_os *os)
{
    while (os->windows) {
        struct sim_window *window = os->windows;
        os->windows = window->next;
        window_free(window);
    }
}

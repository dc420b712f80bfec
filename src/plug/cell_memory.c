#include "plug/cell_memory.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef F_SEAL_FUTURE_WRITE
#define F_SEAL_FUTURE_WRITE 0x0010 /* Linux 5.1 */
#endif

#define PAGE ((uint64_t)4096)

bool plug_cell_memory_map(int fd, bool read_only, struct plug_cell_memory *ret)
{
    struct stat st;
    void *at = MAP_FAILED;
    if (fstat(fd, &st) == 0 && st.st_size > 0) {
        at = mmap(NULL, (size_t)st.st_size, PROT_READ | (read_only ? 0 : PROT_WRITE), MAP_SHARED, fd, 0);
    }
    if (at == MAP_FAILED) {
        (void)close(fd);
        return false;
    }
    *ret = (struct plug_cell_memory){at, (uint64_t)st.st_size, fd};
    return true;
}

bool plug_cell_memory_new(uint64_t bytes, bool read_only, struct plug_cell_memory *ret)
{
    if (bytes > INT64_MAX - PAGE) {
        return false;
    }
    uint64_t whole = (KIT_MAX(bytes, 1) + PAGE - 1) / PAGE * PAGE;
    int fd = memfd_create("heimnetz-cell", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0) {
        return false;
    }
    if (ftruncate(fd, (off_t)whole) != 0 || fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW) != 0) {
        (void)close(fd);
        return false;
    }
    if (!plug_cell_memory_map(fd, false, ret)) {
        return false;
    }
    /* Our own mapping stays writable. A kernel without this seal leaves the cell able to write its own inputs, which the
     * parent never reads back. */
    (void)fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | (read_only ? F_SEAL_FUTURE_WRITE : 0));
    return true;
}

void plug_cell_memory_detach(struct plug_cell_memory *p)
{
    if (p->at != NULL && p->fd >= 0) {
        (void)close(p->fd);
    }
    p->fd = -1;
}

void plug_cell_memory_done(struct plug_cell_memory *p)
{
    plug_cell_memory_detach(p);
    if (p->at != NULL) {
        (void)munmap(p->at, (size_t)p->bytes);
    }
    *p = (struct plug_cell_memory){.fd = -1};
}

bool plug_cell_memory_holds(const struct plug_cell_memory *p, uint64_t at, uint64_t bytes)
{
    return at <= p->bytes && bytes <= p->bytes - at;
}

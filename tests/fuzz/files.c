#include "fuzz/files.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "support/temp.h"

static void write_all(int fd, kit_str bytes)
{
    FUZZ_CHECK(fd >= 0 && ftruncate(fd, 0) == 0);
    for (size_t done = 0; done < bytes.len;) {
        ssize_t n = pwrite(fd, bytes.ptr + done, bytes.len - done, (off_t)done);
        FUZZ_CHECK(n > 0);
        done += (size_t)n;
    }
}

const char *fuzz_file(kit_str bytes)
{
    static char path[64];
    static int fd = -1;
    if (fd < 0) {
        fd = memfd_create("fuzz", MFD_CLOEXEC);
        snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    }
    write_all(fd, bytes);
    return path;
}

const char *fuzz_folder(void)
{
    return test_temp_folder();
}

void fuzz_folder_put(const char *name, kit_str bytes)
{
    char path[TEST_PATH_BYTES];
    test_temp_path(path, name);
    if (bytes.len == 0) {
        unlink(path);
        return;
    }
    int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    if (fd < 0) { /* its folder is missing */
        test_temp_write(path, name, bytes);
        return;
    }
    write_all(fd, bytes);
    close(fd);
}

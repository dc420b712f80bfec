#include "plug/cell_wire.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const char *const meta_keys[] = {
    "architecture", "tasks",  "precision",     "isa",       "context_tokens", "hidden_size", "pooling", "normalize",
    "problem_type", "labels", "chat_template", "bos_token", "eos_token",      "name",        "license",
};
_Static_assert(KIT_COUNT(meta_keys) <= PLUG_CELL_WIRE_META_MAX, "room for every key");

const char *plug_cell_wire_meta_key(uint32_t index)
{
    return index < KIT_COUNT(meta_keys) ? meta_keys[index] : NULL;
}

/* Room for PLUG_CELL_WIRE_FDS_MAX descriptors, aligned as the kernel wants it. */
union ancillary {
    struct cmsghdr align;
    char room[CMSG_SPACE(sizeof(int) * PLUG_CELL_WIRE_FDS_MAX)];
};

static void attach(struct msghdr *m, union ancillary *a, int fd)
{
    memset(a, 0, sizeof(*a));
    m->msg_control = a->room;
    m->msg_controllen = sizeof(a->room);
    struct cmsghdr *c = CMSG_FIRSTHDR(m);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(c), &fd, sizeof(fd));
}

bool plug_cell_wire_send(int socket, const struct plug_cell_wire *head, const void *payload, int fd, bool wait)
{
    struct plug_cell_wire mine = *head;
    struct iovec parts[2] = {{&mine, sizeof(mine)}, {(void *)(uintptr_t)payload, mine.bytes}};
    struct msghdr m = {.msg_iov = parts, .msg_iovlen = mine.bytes > 0 ? 2 : 1};
    union ancillary a;
    if (fd >= 0) {
        attach(&m, &a, fd);
    }
    ssize_t n;
    do {
        n = sendmsg(socket, &m, MSG_NOSIGNAL | (wait ? 0 : MSG_DONTWAIT));
    } while (n < 0 && errno == EINTR);
    return n >= 0;
}

/* The descriptor that came along, or -1. The kernel has closed those for which we had no room. */
static int detach(struct msghdr *m)
{
    int fd = -1;
    struct cmsghdr *c = CMSG_FIRSTHDR(m);
    if (c != NULL && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS && c->cmsg_len >= CMSG_LEN(sizeof(fd))) {
        memcpy(&fd, CMSG_DATA(c), sizeof(fd));
    }
    return fd;
}

static enum plug_cell_wire_got judge(ssize_t n, const struct msghdr *m, const struct plug_cell_wire *head)
{
    if (n < 0) {
        return errno == EAGAIN || errno == EWOULDBLOCK ? PLUG_CELL_WIRE_NOTHING : PLUG_CELL_WIRE_END;
    }
    if (n == 0) {
        return PLUG_CELL_WIRE_END;
    }
    bool whole = (m->msg_flags & MSG_TRUNC) == 0 && (size_t)n >= sizeof(*head) &&
                 (size_t)n - sizeof(*head) == head->bytes && head->bytes <= PLUG_CELL_WIRE_BYTES_MAX;
    return whole ? PLUG_CELL_WIRE_GOT : PLUG_CELL_WIRE_GARBAGE;
}

enum plug_cell_wire_got plug_cell_wire_receive(int socket, struct plug_cell_wire *head, void *payload, int *fd,
                                               bool wait)
{
    struct iovec parts[2] = {{head, sizeof(*head)}, {payload, PLUG_CELL_WIRE_BYTES_MAX}};
    union ancillary a;
    struct msghdr m = {.msg_iov = parts, .msg_iovlen = 2};
    if (fd != NULL) {
        m.msg_control = a.room;
        m.msg_controllen = sizeof(a.room);
        *fd = -1;
    }
    ssize_t n;
    do {
        n = recvmsg(socket, &m, MSG_CMSG_CLOEXEC | (wait ? 0 : MSG_DONTWAIT));
    } while (n < 0 && errno == EINTR);
    enum plug_cell_wire_got got = judge(n, &m, head);
    int came = fd != NULL && n > 0 ? detach(&m) : -1;
    if (got == PLUG_CELL_WIRE_GOT) {
        ((char *)payload)[head->bytes] = 0;
        if (fd != NULL) {
            *fd = came;
        }
    } else if (came >= 0) {
        (void)close(came);
    }
    return got;
}

bool plug_cell_wire_pair(int ret[2])
{
    return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ret) == 0;
}

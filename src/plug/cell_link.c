#include "plug/cell_link.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "kit/alloc.h"
#include "plug/status.h"
#include "plug/tensor.h"

#define PIECE_BYTES_MIN (256 * KIT_KIB)
#define CLOSE_MS 2000
#define REASON_MS 2000

/* --- when the cell does not answer as it should --- */

int32_t plug_cell_link_gone(struct plug_cell_instance *i, enum plug_cell_wire_got got, struct acb_err *err)
{
    char reason[PLUG_CELL_REASON_BYTES];
    if (got == PLUG_CELL_WIRE_NOTHING) {
        (void)snprintf(reason, sizeof(reason), "was ended: a call took longer than %" PRIu32 " ms",
                       i->cell->call_ms_max);
        plug_cell_process_end(i->cell->process, reason);
    } else {
        plug_cell_process_end(i->cell->process,
                              got == PLUG_CELL_WIRE_GARBAGE ? "sent an answer that makes no sense" : NULL);
    }
    plug_cell_process_reason(i->cell->process, REASON_MS, reason);
    return plug_status_fail(err, ACB_FATAL, "the worker process %s", reason[0] != 0 ? reason : "is gone");
}

void plug_cell_hang_up(struct plug_cell_instance *first)
{
    for (struct plug_cell_instance *i = first; i != NULL; i = i->next) {
        (void)shutdown(i->socket, SHUT_RDWR);
    }
}

/* --- opening and closing --- */

static void set_patience(int socket, uint32_t ms)
{
    struct timeval t = {.tv_sec = ms / 1000, .tv_usec = (suseconds_t)(ms % 1000) * 1000};
    (void)setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof(t));
}

static void enlist(struct plug_cell_instance *i)
{
    struct plug_cell *c = i->cell;
    kit_mutex_lock(&c->lock);
    i->number = ++c->next_instance;
    i->next = c->instances;
    c->instances = i;
    if (c->dead) {
        (void)shutdown(i->socket, SHUT_RDWR);
    }
    kit_mutex_unlock(&c->lock);
}

static void strike_out(struct plug_cell_instance *i)
{
    struct plug_cell *c = i->cell;
    kit_mutex_lock(&c->lock);
    struct plug_cell_instance **at = &c->instances;
    while (*at != i) {
        assert(*at != NULL);
        at = &(*at)->next;
    }
    *at = i->next;
    kit_mutex_unlock(&c->lock);
}

void plug_cell_link_drop(struct plug_cell_instance *i, uint32_t keep)
{
    uint32_t first = i->out_count - KIT_MIN(keep, i->out_count);
    for (uint32_t p = 0; p < first; p++) {
        plug_cell_memory_done(&i->out[p]);
    }
    if (first > 0 && first < i->out_count) {
        i->out[0] = i->out[first];
    }
    i->out_count -= first;
}

static void free_instance(struct plug_cell_instance *i)
{
    strike_out(i);
    (void)close(i->socket);
    plug_cell_link_drop(i, 0);
    plug_cell_memory_done(&i->in);
    kit_mutex_done(&i->lock);
    kit_alloc_free(i);
}

/* The cell's answer to INSTANCE comes on the new socket. */
static int32_t wait_opened(struct plug_cell_instance *i, struct acb_err *err)
{
    struct plug_cell_wire head;
    enum plug_cell_wire_got got = plug_cell_wire_receive(i->socket, &head, i->payload, NULL, true);
    if (got == PLUG_CELL_WIRE_GOT && head.type != PLUG_CELL_WIRE_INSTANCE_OPENED) {
        got = PLUG_CELL_WIRE_GARBAGE;
    }
    if (got != PLUG_CELL_WIRE_GOT) {
        return plug_cell_link_gone(i, got, err);
    }
    return head.status == ACB_OK ? ACB_OK : plug_status_fail(err, head.status, "%s", i->payload);
}

static int32_t introduce(struct plug_cell_instance *i, int theirs, const struct acb_instance_open *open,
                         struct acb_err *err)
{
    struct acb_instance_open mine = *open;
    struct plug_cell_wire head = {.type = PLUG_CELL_WIRE_INSTANCE, .bytes = sizeof(mine), .a = i->number};
    mine.size = sizeof(mine);
    bool sent = plug_cell_process_send(i->cell->process, &head, &mine, theirs, true);
    (void)close(theirs);
    return sent ? wait_opened(i, err) : plug_cell_link_gone(i, PLUG_CELL_WIRE_END, err);
}

int32_t plug_cell_instance_open(void *model, const struct acb_instance_open *open, void **ret, struct acb_err *err)
{
    struct plug_cell *c = model;
    int pair[2];
    struct plug_cell_instance *i = kit_alloc_zero(1, sizeof(*i));
    if (i == NULL || !plug_cell_wire_pair(pair)) {
        kit_alloc_free(i);
        return plug_status_fail(err, ACB_NOMEM, "out of memory or descriptors");
    }
    i->cell = c;
    i->in.fd = -1;
    i->socket = pair[0];
    kit_mutex_init(&i->lock);
    set_patience(i->socket, c->call_ms_max);
    enlist(i);
    int32_t rc = introduce(i, pair[1], open, err);
    if (rc != ACB_OK) {
        free_instance(i);
        return rc;
    }
    *ret = i;
    return ACB_OK;
}

/* The cell's thread closes its end when instance_close has returned there: only then is its memory free again. */
void plug_cell_instance_close(void *instance)
{
    struct plug_cell_instance *i = instance;
    struct plug_cell_wire head;
    set_patience(i->socket, CLOSE_MS);
    (void)shutdown(i->socket, SHUT_WR);
    if (plug_cell_wire_receive(i->socket, &head, i->payload, NULL, true) != PLUG_CELL_WIRE_END) {
        plug_cell_process_end(i->cell->process, "did not close an instance when it was asked to");
    }
    free_instance(i);
}

void plug_cell_instance_shrink(void *instance)
{
    struct plug_cell_instance *i = instance;
    kit_mutex_lock(&i->lock);
    plug_cell_memory_done(&i->in);
    kit_mutex_unlock(&i->lock);
    if (plug_cell_wire_send(i->socket, &(struct plug_cell_wire){.type = PLUG_CELL_WIRE_SHRINK}, NULL, -1, true)) {
        plug_cell_link_drop(i, 0);
    }
}

static uint64_t shared_bytes(const struct plug_cell_instance *i)
{
    uint64_t bytes = i->in.bytes;
    for (uint32_t p = 0; p < i->out_count; p++) {
        bytes += i->out[p].bytes;
    }
    return bytes;
}

void plug_cell_instance_bytes(void *instance, struct plug_cell_rows *ret)
{
    struct plug_cell_instance *i = instance;
    plug_cell_ask_bytes(i->cell, i->number, &i->last, ret);
    kit_mutex_lock(&i->lock);
    uint64_t bytes = i->shared;
    kit_mutex_unlock(&i->lock);
    if (ret->count < ACB_BYTES_ROWS_MAX && bytes > 0) {
        ret->row[ret->count++] =
            (struct plug_cell_wire_bytes){.kind = ACB_BYTES_CACHE, .source = ACB_SOURCE_COUNTED, .bytes = bytes};
    }
}

int32_t plug_cell_link_room(struct plug_cell_instance *i, uint64_t bytes, struct acb_err *err)
{
    uint64_t others = shared_bytes(i) - i->in.bytes;
    uint64_t max = i->cell->shared_bytes_max;
    if (bytes <= i->in.bytes) {
        return ACB_OK;
    }
    uint64_t wanted = KIT_MAX(bytes, KIT_MAX(PIECE_BYTES_MIN, 2 * i->in.bytes));
    if (others > max || bytes > max - others) {
        return plug_status_fail(
            err, ACB_NOMEM, "the inputs take %" PRIu64 " bytes of shared memory, %" PRIu64 " are allowed", bytes, max);
    }
    struct plug_cell_memory piece;
    if (!plug_cell_memory_new(KIT_MIN(wanted, max - others), true, &piece)) {
        return plug_status_fail(err, ACB_NOMEM, "no shared memory for %" PRIu64 " bytes of inputs", bytes);
    }
    kit_mutex_lock(&i->lock);
    plug_cell_memory_done(&i->in);
    i->in = piece;
    kit_mutex_unlock(&i->lock);
    return ACB_OK;
}

/* --- cancelling --- */

static void set_flag(struct plug_cell_instance *i, uint32_t to)
{
    struct plug_cell_wire_inputs *shared = (void *)i->in.at;
    if (shared != NULL) { /* some questions have no inputs */
        __atomic_store_n(&shared->cancelled, to, __ATOMIC_RELEASE);
    }
}

/* The caller's flag is read after ours is in place: a cancel that came before is not missed. */
void plug_cell_link_begin(struct plug_cell_instance *i, const uint32_t *cancelled)
{
    kit_mutex_lock(&i->lock);
    i->call++;
    i->running = true;
    i->shared = shared_bytes(i);
    set_flag(i, 0);
    if (cancelled != NULL && __atomic_load_n(cancelled, __ATOMIC_ACQUIRE) != 0) {
        set_flag(i, 1);
    }
    kit_mutex_unlock(&i->lock);
}

void plug_cell_link_end(struct plug_cell_instance *i)
{
    kit_mutex_lock(&i->lock);
    i->running = false;
    i->shared = shared_bytes(i);
    kit_mutex_unlock(&i->lock);
}

/* The flag in shared memory is enough; the packet reaches engines that want to be told. */
void plug_cell_cancel(void *instance)
{
    struct plug_cell_instance *i = instance;
    kit_mutex_lock(&i->lock);
    if (i->running) {
        set_flag(i, 1);
        struct plug_cell_wire head = {.type = PLUG_CELL_WIRE_CANCEL, .a = i->number, .b = i->call};
        (void)plug_cell_process_send(i->cell->process, &head, NULL, -1, false);
    }
    kit_mutex_unlock(&i->lock);
}

/* --- questions --- */

/* False: the cell is gone. */
static bool grow(struct plug_cell_instance *i, uint64_t needed)
{
    struct plug_cell_wire head = {.type = PLUG_CELL_WIRE_GROWN, .status = ACB_NOMEM};
    uint64_t used = shared_bytes(i);
    uint64_t max = i->cell->shared_bytes_max;
    uint64_t room = used < max ? max - used : 0;
    struct plug_cell_memory *piece = &i->out[i->out_count];
    if (i->out_count < PLUG_CELL_PIECES_MAX && needed <= room) {
        uint64_t before = i->out_count > 0 ? i->out[i->out_count - 1].bytes : 0;
        uint64_t wanted = KIT_MAX(needed, KIT_MAX(PIECE_BYTES_MIN, 2 * before));
        if (plug_cell_memory_new(KIT_MIN(wanted, room), false, piece)) {
            head.status = ACB_OK;
            i->out_count++;
        }
    }
    bool grown = head.status == ACB_OK;
    bool sent = plug_cell_wire_send(i->socket, &head, NULL, grown ? piece->fd : -1, true);
    if (grown) {
        plug_cell_memory_detach(piece);
    }
    return sent;
}

static int32_t judge(struct plug_cell_instance *i, const struct plug_cell_wire *head, struct acb_err *err)
{
    if (head->status == ACB_FATAL) {
        char reason[PLUG_CELL_REASON_BYTES];
        (void)snprintf(reason, sizeof(reason), "was ended, its model was lost: %.80s", i->payload);
        plug_cell_process_end(i->cell->process, reason);
    }
    return head->status == ACB_OK ? ACB_OK : plug_status_fail(err, head->status, "%s", i->payload);
}

static int32_t wait_result(struct plug_cell_instance *i, struct plug_cell_wire *head, struct acb_err *err)
{
    for (uint32_t grown = 0;; grown++) {
        enum plug_cell_wire_got got = plug_cell_wire_receive(i->socket, head, i->payload, NULL, true);
        if (got != PLUG_CELL_WIRE_GOT) {
            return plug_cell_link_gone(i, got, err);
        }
        if (head->type == PLUG_CELL_WIRE_RESULT && head->a == i->call) {
            return judge(i, head, err);
        }
        if (head->type != PLUG_CELL_WIRE_GROW || grown == PLUG_CALL_TENSORS_MAX) {
            return plug_cell_link_gone(i, PLUG_CELL_WIRE_GARBAGE, err);
        }
        if (!grow(i, head->a)) {
            return plug_cell_link_gone(i, PLUG_CELL_WIRE_END, err);
        }
    }
}

int32_t plug_cell_link_ask(struct plug_cell_instance *i, struct plug_cell_wire *head, struct acb_err *err)
{
    head->a = i->call;
    bool fresh = i->in.fd >= 0;
    bool sent = plug_cell_wire_send(i->socket, head, NULL, i->in.fd, true);
    if (fresh) {
        plug_cell_memory_detach(&i->in);
    }
    return sent ? wait_result(i, head, err) : plug_cell_link_gone(i, PLUG_CELL_WIRE_END, err);
}

#include "plug/cores.h"

#include <assert.h>

#include "kit/alloc.h"
#include "kit/cpu.h"
#include "kit/sync.h"
#include "plug/now.h"

struct plug_cores {
    struct kit_mutex lock;
    struct kit_cond changed;
    uint32_t fixed;
    uint32_t budget;
    uint32_t lent;
    uint64_t read_at_ns; /* when budget was read */
    uint64_t next_ticket, serving;
};

enum kit_status plug_cores_new(uint32_t fixed, struct plug_cores **ret)
{
    struct plug_cores *c = kit_alloc_zero(1, sizeof(*c));
    if (c == NULL) {
        return KIT_NOMEM;
    }
    kit_mutex_init(&c->lock);
    kit_cond_init(&c->changed);
    c->fixed = fixed;
    c->budget = fixed != 0 ? fixed : kit_cpu_cores();
    c->read_at_ns = plug_now_ns();
    *ret = c;
    return KIT_OK;
}

void plug_cores_free(struct plug_cores *c)
{
    if (c != NULL) {
        assert(c->lent == 0);
        kit_cond_done(&c->changed);
        kit_mutex_done(&c->lock);
        kit_alloc_free(c);
    }
}

/* Affinity and the cgroup's quota may change while we run. */
static void read_budget(struct plug_cores *c)
{
    uint64_t now = plug_now_ns();
    if (c->fixed == 0 && now - c->read_at_ns >= KIT_NS_PER_S) {
        c->budget = kit_cpu_cores();
        c->read_at_ns = now;
    }
}

/* After a budget that shrank more may be lent than there is: nothing is free then. */
static uint32_t free_now(const struct plug_cores *c)
{
    return c->budget > c->lent ? c->budget - c->lent : 0;
}

static uint32_t book(struct plug_cores *c, uint32_t max)
{
    uint32_t n = KIT_MIN(max, free_now(c));
    c->lent += n;
    return n;
}

/* Wakes once a second as well: a larger budget is told by nobody. */
static void wait_for_turn(struct plug_cores *c, uint32_t min)
{
    uint64_t ticket = c->next_ticket++;
    while (ticket != c->serving || free_now(c) < KIT_MIN(min, c->budget)) {
        (void)kit_cond_wait_until(&c->changed, &c->lock, plug_now_ns() + KIT_NS_PER_S);
        read_budget(c);
    }
    c->serving++;
    kit_cond_broadcast(&c->changed);
}

uint32_t plug_cores_take(struct plug_cores *c, uint32_t min, uint32_t max)
{
    assert(min <= max);
    uint32_t n = 0;
    kit_mutex_lock(&c->lock);
    read_budget(c);
    if (min > 0) {
        wait_for_turn(c, min);
        n = book(c, max);
    } else if (c->next_ticket == c->serving) { /* nobody waits */
        n = book(c, max);
    }
    kit_mutex_unlock(&c->lock);
    return n;
}

void plug_cores_give(struct plug_cores *c, uint32_t n)
{
    kit_mutex_lock(&c->lock);
    assert(n <= c->lent);
    c->lent -= n;
    kit_cond_broadcast(&c->changed);
    kit_mutex_unlock(&c->lock);
}

uint32_t plug_cores_budget(struct plug_cores *c)
{
    kit_mutex_lock(&c->lock);
    read_budget(c);
    uint32_t n = c->budget;
    kit_mutex_unlock(&c->lock);
    return n;
}

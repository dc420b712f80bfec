/* src/plug/host.h - the struct acb_host that a back end gets: kit's allocator, the lent cores, and a way out for its log
 * lines and counts (this process's log and metrics, or in a cell a message to the parent).
 *
 * Thread: any, as the ABI says. Memory: a host belongs to its back end and lives as long; the rest is borrowed. */
#ifndef PLUG_HOST_H
#define PLUG_HOST_H

#include "aether/backend.h"
#include "kit/str.h"
#include "plug/cores.h"
#include "plug/team.h"

struct plug_services {
    struct plug_cores *cores;
    struct plug_team *team;
    void *ctx; /* of log and count; backend is the plug-in's name */
    void (*log)(void *ctx, const char *backend, int32_t level, const char *event, const char *text);
    void (*count)(void *ctx, const char *backend, const char *name, double n);
};

struct plug_host {
    struct acb_host table; /* table.ctx is this struct */
    const struct plug_services *services;
    const char *backend;
};

void plug_host_init(struct plug_host *h, const struct plug_services *services, const char *backend);

/* What services.log and .count do outside of cells: nothing that a back end or cell says is taken as it is. */
void plug_host_log(void *ctx, const char *backend, int32_t level, const char *event, const char *text);
void plug_host_count(void *ctx, const char *backend, const char *name, double n);

#endif

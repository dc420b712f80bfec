#include "kit/cpu.h"

#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "kit/file.h"

#define PROC_BYTES_MAX (256 * KIT_KIB) /* of mountinfo; machines with more mounts get no cgroup limit */
#define CPUS_MAX 8192

/* What the control groups allow; UINT64_MAX and 0 stand for "no limit". */
struct limits {
    uint64_t memory_bytes;
    uint32_t cores;
};

/* One hierarchy: v2, or a v1 controller. */
struct hierarchy {
    const char *controller; /* "cpu", "memory"; "" for v2 */
    char group[PATH_MAX];   /* as /proc/self/cgroup says, "/a/b" */
    char folder[PATH_MAX];  /* where it is mounted */
    char root[PATH_MAX];    /* which group is mounted there */
};

static bool read_text(const char *root, const char *path, struct kit_buf *out)
{
    char full[PATH_MAX];
    kit_buf_clear(out);
    return kit_file_join(full, sizeof(full), kit_str_c(root), kit_str_c(path), NULL) == KIT_OK &&
           kit_file_read(full, out, NULL) == KIT_OK;
}

/* "cpu" in "cpu,cpuacct" */
static bool lists(kit_str list, const char *word)
{
    for (kit_str item; kit_str_cut(&list, ',', &item);) {
        if (kit_str_eq(item, kit_str_c(word))) {
            return true;
        }
    }
    return false;
}

/* /proc/self/cgroup: "4:cpu,cpuacct:/a/b", v2 "0::/a/b" (cgroups(7)). */
static bool find_group(kit_str text, struct hierarchy *h)
{
    for (kit_str line; kit_str_cut(&text, '\n', &line);) {
        kit_str id, controllers;
        if (!kit_str_cut(&line, ':', &id) || line.len == 0) {
            continue;
        }
        controllers = kit_str_sub(line, 0, kit_str_find_char(line, ':'));
        kit_str group = kit_str_sub(line, controllers.len + 1, line.len);
        bool v2 = h->controller[0] == '\0';
        if (v2 ? controllers.len == 0 : lists(controllers, h->controller)) {
            kit_str_to_c(group, h->group, sizeof(h->group));
            return true;
        }
    }
    return false;
}

static kit_str field(kit_str line, size_t index)
{
    kit_str word = {0};
    for (size_t i = 0; i <= index; i++) {
        if (!kit_str_cut(&line, ' ', &word)) {
            return (kit_str){0};
        }
    }
    return word;
}

/* /proc/self/mountinfo: "36 35 98:0 ROOT FOLDER rw … - TYPE SOURCE OPTIONS" (proc(5)). */
static bool find_mount(kit_str text, struct hierarchy *h)
{
    bool v2 = h->controller[0] == '\0';
    for (kit_str line; kit_str_cut(&text, '\n', &line);) {
        size_t dash = kit_str_find(line, kit_str_lit(" - "));
        kit_str behind = kit_str_sub(line, dash + 3, line.len);
        kit_str type = field(behind, 0);
        bool hit = v2 ? kit_str_eq(type, kit_str_lit("cgroup2"))
                      : kit_str_eq(type, kit_str_lit("cgroup")) && lists(field(behind, 2), h->controller);
        if (hit) {
            kit_str_to_c(field(line, 3), h->root, sizeof(h->root));
            kit_str_to_c(field(line, 4), h->folder, sizeof(h->folder));
            return true;
        }
    }
    return false;
}

static void take_less_cores(struct limits *l, uint64_t quota, uint64_t period)
{
    if (quota > 0 && period > 0) {
        uint64_t cores = (quota + period - 1) / period;
        l->cores = l->cores == 0 || cores < l->cores ? (uint32_t)KIT_MIN(cores, CPUS_MAX) : l->cores;
    }
}

static void take_less_memory(struct limits *l, kit_str text)
{
    uint64_t bytes;
    if (kit_str_to_u64(kit_str_trim(text), &bytes) == KIT_OK) { /* v2 says "max" where there is none */
        l->memory_bytes = KIT_MIN(l->memory_bytes, bytes);
    }
}

static bool read_number(const char *root, const char *folder, const char *name, struct kit_buf *text, uint64_t *ret)
{
    char path[PATH_MAX];
    return kit_file_join(path, sizeof(path), kit_str_c(folder), kit_str_c(name), NULL) == KIT_OK &&
           read_text(root, path, text) && kit_str_to_u64(kit_str_trim(kit_buf_str(text)), ret) == KIT_OK;
}

static void read_group_v2(const char *root, const char *folder, struct kit_buf *text, struct limits *l)
{
    char path[PATH_MAX];
    uint64_t quota, period;
    if (kit_file_join(path, sizeof(path), kit_str_c(folder), kit_str_lit("cpu.max"), NULL) == KIT_OK &&
        read_text(root, path, text)) { /* "150000 100000" or "max 100000" */
        kit_str line = kit_str_trim(kit_buf_str(text));
        if (kit_str_to_u64(field(line, 0), &quota) == KIT_OK && kit_str_to_u64(field(line, 1), &period) == KIT_OK) {
            take_less_cores(l, quota, period);
        }
    }
    if (kit_file_join(path, sizeof(path), kit_str_c(folder), kit_str_lit("memory.max"), NULL) == KIT_OK &&
        read_text(root, path, text)) {
        take_less_memory(l, kit_buf_str(text));
    }
}

static void read_group_v1(const char *root, const char *folder, struct kit_buf *text, struct limits *l)
{
    uint64_t quota, period, bytes;
    if (read_number(root, folder, "cpu.cfs_quota_us", text, &quota) && /* -1: none */
        read_number(root, folder, "cpu.cfs_period_us", text, &period)) {
        take_less_cores(l, quota, period);
    }
    if (read_number(root, folder, "memory.limit_in_bytes", text, &bytes)) {
        take_less_memory(l, kit_buf_str(text));
    }
}

/* Limits hold for all below: from our own group up to the mounted one, the least counts. A group whose path does
 * not lie under the mount (containers that see the host's path) leaves the mounted one alone. */
static void read_hierarchy(const char *root, const char *controller, struct kit_buf *text, struct limits *l)
{
    struct hierarchy h = {.controller = controller};
    char folder[PATH_MAX];
    if (!read_text(root, "/proc/self/cgroup", text) || !find_group(kit_buf_str(text), &h) ||
        !read_text(root, "/proc/self/mountinfo", text) || !find_mount(kit_buf_str(text), &h)) {
        return;
    }
    kit_str group = kit_str_c(h.group), mounted = kit_str_c(h.root);
    if (mounted.len > 1 && kit_str_starts(group, mounted)) {
        group = kit_str_sub(group, mounted.len, group.len);
    }
    for (;;) {
        while (kit_str_ends(group, kit_str_lit("/"))) {
            group.len--;
        }
        if (kit_str_find(group, kit_str_lit("..")) == group.len &&
            snprintf(folder, sizeof(folder), "%s%.*s", h.folder, KIT_STR_ARG(group)) < (int)sizeof(folder)) {
            (controller[0] == '\0' ? read_group_v2 : read_group_v1)(root, folder, text, l);
        }
        if (group.len == 0) {
            return;
        }
        while (group.len > 0 && group.ptr[group.len - 1] != '/') {
            group.len--;
        }
    }
}

/* root: "" for this machine; tests put a folder before every path. */
static struct limits cgroup_limits(const char *root)
{
    struct limits l = {.memory_bytes = UINT64_MAX};
    struct kit_buf text;
    kit_buf_init(&text, PROC_BYTES_MAX);
    read_hierarchy(root, "", &text, &l);
    read_hierarchy(root, "cpu", &text, &l);
    read_hierarchy(root, "memory", &text, &l);
    kit_buf_done(&text);
    return l;
}

static uint32_t cores_of_affinity(void)
{
    unsigned long set[CPUS_MAX / (8 * sizeof(unsigned long))] = {0};
    if (sched_getaffinity(0, sizeof(set), (cpu_set_t *)(void *)set) != 0) {
        long online = sysconf(_SC_NPROCESSORS_ONLN);
        return online < 1 ? 1 : (uint32_t)online;
    }
    return (uint32_t)KIT_MAX(CPU_COUNT_S(sizeof(set), (cpu_set_t *)(void *)set), 1);
}

uint32_t kit_cpu_cores(void)
{
    struct limits l = cgroup_limits("");
    uint32_t cores = cores_of_affinity();
    return l.cores == 0 ? cores : KIT_MIN(cores, l.cores);
}

uint64_t kit_cpu_memory_limit_bytes(void)
{
    uint64_t machine = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
    return KIT_MIN(cgroup_limits("").memory_bytes, machine);
}

/* /proc/self/statm: size, resident, … in pages (proc(5)). */
uint64_t kit_cpu_rss_bytes(void)
{
    struct kit_buf text;
    uint64_t pages = 0;
    kit_buf_init(&text, 4 * KIT_KIB);
    if (kit_file_read("/proc/self/statm", &text, NULL) != KIT_OK ||
        kit_str_to_u64(field(kit_buf_str(&text), 1), &pages) != KIT_OK) {
        pages = 0;
    }
    kit_buf_done(&text);
    return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

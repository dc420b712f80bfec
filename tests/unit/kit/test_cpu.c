/* Includes the source, to give it a machine of files under a folder of ours. */
#include "support/temp.h"
#include "support/test.h"

#include "kit/cpu.c"

static char root[TEST_PATH_BYTES]; /* of the machine that the test builds */

static void machine(const char *name)
{
    test_temp_path(root, name);
}

static void put(const char *path, const char *text)
{
    char full[TEST_PATH_BYTES], name[2 * TEST_PATH_BYTES];
    snprintf(name, sizeof(name), "%s%s", strrchr(root, '/') + 1, path);
    test_temp_write(full, name, kit_str_c(text));
}

#define MOUNT_V2 "30 23 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n"

TEST(cpu_v2_reads_quota_and_memory_of_its_group)
{
    machine("v2");
    put("/proc/self/cgroup", "0::/app\n");
    put("/proc/self/mountinfo", "22 1 0:21 / /proc rw - proc proc rw\n" MOUNT_V2);
    put("/sys/fs/cgroup/app/cpu.max", "150000 100000\n");
    put("/sys/fs/cgroup/app/memory.max", "1073741824\n");
    struct limits l = cgroup_limits(root);
    assert_int_equal(l.cores, 2); /* one and a half, rounded up */
    assert_int_equal(l.memory_bytes, KIT_GIB);
}

TEST(cpu_v2_takes_the_least_limit_on_the_way_up)
{
    machine("v2-up");
    put("/proc/self/cgroup", "0::/outer/middle/app\n");
    put("/proc/self/mountinfo", MOUNT_V2);
    put("/sys/fs/cgroup/outer/middle/app/cpu.max", "max 100000\n");
    put("/sys/fs/cgroup/outer/middle/app/memory.max", "max\n");
    put("/sys/fs/cgroup/outer/middle/cpu.max", "400000 100000\n");
    put("/sys/fs/cgroup/outer/cpu.max", "300000 100000\n");
    put("/sys/fs/cgroup/outer/memory.max", "5000\n");
    struct limits l = cgroup_limits(root);
    assert_int_equal(l.cores, 3);
    assert_int_equal(l.memory_bytes, 5000);
}

TEST(cpu_v2_in_a_container_sees_its_group_as_the_root)
{
    machine("v2-container");
    put("/proc/self/cgroup", "0::/\n");
    put("/proc/self/mountinfo", MOUNT_V2);
    put("/sys/fs/cgroup/cpu.max", "50000 100000\n");
    assert_int_equal(cgroup_limits(root).cores, 1);
}

TEST(cpu_group_outside_the_mount_falls_back_to_the_mounted_one)
{
    machine("outside");
    put("/proc/self/cgroup", "0::/../../other\n");
    put("/proc/self/mountinfo", MOUNT_V2);
    put("/sys/fs/cgroup/cpu.max", "700000 100000\n");
    assert_int_equal(cgroup_limits(root).cores, 7);
}

TEST(cpu_v1_reads_each_controller_where_it_is_mounted)
{
    machine("v1");
    put("/proc/self/cgroup", "5:memory:/docker/abc\n4:cpu,cpuacct:/docker/abc\n1:name=systemd:/x\n");
    put("/proc/self/mountinfo", "31 23 0:27 /docker/abc /sys/fs/cgroup/cpu,cpuacct ro - cgroup cgroup rw,cpu,cpuacct\n"
                                "32 23 0:28 /docker/abc /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n");
    put("/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "250000\n");
    put("/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000\n");
    put("/sys/fs/cgroup/memory/memory.limit_in_bytes", "2048\n");
    struct limits l = cgroup_limits(root);
    assert_int_equal(l.cores, 3);
    assert_int_equal(l.memory_bytes, 2048);
}

TEST(cpu_v1_without_a_quota_says_minus_one)
{
    machine("v1-none");
    put("/proc/self/cgroup", "4:cpu,cpuacct:/\n");
    put("/proc/self/mountinfo", "31 23 0:27 / /cg/cpu ro - cgroup cgroup rw,cpu,cpuacct\n");
    put("/cg/cpu/cpu.cfs_quota_us", "-1\n");
    put("/cg/cpu/cpu.cfs_period_us", "100000\n");
    struct limits l = cgroup_limits(root);
    assert_int_equal(l.cores, 0);
    assert_true(l.memory_bytes == UINT64_MAX);
}

TEST(cpu_without_or_with_broken_files_there_is_no_limit)
{
    machine("nothing");
    assert_int_equal(cgroup_limits(root).cores, 0);
    machine("broken");
    put("/proc/self/cgroup", "\n:\n0:\n0::\ngarbage");
    put("/proc/self/mountinfo", "\n - \nx - cgroup2\n" MOUNT_V2);
    put("/sys/fs/cgroup/cpu.max", "x y\n");
    put("/sys/fs/cgroup/memory.max", "");
    struct limits l = cgroup_limits(root);
    assert_int_equal(l.cores, 0);
    assert_true(l.memory_bytes == UINT64_MAX);
    put("/sys/fs/cgroup/cpu.max", "100000 0\n");
    assert_int_equal(cgroup_limits(root).cores, 0);
}

TEST(cpu_answers_for_this_machine)
{
    assert_in_range(kit_cpu_cores(), 1, CPUS_MAX);
    assert_true(kit_cpu_memory_limit_bytes() > 16 * KIT_MIB);
    assert_in_range(kit_cpu_rss_bytes(), 100 * KIT_KIB, UINT64_C(1) << 50);
}

TEST(cpu_cores_follow_the_affinity)
{
    cpu_set_t before, one;
    assert_int_equal(sched_getaffinity(0, sizeof(before), &before), 0);
    CPU_ZERO(&one);
    for (int i = 0; i < CPU_SETSIZE; i++) {
        if (CPU_ISSET(i, &before)) {
            CPU_SET(i, &one);
            break;
        }
    }
    assert_int_equal(sched_setaffinity(0, sizeof(one), &one), 0);
    uint32_t cores = kit_cpu_cores();
    assert_int_equal(sched_setaffinity(0, sizeof(before), &before), 0);
    assert_int_equal(cores, 1);
}

TEST(cpu_survives_each_failed_alloc)
{
    TEST_ALLOC_SWEEP(n) {
        assert_in_range(kit_cpu_cores(), 1, CPUS_MAX);
        assert_true(kit_cpu_memory_limit_bytes() > 0);
        (void)kit_cpu_rss_bytes();
    }
}

int main(void)
{
    return TEST_RUN(
        TEST_OF(cpu_v2_reads_quota_and_memory_of_its_group), TEST_OF(cpu_v2_takes_the_least_limit_on_the_way_up),
        TEST_OF(cpu_v2_in_a_container_sees_its_group_as_the_root),
        TEST_OF(cpu_group_outside_the_mount_falls_back_to_the_mounted_one),
        TEST_OF(cpu_v1_reads_each_controller_where_it_is_mounted), TEST_OF(cpu_v1_without_a_quota_says_minus_one),
        TEST_OF(cpu_without_or_with_broken_files_there_is_no_limit), TEST_OF(cpu_answers_for_this_machine),
        TEST_OF(cpu_cores_follow_the_affinity), TEST_OF(cpu_survives_each_failed_alloc));
}

/* Where the cgroup of a process is, on machines as they occur.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/proc.h"
#include "support/support.h"

static const char v1_mounts[] =
    "25 30 0:23 / /sys rw,nosuid shared:7 - sysfs sysfs rw\n"
    "33 25 0:28 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,name=systemd\n"
    "36 25 0:31 /docker/ab12 /sys/fs/cgroup/cpu,cpuacct ro shared:1 master:2 - "
    "cgroup cgroup rw,cpu,cpuacct\n"
    "37 25 0:32 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset\n"
    "38 25 0:33 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n";

static const char v1_groups[] = "9:name=systemd:/\n"
                                "4:cpu,cpuacct:/docker/ab12/job\n"
                                "3:cpuset:/set\n"
                                "0::/user.slice/a:b\n";

static void expect(const char *groups, const char *mounts,
                   const char *controller, const char *want)
{
    anm_cgroup c;

    memset(&c, 0x5a, sizeof(c));
    const bool found = anm_cgroup_locate(groups, mounts, controller, &c);
    assert_int_equal(found, want != NULL);
    if (want) assert_string_equal(c.folder, want);
}

static void folder_is_below_its_mount(void **state)
{
    (void)state;

    expect(v1_groups, v1_mounts, "cpu", "/sys/fs/cgroup/cpu,cpuacct/job");
    expect(v1_groups, v1_mounts, "cpuset", "/sys/fs/cgroup/cpuset/set");
    expect(v1_groups, v1_mounts, NULL, "/sys/fs/cgroup/unified/user.slice/a:b");
    expect(v1_groups, v1_mounts, "memory", NULL);
    expect(v1_groups, "", "cpu", NULL);
    expect("", v1_mounts, "cpu", NULL);
}

static void path_outside_the_mounted_part_is_the_mount(void **state)
{
    static const char mounts[] =
        "36 25 0:31 /docker/ab /cg rw - cgroup cgroup rw,cpu\n";
    (void)state;

    expect("1:cpu:/docker/ab\n", mounts, "cpu", "/cg");
    expect("1:cpu:/docker/abc/x\n", mounts, "cpu", "/cg");
    expect("1:cpu:/docker/ab/x\n", mounts, "cpu", "/cg/x");
    expect("1:cpu:/other\n", mounts, "cpu", "/cg");
    expect("1:cpu:/../../x\n", "36 25 0:31 / /cg rw - cgroup cgroup rw,cpu\n",
           "cpu", "/cg");
    expect("1:cpu:/\n", mounts, "cpu", "/cg");
}

static void escapes_of_mount_points_are_decoded(void **state)
{
    (void)state;

    expect("0::/x\n", "1 2 0:3 / /a\\040b\\134c rw - cgroup2 none rw\n", NULL,
           "/a b\\c/x");
    expect("0::/x\n", "1 2 0:3 / /a\\04 rw - cgroup2 none rw\n", NULL,
           "/a\\04/x");
}

static void senseless_texts_are_refused(void **state)
{
    static const char *const mounts[] = {
        "\n\n",
        "1 2 3",
        "1 2 3 / /cg rw",
        "1 2 3 / /cg rw -",
        "1 2 3 / /cg rw - cgroup2extra x y",
        "1 2 3 / /cg rw x y z\n",
    };
    char groups[3000];
    (void)state;

    for (size_t i = 0; i < sizeof(mounts) / sizeof(mounts[0]); i++)
        expect("0::/x\n", mounts[i], NULL, NULL);
    expect("0:\n:::\n0::relative\n", v1_mounts, NULL, NULL);
    memset(groups, 'x', sizeof(groups));
    memcpy(groups, "0::/", 4);
    groups[sizeof(groups) - 1] = '\0';
    expect(groups, v1_mounts, NULL, NULL);
}

static void cut_texts_are_never_over_read(void **state)
{
    (void)state;

    for (size_t len = 0; len < sizeof(v1_mounts); len++) {
        anm_cgroup c;
        char *mounts = malloc(len + 1);
        memcpy(mounts, v1_mounts, len);
        mounts[len] = '\0';
        anm_cgroup_locate(v1_groups, mounts, "cpu", &c);
        anm_cgroup_locate(v1_groups, mounts, NULL, &c);
        free(mounts);
    }
}

static void climbing_ends_at_the_mount(void **state)
{
    anm_cgroup c;
    (void)state;

    assert_true(anm_cgroup_locate(
        "0::/a/b\n", "1 2 0:3 / /sys/cg rw - cgroup2 x rw\n", NULL, &c));
    assert_true(anm_cgroup_up(&c));
    assert_string_equal(c.folder, "/sys/cg/a");
    assert_true(anm_cgroup_up(&c));
    assert_string_equal(c.folder, "/sys/cg");
    assert_false(anm_cgroup_up(&c));
    assert_string_equal(c.folder, "/sys/cg");
}

static void write_file(const char *folder, const char *name, const char *text)
{
    char path[2048];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static void quota_is_read_in_either_form(void **state)
{
    anm_cgroup v1 = { 0 }, v2 = { 0 }, none = { "/no/such/folder", 0 };
    (void)state;

    snprintf(v1.folder, sizeof(v1.folder), "%s", test_temp_folder());
    write_file(v1.folder, "cpu.cfs_quota_us", "250000\n");
    assert_true(anm_cgroup_quota(&v1) == 0);
    write_file(v1.folder, "cpu.cfs_period_us", "100000\n");
    assert_true(anm_cgroup_quota(&v1) == 2.5);
    snprintf(v2.folder, sizeof(v2.folder), "%s", test_temp_folder());
    write_file(v2.folder, "cpu.max", "75000 100000\n");
    assert_true(anm_cgroup_quota(&v2) == 0.75);
    assert_true(anm_cgroup_quota(&none) == 0);
}

static void long_file_is_cut(void **state)
{
    char text[8], path[2048];
    const char *folder = test_temp_folder();
    (void)state;

    write_file(folder, "f", "0123456789");
    snprintf(path, sizeof(path), "%s/f", folder);
    assert_true(anm_proc_read(path, text, sizeof(text)));
    assert_string_equal(text, "0123456");
    assert_false(anm_proc_read("/no/such/file", text, sizeof(text)));
    assert_string_equal(text, "");
    assert_false(anm_proc_read(folder, text, sizeof(text)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(folder_is_below_its_mount),
        cmocka_unit_test(path_outside_the_mounted_part_is_the_mount),
        cmocka_unit_test(escapes_of_mount_points_are_decoded),
        cmocka_unit_test(senseless_texts_are_refused),
        cmocka_unit_test(cut_texts_are_never_over_read),
        cmocka_unit_test(climbing_ends_at_the_mount),
        cmocka_unit_test(quota_is_read_in_either_form),
        cmocka_unit_test(long_file_is_cut),
    };
    return cmocka_run_group_tests_name("cgroup", tests, NULL, NULL);
}

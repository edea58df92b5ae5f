// SPDX-License-Identifier: Apache-2.0
#include "rootfs_fixture.h"

#include <linux/magic.h>
#include <sys/statvfs.h>

/* A directory on the host, beside the root, with a file "hello". */
static const char *make_volume(const struct fixture *fixture)
{
    const char *volume = fixture_path(fixture, fixture->directory, "volume");
    assert_int_equal(mkdir(volume, 0755), 0);
    AUTO_FREE char *hello = string_format("%s/hello", volume);
    write_text(hello, "hello\n");
    return volume;
}

static bool owner_is(const char *path, uid_t uid, gid_t gid)
{
    struct stat status;
    return lstat(path, &status) == 0 && status.st_uid == uid && status.st_gid == gid;
}

static bool has_flag(const char *path, unsigned long flag)
{
    struct statvfs status;
    return statvfs(path, &status) == 0 && (status.f_flag & flag);
}

/* The optional fields of a mount point in mountinfo: "shared:1 master:2 ", "" when private. */
static bool propagation_has(const char *mount_point, const char *word)
{
    struct error error = { 0 };
    char *text = read_file_at(AT_FDCWD, "/proc/self/mountinfo", 1 << 20, NULL, &error);
    char **lines = string_split(text, "\n");
    for (char **line = lines; *line; line++) {
        char where[256];
        if (sscanf(*line, "%*s %*s %*s %*s %255s", where) == 1 &&
            string_equal(where, mount_point)) {
            char *end = strstr(*line, " - ");
            *end = '\0';
            return strstr(*line, word);
        }
    }
    return false;
}

static const char *see_attributes(const struct fixture *fixture)
{
    (void)fixture;
    EXPECT(has_flag("/bind", ST_RDONLY) && has_flag("/bind", ST_NOSUID));
    EXPECT(has_flag("/bind", ST_NOEXEC) && !has_flag("/bind", ST_NODEV));
    EXPECT(has_flag("/bind", ST_NOATIME) && !has_flag("/bind", ST_RELATIME));
    EXPECT(has_flag("/new", ST_NOATIME) && has_flag("/new", ST_NODEV));
    EXPECT(!has_flag("/changed", ST_NOSUID) && has_flag("/changed", ST_RDONLY));
    EXPECT(file_says("/bind/hello", "hello\n"));
    return NULL;
}

static void attributes_are_as_specified(void **state)
{
    struct fixture *fixture = *state;
    const char *volume = make_volume(fixture);
    add_mount(fixture,
              (struct spec_mount){ .destination = "/bind",
                                   .bind = true,
                                   .source = volume,
                                   .attributes_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID |
                                                     MOUNT_ATTR_NOEXEC | MOUNT_ATTR_NOATIME,
                                   .attributes_clear = MOUNT_ATTR__ATIME & ~MOUNT_ATTR_NOATIME });
    add_mount(fixture,
              (struct spec_mount){ .destination = "/new",
                                   .type = "tmpfs",
                                   .attributes_set = MOUNT_ATTR_NODEV | MOUNT_ATTR_NOATIME,
                                   .attributes_clear = MOUNT_ATTR__ATIME & ~MOUNT_ATTR_NOATIME });
    add_mount(fixture, (struct spec_mount){ .destination = "/changed",
                                            .type = "tmpfs",
                                            .attributes_set = MOUNT_ATTR_NOSUID });
    add_mount(fixture, (struct spec_mount){ .destination = "/changed",
                                            .remount = true,
                                            .bind = true,
                                            .attributes_set = MOUNT_ATTR_RDONLY,
                                            .attributes_clear = MOUNT_ATTR_NOSUID });
    assert_container_ok(fixture, see_attributes);
}

static const char *see_below(const struct fixture *fixture)
{
    (void)fixture;
    EXPECT(has_flag("/plain", ST_RDONLY) && !has_flag("/plain/below", ST_RDONLY));
    EXPECT(has_flag("/all", ST_RDONLY) && has_flag("/all/below", ST_RDONLY));
    EXPECT(access("/all/below/mark", F_OK) == 0);
    EXPECT(access("/alone/below/mark", F_OK) < 0 && errno == ENOENT);
    return NULL;
}

static void recursive_words_reach_the_mounts_below(void **state)
{
    struct fixture *fixture = *state;
    const char *volume = make_volume(fixture);
    AUTO_FREE char *below = string_format("%s/below", volume);
    AUTO_FREE char *mark = string_format("%s/below/mark", volume);
    assert_int_equal(mkdir(below, 0755), 0);
    assert_int_equal(mount("none", below, "tmpfs", 0, NULL), 0);
    write_text(mark, "");
    add_mount(fixture, (struct spec_mount){ .destination = "/plain",
                                            .bind = true,
                                            .recursive = true,
                                            .source = volume,
                                            .attributes_set = MOUNT_ATTR_RDONLY });
    add_mount(fixture, (struct spec_mount){ .destination = "/all",
                                            .bind = true,
                                            .recursive = true,
                                            .source = volume,
                                            .recursive_set = MOUNT_ATTR_RDONLY });
    add_mount(fixture,
              (struct spec_mount){ .destination = "/alone", .bind = true, .source = volume });
    AUTO_FREE char *said = run_in_container(fixture, see_below);
    assert_int_equal(umount2(below, MNT_DETACH), 0);
    assert_string_equal(said, "ok");
}

static const char *see_propagation(const struct fixture *fixture)
{
    (void)fixture;
    EXPECT(propagation_has("/default", "master:") && !propagation_has("/default", "shared:"));
    EXPECT(!propagation_has("/private", "master:") && !propagation_has("/private", "shared:"));
    EXPECT(propagation_has("/shared", "shared:"));
    EXPECT(propagation_has("/unbindable", "unbindable"));
    EXPECT(!propagation_has("/", "master:") && !propagation_has("/", "shared:"));
    return NULL;
}

static void add_binds_of_each_propagation(struct fixture *fixture, const char *volume)
{
    static const unsigned long private_one = MS_PRIVATE, shared = MS_SHARED,
                               unbindable = MS_UNBINDABLE;
    const struct {
        const char *destination;
        const unsigned long *propagation;
    } binds[] = { { "/default", NULL },
                  { "/private", &private_one },
                  { "/shared", &shared },
                  { "/unbindable", &unbindable } };
    add_default_mounts(fixture);
    for (size_t i = 0; i < ARRAY_LENGTH(binds); i++)
        add_mount(fixture,
                  (struct spec_mount){ .destination = binds[i].destination,
                                       .bind = true,
                                       .source = volume,
                                       .propagation = binds[i].propagation,
                                       .propagation_count = binds[i].propagation ? 1 : 0 });
}

/* Mounts that are shared on the host, as everything is under systemd. */
static void make_shared(const char *path)
{
    assert_int_equal(mount(path, path, NULL, MS_BIND, NULL), 0);
    assert_int_equal(mount(NULL, path, NULL, MS_SHARED, NULL), 0);
}

/* The text is freed by the caller. */
static char *run_with_shared_mounts(struct fixture *fixture, const char *volume, inspection inspect)
{
    make_shared(volume);
    make_shared(fixture->root);
    char *said = run_in_container(fixture, inspect);
    assert_int_equal(umount2(fixture->root, MNT_DETACH), 0);
    assert_int_equal(umount2(volume, MNT_DETACH), 0);
    return said;
}

static void a_bind_is_a_slave_unless_told_otherwise(void **state)
{
    struct fixture *fixture = *state;
    const char *volume = make_volume(fixture);
    add_binds_of_each_propagation(fixture, volume);
    AUTO_FREE char *said = run_with_shared_mounts(fixture, volume, see_propagation);
    assert_string_equal(said, "ok");
}

static void a_bind_that_the_parent_opened_is_a_slave_as_well(void **state)
{
    struct fixture *fixture = *state;
    const char *volume = make_volume(fixture);
    use_user_namespace(fixture);
    add_binds_of_each_propagation(fixture, volume);
    AUTO_FREE char *said = run_with_shared_mounts(fixture, volume, see_propagation);
    assert_string_equal(said, "ok");
}

static const char *see_shared_root(const struct fixture *fixture)
{
    (void)fixture;
    EXPECT(propagation_has("/", "shared:"));
    EXPECT(propagation_has("/bind", "shared:"));
    return NULL;
}

/*
 * linux.rootfsPropagation "shared": the binds are peers of the host's mounts, but neither is the
 * container's root seen there, nor what it lets go of lost there.
 */
static void run_with_shared_root(struct fixture *fixture)
{
    const char *volume = make_volume(fixture);
    AUTO_FREE char *below = string_format("%s/below", volume);
    AUTO_FREE char *leak = string_format("%s/proc ", fixture->root);
    assert_int_equal(mkdir(below, 0755), 0);
    make_shared(volume);
    make_shared(fixture->root);
    assert_int_equal(mount("none", below, "tmpfs", 0, NULL), 0);
    fixture->spec.rootfs_propagation = MS_SHARED;
    add_default_mounts(fixture);
    add_mount(fixture,
              (struct spec_mount){ .destination = "/bind", .bind = true, .source = volume });
    AUTO_FREE char *said = run_in_container(fixture, see_shared_root);
    struct error error = { 0 };
    AUTO_FREE char *mounts = read_file_at(AT_FDCWD, "/proc/self/mountinfo", 1 << 24, NULL, &error);
    bool has_leaked = strstr(mounts, leak), is_still_there = strstr(mounts, below);
    assert_int_equal(umount2(fixture->root, MNT_DETACH), 0);
    assert_int_equal(umount2(volume, MNT_DETACH), 0);
    assert_string_equal(said, "ok");
    assert_false(has_leaked);
    assert_true(is_still_there);
}

static void a_shared_root_changes_nothing_on_the_host(void **state)
{
    run_with_shared_root(*state);
}

static void without_pivot_a_shared_root_changes_nothing_on_the_host(void **state)
{
    struct fixture *fixture = *state;
    fixture->request.no_pivot = true;
    run_with_shared_root(fixture);
}

static const char *see_user_namespace_view(const struct fixture *fixture)
{
    (void)fixture;
    struct stat status;
    EXPECT(is_on("/proc", PROC_SUPER_MAGIC) && is_on("/sys", SYSFS_MAGIC));
    EXPECT(stat("/dev/null", &status) == 0 && status.st_rdev == makedev(1, 3));
    int fd = open("/dev/zero", O_RDONLY);
    char byte = 1;
    EXPECT(fd >= 0 && read(fd, &byte, 1) == 1 && byte == 0);
    EXPECT(owner_is("/", 0, 0) && owner_is("/dev", 0, 0));
    EXPECT(has_mode("/proc", 0555));
    EXPECT(file_says("/data/hello", "hello\n"));
    EXPECT(stat("/secret", &status) == 0 && S_ISCHR(status.st_mode));
    return NULL;
}

static void a_user_namespace_sees_the_same(void **state)
{
    struct fixture *fixture = *state;
    const char *const masked[] = { "/secret", NULL };
    const char *volume = make_volume(fixture);
    write_text(in_root(fixture, "secret"), "s");
    fixture->spec.masked_paths = masked;
    use_user_namespace(fixture);
    add_default_mounts(fixture);
    add_mount(fixture,
              (struct spec_mount){ .destination = "/data", .bind = true, .source = volume });
    /* What lies above root and volume need not be open to the container's ids. */
    assert_int_equal(chmod(fixture->directory, 0700), 0);
    assert_container_ok(fixture, see_user_namespace_view);
}

static const char *see_devpts(const struct fixture *fixture)
{
    (void)fixture;
    EXPECT(is_on("/dev/pts", DEVPTS_SUPER_MAGIC) && has_mode("/dev/pts/ptmx", 0666));
    return NULL;
}

static void a_terminal_group_that_is_not_mapped_is_left_out(void **state)
{
    struct fixture *fixture = *state;
    use_user_namespace(fixture);
    add_default_mounts(fixture);
    fixture->mounts[2].data = "newinstance,gid=70000,ptmxmode=0666";
    assert_container_ok(fixture, see_devpts);
}

static const char *see_host_sys(const struct fixture *fixture)
{
    (void)fixture;
    EXPECT(is_on("/sys", SYSFS_MAGIC) && has_flag("/sys", ST_RDONLY));
    EXPECT(!is_on("/sys/fs/cgroup", CGROUP_SUPER_MAGIC) || has_flag("/sys/fs/cgroup", ST_RDONLY));
    return NULL;
}

static void without_a_network_namespace_the_host_s_sys_is_bound(void **state)
{
    struct fixture *fixture = *state;
    use_user_namespace(fixture);
    fixture->spec.namespaces[SPEC_NAMESPACE_NETWORK].path = "/proc/1/ns/net";
    add_default_mounts(fixture);
    assert_container_ok(fixture, see_host_sys);
}

static const char *see_mapped_owner(const struct fixture *fixture)
{
    (void)fixture;
    EXPECT(owner_is("/own/hello", 5, 6));
    EXPECT(owner_is("/given/hello", 2005, 3006));
    EXPECT(owner_is("/plain/hello", 65534, 65534));
    return NULL;
}

static void an_idmapped_mount_shows_other_owners(void **state)
{
    struct fixture *fixture = *state;
    const struct spec_id_mapping uids = { 0, FIRST_MAPPED_ID + 2000, 1000 };
    const struct spec_id_mapping gids = { 0, FIRST_MAPPED_ID + 3000, 1000 };
    const char *volume = make_volume(fixture);
    AUTO_FREE char *hello = string_format("%s/hello", volume);
    assert_int_equal(chown(hello, 5, 6), 0);
    use_user_namespace(fixture);
    add_mount(fixture,
              (struct spec_mount){
                  .destination = "/own", .bind = true, .source = volume, .idmap = SPEC_IDMAP });
    add_mount(fixture, (struct spec_mount){ .destination = "/given",
                                            .bind = true,
                                            .source = volume,
                                            .idmap = SPEC_IDMAP_RECURSIVE,
                                            .uid_mappings = &uids,
                                            .gid_mappings = &gids,
                                            .uid_mapping_count = 1,
                                            .gid_mapping_count = 1 });
    add_mount(fixture,
              (struct spec_mount){ .destination = "/plain", .bind = true, .source = volume });
    assert_container_ok(fixture, see_mapped_owner);
}

static const char *see_mapped_below(const struct fixture *fixture)
{
    (void)fixture;
    EXPECT(owner_is("/all/hello", 5, 6) && owner_is("/all/below/mark", 5, 6));
    EXPECT(owner_is("/top/hello", 5, 6) && owner_is("/top/below/mark", 65534, 65534));
    return NULL;
}

static void add_idmapped(struct fixture *fixture, const char *destination, const char *source,
                         enum spec_mount_idmap idmap)
{
    add_mount(fixture, (struct spec_mount){ .destination = destination,
                                            .bind = true,
                                            .recursive = true,
                                            .source = source,
                                            .idmap = idmap });
}

/* "ridmap" maps the ids of the mounts below as well, "idmap" those of the topmost alone. */
static void ids_are_mapped_in_mounts_below_only_where_that_is_asked_for(void **state)
{
    struct fixture *fixture = *state;
    const char *volume = make_volume(fixture);
    const char *below = fixture_path(fixture, volume, "below");
    const char *mark = fixture_path(fixture, below, "mark");
    assert_int_equal(chown(fixture_path(fixture, volume, "hello"), 5, 6), 0);
    assert_int_equal(mkdir(below, 0755), 0);
    assert_int_equal(mount("none", below, "tmpfs", 0, NULL), 0);
    write_text(mark, "");
    assert_int_equal(chown(mark, 5, 6), 0);
    use_user_namespace(fixture);
    add_idmapped(fixture, "/all", volume, SPEC_IDMAP_RECURSIVE);
    add_idmapped(fixture, "/top", volume, SPEC_IDMAP);
    AUTO_FREE char *said = run_in_container(fixture, see_mapped_below);
    assert_int_equal(umount2(below, MNT_DETACH), 0);
    assert_string_equal(said, "ok");
}

static const char *see_cgroups(const struct fixture *fixture)
{
    (void)fixture;
    EXPECT(is_on("/sys/fs/cgroup", TMPFS_MAGIC));
    EXPECT(access("/sys/fs/cgroup/memory,pids/mark", F_OK) == 0);
    EXPECT(link_is("/sys/fs/cgroup/pids", "memory,pids"));
    EXPECT(access("/sys/fs/cgroup/memory/mark", F_OK) == 0);
    EXPECT(access("/sys/fs/cgroup/systemd/mark", F_OK) == 0);
    EXPECT(access("/sys/fs/cgroup/gone", F_OK) < 0);
    EXPECT(open("/sys/fs/cgroup/memory/mark", O_WRONLY) < 0 && errno == EROFS);
    EXPECT(mkdir("/sys/fs/cgroup/systemd/x", 0755) < 0 && errno == EROFS);
    EXPECT(mkdir("/sys/fs/cgroup/x", 0755) < 0 && errno == EROFS);
    EXPECT(has_flag("/sys/fs/cgroup/systemd", ST_NODEV | ST_NOSUID | ST_NOEXEC));
    return NULL;
}

/* CVE-2022-0492: read-only although the specification does not say so. */
static void cgroup_v1_is_read_only_whatever_is_asked_for(void **state)
{
    struct fixture *fixture = *state;
    const char *volume = make_volume(fixture);
    AUTO_FREE char *mark = string_format("%s/mark", volume);
    write_text(mark, "");
    struct cgroup_mount_point entries[] = {
        { .name = (char *)"memory,pids", .host_path = (char *)volume },
        { .name = (char *)"systemd", .host_path = (char *)volume },
        { .name = (char *)"gone", .host_path = (char *)"/no/such/cgroup" },
    };
    struct cgroup_mount_points points = { .entries = entries, .count = ARRAY_LENGTH(entries) };
    fixture->request.cgroups = &points;
    fixture->spec.namespaces[SPEC_NAMESPACE_CGROUP].wanted = true;
    add_default_mounts(fixture);
    add_mount(fixture, (struct spec_mount){ .destination = "/sys/fs/cgroup",
                                            .type = "cgroup",
                                            .source = "cgroup",
                                            .attributes_clear = MOUNT_ATTR_RDONLY });
    assert_container_ok(fixture, see_cgroups);
}

static const char *see_overlay(const struct fixture *fixture)
{
    (void)fixture;
    EXPECT(is_on("/", OVERLAYFS_SUPER_MAGIC));
    EXPECT(file_says("/top", "top\n") && file_says("/both", "top\n"));
    EXPECT(file_says("/bottom", "bottom\n"));
    int fd = open("/written", O_WRONLY | O_CREAT, 0644);
    EXPECT(fd >= 0);
    return NULL;
}

static void make_layers(const struct fixture *fixture, char *paths[4])
{
    static const char *const names[] = { "top", "bot,tom:x", "upper", "work" };
    for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
        paths[i] = fixture_path(fixture, fixture->directory, names[i]);
        assert_int_equal(mkdir(paths[i], 0755), 0);
    }
    write_text(fixture_path(fixture, paths[0], "top"), "top\n");
    write_text(fixture_path(fixture, paths[0], "both"), "top\n");
    write_text(fixture_path(fixture, paths[1], "both"), "bottom\n");
    write_text(fixture_path(fixture, paths[1], "bottom"), "bottom\n");
}

static void a_root_is_stacked_from_layers(void **state)
{
    struct fixture *fixture = *state;
    char *paths[4];
    make_layers(fixture, paths);
    const char *const lower[] = { paths[0], paths[1], NULL };
    const struct rootfs_overlay overlay = { lower, paths[2], paths[3] };
    fixture->request.overlay = &overlay;
    add_default_mounts(fixture);
    assert_container_ok(fixture, see_overlay);
    AUTO_FREE char *written = string_format("%s/written", paths[2]);
    assert_int_equal(access(written, F_OK), 0);
    assert_int_not_equal(access(in_root(fixture, "written"), F_OK), 0);
}

/* Such a layer goes to mount(2), as all do on older kernels. */
static void a_layer_s_path_may_be_longer_than_fsconfig_takes(void **state)
{
    struct fixture *fixture = *state;
    char *paths[4], name[201];
    make_layers(fixture, paths);
    memset(name, 'x', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    AUTO_FREE char *outer = string_format("%s/%s", fixture->directory, name);
    AUTO_FREE char *top = string_format("%s/%s", outer, name);
    assert_int_equal(mkdir(outer, 0755), 0);
    assert_int_equal(rename(paths[0], top), 0);
    const char *const lower[] = { top, paths[1], NULL };
    const struct rootfs_overlay overlay = { lower, paths[2], paths[3] };
    fixture->request.overlay = &overlay;
    add_default_mounts(fixture);
    assert_container_ok(fixture, see_overlay);
}

static const char *see_read_only_overlay(const struct fixture *fixture)
{
    (void)fixture;
    EXPECT(file_says("/both", "top\n"));
    EXPECT(open("/written", O_WRONLY | O_CREAT, 0644) < 0 && errno == EROFS);
    return NULL;
}

static void layers_without_an_upper_directory_are_read_only(void **state)
{
    struct fixture *fixture = *state;
    char *paths[4];
    make_layers(fixture, paths);
    const char *const lower[] = { paths[0], paths[1], NULL };
    const struct rootfs_overlay overlay = { lower, NULL, NULL };
    fixture->request.overlay = &overlay;
    AUTO_FREE char *top_dev = string_format("%s/dev", paths[0]);
    assert_int_equal(mkdir(top_dev, 0755), 0);
    add_mount(fixture,
              (struct spec_mount){ .destination = "/dev", .type = "tmpfs", .data = "mode=755" });
    assert_container_ok(fixture, see_read_only_overlay);
}

static const char *see_nofollow(const struct fixture *fixture)
{
    (void)fixture;
    EXPECT(link_is("/copied/link", "hello"));
    EXPECT(access("/elsewhere", F_OK) < 0);
    EXPECT(file_says("/there", "hello\n"));
    return NULL;
}

static void links_are_copied_or_covered_when_asked_for(void **state)
{
    struct fixture *fixture = *state;
    const char *volume = make_volume(fixture);
    AUTO_FREE char *link = string_format("%s/link", volume);
    AUTO_FREE char *hello = string_format("%s/hello", volume);
    assert_int_equal(symlink("hello", link), 0);
    assert_int_equal(symlink("/elsewhere", in_root(fixture, "there")), 0);
    add_mount(fixture, (struct spec_mount){ .destination = "/copied/link",
                                            .bind = true,
                                            .source = link,
                                            .copy_symlink = true });
    add_mount(fixture, (struct spec_mount){ .destination = "/there",
                                            .bind = true,
                                            .source = hello,
                                            .destination_nofollow = true });
    assert_container_ok(fixture, see_nofollow);
}

static const char *see_long_option(const struct fixture *fixture)
{
    (void)fixture;
    EXPECT(is_on("/stacked", OVERLAYFS_SUPER_MAGIC));
    EXPECT(file_says("/stacked/hello", "hello\n") && has_flag("/stacked", ST_NOSUID));
    return NULL;
}

static void an_option_may_be_longer_than_fsconfig_takes(void **state)
{
    struct fixture *fixture = *state;
    const char *volume = make_volume(fixture);
    AUTO_FREE char *data = string_format("lowerdir=%s", volume);
    for (int i = 0; i < 12; i++)
        string_append(&data, ":%s/./././././%d", fixture->directory, i);
    for (int i = 0; i < 12; i++) {
        AUTO_FREE char *layer = string_format("%s/%d", fixture->directory, i);
        assert_int_equal(mkdir(layer, 0755), 0);
    }
    add_mount(fixture, (struct spec_mount){ .destination = "/stacked",
                                            .type = "overlay",
                                            .source = "overlay",
                                            .attributes_set = MOUNT_ATTR_NOSUID,
                                            .data = data });
    assert_container_ok(fixture, see_long_option);
}

int main(void)
{
    SKIP_WITHOUT_PRIVILEGES("rootfs_mounts");
    const struct CMUnitTest tests[] = {
        ROOTFS_TEST(attributes_are_as_specified),
        ROOTFS_TEST(recursive_words_reach_the_mounts_below),
        ROOTFS_TEST(a_bind_is_a_slave_unless_told_otherwise),
        ROOTFS_TEST(a_bind_that_the_parent_opened_is_a_slave_as_well),
        ROOTFS_TEST(a_shared_root_changes_nothing_on_the_host),
        ROOTFS_TEST(without_pivot_a_shared_root_changes_nothing_on_the_host),
        ROOTFS_TEST(a_user_namespace_sees_the_same),
        ROOTFS_TEST(a_terminal_group_that_is_not_mapped_is_left_out),
        ROOTFS_TEST(without_a_network_namespace_the_host_s_sys_is_bound),
        ROOTFS_TEST(an_idmapped_mount_shows_other_owners),
        ROOTFS_TEST(ids_are_mapped_in_mounts_below_only_where_that_is_asked_for),
        ROOTFS_TEST(cgroup_v1_is_read_only_whatever_is_asked_for),
        ROOTFS_TEST(a_root_is_stacked_from_layers),
        ROOTFS_TEST(a_layer_s_path_may_be_longer_than_fsconfig_takes),
        ROOTFS_TEST(layers_without_an_upper_directory_are_read_only),
        ROOTFS_TEST(links_are_copied_or_covered_when_asked_for),
        ROOTFS_TEST(an_option_may_be_longer_than_fsconfig_takes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

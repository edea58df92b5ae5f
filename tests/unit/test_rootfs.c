// SPDX-License-Identifier: Apache-2.0
#include "rootfs_fixture.h"

#include <linux/magic.h>
#include <sys/ioctl.h>
#include <sys/vfs.h>

#include "base/socket.h"

static const char *see_default_view(const struct fixture *fixture)
{
    (void)fixture;
    EXPECT(is_on("/proc", PROC_SUPER_MAGIC));
    EXPECT(is_on("/sys", SYSFS_MAGIC));
    EXPECT(is_on("/dev", TMPFS_MAGIC) && has_mode("/dev", 0755));
    EXPECT(is_on("/dev/pts", DEVPTS_SUPER_MAGIC));
    EXPECT(has_mode("/dev/shm", 01777));
    EXPECT(is_character_device("/dev/null", 1, 3, 0666));
    EXPECT(is_character_device("/dev/zero", 1, 5, 0666));
    EXPECT(is_character_device("/dev/full", 1, 7, 0666));
    EXPECT(is_character_device("/dev/random", 1, 8, 0666));
    EXPECT(is_character_device("/dev/urandom", 1, 9, 0666));
    EXPECT(is_character_device("/dev/tty", 5, 0, 0666));
    EXPECT(link_is("/dev/fd", "/proc/self/fd"));
    EXPECT(link_is("/dev/stderr", "/proc/self/fd/2"));
    EXPECT(link_is("/dev/ptmx", "pts/ptmx"));
    EXPECT(mkdir("/sys/x", 0755) < 0 && errno == EROFS);
    EXPECT(file_says("/marker", "the image\n"));
    EXPECT(access("/root-of-host", F_OK) < 0);
    return NULL;
}

static void the_default_specification_gives_the_default_view(void **state)
{
    struct fixture *fixture = *state;
    write_text(in_root(fixture, "marker"), "the image\n");
    add_default_mounts(fixture);
    assert_container_ok(fixture, see_default_view);
}

static const char *see_one_root(const struct fixture *fixture)
{
    (void)fixture;
    struct error error = { 0 };
    char *text = read_file_at(AT_FDCWD, "/proc/self/mountinfo", 1 << 20, NULL, &error);
    EXPECT(text);
    char **lines = string_split(text, "\n");
    size_t at_root = 0;
    for (char **line = lines; *line; line++) {
        char mount_point[256];
        EXPECT(sscanf(*line, "%*s %*s %*s %*s %255s", mount_point) == 1);
        at_root += string_equal(mount_point, "/");
    }
    EXPECT(at_root == 1);
    char directory[256];
    EXPECT(getcwd(directory, sizeof(directory)) && string_equal(directory, "/"));
    return NULL;
}

static void nothing_of_the_host_stays_mounted(void **state)
{
    struct fixture *fixture = *state;
    add_default_mounts(fixture);
    assert_container_ok(fixture, see_one_root);
}

static const char *see_no_host_below(const struct fixture *fixture)
{
    (void)fixture;
    struct error error = { 0 };
    char *text = read_file_at(AT_FDCWD, "/proc/self/mountinfo", 1 << 20, NULL, &error);
    EXPECT(text);
    EXPECT(!strstr(text, "devtmpfs"));
    EXPECT(is_on("/proc", PROC_SUPER_MAGIC));
    EXPECT(access("/marker", F_OK) == 0);
    return NULL;
}

static void without_pivot_the_host_is_hidden_too(void **state)
{
    struct fixture *fixture = *state;
    write_text(in_root(fixture, "marker"), "");
    fixture->request.no_pivot = true;
    add_default_mounts(fixture);
    assert_container_ok(fixture, see_no_host_below);
}

static const char *see_masks(const struct fixture *fixture)
{
    (void)fixture;
    EXPECT(is_character_device("/secret", 1, 3, 0666));
    EXPECT(is_character_device("/another", 1, 3, 0666));
    EXPECT(chmod("/secret", 0) < 0 && errno == EROFS);
    EXPECT(access("/secrets/key", F_OK) < 0 && errno == ENOENT);
    EXPECT(access("/more/key", F_OK) < 0 && errno == ENOENT);
    EXPECT(mkdir("/secrets/x", 0755) < 0 && errno == EROFS);
    EXPECT(open("/fixed/file", O_WRONLY) < 0 && errno == EROFS);
    EXPECT(open("/proc/sys/kernel/domainname", O_WRONLY) < 0 && errno == EROFS);
    return NULL;
}

static void masked_and_readonly_paths_hold(void **state)
{
    struct fixture *fixture = *state;
    const char *const masked[] = { "/secret",
                                   "/secrets",
                                   "/another",
                                   "/more",
                                   "/missing",
                                   "/missing/too",
                                   "/secret/no/directory",
                                   NULL };
    const char *const fixed[] = { "/fixed", "/proc/sys", "/missing", NULL };
    write_text(in_root(fixture, "secret"), "s");
    write_text(in_root(fixture, "another"), "s");
    mkdir(in_root(fixture, "secrets"), 0755);
    mkdir(in_root(fixture, "more"), 0755);
    mkdir(in_root(fixture, "fixed"), 0755);
    write_text(in_root(fixture, "secrets/key"), "s");
    write_text(in_root(fixture, "more/key"), "s");
    write_text(in_root(fixture, "fixed/file"), "s");
    fixture->spec.masked_paths = masked;
    fixture->spec.readonly_paths = fixed;
    add_default_mounts(fixture);
    assert_container_ok(fixture, see_masks);
}

static const char *see_link_mask(const struct fixture *fixture)
{
    (void)fixture;
    EXPECT(is_character_device("/etc/shadow", 1, 3, 0666));
    return NULL;
}

static void a_mask_over_a_link_covers_the_target_inside_the_root(void **state)
{
    struct fixture *fixture = *state;
    const char *const masked[] = { "/link", NULL };
    mkdir(in_root(fixture, "etc"), 0755);
    write_text(in_root(fixture, "etc/shadow"), "the image's\n");
    assert_int_equal(symlink("../../../../../../etc/shadow", in_root(fixture, "link")), 0);
    fixture->spec.masked_paths = masked;
    add_default_mounts(fixture);
    assert_container_ok(fixture, see_link_mask);
    struct stat status;
    assert_int_equal(stat("/etc/shadow", &status), 0);
    assert_true(S_ISREG(status.st_mode));
}

static const char *see_null_mask(const struct fixture *fixture)
{
    (void)fixture;
    struct stat status;
    /* The host's node, whose mode is the host's business. */
    EXPECT(stat("/secret", &status) == 0 && S_ISCHR(status.st_mode));
    EXPECT(status.st_rdev == makedev(1, 3));
    EXPECT(link_is("/dev/null", "/target"));
    return NULL;
}

/* CVE-2025-31133: with a /dev of the image, /dev/null may be a link to what shall be mounted. */
static void masks_do_not_trust_the_null_device_of_the_image(void **state)
{
    struct fixture *fixture = *state;
    const char *const masked[] = { "/secret", NULL };
    write_text(in_root(fixture, "secret"), "s");
    write_text(in_root(fixture, "target"), "t");
    mkdir(in_root(fixture, "dev"), 0755);
    assert_int_equal(symlink("/target", in_root(fixture, "dev/null")), 0);
    fixture->spec.masked_paths = masked;
    /* /dev as a bind: devices are not ours to make. */
    add_mount(fixture, (struct spec_mount){ .destination = "/dev",
                                            .bind = true,
                                            .source = in_root(fixture, "dev") });
    assert_container_ok(fixture, see_null_mask);
}

static void a_device_that_differs_is_an_error(void **state)
{
    struct fixture *fixture = *state;
    mkdir(in_root(fixture, "dev"), 0755);
    assert_int_equal(symlink("/target", in_root(fixture, "dev/null")), 0);
    assert_container_refused(fixture, "default device /dev/null: the image has another file");
}

/* CVE-2026-41579, CVE-2026-47766 */
static void a_dev_that_is_a_link_is_refused(void **state)
{
    struct fixture *fixture = *state;
    mkdir(in_root(fixture, "etc"), 0755);
    assert_int_equal(symlink("/etc", in_root(fixture, "dev")), 0);
    assert_container_refused(fixture, "open /dev of the container");
    assert_int_not_equal(access(in_root(fixture, "etc/null"), F_OK), 0);
}

static void a_proc_or_sys_that_is_a_link_is_refused(void **state)
{
    struct fixture *fixture = *state;
    mkdir(in_root(fixture, "fake"), 0755);
    assert_int_equal(symlink("fake", in_root(fixture, "proc")), 0);
    add_default_mounts(fixture);
    assert_container_refused(fixture, "mounts[0] (/proc): the image has a symbolic link there");
    assert_int_equal(unlink(in_root(fixture, "proc")), 0);
    assert_int_equal(symlink("fake", in_root(fixture, "sys")), 0);
    assert_container_refused(fixture, "mounts[5] (/sys): the image has a symbolic link there");
}

static void only_views_are_mounted_inside_proc(void **state)
{
    struct fixture *fixture = *state;
    const char *const refused[] = { "/proc/self", "/proc/sys", "/proc/../proc/sys",
                                    "//proc/./sys/kernel", "/link/sys" };
    assert_int_equal(symlink("/proc", in_root(fixture, "link")), 0);
    add_default_mounts(fixture);
    size_t count = fixture->spec.mount_count;
    for (size_t i = 0; i < ARRAY_LENGTH(refused); i++) {
        fixture->spec.mount_count = count;
        add_mount(fixture, (struct spec_mount){ .destination = refused[i],
                                                .bind = true,
                                                .source = fixture->directory });
        assert_container_refused(fixture, "/proc");
    }
}

static void nothing_is_mounted_inside_a_proc_that_is_none(void **state)
{
    struct fixture *fixture = *state;
    add_mount(fixture, (struct spec_mount){ .destination = "/proc/self/attr",
                                            .bind = true,
                                            .source = fixture->directory });
    assert_container_refused(fixture, "nothing can be mounted inside /proc");
}

static void only_a_procfs_is_mounted_on_proc(void **state)
{
    struct fixture *fixture = *state;
    add_mount(fixture, (struct spec_mount){
                           .destination = "/proc", .bind = true, .source = fixture->directory });
    assert_container_refused(fixture, "only a procfs can be mounted on /proc");
    fixture->spec.mount_count = 0;
    add_mount(fixture,
              (struct spec_mount){ .destination = "/./proc/", .type = "tmpfs", .data = "" });
    assert_container_refused(fixture, "only a procfs can be mounted on /proc");
}

static const char *see_view_in_proc(const struct fixture *fixture)
{
    (void)fixture;
    EXPECT(file_says("/proc/uptime", "1.0 1.0\n"));
    return NULL;
}

static void a_view_of_lxcfs_is_mounted_in_proc(void **state)
{
    struct fixture *fixture = *state;
    AUTO_FREE char *uptime = string_format("%s/uptime", fixture->directory);
    write_text(uptime, "1.0 1.0\n");
    add_default_mounts(fixture);
    add_mount(fixture, (struct spec_mount){
                           .destination = "/proc/uptime", .bind = true, .source = "uptime" });
    assert_container_ok(fixture, see_view_in_proc);
}

static void a_destination_that_is_the_root_is_refused(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(symlink("/", in_root(fixture, "data")), 0);
    add_mount(fixture, (struct spec_mount){
                           .destination = "/data", .bind = true, .source = fixture->directory });
    assert_container_refused(fixture, "mounts[0] (/data): the destination is the container's root");
    fixture->mounts[0].destination = "/../..";
    assert_container_refused(fixture, "the destination is the container's root");
}

static const char *see_dangling_target(const struct fixture *fixture)
{
    (void)fixture;
    EXPECT(file_says("/run/data/hello", "hello\n"));
    EXPECT(file_says("/var/run/file", "hello\n"));
    return NULL;
}

static void a_dangling_link_on_the_way_is_made_whole(void **state)
{
    struct fixture *fixture = *state;
    AUTO_FREE char *volume = string_format("%s/volume", fixture->directory);
    AUTO_FREE char *hello = string_format("%s/volume/hello", fixture->directory);
    mkdir(volume, 0755);
    write_text(hello, "hello\n");
    mkdir(in_root(fixture, "var"), 0755);
    assert_int_equal(symlink("../../../run", in_root(fixture, "var/run")), 0);
    add_mount(fixture, (struct spec_mount){
                           .destination = "/var/run/data", .bind = true, .source = volume });
    add_mount(fixture, (struct spec_mount){ .destination = "/var/run/file",
                                            .bind = true,
                                            .source = "volume/hello" });
    assert_container_ok(fixture, see_dangling_target);
}

static const char *see_tmpfs_modes(const struct fixture *fixture)
{
    (void)fixture;
    EXPECT(has_mode("/kept", 0711));
    EXPECT(has_mode("/given", 0700));
    EXPECT(has_mode("/new", 01777));
    EXPECT(mkdir("/kept/x", 0755) < 0 && errno == EROFS);
    EXPECT(file_says("/kept/inner/hello", "hello\n"));
    return NULL;
}

static void a_tmpfs_keeps_the_mode_of_its_place(void **state)
{
    struct fixture *fixture = *state;
    AUTO_FREE char *volume = string_format("%s/volume", fixture->directory);
    AUTO_FREE char *hello = string_format("%s/volume/hello", fixture->directory);
    mkdir(volume, 0755);
    write_text(hello, "hello\n");
    mkdir(in_root(fixture, "kept"), 0711);
    mkdir(in_root(fixture, "given"), 0755);
    add_mount(fixture, (struct spec_mount){ .destination = "/kept",
                                            .type = "tmpfs",
                                            .attributes_set = MOUNT_ATTR_RDONLY,
                                            .superblock_flags = MS_RDONLY });
    add_mount(fixture,
              (struct spec_mount){ .destination = "/given", .type = "tmpfs", .data = "mode=700" });
    add_mount(fixture, (struct spec_mount){ .destination = "/new", .type = "tmpfs" });
    add_mount(fixture,
              (struct spec_mount){ .destination = "/kept/inner", .bind = true, .source = volume });
    assert_container_ok(fixture, see_tmpfs_modes);
}

static const char *see_copied(const struct fixture *fixture)
{
    (void)fixture;
    struct stat status;
    EXPECT(is_on("/etc", TMPFS_MAGIC) && has_mode("/etc", 0751));
    EXPECT(stat("/etc", &status) == 0 && status.st_uid == 56 && status.st_gid == 78);
    EXPECT(file_says("/etc/file", "text\n"));
    EXPECT(has_mode("/etc/directory", 0750));
    EXPECT(link_is("/etc/directory/link", "/nowhere"));
    EXPECT(stat("/etc/file", &status) == 0 && status.st_uid == 12 && status.st_gid == 34);
    EXPECT((status.st_mode & 07777) == 04755 && status.st_mtim.tv_sec == 1000);
    return NULL;
}

static void tmpcopyup_starts_with_the_image(void **state)
{
    struct fixture *fixture = *state;
    const struct timespec times[] = { { .tv_sec = 1000 }, { .tv_sec = 1000 } };
    mkdir(in_root(fixture, "etc"), 0751);
    assert_int_equal(chown(in_root(fixture, "etc"), 56, 78), 0);
    mkdir(in_root(fixture, "etc/directory"), 0750);
    const char *file = in_root(fixture, "etc/file");
    write_text(file, "text\n");
    assert_int_equal(chown(file, 12, 34), 0);
    assert_int_equal(chmod(file, 04755), 0);
    assert_int_equal(utimensat(AT_FDCWD, file, times, 0), 0);
    assert_int_equal(symlink("/nowhere", in_root(fixture, "etc/directory/link")), 0);
    add_mount(fixture,
              (struct spec_mount){ .destination = "/etc", .type = "tmpfs", .copy_up = true });
    assert_container_ok(fixture, see_copied);
}

static const char *see_read_only_root(const struct fixture *fixture)
{
    (void)fixture;
    EXPECT(mkdir("/x", 0755) < 0 && errno == EROFS);
    EXPECT(mkdir("/dev/shm/x", 0755) == 0);
    return NULL;
}

static void a_read_only_root_leaves_mounts_writable(void **state)
{
    struct fixture *fixture = *state;
    fixture->spec.root_readonly = true;
    add_default_mounts(fixture);
    assert_container_ok(fixture, see_read_only_root);
}

static void an_error_names_the_mount_and_the_kernel_s_reason(void **state)
{
    struct fixture *fixture = *state;
    add_mount(fixture,
              (struct spec_mount){ .destination = "/t", .type = "tmpfs", .data = "size=many" });
    assert_container_refused(fixture, "mounts[0] (/t): set option size");
    fixture->mounts[0] = (struct spec_mount){ .destination = "/t", .type = "nofs", .data = "" };
    assert_container_refused(fixture, "mounts[0] (/t): this kernel has no file system nofs");
    fixture->mounts[0] =
        (struct spec_mount){ .destination = "/t", .bind = true, .source = "/no/such", .data = "" };
    assert_container_refused(fixture,
                             "mounts[0] (/t): open source /no/such: No such file or directory");
}

static const char *see_devices(const struct fixture *fixture)
{
    (void)fixture;
    struct stat status;
    EXPECT(lstat("/dev/fuse", &status) == 0 && S_ISCHR(status.st_mode));
    EXPECT(status.st_rdev == makedev(10, 229) && (status.st_mode & 07777) == 0640);
    EXPECT(status.st_uid == 7 && status.st_gid == 8);
    EXPECT(lstat("/srv/deep/pipe", &status) == 0 && S_ISFIFO(status.st_mode));
    EXPECT(is_character_device("/dev/null", 1, 3, 0600));
    return NULL;
}

static void devices_are_as_specified(void **state)
{
    struct fixture *fixture = *state;
    const struct spec_device devices[] = {
        { .type = 'c',
          .path = "/dev/fuse",
          .major = 10,
          .minor = 229,
          .file_mode = { true, 0640 },
          .uid = { true, 7 },
          .gid = { true, 8 } },
        { .type = 'p', .path = "/srv/deep/pipe" },
        { .type = 'c', .path = "/dev/null", .major = 1, .minor = 3, .file_mode = { true, 0600 } },
    };
    fixture->spec.devices = devices;
    fixture->spec.device_count = ARRAY_LENGTH(devices);
    add_default_mounts(fixture);
    assert_container_ok(fixture, see_devices);
}

static const char *see_terminal(const struct fixture *fixture)
{
    (void)fixture;
    struct stat console, slave;
    EXPECT(stat("/dev/console", &console) == 0 && stat("/dev/pts/0", &slave) == 0);
    EXPECT(console.st_rdev == slave.st_rdev && console.st_dev == slave.st_dev);
    EXPECT(slave.st_uid == 1000);
    struct winsize size;
    int fd = open("/dev/console", O_RDWR | O_NOCTTY);
    EXPECT(fd >= 0 && ioctl(fd, TIOCGWINSZ, &size) == 0);
    EXPECT(size.ws_row == 33 && size.ws_col == 99);
    return NULL;
}

static void a_terminal_is_the_container_s_own(void **state)
{
    struct fixture *fixture = *state;
    AUTO_ERROR struct error error = { 0 };
    int ends[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    fixture->process.terminal = true;
    fixture->process.console_height = 33;
    fixture->process.console_width = 99;
    fixture->process.user.uid = 1000;
    fixture->request.console_socket_fd = ends[1];
    add_default_mounts(fixture);
    assert_container_ok(fixture, see_terminal);
    char name[64] = "";
    int master = -1;
    size_t count = 1;
    assert_true(socket_receive_fds(ends[0], name, sizeof(name), &master, &count, &error) > 0);
    assert_int_equal(count, 1);
    assert_string_equal(name, "/dev/ptmx");
    struct stat status;
    assert_int_equal(fstat(master, &status), 0);
    assert_true(status.st_rdev == makedev(5, 2));
    close(master);
    close(ends[0]);
    close(ends[1]);
}

/* CVE-2025-52565 */
static void a_console_that_is_a_link_is_covered_not_followed(void **state)
{
    struct fixture *fixture = *state;
    int ends[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    fixture->process.terminal = true;
    fixture->process.console_height = 33;
    fixture->process.console_width = 99;
    fixture->process.user.uid = 1000;
    fixture->request.console_socket_fd = ends[1];
    write_text(in_root(fixture, "victim"), "untouched\n");
    mkdir(in_root(fixture, "dev"), 0755);
    assert_int_equal(symlink("/victim", in_root(fixture, "dev/console")), 0);
    add_mount(fixture, (struct spec_mount){ .destination = "/dev/pts",
                                            .type = "devpts",
                                            .data = "newinstance,ptmxmode=0666" });
    assert_container_ok(fixture, see_terminal);
    AUTO_ERROR struct error error = { 0 };
    AUTO_FREE char *text = read_file_at(AT_FDCWD, in_root(fixture, "victim"), 64, NULL, &error);
    assert_string_equal(text, "untouched\n");
    close(ends[0]);
    close(ends[1]);
}

static void a_terminal_without_devpts_is_an_error(void **state)
{
    struct fixture *fixture = *state;
    fixture->process.terminal = true;
    mkdir(in_root(fixture, "dev"), 0755);
    mkdir(in_root(fixture, "dev/pts"), 0755);
    assert_container_refused(fixture, "no devpts is mounted at /dev/pts");
}

int main(void)
{
    SKIP_WITHOUT_PRIVILEGES("rootfs");
    const struct CMUnitTest tests[] = {
        ROOTFS_TEST(the_default_specification_gives_the_default_view),
        ROOTFS_TEST(nothing_of_the_host_stays_mounted),
        ROOTFS_TEST(without_pivot_the_host_is_hidden_too),
        ROOTFS_TEST(masked_and_readonly_paths_hold),
        ROOTFS_TEST(a_mask_over_a_link_covers_the_target_inside_the_root),
        ROOTFS_TEST(masks_do_not_trust_the_null_device_of_the_image),
        ROOTFS_TEST(a_device_that_differs_is_an_error),
        ROOTFS_TEST(a_dev_that_is_a_link_is_refused),
        ROOTFS_TEST(a_proc_or_sys_that_is_a_link_is_refused),
        ROOTFS_TEST(only_views_are_mounted_inside_proc),
        ROOTFS_TEST(nothing_is_mounted_inside_a_proc_that_is_none),
        ROOTFS_TEST(only_a_procfs_is_mounted_on_proc),
        ROOTFS_TEST(a_view_of_lxcfs_is_mounted_in_proc),
        ROOTFS_TEST(a_destination_that_is_the_root_is_refused),
        ROOTFS_TEST(a_dangling_link_on_the_way_is_made_whole),
        ROOTFS_TEST(a_tmpfs_keeps_the_mode_of_its_place),
        ROOTFS_TEST(tmpcopyup_starts_with_the_image),
        ROOTFS_TEST(a_read_only_root_leaves_mounts_writable),
        ROOTFS_TEST(an_error_names_the_mount_and_the_kernel_s_reason),
        ROOTFS_TEST(devices_are_as_specified),
        ROOTFS_TEST(a_terminal_is_the_container_s_own),
        ROOTFS_TEST(a_console_that_is_a_link_is_covered_not_followed),
        ROOTFS_TEST(a_terminal_without_devpts_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: Apache-2.0
/*
 * A small root file system in a temporary directory, and a child in namespaces of its own that
 * builds a container's view of it. What the child finds comes back as one line of text: "ok", or
 * what is wrong.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/io.h"
#include "base/string.h"
#include "container/rootfs.h"
#include "spec/spec.h"

struct fixture {
    char directory[64]; /* of the test; holds root/ */
    char *root;
    struct arena *paths; /* that fixture_path() gives out */
    struct log log;
    struct spec spec; /* as in `spec`'s default, to be changed by the test before it runs */
    struct spec_process process;
    struct spec_mount mounts[16];
    struct rootfs_request request;
};

/* What the child does after rootfs_pivot(): NULL when all is well, else what is wrong (static or
 * leaked: the child ends). */
typedef const char *(*inspection)(const struct fixture *fixture);

static inline void add_mount(struct fixture *fixture, struct spec_mount mount)
{
    if (!mount.data)
        mount.data = "";
    fixture->mounts[fixture->spec.mount_count++] = mount;
}

/* The mounts that every caller asks for. */
static inline void add_default_mounts(struct fixture *fixture)
{
    const uint64_t safe = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;
    add_mount(fixture,
              (struct spec_mount){ .destination = "/proc", .type = "proc", .source = "proc" });
    add_mount(fixture,
              (struct spec_mount){ .destination = "/dev",
                                   .type = "tmpfs",
                                   .source = "tmpfs",
                                   .attributes_set = MOUNT_ATTR_NOSUID | MOUNT_ATTR_STRICTATIME,
                                   .data = "mode=755,size=65536k" });
    add_mount(fixture, (struct spec_mount){ .destination = "/dev/pts",
                                            .type = "devpts",
                                            .source = "devpts",
                                            .attributes_set = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC,
                                            .data = "newinstance,ptmxmode=0666,mode=0620,gid=5" });
    add_mount(fixture, (struct spec_mount){ .destination = "/dev/shm",
                                            .type = "tmpfs",
                                            .source = "shm",
                                            .attributes_set = safe,
                                            .data = "mode=1777,size=65536k" });
    add_mount(fixture, (struct spec_mount){ .destination = "/dev/mqueue",
                                            .type = "mqueue",
                                            .source = "mqueue",
                                            .attributes_set = safe });
    add_mount(fixture, (struct spec_mount){ .destination = "/sys",
                                            .type = "sysfs",
                                            .source = "sysfs",
                                            .attributes_set = safe | MOUNT_ATTR_RDONLY,
                                            .superblock_flags = MS_RDONLY });
}

static inline void write_text(const char *path, const char *text)
{
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

/* DIRECTORY/NAME, which lives as long as the fixture. */
static inline char *fixture_path(const struct fixture *fixture, const char *directory,
                                 const char *name)
{
    size_t size = strlen(directory) + strlen("/") + strlen(name) + 1;
    char *path = arena_allocate(fixture->paths, size, 1);
    snprintf(path, size, "%s/%s", directory, name);
    return path;
}

/* A path below the fixture's root, on the host. */
static inline const char *in_root(const struct fixture *fixture, const char *path)
{
    return fixture_path(fixture, fixture->root, path);
}

static inline int fixture_set_up(void **state)
{
    struct fixture *fixture = allocate(1, sizeof(*fixture));
    strcpy(fixture->directory, "/tmp/openvirt-test-XXXXXX");
    if (!mkdtemp(fixture->directory) || chmod(fixture->directory, 0755) < 0)
        return -1;
    fixture->paths = arena_new();
    fixture->root = fixture_path(fixture, fixture->directory, "root");
    if (mkdir(fixture->root, 0755) < 0)
        return -1;
    static const char *const no_args[] = { "true", NULL };
    fixture->log = LOG_TO_STDERR;
    fixture->process = (struct spec_process){ .args = no_args, .cwd = "/" };
    fixture->spec.mounts = fixture->mounts;
    fixture->spec.process = &fixture->process;
    fixture->request = (struct rootfs_request){
        .spec = &fixture->spec,
        .bundle = fixture->directory,
        .root = fixture->root,
        .console_socket_fd = -1,
        .log = &fixture->log,
    };
    *state = fixture;
    return 0;
}

static inline int fixture_tear_down(void **state)
{
    struct fixture *fixture = *state;
    AUTO_ERROR struct error error = { 0 };
    int result = remove_tree_at(AT_FDCWD, fixture->directory, &error);
    if (result < 0)
        print_message("%s\n", error.message);
    arena_free(fixture->paths);
    free(fixture);
    return result;
}

#define ROOTFS_TEST(name) cmocka_unit_test_setup_teardown(name, fixture_set_up, fixture_tear_down)

static inline const char *build_and_inspect(const struct fixture *fixture, struct rootfs *rootfs,
                                            inspection inspect, struct error *error)
{
    if (rootfs_enter(rootfs, error) < 0 || rootfs_mount_all(rootfs, error) < 0 ||
        rootfs_make_devices(rootfs, error) < 0)
        return error->message;
    if (fixture->process.terminal && rootfs_open_terminal(rootfs, error) < 0)
        return error->message;
    if (rootfs_protect(rootfs, error) < 0 || rootfs_pivot(rootfs, error) < 0)
        return error->message;
    const char *wrong = inspect ? inspect(fixture) : NULL;
    return wrong ? wrong : "ok";
}

static inline void tell(int fd, const char *text)
{
    if (write_all(fd, text, strlen(text)) < 0)
        _exit(1);
}

/* The first process of a new pid namespace. */
static inline void run_child(const struct fixture *fixture, struct rootfs *rootfs,
                             inspection inspect, int result)
{
    struct error error = { 0 };
    pid_t pid = fork();
    if (pid == 0) {
        tell(result, build_and_inspect(fixture, rootfs, inspect, &error));
        _exit(0);
    }
    waitpid(pid, NULL, 0);
    _exit(0);
}

enum { FIRST_MAPPED_ID = 100000, MAPPED_IDS = 65536 };

/* The container gets a user namespace, in which its root owns the root file system. */
static inline void use_user_namespace(struct fixture *fixture)
{
    static const struct spec_id_mapping mapping = { 0, FIRST_MAPPED_ID, MAPPED_IDS };
    fixture->spec.uid_mappings = fixture->spec.gid_mappings = &mapping;
    fixture->spec.uid_mapping_count = fixture->spec.gid_mapping_count = 1;
    fixture->spec.namespaces[SPEC_NAMESPACE_USER].wanted = true;
    fixture->request.new_user_namespace = true;
    assert_int_equal(chown(fixture->root, FIRST_MAPPED_ID, FIRST_MAPPED_ID), 0);
}

static inline int write_map(pid_t pid, const char *name)
{
    struct error error = { 0 };
    AUTO_FREE char *path = string_format("/proc/%d/%s", (int)pid, name);
    AUTO_FREE char *text = string_format("0 %d %d\n", FIRST_MAPPED_ID, MAPPED_IDS);
    return write_file_at(AT_FDCWD, path, text, &error);
}

/* In the child: a user namespace that the parent has written the maps of. */
static inline int enter_user_namespace(void)
{
    int pipe_ends[2];
    if (pipe2(pipe_ends, O_CLOEXEC) < 0)
        return -1;
    pid_t parent = getpid(), helper = fork();
    if (helper == 0) {
        char byte;
        bool go = read(pipe_ends[0], &byte, 1) == 1;
        _exit(go && write_map(parent, "uid_map") == 0 && write_map(parent, "gid_map") == 0 ? 0 : 1);
    }
    int status;
    if (helper < 0 || unshare(CLONE_NEWUSER) < 0 || write_all(pipe_ends[1], "", 1) < 0 ||
        waitpid(helper, &status, 0) < 0 || status != 0)
        return -1;
    return setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0 ? -1 : 0;
}

static inline void enter_namespaces(const struct fixture *fixture, int result)
{
    const int namespaces =
        CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP;
    bool host_network = fixture->spec.namespaces[SPEC_NAMESPACE_NETWORK].path;
    if ((fixture->request.new_user_namespace && enter_user_namespace() < 0) ||
        unshare(namespaces & ~(host_network ? CLONE_NEWNET : 0)) < 0) {
        tell(result, "cannot make the namespaces");
        _exit(1);
    }
}

/* Build the container's view and look at it from inside. The text is freed by the caller. */
static inline char *run_in_container(struct fixture *fixture, inspection inspect)
{
    struct error error = { 0 };
    struct rootfs *rootfs = NULL;
    if (rootfs_open_sources(&fixture->request, &rootfs, &error) < 0)
        return error.message;
    int pipe_ends[2];
    assert_int_equal(pipe2(pipe_ends, O_CLOEXEC), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        enter_namespaces(fixture, pipe_ends[1]);
        run_child(fixture, rootfs, inspect, pipe_ends[1]);
    }
    close(pipe_ends[1]);
    char *text = read_fd(pipe_ends[0], "pipe", 65536, NULL, &error);
    assert_non_null(text);
    close(pipe_ends[0]);
    waitpid(pid, NULL, 0);
    rootfs_free(rootfs);
    return text;
}

#define assert_container_ok(fixture, inspect)                                                      \
    do {                                                                                           \
        AUTO_FREE char *said = run_in_container(fixture, inspect);                                 \
        assert_string_equal(said, "ok");                                                           \
    } while (0)

/* The build fails, and says what (a part of the message). */
#define assert_container_refused(fixture, part)                                                    \
    do {                                                                                           \
        AUTO_FREE char *said = run_in_container(fixture, NULL);                                    \
        if (!strstr(said, part))                                                                   \
            fail_msg("'%s' does not say '%s'", said, part);                                        \
    } while (0)

/* A group that needs root and its namespaces: without them one skip that says so. */
static inline bool can_make_namespaces(void)
{
    pid_t pid = fork();
    if (pid == 0)
        _exit(geteuid() == 0 && unshare(CLONE_NEWNS) == 0 ? 0 : 1);
    int status;
    return waitpid(pid, &status, 0) == pid && status == 0;
}

#define SKIP_WITHOUT_PRIVILEGES(name)                                                              \
    if (!can_make_namespaces()) {                                                                  \
        printf("1..0 # SKIP %s needs root and mount namespaces\n", name);                          \
        return 0;                                                                                  \
    }

/* The container side: sentences that are false when something is wrong. */
#define EXPECT(condition)                                                                          \
    do {                                                                                           \
        if (!(condition))                                                                          \
            return "not so in the container: " #condition;                                         \
    } while (0)

static inline bool is_on(const char *path, long magic)
{
    struct statfs status;
    return statfs(path, &status) == 0 && status.f_type == magic;
}

static inline bool is_character_device(const char *path, unsigned int major, unsigned int minor,
                                       mode_t mode)
{
    struct stat status;
    return lstat(path, &status) == 0 && S_ISCHR(status.st_mode) &&
           status.st_rdev == makedev(major, minor) && (status.st_mode & 07777) == mode &&
           status.st_uid == 0 && status.st_gid == 0;
}

static inline bool has_mode(const char *path, mode_t mode)
{
    struct stat status;
    return stat(path, &status) == 0 && (status.st_mode & 07777) == mode;
}

static inline bool link_is(const char *path, const char *target)
{
    char text[256];
    ssize_t length = readlink(path, text, sizeof(text));
    return length == (ssize_t)strlen(target) && memcmp(text, target, (size_t)length) == 0;
}

static inline bool file_says(const char *path, const char *expected)
{
    struct error error = { 0 };
    char *text = read_file_at(AT_FDCWD, path, 1 << 20, NULL, &error);
    return text && string_equal(text, expected);
}

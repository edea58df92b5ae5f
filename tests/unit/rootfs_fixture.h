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
#include <sys/wait.h>
#include <unistd.h>

#include "base/io.h"
#include "base/string.h"
#include "container/rootfs.h"
#include "spec/spec.h"

struct fixture {
    char directory[64]; /* of the test; holds root/ */
    char *root;
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

/* A path below the fixture's root, on the host; leaked, tests are short. */
static inline const char *in_root(const struct fixture *fixture, const char *path)
{
    return string_format("%s/%s", fixture->root, path);
}

static inline int fixture_set_up(void **state)
{
    struct fixture *fixture = allocate(1, sizeof(*fixture));
    strcpy(fixture->directory, "/tmp/openvirt-test-XXXXXX");
    if (!mkdtemp(fixture->directory) || chmod(fixture->directory, 0755) < 0)
        return -1;
    fixture->root = string_format("%s/root", fixture->directory);
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
    free(fixture->root);
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
        if (unshare(CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS |
                    CLONE_NEWCGROUP) < 0) {
            tell(pipe_ends[1], "unshare failed");
            _exit(1);
        }
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

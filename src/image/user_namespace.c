// SPDX-License-Identifier: Apache-2.0
/*
 *   parent                                child
 *   fork ------------------------------>  unshare(CLONE_NEWUSER)
 *                       <-- "mapped?" --  one byte
 *   newuidmap, newgidmap (or, with one id only, the child's own map files)
 *   one byte  ------------------------->  work
 *                       <--- message ---  the error's text, empty when it went well
 */
#include "image/user_namespace.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/io.h"
#include "base/process.h"
#include "base/string.h"
#include "image/interrupt.h"
#include "image/subordinate_ids.h"

enum { MESSAGE_LIMIT = 8192 };

typedef int id_mapper(struct spec_id_mapping *mappings, struct error *error);

/* A map that holds more than the user's own id. */
static bool lends_ids(id_mapper *mapper)
{
    AUTO_ERROR struct error ignored = { 0 }; /* a file that cannot be read lends nothing */
    struct spec_id_mapping mappings[MOST_ID_MAPPINGS];
    return mapper(mappings, &ignored) > 1;
}

bool user_namespace_has_ids(void)
{
    return geteuid() == 0 || (lends_ids(own_uid_mappings) && lends_ids(own_gid_mappings));
}

/* newuidmap PID 0 OWN 1 1 START COUNT ..., as the containers of ordinary users have it. */
static int map_with_helper(const char *helper, id_mapper *mapper, pid_t child, struct error *error)
{
    struct spec_id_mapping mappings[MOST_ID_MAPPINGS];
    int count = mapper(mappings, error);
    if (count < 0)
        return -1;
    AUTO_STRING_LIST struct string_list args = { 0 };
    string_list_add(&args, helper);
    string_list_take(&args, string_format("%d", child));
    for (int i = 0; i < count; i++) {
        string_list_take(&args, string_format("%u", mappings[i].container_id));
        string_list_take(&args, string_format("%u", mappings[i].host_id));
        string_list_take(&args, string_format("%u", mappings[i].size));
    }
    const struct process_request request = { .path = helper,
                                             .args = (const char *const *)args.items };
    if (process_run(&request, error) < 0)
        return error_wrap(error, "map subordinate ids (package uidmap)");
    return 0;
}

static int write_child_file(pid_t child, const char *name, const char *text, struct error *error)
{
    AUTO_FREE char *path = string_format("/proc/%d/%s", child, name);
    return write_file_at(AT_FDCWD, path, text, error);
}

static int map_one_id(pid_t child, struct error *error)
{
    AUTO_FREE char *uid_map = string_format("0 %u 1\n", geteuid());
    AUTO_FREE char *gid_map = string_format("0 %u 1\n", getegid());
    /* Without privilege a gid may be mapped only once setgroups is denied: user_namespaces(7). */
    if (write_child_file(child, "setgroups", "deny", error) < 0 ||
        write_child_file(child, "uid_map", uid_map, error) < 0 ||
        write_child_file(child, "gid_map", gid_map, error) < 0)
        return error_wrap(error, "map your own id");
    return 0;
}

static int map_ids(pid_t child, bool squash, struct error *error)
{
    if (squash)
        return map_one_id(child, error);
    if (map_with_helper("newuidmap", own_uid_mappings, child, error) < 0)
        return -1;
    return map_with_helper("newgidmap", own_gid_mappings, child, error);
}

static int enter_namespace(int socket_fd, struct error *error)
{
    char byte = 0;
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
        return error_set(error, errno, "ask for a signal when the parent dies");
    if (unshare(CLONE_NEWUSER) < 0)
        return error_set(error, errno, "make a user namespace");
    /* The files of /proc/PID belong to root, and the map cannot be written, while it is not set. */
    if (prctl(PR_SET_DUMPABLE, 1) < 0)
        return error_set(error, errno, "make the child dumpable");
    if (write_all(socket_fd, &byte, 1) < 0 || read_all(socket_fd, &byte, 1) != 1)
        return error_set(error, 0, "the ids of the user namespace were not mapped");
    if (setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0)
        return error_set(error, errno, "become root of the user namespace");
    /* A change of ids clears the death signal: prctl(2). */
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
        return error_set(error, errno, "ask for a signal when the parent dies");
    return 0;
}

static _Noreturn void child_main(int socket_fd, const struct user_namespace_work *work, bool squash)
{
    AUTO_ERROR struct error error = { 0 };
    if (enter_namespace(socket_fd, &error) == 0 && work->run(work->context, squash, &error) == 0)
        _exit(0);
    const char *message = error.message ? error.message : "unknown error";
    _exit(write_all(socket_fd, message, strnlen(message, MESSAGE_LIMIT)) < 0 ? 2 : 1);
}

static int let_it_work(pid_t child, int socket_fd, bool squash, struct error *error)
{
    char byte;
    if (read_all(socket_fd, &byte, 1) != 1)
        return error_set(error, 0, "the child in the user namespace ended early");
    if (byte != 0) { /* it failed before it was mapped: the byte begins its message */
        AUTO_FREE char *rest = read_fd(socket_fd, "message", MESSAGE_LIMIT, NULL, error);
        return rest ? error_set(error, 0, "%c%s", byte, rest) : -1;
    }
    if (map_ids(child, squash, error) < 0)
        return -1;
    if (write_all(socket_fd, &byte, 1) < 0)
        return error_set(error, errno, "talk to the child in the user namespace");
    AUTO_INTERRUPT_WATCH struct interrupt_watch watch = { .signal_fd = -1 };
    if (interrupt_watch_begin(&watch, child, error) < 0 ||
        interrupt_watch_wait(&watch, socket_fd, error) < 0)
        return -1;
    AUTO_FREE char *message = read_fd(socket_fd, "message", MESSAGE_LIMIT, NULL, error);
    if (!message)
        return -1;
    return message[0] ? error_set(error, 0, "%s", message) : 0;
}

static int run_in_child(const struct user_namespace_work *work, bool squash, struct error *error)
{
    int sockets[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) < 0)
        return error_set(error, errno, "make a socket pair");
    AUTO_CLOSE int ours = sockets[0];
    AUTO_CLOSE int theirs = sockets[1];
    pid_t child = fork();
    if (child < 0)
        return error_set(error, errno, "fork");
    if (child == 0) {
        close(ours);
        child_main(theirs, work, squash);
    }
    close(take_fd(&theirs));
    int result = let_it_work(child, ours, squash, error);
    close(take_fd(&ours)); /* a child that still waits for its map reads the end and goes */
    int status;
    if (process_wait(child, &status) < 0)
        return error_set(error, errno, "wait for the child in the user namespace");
    if (result == 0 && process_exit_status(status) != 0)
        return error_set(error, 0, "the child in the user namespace ended with status %d",
                         process_exit_status(status));
    return result;
}

int user_namespace_run(const struct user_namespace_work *work, struct error *error)
{
    if (geteuid() == 0)
        return work->run(work->context, false, error);
    return run_in_child(work, !user_namespace_has_ids(), error);
}

struct remove_context {
    int dirfd;
    const char *name;
};

static int remove_tree(void *context, bool squash, struct error *error)
{
    (void)squash;
    const struct remove_context *what = context;
    return remove_tree_at(what->dirfd, what->name, error);
}

int user_namespace_remove_tree(int dirfd, const char *name, struct error *error)
{
    struct remove_context context = { .dirfd = dirfd, .name = name };
    const struct user_namespace_work work = { .run = remove_tree, .context = &context };
    return user_namespace_run(&work, error);
}

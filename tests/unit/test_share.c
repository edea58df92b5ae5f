// SPDX-License-Identifier: Apache-2.0
/* The 9P2000.L server, spoken to as a guest's kernel speaks to it, and as a hostile one does. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "share/session.h"

struct fixture {
    char directory[64]; /* with the shared one in it as "shared", and "secret" beside that */
    struct share_session session;
    uint8_t request[8192], reply[8192];
    struct message_writer out;
    struct message_reader in;
};

static void path_in(const struct fixture *f, const char *name, char *path)
{
    snprintf(path, 256, "%s/%s", f->directory, name);
}

static void make_file(const struct fixture *f, const char *name, const char *text)
{
    char path[256];
    path_in(f, name, path);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void begin(struct fixture *f, enum message_type type)
{
    f->out = (struct message_writer){ .bytes = f->request, .room = sizeof(f->request), .at = 4 };
    message_write_u8(&f->out, (uint8_t)type);
    message_write_u16(&f->out, 7);
}

/* 0, or the errno that the server answered with; f->in stands behind the header. */
static int ask(struct fixture *f)
{
    message_patch_u32(&f->out, 0, (uint32_t)f->out.at);
    size_t length =
        share_session_serve(&f->session, f->request, f->out.at, f->reply, sizeof(f->reply));
    f->in = (struct message_reader){ .bytes = f->reply, .length = length };
    assert_int_equal(message_read_u32(&f->in), length);
    uint8_t type = message_read_u8(&f->in);
    assert_int_equal(message_read_u16(&f->in), 7);
    return type == RLERROR ? (int)message_read_u32(&f->in) : 0;
}

static int attach(struct fixture *f, uint32_t fid)
{
    begin(f, TATTACH);
    message_write_u32(&f->out, fid);
    message_write_u32(&f->out, UINT32_MAX);
    message_write_string(&f->out, "");
    message_write_string(&f->out, "");
    message_write_u32(&f->out, 0);
    return ask(f);
}

static int walk(struct fixture *f, uint32_t from, uint32_t to, const char *name)
{
    begin(f, TWALK);
    message_write_u32(&f->out, from);
    message_write_u32(&f->out, to);
    message_write_u16(&f->out, name ? 1 : 0);
    if (name)
        message_write_string(&f->out, name);
    return ask(f);
}

static int open_fid(struct fixture *f, uint32_t fid, int flags)
{
    begin(f, TLOPEN);
    message_write_u32(&f->out, fid);
    message_write_u32(&f->out, (uint32_t)flags);
    return ask(f);
}

static int setup(void **state)
{
    char path[256];
    struct fixture *f = calloc(1, sizeof(*f));
    strcpy(f->directory, "/tmp/openvirt-share-XXXXXX");
    assert_non_null(mkdtemp(f->directory));
    path_in(f, "shared", path);
    assert_int_equal(mkdir(path, 0755), 0);
    make_file(f, "secret", "not the guest's");
    make_file(f, "shared/hello", "hello guest");
    share_session_open(&f->session, open(path, O_PATH | O_DIRECTORY | O_CLOEXEC), false);
    *state = f;
    return attach(f, 1);
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    char command[128];
    share_session_close(&f->session);
    snprintf(command, sizeof(command), "rm -rf %s", f->directory);
    int result = system(command);
    free(f);
    return result;
}

static void a_file_is_read(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(walk(f, 1, 2, "hello"), 0);
    assert_int_equal(open_fid(f, 2, O_RDONLY), 0);
    begin(f, TREAD);
    message_write_u32(&f->out, 2);
    message_write_u64(&f->out, 6);
    message_write_u32(&f->out, 100);
    assert_int_equal(ask(f), 0);
    assert_int_equal(message_read_u32(&f->in), 5);
    assert_memory_equal(message_read_bytes(&f->in, 5), "guest", 5);
}

static void a_file_is_created_and_written(void **state)
{
    struct fixture *f = *state;
    char path[256], text[8] = "";
    struct stat status;
    assert_int_equal(walk(f, 1, 2, NULL), 0);
    begin(f, TLCREATE);
    message_write_u32(&f->out, 2);
    message_write_string(&f->out, "new");
    message_write_u32(&f->out, O_RDWR);
    message_write_u32(&f->out, 0640);
    message_write_u32(&f->out, getgid());
    assert_int_equal(ask(f), 0);
    begin(f, TWRITE);
    message_write_u32(&f->out, 2);
    message_write_u64(&f->out, 0);
    message_write_u32(&f->out, 3);
    message_write_u8(&f->out, 'a');
    message_write_u8(&f->out, 'b');
    message_write_u8(&f->out, 'c');
    assert_int_equal(ask(f), 0);
    assert_int_equal(message_read_u32(&f->in), 3);
    path_in(f, "shared/new", path);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0640);
    int fd = open(path, O_RDONLY);
    assert_int_equal(read(fd, text, sizeof(text)), 3);
    assert_string_equal(text, "abc");
    close(fd);
}

/* A directory of 200 entries, read with room for a few at a time, shows each of them once. */
static void a_directory_is_read_in_parts(void **state)
{
    struct fixture *f = *state;
    char name[32];
    unsigned seen = 0;
    uint64_t offset = 0;
    for (unsigned i = 0; i < 200; i++) {
        snprintf(name, sizeof(name), "shared/entry-%u", i);
        make_file(f, name, "");
    }
    assert_int_equal(walk(f, 1, 2, NULL), 0);
    assert_int_equal(open_fid(f, 2, O_RDONLY | O_DIRECTORY), 0);
    for (;;) {
        begin(f, TREADDIR);
        message_write_u32(&f->out, 2);
        message_write_u64(&f->out, offset);
        message_write_u32(&f->out, 300);
        assert_int_equal(ask(f), 0);
        uint32_t length = message_read_u32(&f->in);
        if (length == 0)
            break;
        while (f->in.at < f->in.length) {
            message_read_bytes(&f->in, 13);
            offset = message_read_u64(&f->in);
            message_read_u8(&f->in);
            message_read_string(&f->in, name, sizeof(name));
            seen += strncmp(name, "entry-", 6) == 0;
        }
        assert_false(f->in.overrun);
    }
    assert_int_equal(seen, 200);
}

static void a_walk_does_not_leave_the_directory(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(walk(f, 1, 2, ".."), EACCES);
    assert_int_equal(walk(f, 1, 2, "../secret"), EACCES);
    assert_int_equal(walk(f, 1, 2, "/etc"), EACCES);
    assert_int_equal(walk(f, 1, 2, ""), EACCES);
}

static void a_symbolic_link_is_not_followed(void **state)
{
    struct fixture *f = *state;
    char path[256];
    path_in(f, "shared/link", path);
    assert_int_equal(symlink("../secret", path), 0);
    assert_int_equal(walk(f, 1, 2, "link"), 0);
    assert_int_equal(open_fid(f, 2, O_RDONLY), ENXIO);
    begin(f, TREADLINK);
    message_write_u32(&f->out, 2);
    assert_int_equal(ask(f), 0);
    char target[64];
    message_read_string(&f->in, target, sizeof(target));
    assert_string_equal(target, "../secret");
}

/* Mode, size and times go by a name in /proc: through a link they would reach outside. */
static void attributes_of_a_symbolic_link_stay_its_own(void **state)
{
    struct fixture *f = *state;
    char path[256];
    struct stat status;
    path_in(f, "shared/link", path);
    assert_int_equal(symlink("../secret", path), 0);
    assert_int_equal(walk(f, 1, 2, "link"), 0);
    begin(f, TSETATTR);
    message_write_u32(&f->out, 2);
    message_write_u32(&f->out, 1 | 8); /* mode and size */
    message_write_u32(&f->out, 0777);
    message_write_u32(&f->out, 0);
    message_write_u32(&f->out, 0);
    for (unsigned i = 0; i < 5; i++)
        message_write_u64(&f->out, 0);
    assert_int_equal(ask(f), EOPNOTSUPP);
    path_in(f, "secret", path);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_size, strlen("not the guest's"));
}

static void a_fifo_of_the_host_is_not_opened(void **state)
{
    struct fixture *f = *state;
    char path[256];
    path_in(f, "shared/fifo", path);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(walk(f, 1, 2, "fifo"), 0);
    assert_int_equal(open_fid(f, 2, O_RDONLY), ENXIO);
}

static void names_with_slashes_are_not_made(void **state)
{
    struct fixture *f = *state;
    static const char *const names[] = { "../escaped", "a/b", "..", ".", "" };
    for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        begin(f, TMKDIR);
        message_write_u32(&f->out, 1);
        message_write_string(&f->out, names[i]);
        message_write_u32(&f->out, 0755);
        message_write_u32(&f->out, 0);
        assert_int_equal(ask(f), EINVAL);
    }
}

static void device_nodes_are_not_made(void **state)
{
    struct fixture *f = *state;
    begin(f, TMKNOD);
    message_write_u32(&f->out, 1);
    message_write_string(&f->out, "null");
    message_write_u32(&f->out, S_IFCHR | 0666);
    message_write_u32(&f->out, 1);
    message_write_u32(&f->out, 3);
    message_write_u32(&f->out, 0);
    assert_int_equal(ask(f), EPERM);
}

static void a_read_only_share_is_not_changed(void **state)
{
    struct fixture *f = *state;
    f->session.read_only = true;
    assert_int_equal(walk(f, 1, 2, "hello"), 0);
    assert_int_equal(open_fid(f, 2, O_RDWR), EROFS);
    assert_int_equal(open_fid(f, 2, O_RDONLY | O_TRUNC), EROFS);
    begin(f, TUNLINKAT);
    message_write_u32(&f->out, 1);
    message_write_string(&f->out, "hello");
    message_write_u32(&f->out, 0);
    assert_int_equal(ask(f), EROFS);
    assert_int_equal(open_fid(f, 2, O_RDONLY), 0);
}

static void a_fid_number_is_used_once(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(attach(f, 1), EBUSY);
    assert_int_equal(open_fid(f, 99, O_RDONLY), EBADF);
}

static void fids_are_bounded(void **state)
{
    struct fixture *f = *state;
    uint32_t fid = 2;
    while (walk(f, 1, fid, NULL) == 0)
        assert_true(++fid <= SHARE_FIDS + 1);
    assert_true(fid > 500);
    begin(f, TCLUNK);
    message_write_u32(&f->out, 2);
    assert_int_equal(ask(f), 0);
    assert_int_equal(walk(f, 1, 2, NULL), 0);
}

/* Every prefix of a message that is cut, and lengths that lie, are answered and harm nothing. */
static void truncated_messages_are_refused(void **state)
{
    struct fixture *f = *state;
    begin(f, TWALK);
    message_write_u32(&f->out, 1);
    message_write_u32(&f->out, 2);
    message_write_u16(&f->out, 3);
    message_write_string(&f->out, "hello");
    size_t whole = f->out.at;
    for (size_t length = 0; length < whole; length++) {
        message_patch_u32(&f->out, 0, (uint32_t)length);
        size_t answer =
            share_session_serve(&f->session, f->request, length, f->reply, sizeof(f->reply));
        assert_true(answer == 0 || f->reply[4] == RLERROR);
    }
    message_patch_u32(&f->out, 0, UINT32_MAX);
    assert_int_equal(
        share_session_serve(&f->session, f->request, whole, f->reply, sizeof(f->reply)), 0);
}

int main(void)
{
#define SHARE_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        SHARE_TEST(a_file_is_read),
        SHARE_TEST(a_file_is_created_and_written),
        SHARE_TEST(a_directory_is_read_in_parts),
        SHARE_TEST(a_walk_does_not_leave_the_directory),
        SHARE_TEST(a_symbolic_link_is_not_followed),
        SHARE_TEST(attributes_of_a_symbolic_link_stay_its_own),
        SHARE_TEST(a_fifo_of_the_host_is_not_opened),
        SHARE_TEST(names_with_slashes_are_not_made),
        SHARE_TEST(device_nodes_are_not_made),
        SHARE_TEST(a_read_only_share_is_not_changed),
        SHARE_TEST(a_fid_number_is_used_once),
        SHARE_TEST(fids_are_bounded),
        SHARE_TEST(truncated_messages_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>

#include "base/string.h"
#include "container/procfs.h"
#include "container/sysctl.h"
#include "in_child.h"

static struct spec with(const struct spec_key_value *sysctl)
{
    struct spec spec = { .sysctls = sysctl, .sysctl_count = 1 };
    spec.namespaces[SPEC_NAMESPACE_IPC].wanted = true;
    spec.namespaces[SPEC_NAMESPACE_NETWORK].wanted = true;
    spec.namespaces[SPEC_NAMESPACE_UTS].wanted = true;
    return spec;
}

static void a_sysctl_of_the_containers_own_namespaces_is_fine(void **state)
{
    (void)state;
    AUTO_ERROR struct error error = { 0 };
    static const char *const names[] = {
        "kernel.shmmax",       "kernel/shm_rmid_forced",          "fs.mqueue.msg_max",
        "net.ipv4.ip_forward", "net.ipv4.conf.eth0/1.forwarding", "net/ipv4/conf/eth0.1/forwarding",
        "kernel.domainname"
    };
    for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
        const struct spec_key_value sysctl = { names[i], "1" };
        const struct spec spec = with(&sysctl);
        if (sysctl_check(&spec, &error) < 0)
            fail_msg("%s", error.message);
    }
}

static void a_sysctl_of_the_host_is_refused(void **state)
{
    (void)state;
    AUTO_ERROR struct error error = { 0 };
    static const char *const names[] = { "kernel.core_pattern",
                                         "kernel.shmmax.x",
                                         "kernel",
                                         "net",
                                         "net.",
                                         "fs.mqueue",
                                         "vm.swappiness",
                                         "kernel.sysrq",
                                         "net/../kernel/core_pattern",
                                         "net..ipv4",
                                         "/net/ipv4/ip_forward",
                                         "",
                                         "user.max_user_namespaces",
                                         "net.ipv4/../../kernel.core_pattern",
                                         "network.x" };
    for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
        const struct spec_key_value sysctl = { names[i], "1" };
        const struct spec spec = with(&sysctl);
        if (sysctl_check(&spec, &error) == 0)
            fail_msg("%s was taken", names[i]);
        assert_non_null(strstr(error.message, "linux.sysctl."));
    }
}

static void without_the_namespace_it_is_the_hosts(void **state)
{
    (void)state;
    AUTO_ERROR struct error error = { 0 };
    const struct spec_key_value sysctl = { "net.ipv4.ip_forward", "1" };
    struct spec spec = with(&sysctl);
    spec.namespaces[SPEC_NAMESPACE_NETWORK].wanted = false;
    assert_int_equal(sysctl_check(&spec, &error), -1);
    assert_string_equal(error.message,
                        "linux.sysctl.net.ipv4.ip_forward: it would change the host; "
                        "the container has no network namespace");
    spec.namespaces[SPEC_NAMESPACE_NETWORK] = (struct spec_namespace){ true, "/proc/self/ns/net" };
    assert_int_equal(sysctl_check(&spec, &error), -1);
    assert_non_null(strstr(error.message, "is the host's own"));
}

static void a_value_is_one_line(void **state)
{
    (void)state;
    AUTO_ERROR struct error error = { 0 };
    const struct spec_key_value sysctl = { "kernel.shmmax", "1\n2" };
    const struct spec spec = with(&sysctl);
    assert_int_equal(sysctl_check(&spec, &error), -1);
}

static int apply(FILE *out, void *context)
{
    AUTO_ERROR struct error error = { 0 };
    const struct spec *spec = context;
    char text[64] = { 0 };
    if (unshare(CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWNET) < 0)
        return 1;
    AUTO_CLOSE int procfs_fd = procfs_open(&error);
    /* What a container might mount over /proc must not catch the write: CVE-2025-52881. */
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
        mount("none", "/proc", "tmpfs", 0, NULL) < 0)
        return 2;
    if (sysctl_apply(spec, procfs_fd, &error) < 0)
        return fprintf(out, "%s", error.message) < 0;
    AUTO_CLOSE int fd = procfs_open_file(procfs_fd, "sys/kernel/shmmni", O_RDONLY, &error);
    fprintf(out, "%.*s", (int)read(fd, text, sizeof(text)), text);
    return 0;
}

static void it_is_written_through_the_private_procfs(void **state)
{
    (void)state;
    const struct spec_key_value sysctl = { "kernel.shmmni", "123" };
    struct spec spec = with(&sysctl);
    AUTO_FREE char *text = in_child(apply, &spec);
    assert_string_equal(text, "123\n");
    const struct spec_key_value missing = { "net.ipv4.no_such", "1" };
    spec = with(&missing);
    AUTO_FREE char *failure = in_child(apply, &spec);
    assert_string_equal(failure,
                        "linux.sysctl.net.ipv4.no_such: open /proc/sys/net/ipv4/no_such: No "
                        "such file or directory");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sysctl_of_the_containers_own_namespaces_is_fine),
        cmocka_unit_test(a_sysctl_of_the_host_is_refused),
        cmocka_unit_test(without_the_namespace_it_is_the_hosts),
        cmocka_unit_test(a_value_is_one_line),
        cmocka_unit_test(it_is_written_through_the_private_procfs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

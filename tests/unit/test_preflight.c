// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/keyctl.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/string.h"
#include "container/keyring.h"
#include "container/preflight.h"
#include "container/procfs.h"
#include "in_child.h"

static const struct log quiet = { .level = LOG_LEVEL_ERROR, .fd = STDERR_FILENO };

/* What the preflight says of it, as of a container that has a mount namespace of its own. */
static char *refusal(const struct spec *given)
{
    AUTO_ERROR struct error error = { 0 };
    struct spec spec = *given;
    spec.namespaces[SPEC_NAMESPACE_MOUNT].wanted = true;
    if (preflight_check(&spec, &quiet, &error) == 0)
        return string_copy("fine");
    return string_copy(error.message);
}

static void assert_refused(const struct spec *spec, const char *words)
{
    AUTO_FREE char *text = refusal(spec);
    if (!strstr(text, words))
        fail_msg("\"%s\" instead of \"%s\"", text, words);
}

static void what_this_kernel_has_is_fine(void **state)
{
    (void)state;
    struct spec spec = { 0 };
    for (int type = 0; type < SPEC_NAMESPACE_COUNT; type++)
        spec.namespaces[type].wanted = type != SPEC_NAMESPACE_TIME;
    AUTO_FREE char *text = refusal(&spec);
    assert_string_equal(text, "fine");
}

static void a_mount_namespace_must_be_there_and_be_new(void **state)
{
    (void)state;
    AUTO_ERROR struct error error = { 0 };
    struct spec spec = { 0 };
    assert_int_equal(preflight_check(&spec, &quiet, &error), -1);
    assert_non_null(strstr(error.message, "a namespace of type mount is needed"));
    spec.namespaces[SPEC_NAMESPACE_MOUNT].path = "/proc/self/ns/mnt";
    assert_refused(&spec, "linux.namespaces: the mount namespace cannot be one that exists");
}

static void a_namespace_that_is_not_there_to_join_is_named(void **state)
{
    (void)state;
    struct spec spec = { 0 };
    spec.namespaces[SPEC_NAMESPACE_NETWORK] = (struct spec_namespace){ true, "/no/such/ns" };
    assert_refused(&spec, "linux.namespaces: join the network namespace /no/such/ns: No such file");
}

static void an_interface_that_is_not_there_is_named(void **state)
{
    (void)state;
    const struct spec_network_device device = { "no-such0", NULL };
    const struct spec spec = { .network_devices = &device, .network_device_count = 1 };
    assert_refused(&spec, "linux.netDevices.no-such0: the host has no such interface");
}

/* The machines that test have neither module nor processor for these; where one has, it is fine. */
static void a_label_without_its_module_is_refused(void **state)
{
    (void)state;
    struct spec_process process = { .apparmor_profile = "strict" };
    const struct spec spec = { .process = &process };
    if (access("/sys/module/apparmor", F_OK) < 0)
        assert_refused(&spec,
                       "process.apparmorProfile: strict is asked for, and this kernel has no "
                       "AppArmor");
    process.apparmor_profile = "unconfined";
    AUTO_FREE char *text = refusal(&spec);
    assert_string_equal(text, "fine");
    process = (struct spec_process){ .selinux_label = "system_u:system_r:x_t:s0" };
    if (access("/sys/fs/selinux/enforce", F_OK) < 0)
        assert_refused(&spec,
                       "process.selinuxLabel: system_u:system_r:x_t:s0 is asked for, and this "
                       "kernel has no SELinux");
}

static void sysctls_and_seccomp_have_their_say(void **state)
{
    (void)state;
    const struct spec_key_value sysctl = { "kernel.core_pattern", "|/x" };
    assert_refused(&(struct spec){ .sysctls = &sysctl, .sysctl_count = 1 },
                   "linux.sysctl.kernel.core_pattern: it belongs to no namespace");
    const struct spec_seccomp seccomp = { .default_action = SPEC_SECCOMP_NOTIFY };
    assert_refused(&(struct spec){ .seccomp = &seccomp }, "linux.seccomp.listenerPath: missing");
}

/* A kernel that lacks a system call, played by a filter. */
static void take_away(int call, int failure)
{
    scmp_filter_ctx context = seccomp_init(SCMP_ACT_ALLOW);
    seccomp_rule_add(context, SCMP_ACT_ERRNO(failure), call, 0);
    seccomp_load(context);
    seccomp_release(context);
}

static int on_an_old_kernel(FILE *out, void *context)
{
    (void)context;
    const struct spec_mount mapped = { .destination = "/x", .idmap = SPEC_IDMAP };
    const struct spec_mount recursive = { .destination = "/x", .recursive_set = 1 };
    const struct spec_memory_policy policy = { 0 };
    take_away(SCMP_SYS(mount_setattr), ENOSYS);
    take_away(SCMP_SYS(get_mempolicy), ENOSYS);
    AUTO_FREE char *a = refusal(&(struct spec){ .mounts = &mapped, .mount_count = 1 });
    AUTO_FREE char *b = refusal(&(struct spec){ .mounts = &recursive, .mount_count = 1 });
    AUTO_FREE char *c = refusal(&(struct spec){ .memory_policy = &policy });
    fprintf(out, "%s\n%s\n%s\n", a, b, c);
    return 0;
}

static void what_an_older_kernel_lacks_is_named_with_its_field(void **state)
{
    (void)state;
    AUTO_FREE char *text = in_child(on_an_old_kernel, NULL);
    assert_string_equal(
        text, "mounts[0].options: this kernel has no id-mapped mounts (Linux 5.12)\n"
              "mounts[0].options: this kernel has no recursive mount attributes (Linux 5.12)\n"
              "linux.memoryPolicy: this kernel has no memory policies (CONFIG_NUMA)\n");
}

/* ---- the session keyring: what is missing there is found out only when it is joined ---- */

static int join(FILE *out, void *context)
{
    AUTO_ERROR struct error error = { 0 };
    const int *failure = context;
    char name[256] = { 0 };
    AUTO_CLOSE int procfs_fd = procfs_open(&error);
    if (*failure)
        take_away(SCMP_SYS(keyctl), *failure);
    struct log log = { .level = LOG_LEVEL_DEBUG, .fd = fileno(out) };
    if (keyring_join("unit-test", NULL, procfs_fd, &log, &error) < 0)
        fprintf(out, "error: %s", error.message);
    if (!*failure)
        syscall(SYS_keyctl, KEYCTL_DESCRIBE, KEY_SPEC_SESSION_KEYRING, name, sizeof(name), 0);
    fprintf(out, "%s", name);
    return 0;
}

static void the_session_keyring_bears_the_containers_name(void **state)
{
    (void)state;
    AUTO_FREE char *text = in_child(join, &(int){ 0 });
    assert_non_null(strstr(text, "keyring;"));
    assert_non_null(strstr(text, ";3f1b0000;_ses.unit-test"));
}

static void without_keyrings_the_process_goes_on_but_not_over_a_quota(void **state)
{
    (void)state;
    AUTO_FREE char *absent = in_child(join, &(int){ ENOSYS });
    assert_non_null(strstr(absent, "this kernel has no keyrings"));
    AUTO_FREE char *forbidden = in_child(join, &(int){ EPERM });
    assert_non_null(strstr(forbidden, "warning: session keyring _ses.unit-test: not permitted"));
    AUTO_FREE char *full = in_child(join, &(int){ EDQUOT });
    assert_non_null(strstr(full, "error: session keyring _ses.unit-test: this user has too many"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_this_kernel_has_is_fine),
        cmocka_unit_test(a_mount_namespace_must_be_there_and_be_new),
        cmocka_unit_test(a_namespace_that_is_not_there_to_join_is_named),
        cmocka_unit_test(an_interface_that_is_not_there_is_named),
        cmocka_unit_test(a_label_without_its_module_is_refused),
        cmocka_unit_test(sysctls_and_seccomp_have_their_say),
        cmocka_unit_test(what_an_older_kernel_lacks_is_named_with_its_field),
        cmocka_unit_test(the_session_keyring_bears_the_containers_name),
        cmocka_unit_test(without_keyrings_the_process_goes_on_but_not_over_a_quota),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

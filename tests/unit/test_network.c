// SPDX-License-Identifier: Apache-2.0
/*
 * In network namespaces of its own: one plays the host, another the container. The interfaces are
 * made and looked at with ip(8), so that the test does not believe what it tests.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>

#include "base/process.h"
#include "base/string.h"
#include "container/network.h"
#include "in_child.h"

struct scene {
    const char *prepare, *inspect; /* shell scripts, on the host and in the container */
    const char *prepare_container; /* before the move; may be NULL */
    const struct spec_network_device *devices;
    size_t count;
};

static char *shell(const char *script)
{
    AUTO_ERROR struct error error = { 0 };
    char *output = NULL;
    const struct process_request request = { .path = "/bin/sh",
                                             .args =
                                                 (const char *const[]){ "sh", "-c", script, NULL },
                                             .output = &output };
    if (process_run(&request, &error) < 0)
        return string_copy(error.message);
    return output;
}

/* A process that does nothing but live in a network namespace. */
static pid_t start_container(int *ready)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0)
        return -1;
    pid_t pid = fork();
    if (pid == 0) {
        AUTO_ERROR struct error error = { 0 };
        if (unshare(CLONE_NEWNET) < 0 || network_loopback_up(&error) < 0)
            _exit(1);
        if (write(ends[1], "x", 1) == 1)
            pause();
        _exit(0);
    }
    close(ends[1]);
    *ready = ends[0];
    return pid;
}

static int play(FILE *out, void *context)
{
    AUTO_ERROR struct error error = { 0 };
    const struct scene *scene = context;
    char byte;
    AUTO_CLOSE int ready = -1;
    if (unshare(CLONE_NEWNET) < 0)
        return 1;
    AUTO_FREE char *prepared = shell(scene->prepare);
    fputs(prepared, out);
    pid_t container = start_container(&ready);
    if (container < 0 || read(ready, &byte, 1) != 1)
        return 2;
    if (scene->prepare_container) {
        AUTO_FREE char *script =
            string_format("exec nsenter -t %d -n sh -c '%s'", container, scene->prepare_container);
        AUTO_FREE char *words = shell(script);
        fputs(words, out);
    }
    const struct spec spec = { .network_devices = scene->devices,
                               .network_device_count = scene->count };
    if (network_move_devices(&spec, container, &error) < 0)
        fprintf(out, "error: %s\n", error.message);
    AUTO_FREE char *host = shell("ip -o link | cut -d : -f 2 | cut -d @ -f 1 | tr -d '\\n'");
    fprintf(out, "host:%s\n", host);
    AUTO_FREE char *script =
        string_format("exec nsenter -t %d -n sh -c '%s'", container, scene->inspect);
    AUTO_FREE char *words = shell(script);
    fputs(words, out);
    kill(container, SIGKILL);
    process_wait(container, &(int){ 0 });
    return 0;
}

#define NAMES "ip -o link | cut -d : -f 2 | cut -d @ -f 1 | tr -d \"\\n\""

static void loopback_is_up(void **state)
{
    (void)state;
    struct scene scene = { "true", "ip -o link show dev lo up | cut -d : -f 2", NULL, NULL, 0 };
    AUTO_FREE char *text = in_child(play, &scene);
    assert_string_equal(text, "host: lo\n lo\n");
}

static void an_interface_moves_with_its_permanent_global_addresses(void **state)
{
    (void)state;
    const struct spec_network_device device = { "a0", "eth7" };
    struct scene scene = {
        "ip link add a0 type veth peer name b0; ip link set a0 up; "
        "ip address add 10.9.8.7/24 broadcast 10.9.8.255 dev a0; "
        "ip address add 10.9.8.9/24 dev a0 valid_lft 300 preferred_lft 300; "
        "ip address add 169.254.1.1/16 scope link dev a0; "
        "ip address add 10.1.1.1 peer 10.1.1.2/32 dev a0; "
        "ip -6 address add fd00::7/64 nodad dev a0",
        "ip -o address show dev eth7 scope global | sed \"s/  */ /g; s/ valid_lft.*//; "
        "s/[0-9]*: //; s/\\\\\\\\//\" | sort; ip -o link show dev eth7 | grep -c -w UP",
        NULL, &device, 1
    };
    AUTO_FREE char *text = in_child(play, &scene);
    assert_string_equal(text, "host: lo b0\n"
                              "eth7 inet 10.1.1.1 peer 10.1.1.2/32 scope global eth7\n"
                              "eth7 inet 10.9.8.7/24 brd 10.9.8.255 scope global eth7\n"
                              "eth7 inet6 fd00::7/64 scope global nodad \n"
                              "1\n");
}

static void a_template_is_filled_in_by_the_kernel_in_the_container(void **state)
{
    (void)state;
    const struct spec_network_device devices[] = { { "a0", "eth%d" }, { "b0", "eth%d" } };
    struct scene scene = { "ip link add a0 type veth peer name b0", NAMES,
                           "ip link add eth0 type veth peer name eth2", devices, 2 };
    AUTO_FREE char *text = in_child(play, &scene);
    assert_non_null(strstr(text, "host: lo\n"));
    static const char *const names[] = { " eth0", " eth1", " eth2", " eth3" };
    for (size_t i = 0; i < ARRAY_LENGTH(names); i++)
        assert_non_null(strstr(text, names[i]));
}

static void an_index_that_is_taken_in_the_container_is_no_obstacle(void **state)
{
    (void)state;
    const struct spec_network_device device = { "a0", NULL };
    /* Both namespaces number their first interfaces alike. */
    struct scene scene = {
        "ip link add a0 type veth peer name b0; ip address add 10.1.1.1/24 dev a0",
        "ip -4 -o address show dev a0 | cut -d \" \" -f 7; " NAMES,
        "ip link add x0 type veth peer name x1", &device, 1
    };
    AUTO_FREE char *text = in_child(play, &scene);
    assert_non_null(strstr(text, "host: lo b0\n10.1.1.1/24\n"));
    assert_non_null(strstr(text, " a0"));
}

static void all_are_there_before_any_is_moved(void **state)
{
    (void)state;
    const struct spec_network_device devices[] = { { "a0", "x" }, { "absent", "y" } };
    struct scene scene = { "ip link add a0 type veth peer name b0", NAMES, NULL, devices, 2 };
    AUTO_FREE char *text = in_child(play, &scene);
    assert_string_equal(text, "error: linux.netDevices.absent: the host has no such interface: No "
                              "such device\nhost: lo b0 a0\n lo");
}

static void a_name_that_is_taken_is_an_error(void **state)
{
    (void)state;
    const struct spec_network_device device = { "a0", "x0" };
    struct scene scene = { "ip link add a0 type veth peer name b0", NAMES,
                           "ip link add x0 type veth peer name x1", &device, 1 };
    AUTO_FREE char *text = in_child(play, &scene);
    assert_non_null(strstr(text, "error: linux.netDevices.a0: move into the container as x0: File "
                                 "exists\n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(loopback_is_up),
        cmocka_unit_test(an_interface_moves_with_its_permanent_global_addresses),
        cmocka_unit_test(a_template_is_filled_in_by_the_kernel_in_the_container),
        cmocka_unit_test(an_index_that_is_taken_in_the_container_is_no_obstacle),
        cmocka_unit_test(all_are_there_before_any_is_moved),
        cmocka_unit_test(a_name_that_is_taken_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

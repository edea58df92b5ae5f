// SPDX-License-Identifier: Apache-2.0
/*
 * Boots a kernel in the software engine, without images, root disks and instances, and connects its
 * first serial line to our standard streams. For those who work on the machine itself.
 *
 *      boot-kernel [--debug] pc|micro KERNEL INITRD|- APPEND MEMORY_MIB CPUS
 *
 * Exit status: 0 power-off, 3 reset, 4 panic, 5 triple fault, 6 engine failure.
 */
#include <stdio.h>
#include <stdlib.h>
#include <termios.h>

#include "base/string.h"
#include "engine/hosted/hosted.h"
#include "vm/console.h"
#include "vm/vm.h"

static const struct {
    int status;
    const char *text;
} ends[] = {
    [VM_END_NONE] = { 2, "nothing" },
    [VM_END_POWER_OFF] = { 0, "power-off" },
    [VM_END_RESET] = { 3, "reset" },
    [VM_END_PANICKED] = { 4, "panic" },
    [VM_END_TRIPLE_FAULT] = { 5, "triple fault" },
    [VM_END_ENGINE_FAILED] = { 6, "engine failure" },
    [VM_END_STOPPED] = { 2, "stopped" },
};

static int complain(const struct error *error)
{
    fprintf(stderr, "boot-kernel: %s\n", error->message);
    return 1;
}

static int boot(const struct vm_request *request)
{
    static struct vm vm;
    static struct fd_console console;
    AUTO_ERROR struct error error = { 0 };
    enum vm_end end;
    struct vm_devices devices = { .serial_lines = { &console.console } };
    if (vm_open(&vm, request, &error) < 0 ||
        fd_console_open(&console, &vm.platform, STDIN_FILENO, STDOUT_FILENO, &error) < 0 ||
        vm_build(&vm, &devices, &error) < 0 || vm_run(&vm, &end, &error) < 0)
        return complain(&error);
    uint64_t milliseconds = (host_nanoseconds() - vm.started) / 1000000;
    fd_console_close(&console);
    vm_close(&vm);
    fprintf(stderr, "boot-kernel: %s after %lu ms\n", ends[end].text, milliseconds);
    return ends[end].status;
}

int main(int argc, char **argv)
{
    struct log log = LOG_TO_STDERR;
    if (argc > 1 && string_equal(argv[1], "--debug")) {
        log.level = LOG_LEVEL_DEBUG;
        argv++;
        argc--;
    }
    if (argc != 7) {
        fprintf(stderr,
                "usage: boot-kernel [--debug] pc|micro KERNEL INITRD|- APPEND MEMORY_MIB CPUS\n");
        return 2;
    }
    struct vm_request request = {
        .kind = string_equal(argv[1], "micro") ? MACHINE_MICRO : MACHINE_PC,
        .engine = &engine_hosted,
        .cpu_model = CPU_MODEL_MAX,
        .memory = strtoull(argv[5], NULL, 10) << 20,
        .vcpu_count = (unsigned)atoi(argv[6]),
        .kernel = argv[2],
        .initrd = string_equal(argv[3], "-") ? NULL : argv[3],
        .command_line = argv[4],
        .log = &log,
    };
    return boot(&request);
}

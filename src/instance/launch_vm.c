// SPDX-License-Identifier: Apache-2.0
/*
 * The configuration of an instance that is a virtual machine: the `vm` section with the files to
 * boot, and vm.hypervisor.parameters (vm/settings.h) for what that has no place for. What confines
 * a container is not in it; what is in it describes the process inside of the guest.
 */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/string.h"
#include "instance/json_build.h"
#include "instance/launch_config.h"
#include "vm/limits.h"

enum { CPU_PERIOD_US = 100000 };

bool launch_is_vm(const struct launch_request *request)
{
    return request->technique && !string_equal(request->technique, "container");
}

static bool is_para(const struct launch_request *request)
{
    return string_equal(request->technique, "para");
}

/* What a container has and a machine of its own does not, or not by these words. */
int launch_check_vm(const struct launch_request *request, struct error *error)
{
    const struct {
        const char *option;
        bool given;
    } refused[] = {
        { "--device", request->devices && request->devices->count },
        { "--memory-swap", request->memory_swap.set },
        { "--shm-size", request->shm_size.set },
        { "--seccomp", request->seccomp != NULL },
        { "--network host", request->network == LAUNCH_NETWORK_HOST },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(refused); i++)
        if (refused[i].given)
            return error_set(error, 0, "%s is for containers; --as %s has a kernel of its own",
                             refused[i].option, request->technique);
    return 0;
}

int launch_boot_files(struct launch_context *context, struct error *error)
{
    const struct launch_request *request = context->request;
    const struct boot_request boot = {
        .machine = is_para(request) ? BOOT_MACHINE_MICRO : BOOT_MACHINE_PC,
        .image = context->image,
        .kernel = request->vm.kernel,
        .initrd = request->vm.initrd,
        .log = &context->host->log,
    };
    return boot_files_prepare(&boot, &context->boot_files, error);
}

static void add_word(struct json_object *words, char *word)
{
    json_object_array_add(words, json_object_new_string(word));
    free(word);
}

static void add_given(struct json_object *words, const char *name, const char *value)
{
    if (value)
        add_word(words, string_format("%s=%s", name, value));
}

/* A disk is looked for from where the person stands; the monitor stands elsewhere. */
static int add_disks(struct json_object *words, const struct string_list *disks,
                     struct error *error)
{
    for (size_t i = 0; disks && i < disks->count; i++) {
        AUTO_FREE char *name = string_copy(disks->items[i]);
        size_t length = strlen(name);
        bool suffix = string_ends_with(name, ":ro") || string_ends_with(name, ":rw");
        if (suffix)
            name[length - 3] = '\0';
        AUTO_FREE char *path = realpath(name, NULL);
        if (!path)
            return error_set(error, errno, "--disk %s", name);
        add_word(words,
                 string_format("disk=%s%s", path, suffix ? disks->items[i] + length - 3 : ""));
    }
    return 0;
}

static int own_program(char *path, size_t size, struct error *error)
{
    ssize_t length = readlink("/proc/self/exe", path, size - 1);
    if (length < 0 || path[0] != '/')
        return error_set(error, errno, "find our own program");
    path[length] = '\0';
    return 0;
}

static uint64_t guest_memory(const struct launch_request *request)
{
    const uint64_t mib = UINT64_C(1) << 20;
    uint64_t wanted = request->memory.set && request->memory.value >= 0
                          ? (uint64_t)request->memory.value
                          : VM_DEFAULT_MEMORY;
    return (wanted + mib - 1) / mib * mib;
}

/* As many as it takes to use the time that it may have. */
static int add_cpus(struct json_object *words, const struct launch_request *request,
                    struct error *error)
{
    int64_t quota;
    if (!request->cpus)
        return 0;
    if (launch_parse_cpus(request->cpus, &quota) < 0)
        return error_set(error, 0, "--cpus: \"%s\" is not a number of CPUs, as 0.5 or 2",
                         request->cpus);
    add_word(words, string_format("cpus=%" PRId64, (quota + CPU_PERIOD_US - 1) / CPU_PERIOD_US));
    return 0;
}

static int add_hypervisor(const struct launch_context *context, struct json_object *vm,
                          struct error *error)
{
    char program[PATH_MAX];
    const struct launch_request *request = context->request;
    struct json_object *hypervisor = json_object_new_object(), *words = json_object_new_array();
    json_add(vm, "hypervisor", hypervisor);
    json_add(hypervisor, "parameters", words);
    if (own_program(program, sizeof(program), error) < 0)
        return -1;
    json_add_string(hypervisor, "path", program);
    add_word(words, string_format("memory=%" PRIu64, guest_memory(request)));
    add_given(words, "engine", request->vm.engine);
    add_given(words, "cpu", request->vm.cpu_model);
    add_given(words, "network", request->vm.network ? request->vm.network : "user");
    add_given(words, "init", request->vm.init);
    bool by_9p = is_para(request) && context->boot_files.kernel_has_9p;
    add_given(words, "volumes", by_9p ? "9p" : "disk");
    for (size_t i = 0; request->vm.published && i < request->vm.published->count; i++)
        add_given(words, "publish", request->vm.published->items[i]);
    if (add_cpus(words, request, error) < 0)
        return -1;
    return add_disks(words, request->vm.disks, error);
}

/* The monitor, and who starts it again, stand elsewhere than the person. */
static int add_path(struct json_object *object, const char *key, const char *path,
                    struct error *error)
{
    if (!path)
        return 0;
    AUTO_FREE char *absolute = realpath(path, NULL);
    if (!absolute)
        return error_set(error, errno, "%s", path);
    json_add_string(object, key, absolute);
    return 0;
}

static int add_kernel(const struct launch_context *context, struct json_object *vm,
                      struct error *error)
{
    const struct boot_files *files = &context->boot_files;
    const struct launch_request *request = context->request;
    struct json_object *kernel = json_object_new_object(), *words = json_object_new_array();
    /* Unpacked it starts in a third of the time: most of a software engine's boot is the guest's
     * own decompressor. */
    const char *path = files->vmlinux ? files->vmlinux : files->bzimage;
    json_add(vm, "kernel", kernel);
    if (add_path(kernel, "path", path, error) < 0 ||
        add_path(kernel, "initrd", files->initramfs, error) < 0)
        return -1;
    json_add(kernel, "parameters", words);
    for (size_t i = 0; request->sysctls && i < request->sysctls->count; i++)
        add_word(words, string_format("sysctl.%s", request->sysctls->items[i]));
    for (size_t i = 0; request->vm.append && i < request->vm.append->count; i++)
        add_word(words, string_copy(request->vm.append->items[i]));
    return 0;
}

static void add_image(const struct launch_context *context, struct json_object *vm)
{
    if (!context->boot_files.root_disk)
        return;
    struct json_object *image = json_object_new_object();
    json_add(vm, "image", image);
    json_add_string(image, "path", context->boot_files.root_disk);
    json_add_string(image, "format", "raw");
}

/* Of the monitor. Without privileges there may be no cgroup, and the machine's own size holds. */
static int add_limits(const struct launch_context *context, struct json_object *linux_section,
                      struct error *error)
{
    struct launch_request request = *context->request;
    struct launch_context adapted = *context;
    adapted.request = &request;
    if (request.memory.set)
        request.memory.value = (int64_t)(guest_memory(&request) + VM_MONITOR_MEMORY);
    if (context->host->rootless) {
        request.memory.set = false;
        request.cpus = NULL;
    }
    return launch_config_resources(&adapted, linux_section, error);
}

int launch_config_vm(const struct launch_context *context, struct json_object *config,
                     struct json_object *linux_section, struct error *error)
{
    const struct launch_request *request = context->request;
    struct json_object *vm = json_object_new_object();
    json_add(config, "vm", vm);
    add_image(context, vm);
    if (add_kernel(context, vm, error) < 0 || add_hypervisor(context, vm, error) < 0 ||
        add_limits(context, linux_section, error) < 0)
        return -1;
    bool capabilities = (request->capabilities_added && request->capabilities_added->count) ||
                        (request->capabilities_dropped && request->capabilities_dropped->count);
    return capabilities ? launch_config_capabilities(context, config, error) : 0;
}

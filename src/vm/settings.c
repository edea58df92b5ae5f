// SPDX-License-Identifier: Apache-2.0
#include "vm/settings.h"

#include <errno.h>
#include <inttypes.h>
#include <unistd.h>

#include "base/number.h"
#include "engine/hosted/hosted.h"
#include "vm/memory.h"

#define MIB (UINT64_C(1) << 20)

const struct engine *vm_engine_find(const char *name, struct error *error)
{
    static const struct engine *const engines[] = { &engine_hosted };
    if (string_equal(name, "auto"))
        return engines[0];
    for (size_t i = 0; i < ARRAY_LENGTH(engines); i++)
        if (string_equal(engines[i]->name, name))
            return engines[i];
    error_set(error, 0, "engine \"%s\": there are auto and hosted", name);
    return NULL;
}

/* The value has been copied into the settings' own list: it may be changed. */
typedef int parameter_reader(struct vm_settings *settings, char *value, struct error *error);

static int read_memory(struct vm_settings *settings, char *value, struct error *error)
{
    settings->has_memory = true;
    if (parse_uint64(value, &settings->memory) < 0)
        return error_set(error, 0, "memory: \"%s\" is not a number of bytes", value);
    return 0;
}

static int read_cpus(struct vm_settings *settings, char *value, struct error *error)
{
    uint32_t count;
    if (parse_uint32(value, &count) < 0 || count < 1 || count > MACHINE_VCPUS)
        return error_set(error, 0, "%s CPUs: a virtual machine has 1 to %d", value, MACHINE_VCPUS);
    settings->vcpu_count = count;
    return 0;
}

static int read_engine(struct vm_settings *settings, char *value, struct error *error)
{
    settings->engine = vm_engine_find(value, error);
    return settings->engine ? 0 : -1;
}

static int read_cpu(struct vm_settings *settings, char *value, struct error *error)
{
    static const char *const names[] = {
        [CPU_MODEL_X86_64] = "x86-64",
        [CPU_MODEL_X86_64_V2] = "x86-64-v2",
        [CPU_MODEL_X86_64_V3] = "x86-64-v3",
        [CPU_MODEL_MAX] = "max",
    };
    for (unsigned i = 0; i < ARRAY_LENGTH(names); i++)
        if (string_equal(names[i], value)) {
            settings->cpu_model = i;
            return 0;
        }
    return error_set(error, 0, "CPU model \"%s\": there are x86-64, x86-64-v2, x86-64-v3 and max",
                     value);
}

static int read_network(struct vm_settings *settings, char *value, struct error *error)
{
    if (string_equal(value, "none"))
        settings->network = NET_NONE;
    else if (string_equal(value, "user"))
        settings->network = NET_USER;
    else if (string_equal(value, "user=host-loopback"))
        settings->network = NET_USER;
    else if (string_starts_with(value, "tap=") && value[4])
        settings->network = NET_TAP;
    else
        return error_set(error, 0,
                         "network \"%s\": a virtual machine has none, user, user=host-loopback or "
                         "tap=INTERFACE",
                         value);
    settings->host_loopback = string_equal(value, "user=host-loopback");
    if (settings->network == NET_TAP)
        settings->tap = value + 4;
    return 0;
}

static int read_publish(struct vm_settings *settings, char *value, struct error *error)
{
    if (settings->forward_count == VM_MOST_FORWARDS)
        return error_set(error, 0, "publish %s: there may be %d", value, VM_MOST_FORWARDS);
    return net_forward_parse(value, &settings->forwards[settings->forward_count++], error);
}

static int read_disk(struct vm_settings *settings, char *value, struct error *error)
{
    if (settings->disk_count == ARRAY_LENGTH(settings->disks))
        return error_set(error, 0, "disk %s: there may be %zu beside the root disk", value,
                         ARRAY_LENGTH(settings->disks));
    struct vm_disk *disk = &settings->disks[settings->disk_count++];
    disk->read_only = string_ends_with(value, ":ro");
    if (disk->read_only)
        value[strlen(value) - 3] = '\0';
    else if (string_ends_with(value, ":rw"))
        value[strlen(value) - 3] = '\0';
    disk->path = value;
    if (access(value, disk->read_only ? R_OK : R_OK | W_OK) < 0)
        return error_set(error, errno, "disk %s", value);
    return 0;
}

static int read_volumes(struct vm_settings *settings, char *value, struct error *error)
{
    settings->volumes_by_9p = string_equal(value, "9p");
    if (!settings->volumes_by_9p && !string_equal(value, "disk"))
        return error_set(error, 0, "volumes \"%s\": there are 9p and disk", value);
    if (settings->volumes_by_9p && settings->machine == MACHINE_PC)
        return error_set(error, 0, "volumes by 9p: full virtualization has no such device");
    return 0;
}

static int read_init(struct vm_settings *settings, char *value, struct error *error)
{
    if (value[0] != '/')
        return error_set(error, 0, "init \"%s\" is not an absolute path", value);
    settings->init = value;
    return 0;
}

static const struct {
    const char *name;
    parameter_reader *read;
} parameters[] = {
    { "memory", read_memory }, { "cpus", read_cpus },       { "engine", read_engine },
    { "cpu", read_cpu },       { "network", read_network }, { "publish", read_publish },
    { "disk", read_disk },     { "init", read_init },       { "volumes", read_volumes },
};

static int read_parameter(struct vm_settings *settings, char *word, struct error *error)
{
    char *value = strchr(word, '=');
    for (size_t i = 0; value && i < ARRAY_LENGTH(parameters); i++) {
        size_t length = strlen(parameters[i].name);
        if ((size_t)(value - word) == length && strncmp(word, parameters[i].name, length) == 0)
            return parameters[i].read(settings, value + 1, error);
    }
    return error_set(error, 0, "vm.hypervisor.parameters: \"%s\" is not known", word);
}

static int read_parameters(const struct spec *spec, struct vm_settings *settings,
                           struct error *error)
{
    for (const char *const *word = spec->vm.hypervisor_parameters; word && *word; word++) {
        string_list_add(&settings->words, *word);
        if (read_parameter(settings, settings->words.items[settings->words.count - 1], error) < 0)
            return -1;
    }
    return 0;
}

/* A limit covers all of the monitor, so the guest gets what is left of it. */
static int choose_memory(const struct spec *spec, struct vm_settings *settings, struct error *error)
{
    const struct spec_i64 *limit = &spec->resources->memory.limit;
    if (settings->has_memory)
        return vm_memory_check(settings->memory, error);
    settings->memory = VM_DEFAULT_MEMORY;
    if (!limit->set || limit->value <= 0)
        return 0;
    if ((uint64_t)limit->value < VM_MONITOR_MEMORY + MACHINE_MEMORY_LEAST)
        return error_set(error, 0,
                         "linux.resources.memory.limit: %" PRId64
                         " bytes are too few for a virtual machine",
                         limit->value);
    settings->memory = ((uint64_t)limit->value - VM_MONITOR_MEMORY) / MIB * MIB;
    return 0;
}

static int check_files(const struct vm_settings *settings, struct error *error)
{
    if (access(settings->kernel, R_OK) < 0)
        return error_set(error, errno, "kernel %s", settings->kernel);
    if (settings->initrd && access(settings->initrd, R_OK) < 0)
        return error_set(error, errno, "initrd %s", settings->initrd);
    if (settings->root_disk && access(settings->root_disk, R_OK) < 0)
        return error_set(error, errno, "disk %s", settings->root_disk);
    return 0;
}

int vm_settings_decode(const struct spec *spec, enum machine_kind machine,
                       struct vm_settings *settings, struct error *error)
{
    *settings = (struct vm_settings){
        .machine = machine,
        .vcpu_count = 1,
        .engine = &engine_hosted,
        .cpu_model = CPU_MODEL_MAX,
        .volumes_by_9p = machine == MACHINE_MICRO,
        .kernel = spec->vm.kernel_path,
        .initrd = spec->vm.initrd_path,
        .root_disk = spec->vm.image_path,
    };
    if (!spec->vm.set)
        return error_set(error, 0, "config.json has no section vm: there is no kernel to boot");
    if (spec->vm.image_format && !string_equal(spec->vm.image_format, "raw"))
        return error_set(error, 0, "vm.image.format: %s is not in this version; use raw",
                         spec->vm.image_format);
    if (read_parameters(spec, settings, error) < 0)
        return -1;
    if (settings->forward_count && settings->network != NET_USER)
        return error_set(error, 0, "ports are published by the user network only");
    if (choose_memory(spec, settings, error) < 0)
        return -1;
    return check_files(settings, error);
}

void vm_settings_free(struct vm_settings *settings)
{
    string_list_free(&settings->words);
}

// SPDX-License-Identifier: Apache-2.0
/* vm: runtime-spec config-vm.md. */
#include "spec/sections.h"

#define VM(member, ...) FIELD(struct spec, vm.member, __VA_ARGS__)

static const struct field hypervisor_fields[] = {
    VM(hypervisor_path, "path", .check_text = check_absolute, .flags = FIELD_REQUIRED),
    VM(hypervisor_parameters, "parameters"),
};
static const struct form hypervisor_form = { FIELDS(hypervisor_fields) };

static const struct field kernel_fields[] = {
    VM(kernel_path, "path", .check_text = check_absolute, .flags = FIELD_REQUIRED),
    VM(kernel_parameters, "parameters"),
    VM(initrd_path, "initrd", .check_text = check_absolute),
};
static const struct form kernel_form = { FIELDS(kernel_fields) };

static void check_image_format(const struct node *node, const char *text)
{
    static const struct word formats[] = {
        { "raw" }, { "qcow2" }, { "vdi" }, { "vmdk" }, { "vhd" }, { NULL },
    };
    (void)text;
    node_word(node, formats);
}

static const struct field image_fields[] = {
    VM(image_path, "path", .check_text = check_absolute, .flags = FIELD_REQUIRED),
    VM(image_format, "format", .check_text = check_image_format, .flags = FIELD_REQUIRED),
};
static const struct form image_form = { FIELDS(image_fields) };

static const struct field vm_fields[] = {
    SECTION("hypervisor", &hypervisor_form),
    SECTION("kernel", &kernel_form, .flags = FIELD_REQUIRED),
    SECTION("image", &image_form),
};

static void check_vm(const struct node *node, void *target)
{
    struct spec *spec = target;
    (void)node;
    spec->vm.set = true;
}

const struct form spec_vm_form = { FIELDS(vm_fields), .check = check_vm };

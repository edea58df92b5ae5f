// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "base/process.h"
#include "base/string.h"
#include "guest/program.h"
#include "image/boot_files.h"
#include "image/bzimage.h"
#include "image/deb.h"
#include "image/disk_make.h"
#include "image/disk_source.h"
#include "image/kernel.h"
#include "image/kernel_name.h"
#include "image/module_info.h"
#include "image/modules.h"

/* A directory of the test's own, which is also the cache. */
struct place {
    char *path;
    struct error error;
};

static int set_up(void **state)
{
    struct place *place = allocate(1, sizeof(*place));
    place->path = string_copy("/tmp/openvirt-boot-XXXXXX");
    assert_non_null(mkdtemp(place->path));
    setenv("XDG_CACHE_HOME", place->path, 1);
    *state = place;
    return 0;
}

static int tear_down(void **state)
{
    struct place *place = *state;
    error_clear(&place->error);
    assert_int_equal(remove_tree_at(AT_FDCWD, place->path, &place->error), 0);
    free(place->path);
    free(place);
    return 0;
}

static char *write_file(const struct place *place, const char *name, const void *data,
                        size_t length)
{
    char *path = string_format("%s/%s", place->path, name);
    AUTO_CLOSE int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    assert_true(fd >= 0);
    assert_int_equal(write_all(fd, data, length), 0);
    return path;
}

static char *write_text(const struct place *place, const char *name, const char *text)
{
    return write_file(place, name, text, strlen(text));
}

static void make_directory(const struct place *place, const char *name)
{
    AUTO_FREE char *path = string_format("%s/%s", place->path, name);
    AUTO_ERROR struct error error = { 0 };
    assert_int_equal(make_directories(path, 0755, &error), 0);
}

/* The last line of what a program writes to its standard output; "" where it fails. */
static char *output_of(const char *const *args)
{
    char *output = NULL;
    AUTO_ERROR struct error error = { 0 };
    const struct process_request request = { .path = args[0], .args = args, .output = &output };
    if (process_run(&request, &error) < 0)
        print_message("%s\n", error.message);
    return output ? output : string_copy("");
}

static void names_of_kernels_are_told_apart(void **state)
{
    (void)state;
    assert_int_equal(kernel_source_of("linux-image-amd64"), KERNEL_PACKAGE);
    assert_int_equal(kernel_source_of("./linux.deb"), KERNEL_DEB);
    assert_int_equal(kernel_source_of("/boot/vmlinuz"), KERNEL_FILE);
    assert_string_equal(kernel_architecture_of("linux-image-cloud-amd64"), "amd64");
    assert_string_equal(kernel_architecture_of("linux-image-6.1.0-50-686-pae"), "i386");
    assert_null(kernel_architecture_of("linux-image-arm64"));
    assert_null(kernel_architecture_of("linux-headers-amd64"));
    assert_true(kernel_is_meta_package("linux-image-cloud-amd64"));
    assert_false(kernel_is_meta_package("linux-image-6.1.0-56-cloud-amd64"));
    assert_true(kernel_name_is_valid("linux-image-6.1.0-56-amd64_6.1.192-2_amd64.deb"));
    assert_false(kernel_name_is_valid("-o"));
    assert_false(kernel_name_is_valid("../x"));
    assert_false(kernel_name_is_valid("a b"));
}

/* A bzImage of which only the header and the payload are there. */
enum { SETUP = 2 * 512, IMAGE = 4096 };

static void put32(uint8_t *at, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        at[i] = (uint8_t)(value >> (8 * i));
}

static void make_image(uint8_t image[IMAGE], uint32_t payload_length)
{
    memset(image, 0, IMAGE);
    image[0x1f1] = 1; /* one sector of setup code behind the boot sector */
    image[0x1fe] = 0x55;
    image[0x1ff] = 0xaa;
    memcpy(image + 0x202, "HdrS", 4);
    image[0x206] = 0x0f;
    image[0x207] = 0x02;
    image[0x20e] = 0x00;
    image[0x20f] = 0x01; /* 0x100 + 0x200 */
    memcpy(image + 0x300, "6.1.0-test (us)", 16);
    image[0x236] = 1;
    put32(image + 0x248, 0x10);
    put32(image + 0x24c, payload_length);
}

static uint32_t crc32_of(const uint8_t *data, size_t length)
{
    uint32_t crc = ~0U;
    for (size_t i = 0; i < length; i++) {
        crc ^= data[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
    }
    return ~crc;
}

/* RFC 1952 with one stored block of RFC 1951: the length. */
static size_t gzip(uint8_t *to, const void *data, uint16_t length)
{
    static const uint8_t header[10] = { 0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3 };
    memcpy(to, header, sizeof(header));
    to[10] = 1;
    to[11] = (uint8_t)length;
    to[12] = (uint8_t)(length >> 8);
    to[13] = (uint8_t)~length;
    to[14] = (uint8_t)(~length >> 8);
    memcpy(to + 15, data, length);
    put32(to + 15 + length, crc32_of(data, length));
    put32(to + 19 + length, length);
    return 23U + length;
}

static const char elf_start[] = "\177ELF and the rest of the kernel";

static char *gzip_kernel(struct place *place)
{
    uint8_t image[IMAGE];
    uint8_t payload[256];
    size_t length = gzip(payload, elf_start, sizeof(elf_start));
    make_image(image, (uint32_t)length);
    memcpy(image + SETUP + 0x10, payload, length);
    return write_file(place, "vmlinuz", image, sizeof(image));
}

static void the_kernel_inside_is_found(void **state)
{
    struct place *place = *state;
    struct kernel kernel;
    AUTO_FREE char *path = gzip_kernel(place);
    assert_int_equal(kernel_get(path, false, &kernel, &place->error), 0);
    assert_string_equal(kernel.version, "6.1.0-test (us)");
    assert_true(kernel.has_64_bits);
    assert_true(kernel.has_vmlinux);
    AUTO_FREE char *vmlinux = string_format("%s/vmlinux", kernel.directory);
    size_t length;
    AUTO_FREE char *found = read_file_at(AT_FDCWD, vmlinux, 4096, &length, &place->error);
    assert_int_equal(length, sizeof(elf_start));
    assert_memory_equal(found, elf_start, sizeof(elf_start));
    kernel_clear(&kernel);
}

static void a_kernel_of_unknown_compression_has_no_vmlinux(void **state)
{
    struct place *place = *state;
    struct kernel kernel;
    uint8_t image[IMAGE];
    make_image(image, 1000);
    memcpy(image + SETUP + 0x10, "no compression that anybody knows", 33);
    AUTO_FREE char *path = write_file(place, "vmlinuz", image, sizeof(image));
    assert_int_equal(kernel_get(path, false, &kernel, &place->error), 0);
    assert_false(kernel.has_vmlinux);
    kernel_clear(&kernel);
}

static void what_is_no_kernel_is_refused_and_leaves_nothing(void **state)
{
    struct place *place = *state;
    struct kernel kernel;
    AUTO_KERNEL_LIST struct kernel_list list = { 0 };
    uint8_t image[IMAGE];
    make_image(image, IMAGE); /* more than there is */
    AUTO_FREE char *text = write_text(place, "text", "no kernel");
    AUTO_FREE char *cut = write_file(place, "cut", image, sizeof(image));
    assert_int_equal(kernel_get(text, false, &kernel, &place->error), -1);
    assert_non_null(strstr(place->error.message, "is no Linux kernel"));
    error_clear(&place->error);
    assert_int_equal(kernel_get(cut, false, &kernel, &place->error), -1);
    assert_non_null(strstr(place->error.message, "shorter"));
    error_clear(&place->error);
    assert_int_equal(kernel_list(&list, &place->error), 0);
    assert_int_equal(list.count, 0);
}

static void a_kernel_can_be_listed_and_removed(void **state)
{
    struct place *place = *state;
    AUTO_KERNEL struct kernel kernel = { 0 };
    AUTO_KERNEL_LIST struct kernel_list list = { 0 };
    AUTO_FREE char *path = gzip_kernel(place);
    assert_int_equal(kernel_get(path, false, &kernel, &place->error), 0);
    assert_int_equal(kernel_list(&list, &place->error), 0);
    assert_int_equal(list.count, 1);
    assert_string_equal(list.kernels[0].name, kernel.name);
    assert_true(list.kernels[0].bytes >= IMAGE);
    assert_int_equal(kernel_remove(kernel.name, &place->error), 0);
    assert_int_equal(kernel_remove(kernel.name, &place->error), -1);
    assert_int_equal(place->error.code, ENOENT);
    assert_false(path_exists_at(AT_FDCWD, kernel.directory));
}

/* A module: an ELF file of 64 bits with .modinfo and the names of its sections. */
static char *write_module(struct place *place, const char *name, const char *info, size_t length)
{
    static const char names[] = "\0.modinfo\0.shstrtab";
    struct {
        Elf64_Ehdr header;
        Elf64_Shdr sections[3];
        char names[sizeof(names)];
        char info[256];
    } file = { .header = { .e_ident = ELFMAG,
                           .e_shoff = sizeof(Elf64_Ehdr),
                           .e_shentsize = sizeof(Elf64_Shdr),
                           .e_shnum = 3,
                           .e_shstrndx = 2 } };
    file.header.e_ident[EI_CLASS] = ELFCLASS64;
    file.sections[1].sh_name = 1;
    file.sections[1].sh_offset = offsetof(__typeof__(file), info);
    file.sections[1].sh_size = length;
    file.sections[2].sh_name = 10;
    file.sections[2].sh_offset = offsetof(__typeof__(file), names);
    file.sections[2].sh_size = sizeof(names);
    memcpy(file.names, names, sizeof(names));
    memcpy(file.info, info, length);
    return write_file(place, name, &file, sizeof(file));
}

#define INFO(text) text, sizeof(text)

static void a_module_says_what_it_depends_on(void **state)
{
    struct place *place = *state;
    AUTO_STRING_LIST struct string_list depends = { 0 };
    AUTO_FREE char *path =
        write_module(place, "a.ko", INFO("license=GPL\0depends=jbd2,mbcache\0dependsx=y"));
    assert_int_equal(module_info(path, "depends", &depends, &place->error), 0);
    assert_int_equal(depends.count, 2);
    assert_string_equal(depends.items[0], "jbd2");
    assert_string_equal(depends.items[1], "mbcache");
}

static void a_damaged_module_is_refused(void **state)
{
    struct place *place = *state;
    AUTO_STRING_LIST struct string_list depends = { 0 };
    AUTO_FREE char *text = write_text(place, "text.ko", "\177ELF");
    AUTO_FREE char *path = write_module(place, "a.ko", INFO("depends="));
    assert_int_equal(module_info(text, "depends", &depends, &place->error), -1);
    error_clear(&place->error);
    assert_int_equal(truncate(path, sizeof(Elf64_Ehdr) + 100), 0);
    assert_int_equal(module_info(path, "depends", &depends, &place->error), -1);
}

/* A kernel's entry with modules, as far as the choice goes. */
static struct kernel kernel_with(struct place *place, const char *const *modules)
{
    make_directory(place, "entry/modules/kernel/some");
    for (; *modules; modules += 2) {
        AUTO_FREE char *name = string_format("entry/modules/kernel/some/%s.ko", modules[0]);
        AUTO_FREE char *info = string_format("depends=%s", modules[1]);
        free(write_module(place, name, info, strlen(info) + 1));
    }
    return (struct kernel){ .name = string_copy("test"),
                            .directory = string_format("%s/entry", place->path) };
}

static void assert_ends_with(const char *text, const char *ending)
{
    if (!string_ends_with(text, ending))
        fail_msg("%s does not end in %s", text, ending);
}

static void modules_come_behind_what_they_depend_on(void **state)
{
    struct place *place = *state;
    AUTO_MODULES struct modules modules = { 0 };
    AUTO_KERNEL struct kernel kernel = kernel_with(
        place, (const char *const[]){ "ata_piix", "libata", "libata", "scsi-mod", "scsi_mod", "",
                                      "sd_mod", "scsi_mod", "ext4", "", "e1000", "", NULL });
    assert_int_equal(modules_choose(&kernel, BOOT_MACHINE_PC, &modules, &place->error), 0);
    assert_int_equal(modules.first.count, 6);
    assert_ends_with(modules.first.items[0], "/scsi_mod.ko");
    assert_ends_with(modules.first.items[1], "/libata.ko");
    assert_ends_with(modules.first.items[2], "/ata_piix.ko");
    assert_ends_with(modules.first.items[3], "/sd_mod.ko");
    assert_false(modules.has_9p);
}

static void modules_that_need_each_other_end(void **state)
{
    struct place *place = *state;
    AUTO_MODULES struct modules modules = { 0 };
    AUTO_KERNEL struct kernel kernel =
        kernel_with(place, (const char *const[]){ "ata_piix", "sd_mod", "sd_mod", "ata_piix",
                                                  "ext4", "", NULL });
    assert_int_equal(modules_choose(&kernel, BOOT_MACHINE_PC, &modules, &place->error), 0);
    assert_true(modules.first.count >= 3);
}

static void a_kernel_without_the_disk_driver_is_refused(void **state)
{
    struct place *place = *state;
    AUTO_MODULES struct modules modules = { 0 };
    AUTO_KERNEL struct kernel kernel =
        kernel_with(place, (const char *const[]){ "ext4", "", NULL });
    free(write_text(place, "entry/modules/modules.builtin", "kernel/fs/other.ko\n"));
    assert_int_equal(modules_choose(&kernel, BOOT_MACHINE_PC, &modules, &place->error), -1);
    assert_non_null(strstr(place->error.message, "has no module ata_piix"));
    error_clear(&place->error);
    free(write_text(place, "entry/modules/modules.builtin",
                    "kernel/drivers/ata/ata_piix.ko\nkernel/drivers/scsi/sd_mod.ko\n"));
    assert_int_equal(modules_choose(&kernel, BOOT_MACHINE_PC, &modules, &place->error), 0);
}

static void a_signature_is_left_out(void **state)
{
    (void)state;
    static const char marker[] = "~Module signature appended~\n";
    char module[200] = "module";
    memcpy(module + 100 + 30 + 8, "\0\0\0\36", 4); /* 30 bytes of signature, 12 of its header */
    memcpy(module + 142, marker, sizeof(marker) - 1);
    assert_int_equal(module_length_without_signature(module, 142 + sizeof(marker) - 1), 100);
    assert_int_equal(module_length_without_signature(module, 100), 100);
    memcpy(module + 138, "\177\377\377\377", 4); /* longer than the file */
    assert_int_equal(module_length_without_signature(module, 142 + sizeof(marker) - 1),
                     142 + sizeof(marker) - 1);
}

static void both_programs_of_the_guest_are_static_and_for_their_machine(void **state)
{
    (void)state;
    static const struct {
        const struct guest_program *program;
        int elf_class, machine;
    } programs[] = { { &guest_program_64, ELFCLASS64, EM_X86_64 },
                     { &guest_program_32, ELFCLASS32, EM_386 } };
    for (size_t i = 0; i < ARRAY_LENGTH(programs); i++) {
        const unsigned char *bytes = programs[i].program->bytes;
        assert_memory_equal(bytes, ELFMAG, SELFMAG);
        assert_int_equal(bytes[EI_CLASS], programs[i].elf_class);
        assert_int_equal(bytes[16], ET_EXEC);
        assert_int_equal(bytes[18], programs[i].machine);
        assert_true(programs[i].program->size < 64 << 10);
        assert_null(memmem(bytes, programs[i].program->size, "/lib", 4)); /* no loader */
    }
}

static char *key_of(struct place *place, const char *directory, bool changes)
{
    const char *const directories[] = { directory, NULL };
    const struct disk_source source = { .directories = directories };
    char *key = disk_source_key(&source, changes, "form", 0, &place->error);
    assert_non_null(key);
    return key;
}

static void a_disk_is_another_when_a_file_is(void **state)
{
    struct place *place = *state;
    make_directory(place, "root/etc");
    AUTO_FREE char *root = string_format("%s/root", place->path);
    free(write_text(place, "root/etc/name", "first"));
    AUTO_FREE char *key = key_of(place, root, true);
    AUTO_FREE char *same = key_of(place, root, true);
    assert_string_equal(key, same);
    free(write_text(place, "root/etc/name", "other")); /* of the same length */
    AUTO_FREE char *other = key_of(place, root, true);
    assert_string_not_equal(key, other);
}

static void a_directory_becomes_a_disk(void **state)
{
    struct place *place = *state;
    make_directory(place, "root/etc");
    free(write_text(place, "root/etc/name", "the content"));
    AUTO_FREE char *root = string_format("%s/root", place->path);
    AUTO_FREE char *disk = string_format("%s/disk", place->path);
    assert_int_equal(boot_pack_directory(root, "a-label", disk, &place->error), 0);
    struct stat status;
    assert_int_equal(stat(disk, &status), 0);
    assert_true(status.st_size >= 1 << 30);
    assert_true((uint64_t)status.st_blocks * 512 < 64 << 20); /* sparse */
    AUTO_FREE char *content =
        output_of((const char *const[]){ "/usr/sbin/debugfs", "-R", "cat /etc/name", disk, NULL });
    assert_string_equal(content, "the content");
    AUTO_FREE char *label = output_of((const char *const[]){ "/usr/sbin/e2label", disk, NULL });
    assert_string_equal(label, "a-label\n");
    /* It is there already: nothing is overwritten. */
    assert_int_equal(boot_pack_directory(root, "a-label", disk, &place->error), -1);
}

static void layers_are_seen_as_one_on_the_disk(void **state)
{
    struct place *place = *state;
    AUTO_PROGRESS struct progress progress = { 0 };
    if (geteuid() != 0) {
        print_message("takes root: the layers are mounted\n");
        skip();
    }
    make_directory(place, "upper/etc");
    make_directory(place, "lower/etc");
    make_directory(place, "stack");
    free(write_text(place, "lower/etc/name", "lower"));
    free(write_text(place, "upper/etc/name", "upper"));
    free(write_text(place, "lower/etc/below", "seen"));
    AUTO_FREE char *upper = string_format("%s/upper", place->path);
    AUTO_FREE char *lower = string_format("%s/lower", place->path);
    AUTO_FREE char *disk = string_format("%s/disk", place->path);
    AUTO_FREE char *stack = string_format("%s/stack", place->path);
    const char *const directories[] = { upper, lower, NULL };
    const struct disk_source source = { .directories = directories };
    const struct disk_plan plan = { .source = &source,
                                    .label = "x",
                                    .path = disk,
                                    .mount_point = stack,
                                    .bytes = 64 << 20,
                                    .progress = &progress };
    assert_int_equal(disk_make(&plan, &place->error), 0);
    AUTO_FREE char *name =
        output_of((const char *const[]){ "/usr/sbin/debugfs", "-R", "cat /etc/name", disk, NULL });
    AUTO_FREE char *below =
        output_of((const char *const[]){ "/usr/sbin/debugfs", "-R", "cat /etc/below", disk, NULL });
    assert_string_equal(name, "upper");
    assert_string_equal(below, "seen");
}

static void a_disk_that_is_too_small_is_one_line(void **state)
{
    struct place *place = *state;
    AUTO_PROGRESS struct progress progress = { 0 };
    AUTO_FREE char *megabytes = allocate(4 << 20, 1);
    make_directory(place, "root");
    memset(megabytes, 'x', 4 << 20);
    free(write_file(place, "root/large", megabytes, 4 << 20));
    AUTO_FREE char *root = string_format("%s/root", place->path);
    AUTO_FREE char *disk = string_format("%s/disk", place->path);
    const char *const directories[] = { root, NULL };
    const struct disk_source source = { .directories = directories };
    const struct disk_plan plan = {
        .source = &source, .label = "x", .path = disk, .bytes = 1 << 20, .progress = &progress
    };
    assert_int_equal(disk_make(&plan, &place->error), -1);
    assert_null(strchr(place->error.message, '\n'));
}

static void a_package_without_a_kernel_is_refused(void **state)
{
    struct place *place = *state;
    AUTO_PROGRESS struct progress progress = { 0 };
    AUTO_FREE char *path = write_text(place, "x.deb", "!<arch>\n");
    AUTO_CLOSE int target_fd = open(place->path, O_RDONLY | O_DIRECTORY);
    assert_int_equal(deb_unpack_kernel(path, target_fd, &progress, &place->error), -1);
    assert_non_null(strstr(place->error.message, "x.deb"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_of_kernels_are_told_apart),
        TEST(the_kernel_inside_is_found),
        TEST(a_kernel_of_unknown_compression_has_no_vmlinux),
        TEST(what_is_no_kernel_is_refused_and_leaves_nothing),
        TEST(a_kernel_can_be_listed_and_removed),
        TEST(a_module_says_what_it_depends_on),
        TEST(a_damaged_module_is_refused),
        TEST(modules_come_behind_what_they_depend_on),
        TEST(modules_that_need_each_other_end),
        TEST(a_kernel_without_the_disk_driver_is_refused),
        cmocka_unit_test(a_signature_is_left_out),
        cmocka_unit_test(both_programs_of_the_guest_are_static_and_for_their_machine),
        TEST(a_disk_is_another_when_a_file_is),
        TEST(a_directory_becomes_a_disk),
        TEST(layers_are_seen_as_one_on_the_disk),
        TEST(a_disk_that_is_too_small_is_one_line),
        TEST(a_package_without_a_kernel_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

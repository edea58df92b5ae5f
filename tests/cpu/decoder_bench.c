// SPDX-License-Identifier: Apache-2.0
#include "decoder_bench.h"

#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "zydis_compare.h"

enum { ROUNDS = 5 };

struct text {
    const uint8_t *bytes;
    size_t size;
};

static struct text find_text(const uint8_t *file, size_t size)
{
    const Elf64_Ehdr *header = (const Elf64_Ehdr *)file;
    if (size < sizeof(*header) || memcmp(header->e_ident, ELFMAG, SELFMAG) != 0 ||
        header->e_ident[EI_CLASS] != ELFCLASS64)
        return (struct text){ 0 };
    const Elf64_Shdr *sections = (const Elf64_Shdr *)(file + header->e_shoff);
    const char *names = (const char *)file + sections[header->e_shstrndx].sh_offset;
    for (unsigned i = 0; i < header->e_shnum; i++)
        if (!strcmp(names + sections[i].sh_name, ".text"))
            return (struct text){ file + sections[i].sh_offset, sections[i].sh_size };
    return (struct text){ 0 };
}

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1e9 + time.tv_nsec;
}

static size_t walk_ours(struct text text)
{
    struct instruction instruction;
    size_t count = 0;
    for (size_t at = 0; at < text.size; count++)
        at +=
            instruction_decode(text.bytes + at, text.size - at, CODE_64, &instruction) == DECODE_OK
                ? instruction.length
                : 1;
    return count;
}

static size_t walk_zydis(struct text text)
{
    ZydisDecoder decoder;
    ZydisDecodedInstruction instruction;
    ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];
    size_t count = 0;
    zydis_decoder_init(&decoder, CODE_64);
    for (size_t at = 0; at < text.size; count++)
        at += ZYAN_SUCCESS(ZydisDecoderDecodeFull(&decoder, text.bytes + at, text.size - at,
                                                  &instruction, operands))
                  ? instruction.length
                  : 1;
    return count;
}

static double best_of(size_t (*walk)(struct text), struct text text)
{
    double best = 0;
    for (unsigned i = 0; i < ROUNDS; i++) {
        double start = now();
        size_t count = walk(text);
        double each = (now() - start) / count;
        if (!i || each < best)
            best = each;
    }
    return best;
}

int decoder_bench(const char *path)
{
    struct stat status;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &status) < 0) {
        perror(path);
        return 1;
    }
    void *file = mmap(NULL, status.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    close(fd);
    if (file == MAP_FAILED) {
        perror(path);
        return 1;
    }
    struct text text = find_text(file, status.st_size);
    if (!text.size) {
        fprintf(stderr, "%s: no .text section of a 64-bit ELF file\n", path);
        return 1;
    }
    double ours = best_of(walk_ours, text), zydis = best_of(walk_zydis, text);
    printf("%s: %zu bytes, openvirt %.1f ns, Zydis %.1f ns an instruction, ratio %.2f\n", path,
           text.size, ours, zydis, ours / zydis);
    munmap(file, status.st_size);
    return 0;
}

// SPDX-License-Identifier: Apache-2.0
/*
 * One libFuzzer harness with a mode for each parser of hostile input, chosen with --mode=NAME
 * (libFuzzer leaves options with two dashes alone). A mode's seeds are in corpus/NAME.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mode.h"

static const struct {
    const char *name;
    fuzz_mode *run;
} modes[] = {
    { "json", fuzz_json },                   /* base/json: all below stand on it */
    { "config", fuzz_config },               /* config.json */
    { "process", fuzz_process },             /* process.json of `exec --process` */
    { "resources", fuzz_resources },         /* what `update --resources` reads */
    { "seccomp", fuzz_seccomp },             /* linux.seccomp, compiled too */
    { "state", fuzz_state },                 /* state.json */
    { "manifest", fuzz_manifest },           /* manifest of an OCI image */
    { "image-config", fuzz_image_config },   /* configuration of an OCI image */
    { "index", fuzz_index },                 /* index.json of an image layout */
    { "layer", fuzz_layer },                 /* tar archive, really unpacked */
    { "layer-gzip", fuzz_layer_gzip },       /* the same, compressed */
    { "ide", fuzz_ide },                     /* registers, disks and bus master of the PIIX */
    { "e1000", fuzz_e1000 },                 /* registers and rings of the 82540EM */
    { "machine", fuzz_whole_machine },       /* ports, registers and MSRs of machine pc */
    { "guest-channel", fuzz_guest_channel }, /* what the first process of a machine sends */
    { "virtio-block", fuzz_virtio_block },
    { "virtio-net", fuzz_virtio_net },
    { "virtio-console", fuzz_virtio_console },
    { "virtio-rng", fuzz_virtio_entropy },
    { "virtio-balloon", fuzz_virtio_balloon },
    { "virtio-vsock", fuzz_virtio_vsock },
    { "virtio-9p", fuzz_virtio_9p },
    { "share", fuzz_share },     /* the 9P server */
    { "boot", fuzz_boot },       /* kernels: bzImage and ELF */
    { "decoder", fuzz_decoder }, /* instructions of the guest */
};

/* libFuzzer calls us with nothing of ours: the mode has to be kept. */
static fuzz_mode *chosen;

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

void fuzz_broken_promise(const char *file, int line, const char *condition)
{
    fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, condition);
    abort();
}

static void list_modes(FILE *stream)
{
    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++)
        fprintf(stream, "%s\n", modes[i].name);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    static const char option[] = "--mode=";
    for (int i = 1; i < *argc; i++) {
        const char *word = (*argv)[i];
        if (!strcmp(word, "--modes")) {
            list_modes(stdout);
            exit(0);
        }
        if (strncmp(word, option, strlen(option)) != 0)
            continue;
        for (size_t j = 0; j < sizeof(modes) / sizeof(modes[0]); j++)
            if (!strcmp(modes[j].name, word + strlen(option)))
                chosen = modes[j].run;
    }
    if (chosen)
        return 0;
    fprintf(stderr, "fuzz: which mode? --mode=NAME, with one of\n");
    list_modes(stderr);
    exit(2);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    chosen(data, size);
    return 0;
}

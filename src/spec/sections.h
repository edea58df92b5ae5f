// SPDX-License-Identifier: Apache-2.0
/* The sections of config.json, a file each (decode_NAME.c). */
#pragma once

#include "spec/reader.h"

extern const struct form spec_process_form;   /* struct spec_process */
extern const struct form spec_mount_form;     /* struct spec_mount */
extern const struct form spec_hooks_form;     /* into struct spec */
extern const struct form spec_linux_form;     /* into struct spec */
extern const struct form spec_resources_form; /* struct spec_resources */
extern const struct form spec_seccomp_form;   /* struct spec_seccomp */
extern const struct form spec_vm_form;        /* into struct spec */

/* A line of uid_map or gid_map: struct spec_id_mapping, of linux.uidMappings and of mounts. */
extern const struct form spec_id_mapping_form;

// SPDX-License-Identifier: Apache-2.0
/*
 * What the monitor and the first process of a virtual machine say to each other, over one reliable
 * stream of bytes: the virtio console port "openvirt.control" where the machine has one, else its
 * second serial port. Compiled on both sides, in the guest for 64 and for 32 bits.
 *
 *      host                                   guest
 *        |  <----------------------- HELLO     |  the channel is open, nothing is mounted
 *        |  ROOT MOUNT ... HOST NETWORK ---->  |  done in this order, none is answered
 *        |  START 1 ------------------------>  |
 *        |  <--------------------- STARTED 1   |  or FAILED: what of the above, and errno
 *        |  STDIN 1, CREDIT 1 -------------->  |
 *        |  <---- OUTPUT 1, CREDIT 1 ... ---   |
 *        |  START 2 ... -------------------->  |  any number at a time
 *        |  <---------------------- EXITED 1   |  after the last of its output
 *        |  POWER_OFF ---------------------->  |
 *        |  <-------------------------- DOWN   |  unmounted: the machine may be switched off
 *
 * A frame is a header and `length` bytes. All numbers are little-endian, as both CPUs are; the
 * structs have no padding on either. A string is a guest_string and its bytes, with no NUL among
 * or behind them.
 *
 * Flow control: neither side sends more bytes of a process's stream than it was given credit for,
 * so that what waits in memory is bounded and one slow reader stops nobody else. Input begins with
 * GUEST_INPUT_CREDIT; output with what START gives.
 *
 * The host takes every byte from the guest for hostile (vm/guest_channel.h).
 */
#pragma once

#include <stdint.h>

#define GUEST_CONTROL_PORT "openvirt.control" /* name of the virtio console port */
#define GUEST_ROOT_LABEL   "openvirt-root"    /* volume label of the root disk */

enum {
    GUEST_PROTOCOL_MAGIC = 0x7276764f, /* "Ovvr" */
    GUEST_PROTOCOL_VERSION = 1,

    GUEST_TO_HOST_LIMIT = 16384,     /* bytes of a frame behind its header */
    GUEST_FROM_HOST_LIMIT = 1 << 21, /* START carries arguments and environment */
    GUEST_INPUT_CREDIT = 65536,
    GUEST_PROCESS_LIMIT = 64,  /* at a time */
    GUEST_GROUP_LIMIT = 65536, /* NGROUPS_MAX of the kernel */
    GUEST_RLIMIT_LIMIT = 16,
    GUEST_NAME_SERVER_LIMIT = 3, /* MAXNS of resolv.conf(5) */
};

/* `process` is a number that the host chooses, not 0; 0 where no process is meant. */
struct guest_frame {
    uint32_t type; /* enum guest_request or guest_report */
    uint32_t process;
    uint32_t length;
};

struct guest_string {
    uint32_t length;
};

/* From the host. */
enum guest_request {
    GUEST_ROOT = 1,
    GUEST_MOUNT,
    GUEST_HOST,
    GUEST_NETWORK,
    GUEST_START,
    GUEST_STDIN, /* the bytes; none: end of file */
    GUEST_CREDIT,
    GUEST_WINDOW_SIZE,
    GUEST_SIGNAL,
    GUEST_POWER_OFF,
    GUEST_HAND_OVER,
    GUEST_REQUEST_COUNT,
};

/* From the guest. */
enum guest_report {
    GUEST_HELLO = 64,
    GUEST_STARTED,
    GUEST_FAILED,
    GUEST_STDOUT, /* the bytes, at least one; of a terminal as well */
    GUEST_STDERR,
    GUEST_INPUT_TAKEN, /* credit for more input */
    GUEST_EXITED,
    GUEST_LOG, /* the bytes of one line for people */
    GUEST_DOWN,
    GUEST_REPORT_END,
};

/* GUEST_HELLO; string: the kernel's release. */
struct guest_hello {
    uint32_t magic;
    uint32_t version;
    uint32_t word_bits; /* 32 or 64 */
};

enum guest_root_flags { GUEST_ROOT_READ_ONLY = 1 };

/*
 * GUEST_ROOT: find the disk, mount it and make it the root. Strings: the disk as "LABEL=text",
 * "SERIAL=text" or "/dev/name"; the type of its file system; options of the file system ("": none).
 */
struct guest_root {
    uint32_t flags;
    uint32_t wait_ms; /* how long the disk may take to appear */
};

enum guest_mount_flags {
    GUEST_MOUNT_ON_FILE = 1, /* the target is a file: made as one where it is missing */
};

/* GUEST_MOUNT, seen from the new root. Strings: source (as for the root disk where it begins with
 * LABEL= or SERIAL=), target, type, options. */
struct guest_mount {
    uint32_t flags;
    uint32_t mount_flags; /* MS_* of mount(2) */
};

/* GUEST_HOST: two strings, host name and domain name; "" leaves it. */

/* GUEST_NETWORK: the first Ethernet interface; addresses with their first byte lowest (network
 * order). A gateway of 0: none. String: the domains to search, "" for none. */
struct guest_network {
    uint32_t address, gateway;
    uint32_t prefix_length;
    uint32_t mtu; /* 0: as it is */
    uint32_t name_server_count;
    uint32_t name_servers[GUEST_NAME_SERVER_LIMIT];
};

enum guest_start_flags {
    GUEST_START_TERMINAL = 1,
    GUEST_START_NO_NEW_PRIVILEGES = 2,
    GUEST_START_CAPABILITIES = 4, /* else all that root of the guest has */
    GUEST_START_UMASK = 8,
    GUEST_START_OOM_SCORE = 16,
};

enum guest_capability_set {
    GUEST_BOUNDING,
    GUEST_EFFECTIVE,
    GUEST_INHERITABLE,
    GUEST_PERMITTED,
    GUEST_AMBIENT,
    GUEST_CAPABILITY_SETS,
};

/*
 * GUEST_START. Behind it: uint32_t groups[group_count], struct guest_rlimit rlimits[rlimit_count],
 * and strings: working directory, arguments, environment.
 */
struct guest_start {
    uint64_t capabilities[GUEST_CAPABILITY_SETS];
    uint32_t flags;
    uint32_t uid, gid, umask;
    int32_t oom_score_adj;
    uint16_t rows, columns; /* of the terminal; 0: not known */
    uint32_t stdout_credit, stderr_credit;
    uint32_t group_count, rlimit_count, argument_count, environment_count;
};

struct guest_rlimit {
    uint64_t soft, hard;
    uint32_t resource; /* RLIMIT_* */
    uint32_t reserved; /* 0 */
};

/* GUEST_CREDIT: the host has passed this many bytes on. */
struct guest_credit {
    uint32_t report; /* GUEST_STDOUT or GUEST_STDERR */
    uint32_t bytes;
};

/* GUEST_INPUT_TAKEN */
struct guest_input_taken {
    uint32_t bytes;
};

struct guest_window_size {
    uint16_t rows, columns;
};

enum guest_signal_scope {
    GUEST_SIGNAL_PROCESS,
    GUEST_SIGNAL_ALL, /* every process of the machine but its first */
};

struct guest_signal {
    uint32_t number;
    uint32_t scope;
};

/* GUEST_POWER_OFF */
enum guest_power { GUEST_POWER_DOWN, GUEST_POWER_RESET };

struct guest_power_off {
    uint32_t how;
};

/* GUEST_HAND_OVER: become the image's own init. Strings: its path, its console ("/dev/ttyS0").
 */

struct guest_started {
    uint32_t pid; /* in the guest */
};

/* What failed; FAILED of a process means that it was not started. Process 0: setting the machine
 * up, after which nothing starts. String: on what ("/data", "eth0"). */
enum guest_step {
    GUEST_STEP_PROTOCOL,
    GUEST_STEP_ROOT_DISK,
    GUEST_STEP_MOUNT,
    GUEST_STEP_HOST,
    GUEST_STEP_NETWORK,
    GUEST_STEP_START, /* processes, pipes, memory */
    GUEST_STEP_TERMINAL,
    GUEST_STEP_LIMITS,
    GUEST_STEP_IDENTITY, /* user, groups, capabilities */
    GUEST_STEP_WORKING_DIRECTORY,
    GUEST_STEP_EXECUTE, /* ENOENT: no such program */
    GUEST_STEP_HAND_OVER,
    GUEST_STEP_COUNT,
};

struct guest_failed {
    uint32_t step;
    uint32_t error; /* errno */
};

struct guest_exited {
    uint32_t status; /* of exit(), 0 when a signal ended it */
    uint32_t signal; /* 0: none */
};

_Static_assert(sizeof(struct guest_frame) == 12, "the same on both sides");
_Static_assert(sizeof(struct guest_network) == 32, "the same on both sides");
_Static_assert(sizeof(struct guest_start) == 88, "no padding for 64 bits, none missing for 32");
_Static_assert(sizeof(struct guest_rlimit) == 24, "no padding for 64 bits, none missing for 32");

// SPDX-License-Identifier: Apache-2.0
/*
 * Messages of 9P2000.L: little-endian integers, strings with a 16-bit length. A reader that runs
 * past its end stays at zero and says so once, at the end of decoding; a writer likewise.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MESSAGE_HEADER 7 /* size[4] type[1] tag[2] */

enum message_type {
    RLERROR = 7,
    TSTATFS = 8,
    TLOPEN = 12,
    TLCREATE = 14,
    TSYMLINK = 16,
    TMKNOD = 18,
    TRENAME = 20,
    TREADLINK = 22,
    TGETATTR = 24,
    TSETATTR = 26,
    TXATTRWALK = 30,
    TXATTRCREATE = 32,
    TREADDIR = 40,
    TFSYNC = 50,
    TLOCK = 52,
    TGETLOCK = 54,
    TLINK = 70,
    TMKDIR = 72,
    TRENAMEAT = 74,
    TUNLINKAT = 76,
    TVERSION = 100,
    TAUTH = 102,
    TATTACH = 104,
    TFLUSH = 108,
    TWALK = 110,
    TREAD = 116,
    TWRITE = 118,
    TCLUNK = 120,
    TREMOVE = 122,
};

struct message_reader {
    const uint8_t *bytes;
    size_t length, at;
    bool overrun;
};

struct message_writer {
    uint8_t *bytes;
    size_t room, at;
    bool overrun;
};

/* What identifies a file to the guest: type, version, and 64 bits that no two files share. */
struct qid {
    uint8_t type;
    uint32_t version;
    uint64_t path;
};

#define NAME_LIMIT 256
#define PATH_LIMIT 4096

uint8_t message_read_u8(struct message_reader *reader);
uint16_t message_read_u16(struct message_reader *reader);
uint32_t message_read_u32(struct message_reader *reader);
uint64_t message_read_u64(struct message_reader *reader);
/* A string of less than `room` bytes without NUL, terminated here; anything else is an overrun. */
void message_read_string(struct message_reader *reader, char *text, size_t room);
/* The rest of the message as it lies there, `length` bytes; NULL on overrun. */
const uint8_t *message_read_bytes(struct message_reader *reader, size_t length);

void message_write_u8(struct message_writer *writer, uint8_t value);
void message_write_u16(struct message_writer *writer, uint16_t value);
void message_write_u32(struct message_writer *writer, uint32_t value);
void message_write_u64(struct message_writer *writer, uint64_t value);
void message_write_string(struct message_writer *writer, const char *text);
void message_write_qid(struct message_writer *writer, const struct qid *qid);
/* Overwrite 4 bytes that were written at `at`. */
void message_patch_u32(struct message_writer *writer, size_t at, uint32_t value);

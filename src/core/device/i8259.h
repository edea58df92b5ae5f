// SPDX-License-Identifier: Apache-2.0
/*
 * The two interrupt controllers of a PC (Intel 8259A data sheet, 231468), master and slave, with
 * the edge/level control registers of the 82371 (PIIX data sheet 290550, ELCR1 and ELCR2). Lines
 * 0-7 are the master's, 8-15 the slave's; the slave's output is line 2 of the master.
 */
#pragma once

#include "core/device/device.h"

struct i8259 {
    uint8_t lines;           /* levels now */
    uint8_t requests;        /* IRR */
    uint8_t mask;            /* IMR */
    uint8_t in_service;      /* ISR */
    uint8_t level_triggered; /* ELCR */
    uint8_t level_writable;
    uint8_t vector_base;  /* ICW2 */
    uint8_t cascade;      /* ICW3 */
    uint8_t lowest;       /* the line of the lowest priority */
    uint8_t next_command; /* ICW2 to ICW4: which one the data port takes next; 0: IMR */
    bool expects_icw4, single, automatic_end, automatic_rotation;
    bool special_mask, special_fully_nested, read_in_service, poll;
};

struct i8259_pair {
    struct i8259 master, slave;
    struct interrupt_line output; /* INT of the master */
};

void i8259_reset(struct i8259_pair *pair);
void i8259_set_line(struct i8259_pair *pair, unsigned line, bool level);
/* INTA cycles: the vector; that of line 7 (of either chip) when the request has gone. */
uint8_t i8259_acknowledge(struct i8259_pair *pair);
/* INT as it is now. */
bool i8259_output(const struct i8259_pair *pair);

extern const struct register_range i8259_master_registers; /* 20H, 2 ports */
extern const struct register_range i8259_slave_registers;  /* A0H, 2 ports */
extern const struct register_range i8259_level_registers;  /* 4D0H, 2 ports */

// SPDX-License-Identifier: Apache-2.0
/*
 * The keyboard controller of a PC (Intel 8042 with the program of the PS/2 Technical Reference,
 * "Keyboard and Auxiliary Device Controller"), with nothing plugged into its two ports: what is
 * sent there times out. What a machine without display has it for is the line that resets the
 * processor.
 */
#pragma once

#include "core/device/device.h"
#include "core/platform.h"

struct i8042 {
    struct platform *platform;
    struct interrupt_line keyboard, auxiliary; /* IRQ 1 and 12 */
    uint8_t command_byte, status, output, pending_command;
    uint8_t output_port;
    uint8_t memory[32]; /* of the controller; the first is the command byte */
};

/* `controller` is zeroed but for platform and lines. */
void i8042_initialize(struct i8042 *controller);

extern const struct register_range i8042_data_registers;    /* 60H */
extern const struct register_range i8042_command_registers; /* 64H */

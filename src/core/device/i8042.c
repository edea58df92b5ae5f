// SPDX-License-Identifier: Apache-2.0
#include "core/device/i8042.h"

#define STATUS_OUTPUT    0x01
#define STATUS_SYSTEM    0x04 /* the power-on self-test has passed */
#define STATUS_COMMAND   0x08 /* what was written last was a command */
#define STATUS_UNLOCKED  0x10
#define STATUS_AUXILIARY 0x20
#define STATUS_TIMEOUT   0x40

#define BYTE_KEYBOARD_INTERRUPT  0x01
#define BYTE_AUXILIARY_INTERRUPT 0x02
#define BYTE_SYSTEM              0x04
#define BYTE_KEYBOARD_OFF        0x10
#define BYTE_AUXILIARY_OFF       0x20

#define OUTPUT_RUN  0x01 /* low: the processor is reset */
#define OUTPUT_A20  0x02
#define OUTPUT_IDLE 0xcf

#define RESEND 0xfe /* what a port without device answers, with a timeout */

enum command {
    COMMAND_READ_MEMORY = 0x20,
    COMMAND_WRITE_MEMORY = 0x60,
    COMMAND_AUXILIARY_OFF = 0xa7,
    COMMAND_AUXILIARY_ON = 0xa8,
    COMMAND_TEST_AUXILIARY = 0xa9,
    COMMAND_TEST_CONTROLLER = 0xaa,
    COMMAND_TEST_KEYBOARD = 0xab,
    COMMAND_KEYBOARD_OFF = 0xad,
    COMMAND_KEYBOARD_ON = 0xae,
    COMMAND_READ_INPUT_PORT = 0xc0,
    COMMAND_READ_OUTPUT_PORT = 0xd0,
    COMMAND_WRITE_OUTPUT_PORT = 0xd1,
    COMMAND_WRITE_KEYBOARD_OUTPUT = 0xd2,
    COMMAND_WRITE_AUXILIARY_OUTPUT = 0xd3,
    COMMAND_WRITE_AUXILIARY = 0xd4,
    COMMAND_PULSE = 0xf0, /* to FFH: bits 3-0 low are lines to pulse */
};

static void update_interrupts(struct i8042 *controller)
{
    uint8_t enabled = controller->command_byte, status = controller->status;
    bool full = status & STATUS_OUTPUT, auxiliary = status & STATUS_AUXILIARY;
    interrupt_line_set(&controller->keyboard,
                       full && !auxiliary && (enabled & BYTE_KEYBOARD_INTERRUPT));
    interrupt_line_set(&controller->auxiliary,
                       full && auxiliary && (enabled & BYTE_AUXILIARY_INTERRUPT));
}

static void answer(struct i8042 *controller, uint8_t byte, uint8_t flags)
{
    controller->output = byte;
    controller->status &= (uint8_t) ~(STATUS_AUXILIARY | STATUS_TIMEOUT);
    controller->status |= STATUS_OUTPUT | flags;
    update_interrupts(controller);
}

static void set_command_byte(struct i8042 *controller, uint8_t value)
{
    controller->command_byte = value;
    controller->status &= (uint8_t)~STATUS_SYSTEM;
    controller->status |= value & BYTE_SYSTEM ? STATUS_SYSTEM : 0;
    update_interrupts(controller);
}

static void set_output_port(struct i8042 *controller, uint8_t value)
{
    controller->output_port = value | OUTPUT_A20; /* A20 stays on: piix4.h */
    if (!(value & OUTPUT_RUN))
        platform_machine_event(controller->platform, MACHINE_RESET);
}

static void execute(struct i8042 *controller, uint8_t command)
{
    uint8_t byte = controller->command_byte;
    switch (command) {
    case COMMAND_READ_MEMORY ... COMMAND_READ_MEMORY + 31:
        answer(controller, command == COMMAND_READ_MEMORY ? byte : controller->memory[command & 31],
               0);
        break;
    case COMMAND_AUXILIARY_OFF:
        set_command_byte(controller, byte | BYTE_AUXILIARY_OFF);
        break;
    case COMMAND_AUXILIARY_ON:
        set_command_byte(controller, byte & (uint8_t)~BYTE_AUXILIARY_OFF);
        break;
    case COMMAND_TEST_AUXILIARY:
    case COMMAND_TEST_KEYBOARD:
        answer(controller, 0, 0);
        break;
    case COMMAND_TEST_CONTROLLER:
        set_command_byte(controller, BYTE_AUXILIARY_OFF | BYTE_KEYBOARD_OFF | BYTE_SYSTEM);
        answer(controller, 0x55, 0);
        break;
    case COMMAND_KEYBOARD_OFF:
        set_command_byte(controller, byte | BYTE_KEYBOARD_OFF);
        break;
    case COMMAND_KEYBOARD_ON:
        set_command_byte(controller, byte & (uint8_t)~BYTE_KEYBOARD_OFF);
        break;
    case COMMAND_READ_INPUT_PORT:
        answer(controller, 0x80, 0); /* not locked */
        break;
    case COMMAND_READ_OUTPUT_PORT:
        answer(controller, controller->output_port, 0);
        break;
    case COMMAND_PULSE ... 0xff:
        if (!(command & OUTPUT_RUN))
            platform_machine_event(controller->platform, MACHINE_RESET);
        break;
    default:
        controller->pending_command = command; /* it takes a byte, or is none */
    }
}

/* A byte to the data port: of the command before it, or else to the keyboard. */
static void take_byte(struct i8042 *controller, uint8_t value)
{
    uint8_t command = controller->pending_command;
    controller->pending_command = 0;
    switch (command) {
    case 0:
        answer(controller, RESEND, STATUS_TIMEOUT);
        break;
    case COMMAND_WRITE_MEMORY:
        set_command_byte(controller, value);
        break;
    case COMMAND_WRITE_MEMORY + 1 ... COMMAND_WRITE_MEMORY + 31:
        controller->memory[command & 31] = value;
        break;
    case COMMAND_WRITE_OUTPUT_PORT:
        set_output_port(controller, value);
        break;
    case COMMAND_WRITE_KEYBOARD_OUTPUT:
        answer(controller, value, 0);
        break;
    case COMMAND_WRITE_AUXILIARY_OUTPUT:
        answer(controller, value, STATUS_AUXILIARY);
        break;
    case COMMAND_WRITE_AUXILIARY:
        answer(controller, RESEND, STATUS_AUXILIARY | STATUS_TIMEOUT);
        break;
    }
}

static uint64_t read_data(void *device, uint64_t offset, unsigned size)
{
    struct i8042 *controller = device;
    (void)offset, (void)size;
    controller->status &= (uint8_t) ~(STATUS_OUTPUT | STATUS_AUXILIARY | STATUS_TIMEOUT);
    update_interrupts(controller);
    return controller->output;
}

static void write_data(void *device, uint64_t offset, unsigned size, uint64_t value)
{
    struct i8042 *controller = device;
    (void)offset, (void)size;
    controller->status &= (uint8_t)~STATUS_COMMAND;
    take_byte(controller, (uint8_t)value);
}

static uint64_t read_status(void *device, uint64_t offset, unsigned size)
{
    const struct i8042 *controller = device;
    (void)offset, (void)size;
    return controller->status;
}

static void write_command(void *device, uint64_t offset, unsigned size, uint64_t value)
{
    struct i8042 *controller = device;
    (void)offset, (void)size;
    controller->status |= STATUS_COMMAND;
    controller->pending_command = 0;
    execute(controller, (uint8_t)value);
}

const struct register_range i8042_data_registers = { read_data, write_data, .widest = 1 };
const struct register_range i8042_command_registers = { read_status, write_command, .widest = 1 };

/* As firmware leaves it: tested, interrupts off. */
void i8042_initialize(struct i8042 *controller)
{
    controller->status = STATUS_UNLOCKED;
    controller->output_port = OUTPUT_IDLE;
    set_command_byte(controller, BYTE_SYSTEM | BYTE_KEYBOARD_OFF | BYTE_AUXILIARY_OFF);
}

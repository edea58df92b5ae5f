// SPDX-License-Identifier: Apache-2.0
/*
 * A serial port of a PC (National Semiconductor PC16550D data sheet, 1995), with a console at the
 * other end of the line. As on the boards, OUT2 of the modem control register lets the interrupt
 * through.
 *
 * The line is as fast as its two ends: a byte leaves when it is written, unless the console is
 * full, and behind the receiver FIFO more bytes wait than the chip has room for, so that one
 * interrupt can serve many. Only the character timeout keeps to the baud rate.
 */
#pragma once

#include "core/device/device.h"
#include "core/platform.h"

#define UART_FIFO_SIZE    16
#define UART_RECEIVE_SIZE 1024 /* a power of two */

struct uart16550 {
    struct platform *platform;
    struct platform_console *console;
    struct interrupt_line interrupt;
    uint8_t interrupt_enable, fifo_control, line_control, modem_control, line_status, scratch;
    uint8_t modem_status; /* bits 3-0 alone: what has changed */
    uint16_t divisor;
    bool transmitter_interrupt; /* THR became empty, and nobody has been told */
    bool timeout;               /* characters wait below the trigger level */
    uint8_t transmit[UART_FIFO_SIZE];
    unsigned transmit_count;
    uint8_t receive[UART_RECEIVE_SIZE];
    unsigned receive_first, receive_count;
    struct platform_timer timer;
};

/* `uart` is zeroed but for platform, console and interrupt. */
void uart16550_initialize(struct uart16550 *uart);

extern const struct register_range uart16550_registers; /* 8 ports */

// SPDX-License-Identifier: Apache-2.0
#include "core/device/uart16550.h"

/* Offsets; in comments what else is there. */
#define UART_DATA             0 /* DLL while DLAB is set */
#define UART_INTERRUPT_ENABLE 1 /* DLM */
#define UART_INTERRUPT_ID     2 /* write: FCR */
#define UART_LINE_CONTROL     3
#define UART_MODEM_CONTROL    4
#define UART_LINE_STATUS      5
#define UART_MODEM_STATUS     6
#define UART_SCRATCH          7

#define IER_RECEIVE     0x01
#define IER_TRANSMIT    0x02
#define IER_LINE_STATUS 0x04
#define IER_MODEM       0x08
#define IER_WRITABLE    0x0f

#define IIR_MODEM       0x00
#define IIR_NONE        0x01
#define IIR_TRANSMIT    0x02
#define IIR_RECEIVE     0x04
#define IIR_LINE_STATUS 0x06
#define IIR_TIMEOUT     0x0c
#define IIR_FIFOS       0xc0

#define FCR_ENABLE         0x01
#define FCR_RESET_RECEIVE  0x02
#define FCR_RESET_TRANSMIT 0x04
#define FCR_KEPT           0xc9 /* trigger level, DMA mode, enable */

#define LCR_DLAB 0x80

#define MCR_OUT2     0x08
#define MCR_LOOPBACK 0x10
#define MCR_WRITABLE 0x1f

#define LSR_DATA_READY 0x01
#define LSR_OVERRUN    0x02
#define LSR_THR_EMPTY  0x20
#define LSR_IDLE       0x40

#define MSR_CONNECTED 0xb0 /* DCD, DSR, CTS */
#define MSR_RING_END  0x04 /* TERI: of the falling edge alone */

#define CLOCK_NS_PER_DIVISOR 8681 /* a bit at divisor 1: 16 cycles of 1.8432 MHz */
#define TIMEOUT_BITS         40   /* four characters of ten bits */

static bool fifos_enabled(const struct uart16550 *uart)
{
    return uart->fifo_control & FCR_ENABLE;
}

static bool is_loopback(const struct uart16550 *uart)
{
    return uart->modem_control & MCR_LOOPBACK;
}

static unsigned trigger_level(const struct uart16550 *uart)
{
    static const uint8_t levels[] = { 1, 4, 8, 14 };
    return fifos_enabled(uart) ? levels[uart->fifo_control >> 6] : 1;
}

/* In the order of priority (table IV of the data sheet). */
static uint8_t interrupt_identification(const struct uart16550 *uart)
{
    uint8_t enable = uart->interrupt_enable;
    if ((enable & IER_LINE_STATUS) && (uart->line_status & LSR_OVERRUN))
        return IIR_LINE_STATUS;
    if ((enable & IER_RECEIVE) && uart->receive_count >= trigger_level(uart))
        return IIR_RECEIVE;
    if ((enable & IER_RECEIVE) && uart->timeout)
        return IIR_TIMEOUT;
    if ((enable & IER_TRANSMIT) && uart->transmitter_interrupt)
        return IIR_TRANSMIT;
    if ((enable & IER_MODEM) && uart->modem_status)
        return IIR_MODEM;
    return IIR_NONE;
}

static void update_interrupt(struct uart16550 *uart)
{
    bool passes = (uart->modem_control & (MCR_OUT2 | MCR_LOOPBACK)) == MCR_OUT2;
    interrupt_line_set(&uart->interrupt, passes && interrupt_identification(uart) != IIR_NONE);
}

/* -- Receiver -- */

static void timeout_expired(void *context)
{
    struct uart16550 *uart = context;
    uart->timeout = uart->receive_count > 0;
    update_interrupt(uart);
}

/* Characters below the trigger level are announced when none came or went for a while (FIFO
 * interrupt mode operation of the data sheet). */
static void restart_timeout(struct uart16550 *uart)
{
    uart->timeout = false;
    bool wanted =
        fifos_enabled(uart) && uart->receive_count > 0 && uart->receive_count < trigger_level(uart);
    if (!wanted) {
        if (uart->timer.armed)
            platform_timer_cancel(uart->platform, &uart->timer);
        return;
    }
    uint64_t bit = (uint64_t)CLOCK_NS_PER_DIVISOR * (uart->divisor ? uart->divisor : 1);
    platform_timer_arm(uart->platform, &uart->timer,
                       platform_clock(uart->platform) + TIMEOUT_BITS * bit);
}

static void receive_byte(struct uart16550 *uart, uint8_t byte, unsigned room)
{
    if (uart->receive_count >= room) {
        uart->line_status |= LSR_OVERRUN;
        return;
    }
    unsigned index = (uart->receive_first + uart->receive_count++) % UART_RECEIVE_SIZE;
    uart->receive[index] = byte;
}

static size_t receiver_room(void *context)
{
    const struct uart16550 *uart = context;
    return is_loopback(uart) ? 0 : UART_RECEIVE_SIZE - uart->receive_count;
}

static void receiver_receive(void *context, const uint8_t *bytes, size_t length)
{
    struct uart16550 *uart = context;
    for (size_t i = 0; i < length; i++)
        receive_byte(uart, bytes[i], UART_RECEIVE_SIZE);
    restart_timeout(uart);
    update_interrupt(uart);
}

static uint8_t read_data(struct uart16550 *uart)
{
    if (!uart->receive_count)
        return 0;
    uint8_t byte = uart->receive[uart->receive_first];
    uart->receive_first = (uart->receive_first + 1) % UART_RECEIVE_SIZE;
    uart->receive_count--;
    restart_timeout(uart);
    update_interrupt(uart);
    if (uart->receive_count == 0)
        platform_console_ready(uart->console);
    return byte;
}

static void clear_receiver(struct uart16550 *uart)
{
    uart->receive_count = 0;
    restart_timeout(uart);
    platform_console_ready(uart->console);
}

/* -- Transmitter -- */

static void transmit(struct uart16550 *uart)
{
    if (uart->transmit_count == 0)
        return;
    size_t taken = platform_console_write(uart->console, uart->transmit, uart->transmit_count);
    uart->transmit_count -= (unsigned)taken;
    for (unsigned i = 0; taken > 0 && i < uart->transmit_count; i++)
        uart->transmit[i] = uart->transmit[i + taken];
    if (uart->transmit_count == 0)
        uart->transmitter_interrupt = true;
}

static void receiver_writable(void *context)
{
    struct uart16550 *uart = context;
    transmit(uart);
    update_interrupt(uart);
}

/* Whoever writes into a full FIFO overwrites its last byte; without FIFOs it has one place. */
static void write_data(struct uart16550 *uart, uint8_t byte)
{
    unsigned size = fifos_enabled(uart) ? UART_FIFO_SIZE : 1;
    uart->transmitter_interrupt = false;
    if (is_loopback(uart)) {
        receive_byte(uart, byte, size);
        uart->transmitter_interrupt = true;
        restart_timeout(uart);
    } else {
        if (uart->transmit_count >= size)
            uart->transmit_count = size - 1;
        uart->transmit[uart->transmit_count++] = byte;
        transmit(uart);
    }
    update_interrupt(uart);
}

/* -- Modem -- */

/* In loopback RTS, DTR, OUT1, OUT2 are CTS, DSR, RI, DCD. */
static uint8_t modem_lines(const struct uart16550 *uart)
{
    uint8_t control = uart->modem_control;
    if (!is_loopback(uart))
        return MSR_CONNECTED;
    return (uint8_t)((control & 0x02) << 3 | (control & 0x01) << 5 | (control & 0x04) << 4 |
                     (control & 0x08) << 4);
}

static void write_modem_control(struct uart16550 *uart, uint8_t value)
{
    uint8_t before = modem_lines(uart);
    bool was_loopback = is_loopback(uart);
    uart->modem_control = value & MCR_WRITABLE;
    uint8_t after = modem_lines(uart), changed = (uint8_t)((before ^ after) >> 4);
    if (after & 0x40)
        changed &= (uint8_t)~MSR_RING_END;
    uart->modem_status |= changed;
    update_interrupt(uart);
    if (was_loopback && !is_loopback(uart))
        platform_console_ready(uart->console);
}

static uint8_t read_modem_status(struct uart16550 *uart)
{
    uint8_t status = modem_lines(uart) | uart->modem_status;
    uart->modem_status = 0;
    update_interrupt(uart);
    return status;
}

/* -- The others -- */

static uint8_t read_line_status(struct uart16550 *uart)
{
    uint8_t status = uart->line_status;
    if (uart->receive_count)
        status |= LSR_DATA_READY;
    if (uart->transmit_count == 0)
        status |= LSR_THR_EMPTY | LSR_IDLE;
    if (uart->line_status) {
        uart->line_status = 0;
        update_interrupt(uart);
    }
    return status;
}

/* Reading it takes the transmitter's interrupt back, if that is what it tells of. */
static uint8_t read_interrupt_identification(struct uart16550 *uart)
{
    uint8_t identification = interrupt_identification(uart);
    if (identification == IIR_TRANSMIT) {
        uart->transmitter_interrupt = false;
        update_interrupt(uart);
    }
    return identification | (fifos_enabled(uart) ? IIR_FIFOS : 0);
}

static void write_interrupt_enable(struct uart16550 *uart, uint8_t value)
{
    uint8_t enabled = value & ~uart->interrupt_enable;
    uart->interrupt_enable = value & IER_WRITABLE;
    if ((enabled & IER_TRANSMIT) && uart->transmit_count == 0)
        uart->transmitter_interrupt = true;
    update_interrupt(uart);
}

static void write_fifo_control(struct uart16550 *uart, uint8_t value)
{
    bool toggled = (value ^ uart->fifo_control) & FCR_ENABLE;
    /* The other bits can be programmed only while bit 0 is written as one. */
    uart->fifo_control = value & FCR_ENABLE ? value & FCR_KEPT : 0;
    if (toggled || (value & FCR_RESET_RECEIVE))
        clear_receiver(uart);
    if ((toggled || (value & FCR_RESET_TRANSMIT)) && uart->transmit_count) {
        uart->transmit_count = 0;
        uart->transmitter_interrupt = true;
    }
    restart_timeout(uart);
    update_interrupt(uart);
}

static uint64_t read_register(void *device, uint64_t offset, unsigned size)
{
    struct uart16550 *uart = device;
    bool divisor = uart->line_control & LCR_DLAB;
    (void)size;
    switch (offset) {
    case UART_DATA:
        return divisor ? uart->divisor & 0xff : read_data(uart);
    case UART_INTERRUPT_ENABLE:
        return divisor ? uart->divisor >> 8 : uart->interrupt_enable;
    case UART_INTERRUPT_ID:
        return read_interrupt_identification(uart);
    case UART_LINE_CONTROL:
        return uart->line_control;
    case UART_MODEM_CONTROL:
        return uart->modem_control;
    case UART_LINE_STATUS:
        return read_line_status(uart);
    case UART_MODEM_STATUS:
        return read_modem_status(uart);
    default:
        return uart->scratch;
    }
}

static void write_register(void *device, uint64_t offset, unsigned size, uint64_t wide)
{
    struct uart16550 *uart = device;
    bool divisor = uart->line_control & LCR_DLAB;
    uint8_t value = (uint8_t)wide;
    (void)size;
    switch (offset) {
    case UART_DATA:
        if (divisor)
            uart->divisor = (uart->divisor & 0xff00) | value;
        else
            write_data(uart, value);
        break;
    case UART_INTERRUPT_ENABLE:
        if (divisor)
            uart->divisor = (uint16_t)((uart->divisor & 0xff) | value << 8);
        else
            write_interrupt_enable(uart, value);
        break;
    case UART_INTERRUPT_ID:
        write_fifo_control(uart, value);
        break;
    case UART_LINE_CONTROL:
        uart->line_control = value;
        break;
    case UART_MODEM_CONTROL:
        write_modem_control(uart, value);
        break;
    case UART_SCRATCH:
        uart->scratch = value;
        break;
    }
}

const struct register_range uart16550_registers = { read_register, write_register, .widest = 1 };

void uart16550_initialize(struct uart16550 *uart)
{
    uart->timer = (struct platform_timer){ .expired = timeout_expired, .context = uart };
    uart->divisor = 12; /* 9600 baud: undefined after a reset, but something must be there */
    platform_console_set_receiver(uart->console, (struct platform_console_receiver){
                                                     .room = receiver_room,
                                                     .receive = receiver_receive,
                                                     .writable = receiver_writable,
                                                     .context = uart,
                                                 });
}

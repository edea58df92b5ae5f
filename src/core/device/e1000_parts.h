// SPDX-License-Identifier: Apache-2.0
/* What the files of the 82540EM tell each other. */
#pragma once

#include "core/device/e1000.h"

static inline uint32_t *e1000_register(struct e1000 *e1000, enum e1000_register offset)
{
    return &e1000->registers[offset / 4];
}

static inline uint32_t e1000_get(const struct e1000 *e1000, enum e1000_register offset)
{
    return e1000->registers[offset / 4];
}

/* -- e1000_registers.c -- */

void e1000_registers_initialize(struct e1000 *e1000);
/* CTRL.RST: everything but the PHY. */
void e1000_registers_reset(struct e1000 *e1000);
uint32_t e1000_read(struct e1000 *e1000, uint32_t offset);
void e1000_write(struct e1000 *e1000, uint32_t offset, uint32_t value);

/* -- e1000_eeprom.c -- */

void e1000_eeprom_initialize(struct e1000_eeprom *eeprom, const uint8_t address[6]);
uint32_t e1000_read_eecd(struct e1000 *e1000, uint32_t offset);
void e1000_written_eecd(struct e1000 *e1000, uint32_t offset, uint32_t before);
void e1000_written_eerd(struct e1000 *e1000, uint32_t offset, uint32_t before);

/* -- e1000_phy.c -- */

void e1000_phy_reset(struct e1000 *e1000);
void e1000_written_mdic(struct e1000 *e1000, uint32_t offset, uint32_t before);

/* -- e1000_interrupt.c -- */

void e1000_interrupt(struct e1000 *e1000, uint32_t causes);
/* Causes or mask have changed. */
void e1000_interrupt_update(struct e1000 *e1000);
void e1000_interrupt_reset(struct e1000 *e1000);
/* The timer's. */
void e1000_throttle_expired(void *context);

/* -- e1000_transmit.c, e1000_offload.c -- */

/* Also when `more` expires. */
void e1000_transmit(void *context);
/* What is in the transmit buffer is a whole packet: finish it as its options say, and send it. */
void e1000_send_packet(struct e1000 *e1000);

/* -- e1000_receive.c, e1000_filter.c -- */

bool e1000_receive_ready(void *context);
void e1000_receive(void *context, const uint8_t *frame, size_t length);
bool e1000_filter(const struct e1000 *e1000, const uint8_t *frame, bool tagged);

/* -- e1000_statistics.c -- */

void e1000_count(struct e1000 *e1000, enum e1000_register counter);
void e1000_count_received(struct e1000 *e1000, const uint8_t *frame, uint32_t length);
void e1000_count_transmitted(struct e1000 *e1000, const uint8_t *frame, uint32_t length);
/* Reading clears. */
uint32_t e1000_read_statistics(struct e1000 *e1000, uint32_t offset);

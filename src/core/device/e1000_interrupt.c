// SPDX-License-Identifier: Apache-2.0
/* ICR, IMS and the throttle: between two rises of the pin lie at least ITR * 256 ns (317453,
 * 13.4.18). */
#include "core/device/e1000_parts.h"

#define ITR_NANOSECONDS 256u

static bool wanted(const struct e1000 *e1000)
{
    return e1000_get(e1000, E1000_ICR) & e1000_get(e1000, E1000_IMS);
}

static void raise(struct e1000 *e1000, uint64_t now)
{
    e1000->quiet_until = now + (uint64_t)e1000_get(e1000, E1000_ITR) * ITR_NANOSECONDS;
    pci_set_interrupt(&e1000->function, true);
}

void e1000_interrupt_update(struct e1000 *e1000)
{
    if (!wanted(e1000)) {
        pci_set_interrupt(&e1000->function, false);
        return;
    }
    if (e1000->function.interrupt_level || e1000->throttle.armed)
        return;
    uint64_t now = platform_clock(e1000->platform);
    if (now < e1000->quiet_until)
        platform_timer_arm(e1000->platform, &e1000->throttle, e1000->quiet_until);
    else
        raise(e1000, now);
}

void e1000_throttle_expired(void *context)
{
    struct e1000 *e1000 = context;
    if (wanted(e1000) && !e1000->function.interrupt_level)
        raise(e1000, platform_clock(e1000->platform));
}

void e1000_interrupt(struct e1000 *e1000, uint32_t causes)
{
    *e1000_register(e1000, E1000_ICR) |= causes;
    e1000_interrupt_update(e1000);
}

void e1000_interrupt_reset(struct e1000 *e1000)
{
    platform_timer_cancel(e1000->platform, &e1000->throttle);
    e1000->quiet_until = 0;
    pci_set_interrupt(&e1000->function, false);
}

// SPDX-License-Identifier: Apache-2.0
/*
 * Accesses that the TLB did not serve. All pages of an access are found before any byte is written
 * and before any exit, so a fault in the second page leaves the first as it was.
 */
#include "core/memory/copy.h"
#include "core/x86/interpreter/memory_page.h"

/* An access in one page: `second` has no bytes. */
struct span {
    unsigned sizes[2];
    struct page pages[2];
};

static bool span_find(struct cpu *cpu, enum access_mode mode, gva_t linear, unsigned size,
                      bool write, struct span *span)
{
    unsigned room = FRAME_SIZE - (linear & FRAME_MASK);
    if (size > room && !linear_is_canonical(cpu, linear + size - 1))
        return raise_non_canonical(cpu, linear);
    span->sizes[0] = size <= room ? size : room;
    span->sizes[1] = size - span->sizes[0];
    if (!page_find(cpu, mode, linear, write, &span->pages[0]))
        return false;
    if (span->sizes[1] == 0)
        return true;
    gva_t next = linear + room;
    if (!cpu->long_mode)
        next = (uint32_t)next; /* linear addresses wrap at 4 GiB */
    return page_find(cpu, mode, next, write, &span->pages[1]);
}

/* One access of the host where the guest's is one: what other vCPUs may rely on. */
static void move_once(void *to, const void *from, unsigned size)
{
    switch (size) {
    case 1:
        *(volatile uint8_t *)to = *(const volatile uint8_t *)from;
        break;
    case 2:
        *(volatile uint16_t *)to = *(const volatile uint16_t *)from;
        break;
    case 4:
        *(volatile uint32_t *)to = *(const volatile uint32_t *)from;
        break;
    case 8:
        *(volatile uint64_t *)to = *(const volatile uint64_t *)from;
        break;
    default:
        copy_bytes(to, from, size);
    }
}

bool memory_read(struct cpu *cpu, enum access_mode mode, gva_t linear, void *bytes, unsigned size)
{
    struct span span;
    if (!span_find(cpu, mode, linear, size, false, &span))
        return false;
    uint8_t *part = bytes;
    for (unsigned i = 0; i < 2 && span.sizes[i]; part += span.sizes[i++]) {
        const struct page *page = &span.pages[i];
        if (page->host)
            move_once(part, page->host, span.sizes[i]);
        else if (!mmio_read(cpu, page->physical, part, span.sizes[i]))
            return false;
    }
    return true;
}

static void page_store(struct cpu *cpu, const struct page *page, const void *bytes, unsigned size)
{
    move_once(page->host, bytes, size);
    if (!page->frame)
        return;
    frame_written(page->frame, code_lines((uintptr_t)page->host & FRAME_MASK, size));
    cpu_code_written(cpu);
}

bool memory_write(struct cpu *cpu, enum access_mode mode, gva_t linear, const void *bytes,
                  unsigned size)
{
    struct span span;
    if (!span_find(cpu, mode, linear, size, true, &span))
        return false;
    const uint8_t *parts[2] = { bytes, (const uint8_t *)bytes + span.sizes[0] };
    for (unsigned i = 0; i < 2; i++) {
        const struct page *page = &span.pages[i];
        if (span.sizes[i] && !page->host && !page->lost &&
            !mmio_write(cpu, page->physical, parts[i], span.sizes[i]))
            return false;
    }
    for (unsigned i = 0; i < 2; i++)
        if (span.sizes[i] && span.pages[i].host)
            page_store(cpu, &span.pages[i], parts[i], span.sizes[i]);
    return true;
}

/* While cpu->tlb is the row that stays empty, each access of the guest comes by here. CPUs look at
 * the address's first byte before its alignment, and at its last byte and the pages after that. */
bool memory_access_allowed(struct cpu *cpu, gva_t linear, unsigned size, bool write)
{
    if (cpu->tlb != cpu->tlbs[ACCESS_CHECKED])
        return true;
    if (!linear_is_canonical(cpu, linear))
        return raise_non_canonical(cpu, linear);
    return debug_check_access(cpu, linear, size, write);
}

bool cpu_read_slow(struct cpu *cpu, gva_t linear, void *bytes, unsigned size)
{
    return memory_access_allowed(cpu, linear, size, false) &&
           memory_read(cpu, cpu->access_mode, linear, bytes, size);
}

bool cpu_write_slow(struct cpu *cpu, gva_t linear, const void *bytes, unsigned size)
{
    return memory_access_allowed(cpu, linear, size, true) &&
           memory_write(cpu, cpu->access_mode, linear, bytes, size);
}

bool cpu_read_system(struct cpu *cpu, gva_t linear, void *bytes, unsigned size)
{
    return memory_read(cpu, system_access_mode(cpu), linear, bytes, size);
}

bool cpu_write_system(struct cpu *cpu, gva_t linear, const void *bytes, unsigned size)
{
    return memory_write(cpu, system_access_mode(cpu), linear, bytes, size);
}

bool cpu_check_write(struct cpu *cpu, gva_t linear, unsigned size)
{
    struct span span;
    return memory_access_allowed(cpu, linear, size, true) &&
           span_find(cpu, cpu->access_mode, linear, size, true, &span);
}

void *cpu_pointer_for_update(struct cpu *cpu, gva_t linear, unsigned size, struct frame **frame)
{
    struct span span;
    *frame = NULL;
    if (!memory_access_allowed(cpu, linear, size, true) ||
        !span_find(cpu, cpu->access_mode, linear, size, true, &span))
        return NULL;
    if (span.sizes[1] || !span.pages[0].host) {
        cpu->exception.vector = EXCEPTION_NONE;
        return NULL;
    }
    *frame = span.pages[0].frame;
    return span.pages[0].host;
}

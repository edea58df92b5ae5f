// SPDX-License-Identifier: Apache-2.0
/* What machine `micro` has beyond the chipset: virtio devices. */
#include "core/machine/machine_state.h"
#include "core/virtio/virtio_9p.h"
#include "core/virtio/virtio_balloon.h"
#include "core/virtio/virtio_block.h"
#include "core/virtio/virtio_console.h"
#include "core/virtio/virtio_entropy.h"
#include "core/virtio/virtio_net.h"
#include "core/virtio/virtio_vsock.h"

static int plug(struct machine *machine, struct virtio_device *device)
{
    return device ? machine_plug(machine, &device->function) : -1;
}

static int make_consoles(struct machine *machine, const struct virtio_wiring *wiring)
{
    struct virtio_console_port_request ports[MACHINE_CONSOLES];
    const struct machine_request *request = &machine->request;
    if (request->console_count == 0)
        return 0;
    for (unsigned i = 0; i < request->console_count; i++)
        ports[i] = (struct virtio_console_port_request){ request->consoles[i].name,
                                                         request->consoles[i].console };
    return plug(machine, virtio_console_create(wiring, ports, request->console_count));
}

int machine_make_micro(struct machine *machine, const char **why)
{
    const struct machine_request *request = &machine->request;
    const struct virtio_wiring wiring = { machine->platform, request->memory };
    int status = make_consoles(machine, &wiring);
    for (unsigned i = 0; i < request->disk_count; i++)
        status |= plug(machine, virtio_block_create(&wiring, request->disks[i]));
    for (unsigned i = 0; i < request->net_count; i++)
        status |= plug(machine, virtio_net_create(&wiring, request->nets[i]));
    for (unsigned i = 0; i < request->share_count; i++)
        status |= plug(machine, virtio_9p_create(&wiring, request->shares[i]));
    if (request->vsock)
        status |= plug(machine, virtio_vsock_create(&wiring, request->vsock, request->guest_cid));
    status |= plug(machine, virtio_entropy_create(&wiring));
    machine->balloon = virtio_balloon_create(&wiring);
    status |= plug(machine, machine->balloon);
    *why = "there is no memory left for the devices";
    return status ? -1 : 0;
}

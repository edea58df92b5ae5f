// SPDX-License-Identifier: Apache-2.0
/*
 * Directories of the host in the guest. Where machine and kernel have 9p the guest works on the
 * directory itself; else it gets a disk with a copy, and what it writes there is gone with it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/string.h"
#include "vm/guest_files.h"
#include "vm/monitor_state.h"

enum { TAG_SIZE = 16 };

static void volume_tag(char tag[TAG_SIZE], unsigned number)
{
    snprintf(tag, TAG_SIZE, "volume%u", number);
}

static bool is_read_only(const struct spec_mount *mount)
{
    return mount->attributes_set & MOUNT_ATTR_RDONLY || mount->recursive_set & MOUNT_ATTR_RDONLY;
}

static void share_ready(void *context, uint32_t events)
{
    struct monitor_share *share = context;
    (void)events;
    share_complete(share->share);
}

static int open_share(struct monitor *monitor, const struct spec_mount *mount, const char *tag,
                      struct error *error)
{
    struct vm_devices *devices = &monitor->devices;
    if (devices->share_count == MACHINE_SHARES)
        return error_set(error, 0, "there may be %d volumes", MACHINE_SHARES);
    struct monitor_share *share = &monitor->shares[devices->share_count];
    const struct share_request_details request = { mount->source, tag, is_read_only(mount) };
    share->share = share_open(&request, error);
    if (!share->share)
        return -1;
    share->source = (struct event_source){ .fd = share_event_fd(share->share),
                                           .events = EPOLLIN,
                                           .ready = share_ready,
                                           .context = share };
    devices->shares[devices->share_count++] = share->share;
    return event_loop_add(&monitor->vm.platform.loop, &share->source, error);
}

/* The file has no name any more once it is open. */
static int open_packed(struct monitor *monitor, const struct spec_mount *mount, const char *tag,
                       struct error *error)
{
    AUTO_FREE char *path =
        string_format("%s/.%s-%d", monitor->request.overlay_directory, tag, getpid());
    if (pack_directory(mount->source, tag, path, error) < 0)
        return -1;
    int result = monitor_add_disk(monitor, path, tag, false, error);
    unlink(path);
    return result;
}

static int check_source(const struct spec_mount *mount, struct error *error)
{
    struct stat status;
    if (!mount->source || stat(mount->source, &status) < 0)
        return error_set(error, errno, "open");
    if (!S_ISDIR(status.st_mode))
        return error_set(error, 0, "a virtual machine can have directories only");
    return 0;
}

/* The directories among the mounts, each with the tag by which opening and mounting know it. */
struct volume {
    const struct spec_mount *mount;
    char tag[TAG_SIZE];
    size_t next;     /* mount to look at */
    unsigned number; /* of the volumes so far */
};

static bool volume_next(const struct spec *spec, struct volume *volume)
{
    while (volume->next < spec->mount_count) {
        volume->mount = &spec->mounts[volume->next++];
        if (!volume->mount->bind)
            continue;
        volume_tag(volume->tag, volume->number++);
        return true;
    }
    return false;
}

int monitor_open_volumes(struct monitor *monitor, struct error *error)
{
    const struct spec *spec = monitor->request.spec;
    struct volume volume = { 0 };
    while (volume_next(spec, &volume)) {
        if (check_source(volume.mount, error) < 0 ||
            (monitor->request.settings->volumes_by_9p
                 ? open_share(monitor, volume.mount, volume.tag, error)
                 : open_packed(monitor, volume.mount, volume.tag, error)) < 0)
            return error_wrap(error, "volume %s at %s",
                              volume.mount->source ? volume.mount->source : "",
                              volume.mount->destination);
    }
    return 0;
}

void monitor_mount_volumes(struct monitor *monitor)
{
    const struct spec *spec = monitor->request.spec;
    bool by_9p = monitor->request.settings->volumes_by_9p;
    struct volume volume = { 0 };
    while (volume_next(spec, &volume)) {
        AUTO_FREE char *label = string_format("LABEL=%s", volume.tag);
        struct guest_channel_mount request = {
            .source = by_9p ? volume.tag : label,
            .target = volume.mount->destination,
            .type = by_9p ? "9p" : "ext4",
            .options = by_9p ? "trans=virtio,version=9p2000.L,msize=131072" : "",
            .mount_flags = MS_NOSUID | MS_NODEV | (is_read_only(volume.mount) ? MS_RDONLY : 0),
        };
        guest_channel_mount(session_channel(monitor->session), &request);
    }
}

void monitor_close_volumes(struct monitor *monitor)
{
    for (unsigned i = 0; i < monitor->devices.share_count; i++) {
        event_loop_remove(&monitor->vm.platform.loop, &monitor->shares[i].source);
        share_close(monitor->shares[i].share);
    }
}

// SPDX-License-Identifier: Apache-2.0
#include "container/network.h"

#include <errno.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

int network_loopback_up(struct error *error)
{
    AUTO_CLOSE int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct ifreq request = { .ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING };
    /* Any socket leads to its network namespace's interfaces, so none of AF_INET is wanted. */
    if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &request) < 0)
        return error_set(error, errno, "set the loopback interface up");
    return 0;
}

// SPDX-License-Identifier: Apache-2.0
#include "vm/terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <termios.h>

#include "base/socket.h"
#include "container/execute.h"
#include "container/terminal.h"

static int set_up(int master, int slave, const struct spec_process *process, struct error *error)
{
    struct termios settings;
    if (tcgetattr(slave, &settings) < 0)
        return error_set(error, errno, "process.terminal: read its settings");
    cfmakeraw(&settings);
    if (tcsetattr(slave, TCSANOW, &settings) < 0)
        return error_set(error, errno, "process.terminal: make it raw");
    return terminal_set_size(master, process, error);
}

int terminal_become_controlled(const struct spec_process *process, int console_socket_fd,
                               struct error *error)
{
    static const char name[] = "/dev/ptmx";
    AUTO_CLOSE int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (master < 0 || unlockpt(master) < 0)
        return error_set(error, errno, "process.terminal: open %s", name);
    AUTO_CLOSE int slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (slave < 0)
        return error_set(error, errno, "process.terminal: open its slave end");
    if (set_up(master, slave, process, error) < 0 || execute_session(slave, error) < 0)
        return -1;
    if (socket_send_fds(console_socket_fd, name, sizeof(name) - 1, &master, 1, error) < 0)
        return error_wrap(error, "process.terminal: console socket");
    return 0;
}

void terminal_size(uint16_t *rows, uint16_t *columns)
{
    struct winsize size = { 0 };
    ioctl(STDIN_FILENO, TIOCGWINSZ, &size);
    *rows = size.ws_row;
    *columns = size.ws_col;
}

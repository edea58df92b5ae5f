# SPDX-License-Identifier: Apache-2.0
"""An ordinary user with subordinate ids, who exists in a mount namespace alone: files of our own
lie over /etc/passwd and its like there, and nothing of the machine is changed."""

import os

USER, ID, SUBORDINATE = "ovtperson", 54321, 1000000

# $1: the directory of lay_out(); the rest: the command to run as the user.
ENTER = """
set -e
for name in passwd group subuid subgid; do
    touch /etc/$name
    cat /etc/$name "$1/$name" >"$1/$name.whole"
    mount --bind "$1/$name.whole" /etc/$name
done
exec setpriv --reuid %d --regid %d --clear-groups "${@:2}"
""" % (ID, ID)


def lay_out(directory):
    """The files for ENTER, and the user's home with a runtime folder; returns the home."""
    for name, line in (("passwd", "%s:x:%d:%d::%s/home:/bin/sh" % (USER, ID, ID, directory)),
                       ("group", "%s:x:%d:" % (USER, ID)),
                       ("subuid", "%s:%d:65536" % (USER, SUBORDINATE)),
                       ("subgid", "%s:%d:65536" % (USER, SUBORDINATE))):
        with open(os.path.join(directory, name), "w", encoding="ascii") as file:
            file.write(line + "\n")
    home = os.path.join(directory, "home")
    os.makedirs(home + "/run")
    os.chmod(home + "/run", 0o700)
    return home

"""A process tree of its own: everything started inside is killed by the kernel when it ends, however it ends.

enter() puts the rest of the program into a new process-id and mount namespace and, if asked, a new network with nothing
but a loopback. Where the kernel does not allow that (some containers), it says so and changes nothing.
"""

import ctypes
import fcntl
import os
import signal
import socket
import struct
import sys

CLONE_NEWNS, CLONE_NEWPID, CLONE_NEWNET = 0x00020000, 0x20000000, 0x40000000
MS_REC, MS_PRIVATE, MS_NOSUID, MS_NODEV, MS_NOEXEC = 0x4000, 0x40000, 2, 4, 8
PR_SET_PDEATHSIG = 1
SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 1

libc = ctypes.CDLL(None, use_errno=True)


def check(result, what):
    if result != 0:
        raise OSError(ctypes.get_errno(), what)


def loopback_up():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        request = struct.pack("16sH22x", b"lo", 0)
        flags = struct.unpack("16sH22x", fcntl.ioctl(s, SIOCGIFFLAGS, request))[1]
        fcntl.ioctl(s, SIOCSIFFLAGS, struct.pack("16sH22x", b"lo", flags | IFF_UP))


def exit_code(status):
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


def wait_for(pid):
    """Passes signals on to the child and ends as it ends; as process 1 it also buries orphans."""
    def forward(number, _frame):
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            pass
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, forward)
    signal.signal(signal.SIGINT, signal.SIG_IGN)    # the terminal sends it to the child as well
    while True:
        try:
            done, status = os.waitpid(-1, 0)
        except InterruptedError:
            continue
        if done == pid:
            sys.stdout.flush()
            os._exit(exit_code(status))


def fork_and_stay_child():
    pid = os.fork()
    if pid != 0:
        wait_for(pid)
    check(libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0), "prctl")


def enter(network):
    """True when inside. Call it before threads and before anything is printed that must not be printed twice."""
    sys.stdout.flush()
    sys.stderr.flush()
    flags = CLONE_NEWNS | CLONE_NEWPID | (CLONE_NEWNET if network else 0)
    if libc.unshare(flags) != 0:
        print("note: no namespaces of our own here; running on this machine's loopback", file=sys.stderr)
        return False
    fork_and_stay_child()                           # process 1 of the new tree
    # What we mount stays ours. In a chroot / is no mount point, but /proc is.
    if libc.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None) != 0:
        check(libc.mount(b"none", b"/proc", None, MS_PRIVATE, None), "mount private")
    check(libc.mount(b"proc", b"/proc", b"proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, None), "mount /proc")
    if network:
        loopback_up()
    fork_and_stay_child()                           # the program itself
    return True

"""Runs as a script between a worker and a program that nobody trusts: `launcher.py PLAN`.

It takes only the standard library, starts with `python -I -S`, and is the one file that calls the
C library by hand (Python 3.11 has no `os.unshare`). What it does is in docs/sandbox.md; in short:

    this process  ─ new user, mount, pid, network, IPC and host-name namespaces, a root of its own
      └ keeper    ─ number 1 in there; when it ends, the kernel kills whatever is left
          └ program ─ another user, no capabilities, limits, system calls filtered

Each dies with its parent. Where PLAN has a `bubblewrap` command, that program makes the namespaces:
this process only waits for it, and runs once more inside, to take on the limits.

PLAN is JSON: see `training.sandbox.plan`. On the pipe `report` goes "+" when the program is about
to start, or a sentence saying why it cannot. Exit status: the program's, 128 + n for signal n.
"""

import ctypes
import json
import os
import resource
import select
import signal
import sys
from contextlib import suppress
from pathlib import Path

NOBODY = 65534

_libc = ctypes.CDLL(None, use_errno=True)
_libc.prctl.argtypes = [ctypes.c_int] + [ctypes.c_ulong] * 4
_libc.mount.argtypes = [ctypes.c_char_p] * 3 + [ctypes.c_ulong, ctypes.c_char_p]
_libc.syscall.argtypes = [ctypes.c_long] * 2 + [ctypes.c_char_p] + [ctypes.c_ulong] * 3
_libc.syscall.restype = ctypes.c_long

_CLONE_NEWUSER = 0x10000000
_CLONE_NEWNS, _CLONE_NEWUTS, _CLONE_NEWIPC = 0x00020000, 0x04000000, 0x08000000
_CLONE_NEWPID, _CLONE_NEWNET = 0x20000000, 0x40000000
_MS_NOSUID, _MS_NODEV, _MS_BIND, _MS_REC, _MS_PRIVATE = 2, 4, 4096, 16384, 1 << 18
_MNT_DETACH = 2
_MOUNT_SETATTR, _AT_FDCWD, _AT_RECURSIVE = 442, -100, 0x8000
_ATTR_RDONLY, _ATTR_NOSUID, _ATTR_NODEV = 1, 2, 4
_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_SECCOMP = 1, 4, 22
_PR_SET_CHILD_SUBREAPER, _PR_SET_NO_NEW_PRIVS = 36, 38
_SECCOMP_MODE_FILTER = 2

_STAGE = "/proc"
"""Where the new root is put together: a directory every machine has, with nothing to bind in it."""


def main(plan: dict) -> int:
    os.set_inheritable(plan["report"], False)
    try:
        if plan["inside"]:
            become_program(plan)
        die_with_parent()
        if os.getppid() != plan["parent"]:
            return 1
        if plan["bubblewrap"]:
            return keep_bubblewrap(plan)
        program = os.pread(plan["program"], plan["disk"], 0)
        enter_namespaces()
        build_root(plan, program)
        return keep(plan)
    except OSError as error:
        return fail(plan, error)


def fail(plan: dict, error: OSError) -> int:
    os.write(plan["report"], f"{error.strerror} ({error.filename})".encode())
    return 1


def checked(result: int, what: str) -> None:
    if result == -1:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), what)


def die_with_parent() -> None:
    checked(_libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0), "prctl: parent's death")


# Namespaces


def enter_namespaces() -> None:
    """New namespaces, in which this process has every capability and outside of which it has none.

    Started by root, it stays root while it builds, so that it can read what only root can; the
    program becomes nobody, outside as well as inside. Started by a user, both are that user
    outside, called nobody inside.
    """
    uid, gid = os.geteuid(), os.getegid()
    maps = ["0 0 1\n65534 65534 1"] * 2 if uid == 0 else [f"{NOBODY} {uid} 1", f"{NOBODY} {gid} 1"]
    go_read, go_write = os.pipe()
    writer = os.fork()
    if writer == 0:
        os.close(go_write)
        os.read(go_read, 1)  # until the namespace is there
        os._exit(write_maps(os.getppid(), *maps, keep_groups=uid == 0))
    os.close(go_read)
    checked(_libc.unshare(_CLONE_NEWUSER), "a new user namespace")
    os.close(go_write)
    error = os.waitstatus_to_exitcode(os.waitpid(writer, 0)[1])
    if error:
        raise OSError(abs(error), os.strerror(abs(error)), "mapping users into the namespace")
    rest = _CLONE_NEWNS | _CLONE_NEWUTS | _CLONE_NEWIPC | _CLONE_NEWPID | _CLONE_NEWNET
    checked(_libc.unshare(rest), "new namespaces")
    die_with_parent()  # forgotten when credentials change


def write_maps(pid: int, uid_map: str, gid_map: str, *, keep_groups: bool) -> int:
    """From outside the namespace, as only there root is root; returns an errno or 0."""
    directory = Path(f"/proc/{pid}")
    try:
        (directory / "uid_map").write_text(uid_map)
        if not keep_groups:
            (directory / "setgroups").write_text("deny")
        (directory / "gid_map").write_text(gid_map)
    except OSError as error:
        return error.errno or 1
    return 0


# Files


def build_root(plan: dict, program: bytes) -> None:
    """A root with nothing but Python and its libraries, read-only, and a /tmp of limited size."""
    mount(None, "/", None, _MS_REC | _MS_PRIVATE)
    mount("tmpfs", _STAGE, "tmpfs", _MS_NOSUID | _MS_NODEV, "mode=0755,size=1m")
    for path in plan["read_only"]:
        bind(path)
        set_attributes(_STAGE + path, _ATTR_RDONLY | _ATTR_NOSUID | _ATTR_NODEV)
    for path in plan["devices"]:
        bind(path)
    for path, target in plan["links"].items():
        Path(_STAGE + path).parent.mkdir(parents=True, exist_ok=True)
        Path(_STAGE + path).symlink_to(target)
    place = Path(_STAGE + plan["program_path"])
    place.parent.mkdir()
    options = f"mode=1777,size={plan['disk']},nr_inodes={plan['inodes']}"
    mount("tmpfs", str(place.parent), "tmpfs", _MS_NOSUID | _MS_NODEV, options)
    place.write_bytes(program)
    set_attributes(_STAGE, _ATTR_RDONLY, recursive=False)
    os.chdir(_STAGE)
    # The old root ends up under the new one (pivot_root(2), "pivot_root(".", ".")"), and goes.
    checked(_libc.pivot_root(b".", b"."), "pivot_root")
    checked(_libc.umount2(b".", _MNT_DETACH), "leaving the old root")
    os.chdir("/")


def mount(source: str | None, target: str, kind: str | None, flags: int, data: str = "") -> None:
    encoded = [None if word is None else word.encode() for word in (source, target, kind)]
    checked(_libc.mount(*encoded, flags, data.encode() or None), f"mounting {target}")


def bind(path: str) -> None:
    place = Path(_STAGE + path)
    place.parent.mkdir(parents=True, exist_ok=True)
    if Path(path).is_dir():
        place.mkdir(exist_ok=True)
    else:
        place.touch()
    mount(path, str(place), None, _MS_BIND | _MS_REC)


def set_attributes(path: str, attributes: int, *, recursive: bool = True) -> None:
    """mount_setattr(2), Linux 5.12: the mount, and unless told otherwise all mounts below it."""
    fields = (ctypes.c_uint64 * 4)(attributes, 0, 0, 0)
    flags = _AT_RECURSIVE if recursive else 0
    words = (path.encode(), flags, ctypes.addressof(fields), ctypes.sizeof(fields))
    checked(_libc.syscall(_MOUNT_SETATTR, _AT_FDCWD, *words), f"protecting {path}")


# Processes


def keep(plan: dict) -> int:
    """Fork the keeper and wait for it: once it is gone, so is everything inside."""
    alive_read, alive_write = os.pipe()
    keeper = os.fork()
    if keeper:
        return wait_for(keeper, may_be_ended=True)
    die_with_parent()
    os.close(alive_write)
    if select.select([alive_read], [], [], 0)[0]:  # the parent had died before we asked to be told
        os._exit(1)
    checked(_libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0), "prctl: no tracing")
    program = os.fork()
    if program == 0:
        try:
            become_program(plan)
        except OSError as error:
            os._exit(fail(plan, error))
    return wait_for(program)


def keep_bubblewrap(plan: dict) -> int:
    """Run bubblewrap and wait for it and for what it leaves behind, which ends up as our child."""
    checked(_libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), "prctl: orphans")
    bubblewrap = os.fork()
    if bubblewrap == 0:
        inside = [plan["command"][0], "-I", "-S", "/launcher.py"]
        os.set_inheritable(plan["report"], True)
        command = [*plan["bubblewrap"], *inside, json.dumps({**plan, "inside": True})]
        os.execve(command[0], command, {})  # noqa: S606 - no shell is meant
    code = wait_for(bubblewrap, may_be_ended=True)
    with suppress(ChildProcessError):
        while True:
            os.wait()
    return code


def wait_for(child: int, *, may_be_ended: bool = False) -> int:
    """Its exit status, 128 + n for signal n; orphans that end meanwhile are buried too.

    It may be ended by SIGTERM: then it is killed and waited for. Number 1 of a process namespace is
    gone only when everything inside is.
    """
    if may_be_ended:
        signal.signal(signal.SIGTERM, lambda *_: os.kill(child, signal.SIGKILL))
    while True:
        pid, status = os.wait()
        if pid == child:
            code = os.waitstatus_to_exitcode(status)
            return code if code >= 0 else 128 - code


def become_program(plan: dict) -> None:
    """Give up everything, take on the limits, and execute the program."""
    if os.geteuid() == 0:
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)
    os.chdir(Path(plan["program_path"]).parent)
    os.umask(0o022)
    checked(_libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "prctl: no new privileges")
    set_filter(bytes.fromhex(plan["filter"]))
    for name, (soft, hard) in plan["limits"].items():
        resource.setrlimit(getattr(resource, name), (soft, hard))
    os.write(plan["report"], b"+")
    os.execve(plan["command"][0], plan["command"], plan["environment"])  # noqa: S606 - no shell is meant


def set_filter(code: bytes) -> None:
    class SockFprog(ctypes.Structure):
        _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_char_p)]

    program = SockFprog(len(code) // 8, code)
    address = ctypes.addressof(program)
    result = _libc.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, address, 0, 0)
    checked(result, "prctl: system call filter")


if __name__ == "__main__":
    os._exit(main(json.loads(sys.argv[1])))

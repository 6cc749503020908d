"""A unit's command under the unit's own restrictions, without systemd: bubblewrap, and the same system call filter.

What is set: an own user, no privileges, everything read-only but what the unit may write, /tmp, /home and /dev of its
own, own processes, no network but loopback, the filter of SystemCallFilter, MemoryDenyWriteExecute,
RestrictAddressFamilies and RestrictNamespaces (libseccomp makes it). A call that systemd would answer with EPERM ends
the process here, so that one that nobody checks is seen as well. Not set: cgroups, ProtectKernel..., ProtectProc.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import functools
import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
USER = 65533
FAMILIES = {"AF_UNIX": 1, "AF_INET": 2, "AF_INET6": 10}  # bits/socket.h
NAMESPACES = 0x7E020080  # every CLONE_NEW... of sched.h
PROT_WRITE, PROT_EXEC, SHM_EXEC = 2, 4, 0o100000
ALLOW, KILL, ENOSYS = 0x7FFF0000, 0x80000000, 0x00050026  # seccomp(2), actions
MASKED_EQUAL = 7  # seccomp_rule_add(3)


class Unit:
    """Keys and values of a service."""

    def __init__(self, text: str) -> None:
        lines = [line.partition("=") for line in text.splitlines() if line[:1].isalpha()]
        self._values = [(key, value) for key, _, value in lines]

    def all(self, key: str) -> list[str]:
        return [value for name, value in self._values if name == key]

    def one(self, key: str) -> str:
        (value,) = self.all(key)
        return value

    def start(self, instance: str = "") -> list[str]:
        return shlex.split(self.one("ExecStart").replace("%i", instance))


def needs_sandbox() -> None:
    """Skips where there is none, with a word on what is missing."""
    for tool in ("bwrap", "systemd-analyze"):
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed")
    if ctypes.util.find_library("seccomp") is None:
        pytest.skip("libseccomp is not installed")
    try_out = ["bwrap", "--ro-bind", "/", "/", "--proc", "/proc", "--dev", "/dev", "--unshare-all", "--uid", str(USER)]
    done = subprocess.run([*try_out, "true"], capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"bubblewrap may not make a sandbox here: {done.stderr.strip()}")


def sandboxed(
    unit: Unit,
    *,
    command: Sequence[str],
    state: Path,
    readable: Sequence[Path] = (),
    credentials: Path | None = None,
    environ: Mapping[str, str] | None = None,
    loopback: bool = False,
) -> subprocess.Popen[str]:
    """The process of `command`; what it prints is its stdout.

    `state` stands for the StateDirectory, `credentials` for the folder that %d names; `readable` is seen although it
    lies below /tmp or a home. With `loopback` the network is this host's, so that a test can call what is served.
    """
    assert unit.one("NoNewPrivileges") == unit.one("PrivateTmp") == unit.one("PrivateDevices") == "yes"
    assert unit.one("ProtectSystem") == "strict"
    bwrap = ["bwrap", "--unshare-all", "--die-with-parent", "--new-session", "--cap-drop", "ALL"]
    bwrap += ["--uid", str(USER), "--gid", str(USER), "--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc"]
    bwrap += ["--share-net"] if loopback else []
    for folder in ("/tmp", "/var/tmp", "/home", "/root", "/run/user"):  # noqa: S108 -- PrivateTmp, ProtectHome
        if Path(folder).is_dir():
            bwrap += ["--tmpfs", folder]
    for path in (ROOT, Path(sys.prefix), Path(sys.base_prefix), *readable):  # samzip itself may be in any of them
        bwrap += ["--ro-bind", str(path), str(path)]
    bwrap += ["--bind", str(state), str(state)]
    for line in unit.all("ReadWritePaths"):
        path = line.removeprefix("-")
        bwrap += ["--bind-try" if line.startswith("-") else "--bind", path, path]
    variables = {"PATH": f"{sysconfig.get_path('scripts')}:/usr/bin:/bin", "STATE_DIRECTORY": str(state)}
    if credentials:
        bwrap += ["--ro-bind", str(credentials), str(credentials)]
        for line in unit.all("Environment"):
            for word in line.replace("%d", str(credentials)).split():
                name, _, value = word.partition("=")
                variables[name] = value
    with tempfile.TemporaryFile() as program:
        program.write(_filter(unit))
        program.seek(0)
        bwrap += ["--seccomp", str(program.fileno()), "--chdir", "/"]
        return subprocess.Popen(
            [*bwrap, *command],
            env={**variables, **(environ or {})},
            pass_fds=[program.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )


def _filter(unit: Unit) -> bytes:
    """The BPF program that systemd would load for this unit."""
    permitted = set(_system_calls("@default"))
    for line in unit.all("SystemCallFilter"):
        named = {call for name in line.lstrip("~").split() for call in _system_calls(name)}
        permitted = permitted - named if line.startswith("~") else permitted | named
    library = ctypes.CDLL(ctypes.util.find_library("seccomp"), use_errno=True)
    library.seccomp_init.restype = ctypes.c_void_p
    library.seccomp_init.argtypes = [ctypes.c_uint32]
    library.seccomp_rule_add_array.argtypes = [
        ctypes.c_void_p, ctypes.c_uint32, ctypes.c_int, ctypes.c_uint, ctypes.c_void_p
    ]  # fmt: skip
    library.seccomp_export_bpf.argtypes = [ctypes.c_void_p, ctypes.c_int]
    library.seccomp_release.argtypes = [ctypes.c_void_p]
    context = library.seccomp_init(KILL)
    refused = _refused_arguments(unit)
    for call in sorted(permitted):
        number = library.seccomp_syscall_resolve_name(call.encode())
        if number == -1:  # libseccomp is older than systemd's list
            continue
        rules = refused.get(call, [(ALLOW, ())])
        for action, comparisons in rules:
            array = (_Comparison * len(comparisons))(*(_Comparison(*it) for it in comparisons))
            code = library.seccomp_rule_add_array(context, action, number, len(comparisons), array)
            assert code == 0, f"{call}: {os.strerror(-code)}"
    with tempfile.TemporaryFile() as file:
        assert library.seccomp_export_bpf(context, file.fileno()) == 0
        library.seccomp_release(context)
        file.seek(0)
        return file.read()


Rule = tuple[int, tuple[tuple[int, int, int, int], ...]]  # action; argument, operator, value or mask, value


def _refused_arguments(unit: Unit) -> dict[str, list[Rule]]:
    """Calls that are permitted, but not with every argument: what is permitted of them."""
    found: dict[str, list[Rule]] = {}
    if unit.one("MemoryDenyWriteExecute") == "yes":  # systemd.exec(5): no mapping that is writable and executable
        both = PROT_WRITE | PROT_EXEC
        found["mmap"] = [(ALLOW, ((2, MASKED_EQUAL, both, value),)) for value in (0, PROT_WRITE, PROT_EXEC)]
        for call in ("mprotect", "pkey_mprotect"):
            found[call] = [(ALLOW, ((2, MASKED_EQUAL, PROT_EXEC, 0),))]
        found["shmat"] = [(ALLOW, ((2, MASKED_EQUAL, SHM_EXEC, 0),))]
    families = [FAMILIES[name] for name in unit.one("RestrictAddressFamilies").split()]
    found["socket"] = [(ALLOW, ((0, MASKED_EQUAL, 0xFFFFFFFF, family),)) for family in families]
    if unit.one("RestrictNamespaces") == "yes":
        found["clone"] = found["unshare"] = [(ALLOW, ((0, MASKED_EQUAL, NAMESPACES, 0),))]
        found["clone3"] = [(ENOSYS, ())]  # ENOSYS, as systemd answers: its flags are out of a filter's sight
    return found


class _Comparison(ctypes.Structure):
    """struct scmp_arg_cmp"""

    _fields_ = (("arg", ctypes.c_uint), ("op", ctypes.c_int), ("a", ctypes.c_uint64), ("b", ctypes.c_uint64))


@functools.cache
def _system_calls(name: str) -> tuple[str, ...]:
    """The calls of one of systemd's sets, those of the sets in it included."""
    if not name.startswith("@"):
        return (name,)
    listed = subprocess.run(["systemd-analyze", "syscall-filter", name], capture_output=True, text=True, check=True)
    members = [line.strip() for line in listed.stdout.splitlines()[1:]]
    return tuple(call for it in members if it and not it.startswith("#") for call in _system_calls(it))

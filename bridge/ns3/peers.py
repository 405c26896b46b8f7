# SPDX-License-Identifier: MIT
"""Who is at the other end of a connection from this host: its user and its process.

A TCP connection carries no credentials, but the kernel's tables name the user and the inode of
every socket of the host, and a process's open files name that inode.
"""

from __future__ import annotations

import contextlib
import errno
import ipaddress
import os
import socket
import struct
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

_TABLES = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))

# Of linux/netlink.h, linux/sock_diag.h and linux/inet_diag.h.
_NETLINK_SOCK_DIAG, _BY_FAMILY, _REQUEST, _ERROR = 4, 20, 1, 2
_HEADER = struct.Struct("=IHHII")
_ANY = 0xFFFFFFFF
_OWNER_OFFSET = 64  # of idiag_uid and idiag_inode in struct inet_diag_msg


class Owner(NamedTuple):
    """Who has a socket.

    Attributes
    ----------
    user
        Id of the user who opened it.
    inode
        Its number, the same in every process that has it open.
    """

    user: int
    inode: int


def far_owner(connection: socket.socket) -> Owner | None:
    """Owner of the other end of a TCP connection.

    Returns
    -------
    Owner or None
        None if the other end is on another host, or has been closed by all its processes.

    Raises
    ------
    OSError
        If there is no connection any more.
    """
    return _find(connection.getpeername(), connection.getsockname())


def can_identify(listener: socket.socket) -> bool:
    """Whether this system's tables show a listening socket of this process at all."""
    address, port, *_ = listener.getsockname()
    nobody = "0.0.0.0" if listener.family == socket.AF_INET else "::"
    listening = _find((address, port), (nobody, 0))
    return listening is not None and _has_open(os.getpid(), listening.inode)


def holder(owner: Owner, candidates: Iterator[int]) -> int | None:
    """First of some processes that has a socket open, as far as this user may see that."""
    return next((pid for pid in candidates if _has_open(pid, owner.inode)), None)


def family(ancestor: int) -> Iterator[int]:
    """Yield a process and its descendants."""
    left = [ancestor]
    while left:
        pid = left.pop()
        yield pid
        try:
            tasks = list(Path(f"/proc/{pid}/task").iterdir())
        except OSError:
            continue  # it has ended since
        for task in tasks:
            with contextlib.suppress(OSError):
                left += map(int, (task / "children").read_text().split())


def processes() -> Iterator[int]:
    """Yield all processes of this host that this one may see, those that came last first."""
    names = (path.name for path in Path("/proc").iterdir())
    yield from sorted((int(name) for name in names if name.isdecimal()), reverse=True)


def variables(pid: int) -> set[str]:
    """Names of the environment variables that a process was started with, if one may see them."""
    try:
        text = Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return set()
    entries = filter(None, text.split(b"\0"))
    return {entry.partition(b"=")[0].decode(errors="replace") for entry in entries}


def describe(pid: int | None) -> str:
    """Name a process for a message."""
    if pid is None:
        return "a process that cannot be looked at"
    try:
        return f"process {pid} ({Path(f'/proc/{pid}/comm').read_text().strip()})"
    except OSError:
        return f"process {pid}"


def _has_open(pid: int, inode: int) -> bool:
    target = f"socket:[{inode}]"
    try:
        return any(_link(each) == target for each in Path(f"/proc/{pid}/fd").iterdir())
    except OSError:
        return False


def _link(path: Path) -> str:
    try:
        return str(path.readlink())
    except OSError:
        return ""


def _find(local: tuple[str, int], remote: tuple[str, int]) -> Owner | None:
    try:
        return _ask_kernel(local, remote)
    except OSError:
        # Not every system has that interface.
        return _search_tables(local, remote)


def _ask_kernel(local: tuple[str, int], remote: tuple[str, int]) -> Owner | None:
    """Look one socket up, however many there are (sock_diag(7))."""
    ends = [ipaddress.ip_address(end[0].partition("%")[0]) for end in (local, remote)]
    # IPv4 is IPv4 even where it looks like IPv6.
    ends = [getattr(end, "ipv4_mapped", None) or end for end in ends]
    family = socket.AF_INET if ends[0].version == 4 else socket.AF_INET6
    addresses = b"".join(end.packed.ljust(16, b"\0") for end in ends)
    request = struct.pack("=BBBBI", family, socket.IPPROTO_TCP, 0, 0, _ANY)
    request += struct.pack("!HH", local[1], remote[1]) + addresses
    request += struct.pack("=III", 0, _ANY, _ANY)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_SOCK_DIAG) as kernel:
        kernel.settimeout(1)
        kernel.send(_HEADER.pack(_HEADER.size + len(request), _BY_FAMILY, _REQUEST, 1, 0) + request)
        answer = kernel.recv(8192)
    kind = _HEADER.unpack_from(answer)[1]
    if kind == _ERROR:
        number = -struct.unpack_from("=i", answer, _HEADER.size)[0]
        if number == errno.ENOENT:
            return None
        raise OSError(number, os.strerror(number))
    user, inode = struct.unpack_from("=II", answer, _HEADER.size + _OWNER_OFFSET)
    return Owner(user, inode) if inode else None


def _search_tables(local: tuple[str, int], remote: tuple[str, int]) -> Owner | None:
    here, there = _spellings(local), _spellings(remote)
    for table in _TABLES:
        try:
            rows = table.read_text().splitlines()[1:]
        except OSError:
            continue
        for row in rows:
            fields = row.split()
            if fields[1] in here and fields[2] in there:
                # A socket that all its processes have closed has no inode.
                return Owner(int(fields[7]), int(fields[9])) if fields[9] != "0" else None
    return None


def _spellings(end: tuple[str, int]) -> set[str]:
    """How the tables may write an address and port: IPv4 also the way it looks from IPv6."""
    address = ipaddress.ip_address(end[0].partition("%")[0])
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else address
    forms = {address.packed}
    if mapped is not None:
        forms |= {mapped.packed, ipaddress.IPv6Address(f"::ffff:{mapped}").packed}
    return {f"{_words(form)}:{end[1]:04X}" for form in forms}


def _words(packed: bytes) -> str:
    """Hexadecimal digits of an address, in words of 32 bits in this machine's byte order."""
    words = (packed[i : i + 4] for i in range(0, len(packed), 4))
    return "".join(f"{int.from_bytes(word, sys.byteorder):08X}" for word in words)

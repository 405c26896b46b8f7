# SPDX-License-Identifier: MIT
"""Who may speak with Python: addresses and keys.

Without keys only this host may connect. For other hosts the conversation is encrypted, and both
sides prove who they are, with ZeroMQ's CURVE.
"""

from __future__ import annotations

import ipaddress
import json
import os
import stat
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path

import zmq

from ns3kan.bridge.ns3.errors import InsecureError
from ns3kan.errors import FileTakenError, InputError
from ns3kan.io.documents import DocumentError, parse_json
from ns3kan.io.files import write_new

LOOPBACK = "127.0.0.1"
_KEY_LENGTH = 40
# Longest file of keys that is read.
_MOST_BYTES = 4096


@dataclass(frozen=True)
class CurveKeys:
    """Key pairs of Python and of its simulators, 40 characters of Z85 each.

    Python keeps the whole of it; a simulator needs what `simulator_environment` gives.
    """

    server_public: str
    server_secret: str = field(repr=False)
    simulator_public: str
    simulator_secret: str = field(repr=False)

    def __post_init__(self) -> None:
        for name, key in asdict(self).items():
            if not isinstance(key, str) or len(key) != _KEY_LENGTH or not key.isascii():
                raise InputError(
                    f"{name} is not a key of {_KEY_LENGTH} characters; make new keys with "
                    "`ns3kan keys FILE`."
                )

    @classmethod
    def generate(cls) -> CurveKeys:
        """Make two new pairs."""
        server_public, server_secret = zmq.curve_keypair()
        simulator_public, simulator_secret = zmq.curve_keypair()
        return cls(
            server_public.decode(),
            server_secret.decode(),
            simulator_public.decode(),
            simulator_secret.decode(),
        )

    @classmethod
    def load(cls, path: str | Path) -> CurveKeys:
        """Read a file that `save` wrote.

        Raises
        ------
        ValueError
            If it holds something else.
        InsecureError
            If others than its owner may read it.
        """
        with Path(path).open("rb") as file:
            if stat.S_IMODE(os.fstat(file.fileno()).st_mode) & 0o077:
                raise InsecureError(
                    f"The key file {path} can be read by others; run `chmod 600 {path}`, or make "
                    "new keys if others may have read it."
                )
            try:
                keys = parse_json(file.read(_MOST_BYTES + 1), _MOST_BYTES)
            except DocumentError as error:
                raise InputError(f"{path} is not a key file of `ns3kan keys`.") from error
        if not isinstance(keys, dict) or keys.keys() != {one.name for one in fields(cls)}:
            raise InputError(f"{path} is not a key file of `ns3kan keys`.")
        return cls(**keys)

    def save(self, path: str | Path) -> None:
        """Write a new file that only this user may read.

        Raises
        ------
        FileTakenError
            If there is one already: keys are not overwritten.
        """
        try:
            write_new(path, json.dumps(asdict(self), indent=2) + "\n")
        except FileExistsError as error:
            raise FileTakenError(
                f"{path} exists already and keys are not overwritten; give another file or delete "
                "this one."
            ) from error

    def simulator_environment(self) -> dict[str, str]:
        """Environment variables from which this project's simulators take their keys."""
        return {
            "NS3KAN_CURVE_SERVER_KEY": self.server_public,
            "NS3KAN_CURVE_PUBLIC_KEY": self.simulator_public,
            "NS3KAN_CURVE_SECRET_KEY": self.simulator_secret,
        }


def is_loopback(address: str) -> bool:
    """Whether an address can be reached from this host only."""
    if address == "localhost":
        return True
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


def require_protection(bind: str, keys: CurveKeys | None, insecure: bool) -> None:
    """Refuse to listen for other hosts unprotected.

    Parameters
    ----------
    bind
        Address to listen at.
    keys
        Keys for the conversation, if any.
    insecure
        Whether the caller asked to do without.

    Raises
    ------
    InsecureError
        If other hosts could connect without keys.
    """
    if keys is None and not insecure and not is_loopback(bind):
        raise InsecureError(
            f"bind={bind!r} lets other hosts connect and no keys are given; give keys= (make them "
            "with `ns3kan keys FILE`), or insecure=True if everybody on that network is trusted."
        )


def load_keys(keys: CurveKeys | str | Path | None) -> CurveKeys | None:
    """Keys as given: themselves, or the file that holds them."""
    return CurveKeys.load(keys) if isinstance(keys, str | Path) else keys

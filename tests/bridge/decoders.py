# SPDX-License-Identifier: MIT
"""Every decoder of what a simulator can send, as functions of bytes, for fuzzing."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from gymnasium import spaces

from ns3kan.bridge.ns3 import messages
from ns3kan.bridge.ns3.codec import decode_space, decode_value
from ns3kan.bridge.ns3.description import describe
from ns3kan.bridge.ns3.errors import ProtocolError
from ns3kan.bridge.ns3.flat import read_flat
from ns3kan.bridge.ns3.session import _text, decode_info
from ns3kan.bridge.ns3.templates import StateReader

BOX = spaces.Box(-1, 1, (2, 3), np.float64)
SPACES: tuple[spaces.Space[object], ...] = (
    BOX,
    spaces.Box(0, 9, (4,), np.uint32),
    spaces.Discrete(3),
    spaces.Tuple([spaces.Discrete(2), BOX]),
    spaces.Dict({"a": BOX, "b": spaces.Tuple([spaces.Box(0, 1, (), np.float32)])}),
)


def introduction(data: bytes) -> None:
    """Read a simulator's first message."""
    request = messages.parse(messages.SimInitMsg, data)
    describe(decode_space(request.obsSpace), decode_space(request.actSpace), None)


def state(data: bytes) -> None:
    """Read a state, for simulators of several spaces."""
    for space in SPACES:
        try:
            observation, _, _, words = StateReader(space).read(data)
            told = decode_info(_text(words)) if words else {}
        except ProtocolError:
            continue
        described = describe(space, BOX, told.get("ns3kan"))
        described.check_observation(observation)


def value(data: bytes) -> None:
    """Read a value without its state."""
    container = messages.parse(messages.DataContainer, data)
    for space in SPACES:
        try:
            decode_value(container, space)
        except ProtocolError:
            continue


def flat(data: bytes) -> None:
    """Read what lies in shared memory."""
    for space in SPACES:
        try:
            read_flat(space, data)
        except ProtocolError:
            continue


def info(data: bytes) -> None:
    """Read extra info and the description in it."""
    told = decode_info(data.decode(errors="replace"))
    describe(BOX, BOX, told.get("ns3kan"))


DECODERS: dict[str, Callable[[bytes], None]] = {
    "introduction": introduction,
    "state": state,
    "value": value,
    "flat": flat,
    "info": info,
}


def decode(name: str, data: bytes) -> None:
    """Run a decoder, which may refuse the bytes with a `ProtocolError` and nothing else."""
    try:
        DECODERS[name](data)
    except ProtocolError:
        return

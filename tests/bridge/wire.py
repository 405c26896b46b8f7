# SPDX-License-Identifier: MIT
"""Protocol buffers by hand: just enough to speak with the bridge without using its code."""

from __future__ import annotations

import struct

URL = "type.googleapis.com/ns3opengym."


def varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def field(number: int, value: int | float | bytes | str) -> bytes:
    if isinstance(value, float):
        return varint(number << 3 | 5) + struct.pack("<f", value)
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    data = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(data)) + data


def any_of(name: str, message: bytes) -> bytes:
    return field(1, URL + name) + field(2, message)


def box_space(low: float, high: float, dtype: int, shape: tuple[int, ...]) -> bytes:
    box = field(1, low) + field(2, high) + field(3, dtype)
    box += b"".join(field(4, extent) for extent in shape)
    return field(1, 2) + field(2, any_of("BoxSpace", box))


def double_box(values: list[float], shape: tuple[int, ...]) -> bytes:
    box = field(1, 4) + b"".join(field(2, extent) for extent in shape)
    box += field(6, struct.pack(f"<{len(values)}d", *values))
    return field(1, 2) + field(2, any_of("BoxDataContainer", box))


def float_box(values: list[float], shape: tuple[int, ...]) -> bytes:
    box = field(1, 3) + b"".join(field(2, extent) for extent in shape)
    box += field(5, struct.pack(f"<{len(values)}f", *values))
    return field(1, 2) + field(2, any_of("BoxDataContainer", box))


def state(
    data: bytes, *, reward: float, over: bool = False, reason: int = 0, info: str = ""
) -> bytes:
    message = field(1, data) + field(2, reward)
    if over:
        message += field(3, 1) + field(4, reason)
    return message + field(5, info)


def fields(message: bytes) -> dict[int, list[int | bytes]]:
    """All fields of a message by number; nested messages and packed numbers as bytes."""
    found: dict[int, list[int | bytes]] = {}
    at = 0

    def read_varint() -> int:
        nonlocal at
        value = shift = 0
        while True:
            byte = message[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    while at < len(message):
        key = read_varint()
        value: int | bytes
        if key & 7 == 0:
            value = read_varint()
        else:
            size = {1: 8, 5: 4}.get(key & 7) or read_varint()
            value = message[at : at + size]
            at += size
        found.setdefault(key >> 3, []).append(value)
    return found


def dig(message: bytes, *path: int) -> bytes:
    """The nested field at the end of a path of field numbers."""
    for number in path:
        inner = fields(message)[number][0]
        assert isinstance(inner, bytes)
        message = inner
    return message

# SPDX-License-Identifier: MIT
"""The ns3-gym wire messages as classes.

They are made at import from the descriptor that the build installed, in a descriptor pool of
their own, so that no protobuf compiler is needed and ns3-gym's ``messages_pb2``, which registers
the same names, can live in the same process.
"""

from __future__ import annotations

from typing import Any, TypeAlias

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import DecodeError

from ns3kan.bridge.ns3.errors import ProtocolError
from ns3kan.bridge.ns3.installed import installed_file

# Protocol buffer classes exist only at run time.
Message: TypeAlias = Any

PACKAGE = "ns3kan.wire"
TYPE_URL = "type.googleapis.com/ns3opengym."
"""What the names of types begin with on the wire, as ns3-gym has them."""
MAX_MESSAGE_BYTES = 64 << 20
"""Messages above this size are refused, so that a stray sender cannot exhaust the memory."""


def _load_pool() -> descriptor_pool.DescriptorPool:
    files = descriptor_pb2.FileDescriptorSet.FromString(
        installed_file("_native/messages.binpb").read_bytes()
    )
    pool = descriptor_pool.DescriptorPool()
    for file in files.file:
        pool.AddSerializedFile(file.SerializeToString())
    return pool


_POOL = _load_pool()


def _message(name: str) -> Message:
    return message_factory.GetMessageClass(_POOL.FindMessageTypeByName(f"{PACKAGE}.{name}"))


SpaceDescription = _message("SpaceDescription")
DiscreteSpace = _message("DiscreteSpace")
BoxSpace = _message("BoxSpace")
TupleSpace = _message("TupleSpace")
DictSpace = _message("DictSpace")
DataContainer = _message("DataContainer")
DiscreteDataContainer = _message("DiscreteDataContainer")
BoxDataContainer = _message("BoxDataContainer")
TupleDataContainer = _message("TupleDataContainer")
DictDataContainer = _message("DictDataContainer")
SimInitMsg = _message("SimInitMsg")
SimInitAck = _message("SimInitAck")
EnvStateMsg = _message("EnvStateMsg")
EnvActMsg = _message("EnvActMsg")

# enum SpaceType
DISCRETE, BOX, TUPLE, DICT = 1, 2, 3, 4
# enum Dtype
INT, UINT, FLOAT, DOUBLE = 1, 2, 3, 4
# of enum EnvStateMsg.Reason
GAME_OVER = 1


def parse(message_type: Message, data: bytes) -> Message:
    """Read one message.

    Parameters
    ----------
    message_type
        One of this module's classes.
    data
        The bytes received.

    Raises
    ------
    ProtocolError
        If the bytes are too many or are not such a message.
    """
    name = message_type.DESCRIPTOR.name
    if len(data) > MAX_MESSAGE_BYTES:
        raise ProtocolError(
            f"A {name} of {len(data)} bytes was received; "
            f"at most {MAX_MESSAGE_BYTES} bytes are accepted."
        )
    try:
        return message_type.FromString(data)
    except DecodeError as error:
        raise ProtocolError(f"{len(data)} bytes were received that are not a {name}.") from error


def unpack(message_type: Message, payload: Message) -> Message:
    """Read the content of a ``google.protobuf.Any``.

    Parameters
    ----------
    message_type
        One of this module's classes.
    payload
        The ``Any``.

    Raises
    ------
    ProtocolError
        If the payload is of another type or malformed.
    """
    expected = TYPE_URL + message_type.DESCRIPTOR.name
    if payload.type_url != expected:
        raise ProtocolError(
            f"A payload of type {payload.type_url!r} was received where {expected!r} belongs."
        )
    return parse(message_type, payload.value)


def pack(message: Message, payload: Message) -> None:
    """Write a message into a ``google.protobuf.Any``.

    Parameters
    ----------
    message
        What to write.
    payload
        The ``Any``, changed in place.
    """
    payload.type_url = TYPE_URL + message.DESCRIPTOR.name
    payload.value = message.SerializeToString()

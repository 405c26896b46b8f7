# SPDX-License-Identifier: MIT
from __future__ import annotations

import re

import pytest
import wire
from google.protobuf import descriptor_pb2, descriptor_pool

from ns3kan.bridge.ns3 import messages
from ns3kan.bridge.ns3.errors import ProtocolError


def test_messages_have_the_protocols_field_numbers() -> None:
    state = messages.parse(
        messages.EnvStateMsg,
        wire.field(1, wire.field(1, 2) + wire.field(3, "box"))
        + wire.field(2, 0.5)
        + wire.field(3, 1)
        + wire.field(4, 1)
        + wire.field(5, "text"),
    )
    assert (state.obsData.type, state.obsData.name) == (messages.BOX, "box")
    assert (state.reward, state.isGameOver, state.info) == (0.5, True, "text")
    assert state.reason == messages.GAME_OVER
    assert messages.SimInitAck(done=True).SerializeToString() == wire.field(1, 1)
    assert messages.EnvActMsg(stopSimReq=True).SerializeToString() == wire.field(2, 1)


def test_ns3_gyms_own_messages_can_live_in_the_same_process() -> None:
    # The default pool refuses a second file that defines the same names.
    file = descriptor_pb2.FileDescriptorProto(name="messages.proto", package=messages.PACKAGE)
    file.message_type.add(name="SimInitMsg").field.add(name="other", number=1, type=9, label=1)
    descriptor_pool.Default().AddSerializedFile(file.SerializeToString())
    assert "simProcessId" in messages.SimInitMsg.DESCRIPTOR.fields_by_name


@pytest.mark.parametrize("data", [b"\xff\xff", b"\x1a\x50abc", b"\x0b"])
def test_malformed_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(ProtocolError, match=f"{len(data)} bytes .* not a SimInitMsg"):
        messages.parse(messages.SimInitMsg, data)


def test_oversized_messages_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(messages, "MAX_MESSAGE_BYTES", 10)
    with pytest.raises(ProtocolError, match="11 bytes was received; at most 10"):
        messages.parse(messages.EnvStateMsg, bytes(11))


def test_payload_of_another_type_is_refused() -> None:
    container = messages.DataContainer()
    messages.pack(messages.DiscreteSpace(n=2), container.data)
    expected = re.escape("type.googleapis.com/ns3opengym.DiscreteSpace")
    with pytest.raises(ProtocolError, match=expected):
        messages.unpack(messages.BoxDataContainer, container.data)

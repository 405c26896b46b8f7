# SPDX-License-Identifier: MIT
"""Decoders and bytes that nobody meant: nothing but a `ProtocolError`, and no more memory than set.

`fuzz.py` beside this file searches for longer, guided by coverage.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import decoders
import pytest
import wire
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ns3kan.bridge.ns3 import codec, messages

SEEDS: dict[str, list[bytes]] = {name: [b""] for name in decoders.DECODERS}
for space in decoders.SPACES:
    described = codec.encode_space(space)
    zero = codec.encode_value(space.sample(), space)
    SEEDS["introduction"].append(
        messages.SimInitMsg(obsSpace=described, actSpace=described).SerializeToString()
    )
    SEEDS["value"].append(zero.SerializeToString())
    for text in ("", "text", '{"ns3kan": {"features": [{"name": "x", "unit": "1", "low": 0}]}}'):
        SEEDS["state"].append(
            messages.EnvStateMsg(obsData=zero, reward=1, info=text).SerializeToString()
        )
        SEEDS["info"].append(text.encode())
SEEDS["flat"].append(bytes(range(80)))


@st.composite
def mutated(draw: st.DrawFn, name: str) -> bytes:
    """Something that was well formed before a few bytes were changed, left out or put in."""
    data = bytearray(draw(st.sampled_from(SEEDS[name])))
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(data)))
        data[at : at + draw(st.integers(0, 3))] = draw(st.binary(max_size=4))
    return bytes(data)


@pytest.mark.parametrize("name", decoders.DECODERS)
@given(data=st.data())
@settings(deadline=None, max_examples=300)
def test_mutated_messages_cause_a_protocol_error_or_nothing(name: str, data: st.DataObject) -> None:
    decoders.decode(name, data.draw(mutated(name) | st.binary(max_size=300)))


# Whatever JSON can hold may stand where names, units and bounds are expected.
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=6)
        | st.dictionaries(
            st.sampled_from(["ns3kan", "features", "actions", "name", "unit", "low", "high"]),
            inner,
            max_size=4,
        )
    ),
)


@given(json_values)
@example({"ns3kan": {"features": [{"name": "x", "unit": "1", "low": 10**400, "high": 1}] * 6}})
@settings(deadline=None, max_examples=300)
def test_any_description_causes_a_protocol_error_or_nothing(value: object) -> None:
    decoders.decode("info", json.dumps({"ns3kan": value}).encode())


def box(*shape: int) -> bytes:
    return wire.box_space(0.0, 1.0, 4, shape)


def nested(depth: int, width: int) -> bytes:
    space = wire.field(1, 1) + wire.field(2, wire.any_of("DiscreteSpace", wire.field(1, 2**31 - 1)))
    for _ in range(depth):
        inner = wire.field(1, space) * width
        space = wire.field(1, 3) + wire.field(2, wire.any_of("TupleSpace", inner))
    return space


GREEDY = {
    "the largest Box": box(codec.MAX_ELEMENTS),
    "a Box beyond that": box(codec.MAX_ELEMENTS + 1),
    "a Box of 2^128": box(*[2**32 - 1] * 4),
    "two billion choices": nested(0, 0),
    "many times that": nested(3, 15),
    "too many spaces": nested(4, 15),
    "too deep": nested(60, 1),
}


@pytest.mark.parametrize("name", GREEDY)
def test_a_few_bytes_do_not_cost_much_memory(name: str) -> None:
    """In a process that may not have more than eight times the size limit beyond its own."""
    introduction = wire.field(3, GREEDY[name]) + wire.field(4, GREEDY[name])
    program = f"""
import resource, sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
import decoders
from ns3kan.bridge.ns3.messages import MAX_MESSAGE_BYTES
decoders.decode("introduction", b"")
own = 1024 * int(open("/proc/self/status").read().split("VmData:")[1].split()[0])
resource.setrlimit(resource.RLIMIT_DATA, (own + 8 * MAX_MESSAGE_BYTES,) * 2)
decoders.decode("introduction", bytes.fromhex(sys.stdin.read()))
print("done")
"""
    done = subprocess.run(
        [sys.executable, "-P", "-c", program],
        input=introduction.hex(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("done\n", "")

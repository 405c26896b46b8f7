# SPDX-License-Identifier: MIT
"""Values in shared memory, and on the wire without messages, against the plain codec."""

from __future__ import annotations

import contextlib
import mmap
import struct
import threading
from typing import Any

import numpy as np
import pytest
from gymnasium import spaces
from hypothesis import given, settings
from hypothesis import strategies as st
from test_codec import any_space, assert_same, boxes, values

from ns3kan._native import bridge as _native
from ns3kan.bridge.ns3 import codec, messages
from ns3kan.bridge.ns3.attached import AttachedSimulator
from ns3kan.bridge.ns3.errors import ProtocolError
from ns3kan.bridge.ns3.flat import flat_size, read_flat, write_flat
from ns3kan.bridge.ns3.shared_memory import SharedMemory
from ns3kan.bridge.ns3.templates import ActionWriter, StateReader


def with_value(space: Any) -> st.SearchStrategy[tuple[Any, Any]]:
    return st.tuples(st.just(space), values(space))


@given(any_space.flatmap(with_value), st.binary(max_size=16))
@settings(deadline=None)
def test_a_value_survives_being_laid_out_flat(pair: tuple[Any, Any], before: bytes) -> None:
    space, value = pair
    data = write_flat(space, value)
    assert len(data) == flat_size(space)
    assert len(data) % 8 == 0
    assert_same(read_flat(space, before + data, len(before)), value)


@given(any_space, st.binary(max_size=64))
@settings(deadline=None)
def test_random_bytes_are_a_value_or_refused(space: Any, data: bytes) -> None:
    try:
        value = read_flat(space, data)
    except ProtocolError:
        return
    assert_same(read_flat(space, write_flat(space, value)), value)


def test_values_of_another_shape_are_not_laid_out() -> None:
    with pytest.raises(ValueError, match=r"shape \(3,\)"):
        write_flat(spaces.Box(0, 1, (2,)), np.zeros(3))


@given(boxes().flatmap(with_value), st.floats(width=32), st.booleans(), st.text(max_size=5))
@settings(deadline=None)
def test_a_state_is_read_as_the_message_says(
    pair: tuple[Any, Any], reward: float, over: bool, info: str
) -> None:
    space, value = pair
    container = codec.encode_value(value, space)
    sent = messages.EnvStateMsg(obsData=container, reward=reward, isGameOver=over, info=info)
    observation, got, flags, told = StateReader(space).read(sent.SerializeToString())
    assert_same(observation, value)
    np.testing.assert_equal(got, reward)
    assert bool(flags & _native.IS_OVER) == over
    told = told.decode() if isinstance(told, bytes) else told
    assert (told or "") == info


@given(st.binary(max_size=40), st.integers(0, 80))
@settings(deadline=None, max_examples=500)
def test_any_ending_of_a_state_is_read_as_the_message_says(tail: bytes, cut: int) -> None:
    space = spaces.Box(0, 9, (2,), np.float64)
    container = codec.encode_value(np.array([1.0, 2.0]), space)
    data = messages.EnvStateMsg(obsData=container).SerializeToString()
    for message in (data + tail, data[:cut] + tail):
        quick = _native.read_state(message, StateReader(space).prefix, np.empty(2))
        if quick is not None and (quick[2] or b"").isascii():
            parsed = messages.parse(messages.EnvStateMsg, message)
            np.testing.assert_equal(quick[0], parsed.reward)
            assert bool(quick[1] & _native.IS_OVER) == parsed.isGameOver
            info = parsed.info.encode()
            assert (quick[2] or b"") == (b"" if info == b"{}" else info)


def test_a_state_that_says_its_observation_twice_is_read_as_one() -> None:
    space = spaces.Box(0, 9, (2,), np.float64)
    once = messages.EnvStateMsg(obsData=codec.encode_value(np.array([1.0, 2.0]), space))
    twice = messages.EnvStateMsg(obsData=codec.encode_value(np.array([3.0, 4.0]), space))
    data = once.SerializeToString() + twice.SerializeToString()
    observation = StateReader(space).read(data)[0]
    assert observation.tolist() == [3, 4]


def test_a_state_without_a_shape_is_read_too() -> None:
    space = spaces.Box(0, 9, (2,), np.float32)
    box = messages.BoxDataContainer(dtype=messages.FLOAT, floatData=[1, 2])
    container = messages.DataContainer(type=messages.BOX)
    messages.pack(box, container.data)
    data = messages.EnvStateMsg(obsData=container).SerializeToString()
    assert StateReader(space).read(data)[0].tolist() == [1, 2]


@given(any_space.flatmap(with_value))
@settings(deadline=None)
def test_an_action_is_written_as_its_message_is(pair: tuple[Any, Any]) -> None:
    space, value = pair
    message = messages.EnvActMsg(actData=codec.encode_value(value, space))
    assert ActionWriter(space).write(value) == message.SerializeToString()


@given(boxes().flatmap(with_value))
@settings(deadline=None)
def test_bounds_agree_with_the_space(pair: tuple[Any, Any]) -> None:
    space, value = pair
    bounds = _native.Bounds(np.array(space.low, order="C"), np.array(space.high, order="C"))
    assert bounds.contains(value) == space.contains(value)
    assert _native.has_nan(value) == bool(np.isnan(value).any())


@pytest.mark.parametrize(
    "action",
    [
        None,
        0.5,
        [0.5, 0.5],
        "no",
        b"12345678",
        np.zeros(3, np.float32),
        np.zeros((2, 1), np.float32),
        np.zeros(2),
        np.array([0.5, np.nan], np.float32),
        np.zeros((2, 2), np.float32)[:, 0],
        np.zeros(2, ">f4"),
    ],
)
def test_only_plain_arrays_of_the_space_pass_the_bounds(action: Any) -> None:
    space = spaces.Box(0, 1, (2,))
    assert not _native.Bounds(space.low, space.high).contains(action)


# Where the simulator's messages lie, and what says so (see shared-memory-channel.h).
CONTROL, MESSAGE = 256, 4096 + (64 << 20)


@given(
    any_space,
    st.integers(0, 3),
    st.integers(0, 2**63) | st.none(),
    st.tuples(*[st.integers(0, 64)] * 4) | st.none(),
    st.binary(max_size=80),
)
@settings(deadline=None, max_examples=60)
def test_whatever_lies_in_the_memory_is_a_state_or_refused(
    space: Any,
    kind: int,
    size: int | None,
    header: tuple[int, ...] | None,
    rest: bytes,
) -> None:
    data = (b"" if header is None else struct.pack("=4I", *header)) + rest
    memory = SharedMemory()
    memory.agree(space, spaces.Discrete(2))
    with mmap.mmap(memory.descriptor, 0) as theirs:
        theirs[MESSAGE : MESSAGE + len(data)] = data
        announced = len(data) if size is None else size
        theirs[CONTROL : CONTROL + 24] = struct.pack("=4IQ", 1, 0, kind, 0, announced)
        try:
            received = memory.receive(AttachedSimulator("tcp://x:1"), "its state", 1.0, 0.0)
        except ProtocolError:
            received = b""
        assert isinstance(received, bytes | tuple)
        assert memory.owes_answer
    memory.close()


def test_memory_that_is_closed_while_another_thread_waits() -> None:
    channel = _native.Channel()
    ended = threading.Event()

    def wait() -> None:
        with contextlib.suppress(RuntimeError):
            while not channel.wait(0.1):
                pass
        ended.set()

    thread = threading.Thread(target=wait)
    thread.start()
    channel.close()
    assert ended.wait(10)
    thread.join()


def test_a_closed_channel_says_so() -> None:
    channel = _native.Channel()
    assert not channel.wait(0.0)
    channel.close()
    channel.close()
    for call in (lambda: channel.wait(0.0), channel.receive, lambda: channel.send(0, b"")):
        with pytest.raises(RuntimeError, match="has been closed"):
            call()

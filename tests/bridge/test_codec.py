# SPDX-License-Identifier: MIT
from __future__ import annotations

from collections import OrderedDict
from typing import Any

import numpy as np
import pytest
import wire
from gymnasium import spaces
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from ns3kan.bridge.ns3 import codec, messages
from ns3kan.bridge.ns3.errors import ProtocolError

DTYPES: tuple[Any, ...] = (np.int32, np.uint32, np.float32, np.float64)
shapes = hnp.array_shapes(min_dims=0, max_dims=3, max_side=3)


@st.composite
def boxes(draw: st.DrawFn) -> spaces.Box:
    dtype = draw(st.sampled_from(DTYPES))
    if np.dtype(dtype).kind == "f":
        bounds = st.floats(width=32, allow_nan=False)
    else:
        # Whole numbers that single precision holds exactly.
        bounds = st.integers(0 if dtype is np.uint32 else -(2**24), 2**24)
    low, high = sorted((draw(bounds), draw(bounds)))
    return spaces.Box(low, high, draw(shapes), dtype)


any_space = st.recursive(
    boxes() | st.integers(1, 2**31 - 1).map(spaces.Discrete),
    lambda inner: (
        st.lists(inner, max_size=3).map(spaces.Tuple)
        | st.dictionaries(st.text(max_size=5), inner, max_size=3).map(
            lambda named: spaces.Dict(OrderedDict(named))
        )
    ),
    max_leaves=6,
)


def values(space: Any) -> st.SearchStrategy[Any]:
    if isinstance(space, spaces.Box):
        return hnp.arrays(space.dtype, space.shape)
    if isinstance(space, spaces.Discrete):
        return st.integers(0, int(space.n) - 1).map(np.int64)
    if isinstance(space, spaces.Tuple):
        return st.tuples(*map(values, space.spaces))
    return st.fixed_dictionaries({name: values(inner) for name, inner in space.spaces.items()})


def assert_same(left: Any, right: Any) -> None:
    assert type(left) is type(right)
    if isinstance(left, tuple):
        for one, other in zip(left, right, strict=True):
            assert_same(one, other)
    elif isinstance(left, dict):
        assert left.keys() == right.keys()
        for name in left:
            assert_same(left[name], right[name])
    else:
        assert left.dtype == right.dtype
        assert left.shape == right.shape
        np.testing.assert_array_equal(left, right)


@given(any_space)
@settings(deadline=None)
def test_a_space_survives_the_wire(space: Any) -> None:
    data = codec.encode_space(space).SerializeToString()
    assert codec.decode_space(messages.parse(messages.SpaceDescription, data)) == space


@given(any_space.flatmap(lambda space: st.tuples(st.just(space), values(space))))
@settings(deadline=None)
def test_a_value_survives_the_wire_with_shape_and_type(pair: tuple[Any, Any]) -> None:
    space, value = pair
    data = codec.encode_value(value, space).SerializeToString()
    decoded = codec.decode_value(messages.parse(messages.DataContainer, data), space)
    assert_same(decoded, value)


@given(
    hnp.arrays(
        np.float64, hnp.array_shapes(max_dims=1, max_side=4), elements=st.floats(-1e30, 1e30)
    )
)
@settings(deadline=None)
def test_bounds_are_rounded_outwards(bounds: np.ndarray[Any, Any]) -> None:
    space = spaces.Box(bounds, bounds, dtype=np.float64)
    decoded = codec.decode_space(codec.encode_space(space))
    assert isinstance(decoded, spaces.Box)
    assert decoded.contains(bounds)


@given(st.binary(max_size=200))
@settings(deadline=None, max_examples=300)
def test_random_bytes_cause_a_protocol_error_or_nothing(data: bytes) -> None:
    space = spaces.Dict({"a": spaces.Box(0, 1, (2,)), "b": spaces.Discrete(3)})
    for payload_name, message_type in (("space", "SpaceDescription"), ("data", "DataContainer")):
        for kind, inner in ((1, "Discrete"), (2, "Box"), (3, "Tuple"), (4, "Dict")):
            suffix = "Space" if payload_name == "space" else "DataContainer"
            message = wire.field(1, kind) + wire.field(2, wire.any_of(inner + suffix, data))
            try:
                parsed = messages.parse(getattr(messages, message_type), message)
                if payload_name == "space":
                    codec.decode_space(parsed)
                else:
                    codec.decode_value(parsed, space)
            except ProtocolError:
                continue


def test_space_written_by_hand_is_read() -> None:
    description = messages.parse(messages.SpaceDescription, wire.box_space(-1.5, 2.5, 4, (2, 3)))
    assert codec.decode_space(description) == spaces.Box(-1.5, 2.5, (2, 3), np.float64)


def test_value_written_by_hand_is_read_flat_and_of_another_type() -> None:
    container = messages.parse(messages.DataContainer, wire.float_box([1.0, 2.0, 3.0, 4.0], (4,)))
    value = codec.decode_value(container, spaces.Box(0, 9, (2, 2), np.float64))
    assert_same(value, np.array([[1.0, 2.0], [3.0, 4.0]]))


def test_integer_bounds_are_cut_to_the_type() -> None:
    description = messages.parse(messages.SpaceDescription, wire.box_space(-1e20, 1e20, 2, (1,)))
    limits = np.iinfo(np.uint32)
    assert codec.decode_space(description) == spaces.Box(limits.min, limits.max, (1,), np.uint32)


def nested_space(depth: int) -> bytes:
    space = wire.box_space(0.0, 1.0, 3, (1,))
    for _ in range(depth):
        space = wire.field(1, 3) + wire.field(2, wire.any_of("TupleSpace", wire.field(1, space)))
    return space


@pytest.mark.parametrize(
    ("message", "complaint"),
    [
        (wire.box_space(1.0, 0.0, 3, (1,)), "bounds"),
        (wire.box_space(float("nan"), 0.0, 3, (1,)), "bounds"),
        (wire.box_space(0.0, 1.0, 3, (2**31, 2**31)), "numbers are accepted"),
        (wire.field(1, 1) + wire.field(2, wire.any_of("DiscreteSpace", b"")), "at least 1"),
        (wire.field(1, 1) + wire.field(2, wire.any_of("BoxSpace", b"")), "BoxSpace"),
        (wire.field(1, 7), "unknown type 7"),
        (b"", "unknown type 0"),
        (nested_space(33), "nested deeper than 32"),
    ],
)
def test_senseless_spaces_are_refused(message: bytes, complaint: str) -> None:
    with pytest.raises(ProtocolError, match=complaint):
        codec.decode_space(messages.parse(messages.SpaceDescription, message))


@pytest.mark.parametrize(
    ("message", "space", "complaint"),
    [
        (wire.double_box([1.0, 2.0], (2,)), spaces.Box(0, 1, (3,)), "2 numbers"),
        (wire.double_box([1.0] * 6, (2, 3)), spaces.Box(0, 1, (3, 2)), r"shape \(2, 3\)"),
        (wire.double_box([1.5], (1,)), spaces.Box(0, 9, (1,), np.int32), "float64"),
        (wire.double_box([1.0], (1,)), spaces.Discrete(3), "type 2"),
        (b"", spaces.Tuple([]), "type 0"),
        (
            wire.field(1, 4) + wire.field(2, wire.any_of("DictDataContainer", b"")),
            spaces.Dict({"a": spaces.Discrete(2)}),
            "names",
        ),
    ],
)
def test_values_of_another_space_are_refused(message: bytes, space: Any, complaint: str) -> None:
    with pytest.raises(ProtocolError, match=complaint):
        codec.decode_value(messages.parse(messages.DataContainer, message), space)


@pytest.mark.parametrize(
    "space",
    [spaces.Discrete(3, start=1), spaces.Box(0, 1, (1,), np.float16), spaces.MultiBinary(3)],
)
def test_spaces_that_the_wire_cannot_carry_are_refused(space: Any) -> None:
    with pytest.raises(ValueError, match=r"starts at|element type|is none of"):
        codec.encode_space(space)


@pytest.mark.parametrize("value", [np.zeros(3), np.zeros((2, 1)), np.array([1j, 2j])])
def test_values_of_another_shape_or_kind_are_not_sent(value: Any) -> None:
    with pytest.raises(ValueError, match="given for Box"):
        codec.encode_value(value, spaces.Box(0, 1, (2,)))


def test_values_beyond_the_declared_bounds_are_taken() -> None:
    choice = codec.encode_value(np.int64(10), spaces.Discrete(11))
    assert codec.decode_value(choice, spaces.Discrete(5)) == 10
    numbers = codec.encode_value(np.full(2, 9, np.float32), spaces.Box(0, 9, (2,)))
    assert_same(codec.decode_value(numbers, spaces.Box(0, 1, (2,))), np.full(2, 9, np.float32))


def test_a_tuple_in_place_of_a_dict_is_taken_in_the_declared_order() -> None:
    declared = spaces.Dict(OrderedDict(box=spaces.Box(0, 9, (2,)), choice=spaces.Discrete(5)))
    sent = spaces.Tuple(declared.spaces.values())
    value = (np.array([1, 2], np.float32), np.int64(3))
    container = codec.encode_value(value, sent)
    assert_same(codec.decode_value(container, declared), {"box": value[0], "choice": value[1]})
    with pytest.raises(ProtocolError, match="A tuple of 2"):
        codec.decode_value(container, spaces.Dict(a=spaces.Discrete(5)))

# SPDX-License-Identifier: MIT
"""The C++ side driven by a client that knows nothing of ns3kan, as ns3-gym's Python does."""

from __future__ import annotations

import struct
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
import wire
import zmq

from ns3kan.bridge.ns3.installed import scenario_path


class Client:
    """A reply socket and a simulator that has been started by hand."""

    def __init__(self, *arguments: str) -> None:
        self.context = zmq.Context()
        self.socket = self.context.socket(zmq.REP)
        self.socket.linger = 1000
        self.socket.rcvtimeo = 10_000
        port = self.socket.bind_to_random_port("tcp://127.0.0.1")
        self.simulator = subprocess.Popen(
            [scenario_path("gym-example"), f"--openGymPort={port}", *arguments],
            stderr=subprocess.PIPE,
            text=True,
        )

    def hear(self) -> dict[int, list[Any]]:
        return wire.fields(self.socket.recv())

    def leave(self) -> None:
        self.socket.close()
        self.context.term()

    def end(self) -> tuple[int, str]:
        _, stderr = self.simulator.communicate(timeout=10)
        return self.simulator.returncode, stderr


@pytest.fixture
def client(request: pytest.FixtureRequest) -> Iterator[Client]:
    one = Client(*getattr(request, "param", ["--steps=2"]))
    yield one
    if one.simulator.poll() is None:
        one.simulator.kill()
    one.end()
    one.leave()


def numbers(state: dict[int, list[Any]]) -> tuple[float, ...]:
    data = wire.dig(state[1][0], 2, 2, 6)
    return struct.unpack(f"<{len(data) // 8}d", data)


def test_a_whole_episode(client: Client) -> None:
    first = client.hear()
    assert first[1] == [client.simulator.pid]
    assert wire.dig(first[3][0], 2, 1) == wire.URL.encode() + b"BoxSpace"
    assert wire.fields(wire.dig(first[4][0], 2, 2))[2] == [struct.pack("<f", 1)]
    client.socket.send(wire.field(1, 1))

    state = client.hear()
    assert numbers(state)[1:] == (0, 0)
    assert 3 not in state
    # As ns3-gym's Python does: a flat array, as float although double was declared.
    client.socket.send(wire.field(1, wire.float_box([0.25], (1,))))

    state = client.hear()
    assert numbers(state)[1:] == (1, 0.25)
    assert state[2] == [struct.pack("<f", 0.25)]
    client.socket.send(wire.field(1, wire.double_box([0.5], (1,))))

    state = client.hear()
    assert numbers(state)[1:] == (2, 0.5)
    assert (state[3], state.get(4, [0])) == ([1], [0])  # over, SimulationEnd
    client.socket.send(wire.field(2, 1))
    assert client.end() == (0, "")


@pytest.mark.parametrize("answer", [wire.field(2, 1), wire.field(1, 1) + wire.field(2, 1), b""])
def test_asked_to_stop_at_the_handshake_it_leaves(client: Client, answer: bytes) -> None:
    client.hear()
    client.socket.send(answer)
    assert client.end() == (0, "")


def test_asked_to_stop_at_a_step_it_leaves(client: Client) -> None:
    client.hear()
    client.socket.send(wire.field(1, 1))
    client.hear()
    client.socket.send(wire.field(2, 1))
    assert client.end() == (0, "")


@pytest.mark.parametrize("client", [["--fault=game-over", "--faultStep=1"]], indirect=True)
def test_game_over_is_told(client: Client) -> None:
    client.hear()
    client.socket.send(wire.field(1, 1))
    client.hear()
    client.socket.send(wire.field(1, wire.double_box([0.5], (1,))))
    state = client.hear()
    assert (state[3], state[4]) == ([1], [1])
    client.socket.send(wire.field(2, 1))
    assert client.end() == (0, "")


@pytest.mark.parametrize("spoken", [0, 1, 2])
def test_when_python_goes_away_it_leaves(client: Client, spoken: int) -> None:
    client.hear()
    for answer in [wire.field(1, 1), wire.field(1, wire.double_box([0.5], (1,)))][:spoken]:
        client.socket.send(answer)
        client.hear()
    client.leave()
    status, stderr = client.end()
    assert status == 1
    assert "went away without an answer" in stderr


@pytest.mark.parametrize("client", [["--timeout=0.1", "--openGymPort=1"]], indirect=True)
def test_when_nobody_listens_it_gives_up(client: Client) -> None:
    status, stderr = client.end()
    assert status == 1
    assert "no answer from tcp://localhost:1 within 100 ms; start the Python side" in stderr


def named(data: bytes, name: str) -> bytes:
    return data + wire.field(3, name)


DISCRETE = wire.field(1, 1) + wire.field(2, wire.any_of("DiscreteDataContainer", b"\x08\x02"))
TUPLE = wire.field(1, 3) + wire.field(
    2, wire.any_of("TupleDataContainer", wire.field(1, DISCRETE) + wire.field(1, DISCRETE))
)


@pytest.mark.parametrize(
    ("client", "action", "complaint"),
    [
        ([], wire.double_box([1.5], (1,)), "component 0 is 1.5 but must lie between 0 and 1"),
        ([], wire.double_box([float("nan")], (1,)), "component 0 is nan"),
        ([], wire.double_box([0.5, 0.5], (2,)), "the Box of 2 numbers"),
        ([], wire.double_box([0.5, 0.5], (1,)), "2 numbers, which do not fill its shape"),
        ([], DISCRETE, "a value of kind Box is expected"),
        ([], b"", "a value is missing or of unknown type"),
        ([], wire.field(1, 1) + wire.field(2, b"\x0a\x01x"), "DiscreteDataContainer"),
        (["--space=int"], wire.double_box([0.5] * 6, (6,)), "whole numbers are declared"),
        (["--space=float"], wire.double_box([0.5] * 6, (3, 2)), "declared shape"),
        (["--space=discrete"], wire.double_box([0.5], (1,)), "kind Discrete"),
        (
            ["--space=discrete"],
            wire.field(1, 1) + wire.field(2, wire.any_of("DiscreteDataContainer", b"\x08\x05")),
            "choice 5 is not between 0 and 4",
        ),
        (["--space=tuple"], TUPLE, "kind Box"),
        (["--space=dict"], TUPLE, "kind Dict"),
        (
            ["--space=dict"],
            wire.field(1, 4)
            + wire.field(
                2,
                wire.any_of(
                    "DictDataContainer",
                    wire.field(1, named(DISCRETE, "choice")) + wire.field(1, named(DISCRETE, "x")),
                ),
            ),
            'lacks the element "position"',
        ),
    ],
    indirect=["client"],
)
def test_actions_outside_the_space_are_refused(
    client: Client, action: bytes, complaint: str
) -> None:
    client.hear()
    client.socket.send(wire.field(1, 1))
    client.hear()
    client.socket.send(wire.field(1, action))
    status, stderr = client.end()
    assert status == 1
    assert stderr.startswith("gym interface: action refused at 0")
    assert complaint in stderr
    assert stderr.count("\n") == 1


def test_bytes_that_are_no_message_are_refused(client: Client) -> None:
    client.hear()
    client.socket.send(b"\xff" * 20)
    status, stderr = client.end()
    assert status == 1
    assert "sent bytes that are not a SimInitAck" in stderr

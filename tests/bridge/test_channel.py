# SPDX-License-Identifier: MIT
from __future__ import annotations

import sys
import time

import pytest

from ns3kan.bridge.ns3.channel import Channel
from ns3kan.bridge.ns3.errors import PortInUseError, SimulatorError, SimulatorTimeoutError
from ns3kan.bridge.ns3.simulator import Simulator


def test_two_channels_get_two_ports() -> None:
    one, other = Channel(), Channel()
    assert one.port != other.port
    one.close()
    other.close()


def test_a_port_in_use_is_refused_and_free_again_after_close() -> None:
    channel = Channel()
    with pytest.raises(PortInUseError, match=f"Port {channel.port} of 127.0.0.1 is in use"):
        Channel(channel.port)
    channel.close()
    channel.close()
    again = Channel(channel.port)
    again.close()


def test_silence_ends_in_a_timeout() -> None:
    channel, simulator = Channel(), Simulator(["sleep", "60"])
    with pytest.raises(SimulatorTimeoutError, match=r"did not send a word within 0\.2 s"):
        channel.receive(simulator, "a word", timeout=0.2)
    simulator.stop(patience=0)
    channel.close()


def test_a_death_is_noticed_within_a_second() -> None:
    channel, simulator = Channel(), Simulator(["sh", "-c", "exit 7"])
    started = time.monotonic()
    with pytest.raises(SimulatorError) as caught:
        channel.receive(simulator, "a word", timeout=60)
    assert time.monotonic() - started < 1
    assert caught.value.exit_status == 7
    channel.close()


def test_the_last_words_of_the_dead_are_heard() -> None:
    channel = Channel()
    program = f"""
import sys, zmq
socket = zmq.Context().socket(zmq.REQ)
socket.connect("tcp://127.0.0.1:{channel.port}")
socket.send(b"a greeting")
assert socket.recv() == b"well?"
socket.send(b"farewell")
"""
    simulator = Simulator([sys.executable, "-c", program])
    assert channel.receive(simulator, "a word", timeout=60) == b"a greeting"
    channel.begin()
    channel.send(b"well?")
    assert simulator._process.wait(20) == 0
    assert channel.receive(simulator, "a word", timeout=60) == b"farewell"
    channel.close()

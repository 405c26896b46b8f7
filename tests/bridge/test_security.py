# SPDX-License-Identifier: MIT
"""Who may connect, with which keys, and how much they may send."""

from __future__ import annotations

import ast
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import zmq
from ports import free_port

import ns3kan.bridge
from ns3kan.bridge.ns3.channel import Channel
from ns3kan.bridge.ns3.env import Ns3Env
from ns3kan.bridge.ns3.errors import (
    InsecureError,
    PortInUseError,
    ProtocolError,
    SimulatorTimeoutError,
)
from ns3kan.bridge.ns3.installed import scenario_path
from ns3kan.bridge.ns3.security import CurveKeys, is_loopback
from ns3kan.bridge.ns3.simulator import Simulator

FOREIGN = str(Path(__file__).with_name("foreign_simulator.py"))
EXAMPLE = scenario_path("gym-example")
ACTION = [0.5]


@pytest.fixture(scope="module")
def keys() -> CurveKeys:
    return CurveKeys.generate()


@pytest.fixture
def patient() -> Iterator[Simulator]:
    simulator = Simulator(["sleep", "60"])
    yield simulator
    simulator.stop(patience=0)


def listening_addresses(port: int) -> set[str]:
    """Hexadecimal addresses at which a port is listened at, from the kernel's table."""
    found = set()
    for table in ("tcp", "tcp6"):
        for line in Path("/proc/net", table).read_text().splitlines()[1:]:
            local, state = line.split()[1], line.split()[3]
            address, hexadecimal = local.split(":")
            if state == "0A" and int(hexadecimal, 16) == port:
                found.add(address)
    return found


def test_only_the_loopback_interface_is_listened_at() -> None:
    channel = Channel()
    assert listening_addresses(channel.port) == {"0100007F"}
    channel.close()


@pytest.mark.parametrize("bind", ["0.0.0.0", "*", "eth0", "::", "192.0.2.1", "example.org"])
def test_other_hosts_are_refused_without_keys(bind: str) -> None:
    with pytest.raises(InsecureError, match=r"give keys= .* or insecure=True"):
        Ns3Env(EXAMPLE, bind=bind)


@pytest.mark.parametrize("bind", ["127.0.0.1", "127.0.0.2", "::1", "localhost"])
def test_loopback_needs_no_keys(bind: str) -> None:
    assert is_loopback(bind)


def test_other_hosts_are_let_in_if_that_is_asked_for() -> None:
    with Ns3Env(EXAMPLE, bind="0.0.0.0", insecure=True) as env:
        assert env.reset()[0][1] == 0


def test_with_keys_a_conversation_is_held(keys: CurveKeys, tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    keys.save(path)
    with Ns3Env(EXAMPLE, bind="0.0.0.0", keys=path, timeout=20) as env:
        env.reset(seed=1)
        assert env.step(ACTION)[1] == 0.5
        env.reset(seed=2)


def test_who_has_no_keys_or_others_is_not_let_in(keys: CurveKeys, patient: Simulator) -> None:
    channel = Channel(keys=keys)
    with zmq.Context() as context:
        clients = []
        for public, secret in [zmq.curve_keypair(), (None, None)]:
            client = context.socket(zmq.REQ)
            client.linger = 0
            if public is not None and secret is not None:
                client.curve_serverkey = keys.server_public.encode()
                client.curve_publickey, client.curve_secretkey = public, secret
            client.connect(f"tcp://127.0.0.1:{channel.port}")
            client.send(b"let me in")
            clients.append(client)
        with pytest.raises(SimulatorTimeoutError) as caught:
            channel.receive(patient, "a word", timeout=0.4)
        assert "connections were refused" in caught.value.__notes__[0]
        for client in clients:
            client.close()
    channel.close()


def simulate(port: int, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [EXAMPLE, f"--openGymPort={port}", "--timeout=0.3"],
        env=env,
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )


def test_a_simulator_with_other_keys_gets_no_answer(keys: CurveKeys) -> None:
    channel = Channel(keys=keys)
    done = simulate(channel.port, **CurveKeys.generate().simulator_environment())
    assert done.returncode == 1
    assert "gym interface: " in done.stderr
    channel.close()


def test_a_simulator_refuses_half_of_its_keys_and_what_is_no_key(keys: CurveKeys) -> None:
    whole = keys.simulator_environment()
    for name in whole:
        for wrong in ("", "short", "\u00e4" * 20):
            done = simulate(1, **{**whole, name: wrong})
            assert done.returncode == 1
            assert f"{name} is missing or is not a key" in done.stderr


def test_a_simulator_refuses_another_host_without_keys() -> None:
    done = simulate(1, NS3KAN_HOST="192.0.2.1")
    assert done.returncode == 1
    assert "192.0.2.1 and there are no keys" in done.stderr
    assert "no answer from tcp://127.0.0.2:1" in simulate(1, NS3KAN_HOST="127.0.0.2").stderr


def test_key_files_are_for_this_user_only(keys: CurveKeys, tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    keys.save(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert CurveKeys.load(path) == keys
    with pytest.raises(FileExistsError):
        keys.save(path)
    path.chmod(0o640)
    with pytest.raises(InsecureError, match=f"chmod 600 {path}"):
        CurveKeys.load(path)


@pytest.mark.parametrize("text", ["", "[]", "{}", "keys", '{"server_public": 3}'])
def test_files_that_hold_no_keys_are_refused(text: str, tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    path.touch(0o600)
    path.write_text(text)
    with pytest.raises(ValueError, match="not a key file of `ns3kan keys`"):
        CurveKeys.load(path)


def test_secrets_are_not_printed(keys: CurveKeys) -> None:
    assert keys.server_secret not in repr(keys)
    assert keys.simulator_secret not in repr(keys)


def test_a_message_that_is_too_large_is_called_so_and_soon() -> None:
    with pytest.raises(ProtocolError, match="larger than the 67108864 bytes"):
        Ns3Env(sys.executable, [FOREIGN, "oversized"], timeout=30)


def test_a_message_in_a_step_that_is_too_large_is_called_so() -> None:
    with Ns3Env(sys.executable, [FOREIGN, "oversized-state"], timeout=30) as env:
        env.reset()
        with pytest.raises(ProtocolError, match="larger than the 67108864 bytes"):
            env.step([0.5, 0.5])
        env.reset()


def test_strangers_at_the_port_do_not_disturb_a_conversation() -> None:
    port = free_port()
    with Ns3Env(EXAMPLE, port=port, steps=50) as env:
        env.reset()
        for _ in range(5):
            with socket.create_connection(("127.0.0.1", port)) as stranger:
                stranger.sendall(b"GET / HTTP/1.0\r\n\r\n" + bytes(range(256)))
            env.step(ACTION)


def test_two_environments_cannot_have_one_port(keys: CurveKeys) -> None:
    port = free_port()
    with Ns3Env(EXAMPLE, port=port), pytest.raises(PortInUseError):
        Ns3Env(EXAMPLE, port=port, keys=keys)


def test_addresses_of_other_hosts_are_refused() -> None:
    with pytest.raises(ValueError, match=r"192\.0\.2\.1.* is not an address of this host"):
        Ns3Env(EXAMPLE, bind="192.0.2.1", insecure=True)


def test_nothing_that_is_received_can_be_run() -> None:
    """No module of the bridge knows a way to turn bytes into code or objects."""
    dangerous = {"pickle", "marshal", "shelve", "dill", "cloudpickle", "yaml", "importlib"}
    for path in Path(next(iter(ns3kan.bridge.__path__)), "ns3").glob("**/*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                names = {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                module = node.module or ""
                names = set() if module == "importlib.metadata" else {module.partition(".")[0]}
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                names = {node.func.id} & {"eval", "exec", "compile", "__import__"}
                assert not names, f"{path}: {names}"
                continue
            else:
                continue
            assert not names & dangerous, f"{path}: {names}"

# SPDX-License-Identifier: MIT
"""Whose a connection is, as the kernel says when asked and as its tables say."""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Callable
from itertools import islice

import pytest

from ns3kan.bridge.ns3 import peers

Find = Callable[[tuple[str, int], tuple[str, int]], "peers.Owner | None"]


@pytest.fixture(params=["_ask_kernel", "_search_tables"])
def find(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Use one of the two ways."""
    monkeypatch.setattr(peers, "_find", getattr(peers, request.param))


@pytest.mark.parametrize(
    ("server", "client"),
    [("127.0.0.1", "127.0.0.1"), ("127.0.0.1", "::ffff:127.0.0.1"), ("::1", "::1"), ("::", "::1")],
)
def test_the_far_end_has_its_user_and_inode(find: None, server: str, client: str) -> None:
    families = [socket.AF_INET6 if ":" in one else socket.AF_INET for one in (server, client)]
    with socket.socket(families[0]) as listener, socket.socket(families[1]) as far:
        listener.bind((server, 0))
        listener.listen()
        assert peers.can_identify(listener)
        far.connect((client, listener.getsockname()[1]))
        with listener.accept()[0] as near:
            expected = peers.Owner(os.getuid(), os.fstat(far.fileno()).st_ino)
            assert peers.far_owner(near) == expected
            assert peers.holder(expected, peers.family(os.getpid())) == os.getpid()
            far.close()
            assert peers.far_owner(near) is None
            assert peers.holder(expected, peers.processes()) is None


def test_a_family_holds_grandchildren_and_nobody_else() -> None:
    script = "sleep 60 & echo $!; wait"
    with (
        subprocess.Popen(["sh", "-c", script], stdout=subprocess.PIPE, text=True) as parent,
        subprocess.Popen(["sleep", "60"]) as other,
    ):
        assert parent.stdout is not None
        grandchild = int(parent.stdout.readline())
        assert list(islice(peers.family(parent.pid), 9)) == [parent.pid, grandchild]
        assert other.pid not in peers.family(parent.pid)
        assert {parent.pid, grandchild, other.pid} <= set(peers.family(os.getpid()))
        other.kill()
        parent.kill()
        os.kill(grandchild, 9)


def test_variables_are_those_that_a_process_was_started_with() -> None:
    with subprocess.Popen(
        # It stays this program: while a process takes up another, its variables are not there.
        ["sh", "-c", "unset A; echo ready; read line"],
        env={"A": "1", "B": "2", "PATH": os.environ["PATH"]},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        assert peers.variables(process.pid) == {"A", "B", "PATH"}
        assert f"process {process.pid} (" in peers.describe(process.pid)
        process.kill()
    assert peers.variables(process.pid) == set()

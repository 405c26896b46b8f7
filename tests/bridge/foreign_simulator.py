# SPDX-License-Identifier: MIT
"""A simulator that somebody else wrote: speaks the ns3-gym protocol and knows nothing of ns3kan.

python foreign_simulator.py BEHAVIOUR --openGymPort=PORT --simSeed=N

Its observation is a 2 × 2 matrix of the seed, the step and the last two actions.
"""

from __future__ import annotations

import os
import signal
import struct
import sys
import time

import wire
import zmq

STEPS = 3


def main() -> None:
    behaviour = sys.argv[1]
    options = dict(argument[2:].split("=") for argument in sys.argv[2:])
    socket = zmq.Context().socket(zmq.REQ)
    socket.linger = 0
    socket.connect(f"tcp://localhost:{options['openGymPort']}")

    def ask(request: bytes) -> dict[int, list[int | bytes]]:
        socket.send(request)
        return wire.fields(socket.recv())

    if behaviour == "random-bytes":
        ask(bytes(range(256)))
    if behaviour == "two-parts":
        socket.send_multipart([b"one", b"two"])
        socket.recv()
    if behaviour == "oversized":
        ask(bytes(65 << 20))
    if behaviour == "truncated":
        ask(wire.field(1, 1) + b"\x1a\x50abc")

    # A process id that is not ours: nobody may act on it.
    spaces = wire.field(3, wire.box_space(-1e6, 1e6, 4, (2, 2)))
    spaces += wire.field(4, wire.box_space(0.0, 1.0, 3, (2,)))
    answer = ask(wire.field(1, os.getppid()) + wire.field(2, os.getppid()) + spaces)
    assert answer.get(1) == [1], answer

    actions = (0.0, 0.0)
    for step in range(STEPS + 1):
        time.sleep(float(os.environ.get("PAUSE", "0")))
        matrix = wire.double_box([float(options["simSeed"]), step, *actions], (2, 2))
        if behaviour == "other-shape" and step == 1:
            matrix = wire.double_box([1.0, 2.0, 3.0], (3,))
        if behaviour == "random-state" and step == 1:
            ask(b"\xff" * 40)
        if behaviour == "oversized-state" and step == 1:
            ask(bytes(65 << 20))
        if behaviour == "nan-reward" and step == 1:
            ask(wire.state(matrix, reward=float("nan")))
        if behaviour == "closes-socket" and step == 1:
            socket.close()
            zmq.Context().socket(zmq.PAIR).poll(None)
        info = os.environ["GREETING"] if behaviour == "environment" else f"step {step}"
        over = step == STEPS
        reason = 1 if behaviour == "game-over" else 0
        answer = ask(wire.state(matrix, reward=sum(actions), over=over, reason=reason, info=info))
        if answer.get(2) == [1]:
            if behaviour == "lingers":
                signal.signal(signal.SIGTERM, signal.SIG_IGN)
                signal.pause()
            return
        data = answer[1][0]
        assert isinstance(data, bytes)
        actions = struct.unpack("<2f", wire.dig(data, 2, 2, 5))


if __name__ == "__main__":
    main()

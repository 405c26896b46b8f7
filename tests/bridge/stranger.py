# SPDX-License-Identifier: MIT
"""A program that nobody has asked: connects to a port and speaks the ns3-gym protocol.

python stranger.py PORT USER BEHAVIOUR

Says ``accepted`` if Python takes it for the simulator and ``refused`` if it is told that it is
not. Before the first word it says ``here``. BEHAVIOUR is ``simulator``, ``garbage`` (its first
message makes no sense) or ``hasty`` (says everything at once, leaves and comes back, for ever).
"""

from __future__ import annotations

import os
import sys

import wire
import zmq
from zmq.utils.monitor import parse_monitor_message

SPACES = wire.field(3, wire.box_space(-1e6, 1e6, 4, (2, 2))) + wire.field(
    4, wire.box_space(0.0, 1.0, 3, (2,))
)
STATE = wire.state(wire.double_box([-1.0, -1.0, -1.0, -1.0], (2, 2)), reward=-1.0)


def main() -> None:
    port, user, behaviour = sys.argv[1:]
    os.setuid(int(user))
    context = zmq.Context()
    print("here", flush=True)
    if behaviour == "hasty":
        while True:
            with context.socket(zmq.DEALER) as hasty:
                hasty.linger = 100
                hasty.connect(f"tcp://127.0.0.1:{port}")
                for message in (SPACES, STATE, STATE):
                    hasty.send_multipart([b"", message])
                hasty.poll(20)
    socket = context.socket(zmq.REQ)
    monitor = socket.get_monitor_socket(zmq.EVENT_HANDSHAKE_FAILED_AUTH)
    socket.connect(f"tcp://127.0.0.1:{port}")
    socket.send(b"\xff" * 40 if behaviour == "garbage" else SPACES)
    poller = zmq.Poller()
    poller.register(socket, zmq.POLLIN)
    poller.register(monitor, zmq.POLLIN)
    while True:
        events = dict(poller.poll())
        if monitor in events:
            parse_monitor_message(monitor.recv_multipart())
            print("refused", flush=True)
        if socket in events:
            answer = wire.fields(socket.recv())
            if answer.get(2) == [1]:
                print("refused", flush=True)
                return
            print("accepted", flush=True)
            socket.send(STATE)


if __name__ == "__main__":
    main()

# SPDX-License-Identifier: MIT
"""A simulator of somebody else's with whole numbers, choices, and arguments of its own.

python foreign_spaces.py ARGUMENT BEHAVIOUR --openGymPort=PORT [ARGUMENT=SEED]

ARGUMENT is what it takes its seed by; ``none`` for none. It refuses any other as ns-3 does, with
the reason before its usage, or with the behaviour ``argparse`` behind it. It observes a choice of
three, 0, 1 and then 7 and -1 (or 2 and 0 with the behaviour ``well``), and takes two numbers of
uint32; the reward is their sum, and the extra info its seed.
"""

from __future__ import annotations

import sys

import wire
import zmq

USAGE = """my-sim [Program Options] [General Arguments]

Program Options:
    --openGymPort:  an invalid port is an error [5555]

General Arguments:
    --PrintHelp:    Print this help message.
"""


def refuse(argument: str, behaviour: str) -> None:
    if behaviour == "argparse":
        print("usage: my-sim [-h] [--openGymPort PORT]\n\noptions:\n  -h, --help", file=sys.stderr)
        print(f"my-sim: error: unrecognized arguments: {argument}", file=sys.stderr)
    else:
        print(f"Invalid command-line argument: {argument}\n{USAGE}", file=sys.stderr)
    sys.exit(1)


def choice(value: int) -> bytes:
    return wire.field(1, 1) + wire.field(
        2, wire.any_of("DiscreteDataContainer", wire.field(1, value % 2**64))
    )


def unpack(numbers: bytes) -> list[int]:
    """Varints that follow each other."""
    values, value, shift = [], 0, 0
    for byte in numbers:
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            values.append(value)
            value = shift = 0
    return values


def main() -> None:
    seed_argument, behaviour, *given = sys.argv[1:]
    options = {}
    for argument in given:
        name, _, value = argument.partition("=")
        if name not in ("--openGymPort", seed_argument):
            refuse(argument, behaviour)
        options[name] = value
    socket = zmq.Context().socket(zmq.REQ)
    socket.linger = 0
    socket.connect(f"tcp://localhost:{options['--openGymPort']}")

    def ask(request: bytes) -> dict[int, list[int | bytes]]:
        socket.send(request)
        return wire.fields(socket.recv())

    discrete = wire.field(1, 1) + wire.field(2, wire.any_of("DiscreteSpace", wire.field(1, 3)))
    spaces = wire.field(3, discrete) + wire.field(4, wire.box_space(0.0, 4e9, 2, (2,)))
    assert ask(spaces).get(1) == [1]
    info = options.get(seed_argument, "no seed")
    reward = 0.0
    for observation in (0, 1, *((2, 0) if behaviour == "well" else (7, -1))):
        answer = ask(wire.state(choice(observation), reward=reward, info=info))
        if answer.get(2) == [1]:
            return
        data = answer[1][0]
        assert isinstance(data, bytes)
        reward = float(sum(unpack(wire.dig(data, 2, 2, 4))))


if __name__ == "__main__":
    main()

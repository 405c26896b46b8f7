# SPDX-License-Identifier: MIT
"""A simulator with several agents that somebody else wrote, as ns3-gym's multi-agent example.

python foreign_agents.py BEHAVIOUR --openGymPort=PORT --simSeed=N

Agent i speaks at PORT + i. An agent introduces itself only when it is first asked, and the next is
asked only when it has answered. What agent i observes is [seed, time, its last action, the last
action of the agent before it], its reward is its last action, and it has 2 + i actions.
"""

from __future__ import annotations

import sys

import wire
import zmq

AGENTS = 3
STEPS = 4


def discrete(n: int) -> bytes:
    return wire.field(1, 1) + wire.field(2, wire.any_of("DiscreteSpace", wire.field(1, n)))


class Agent:
    def __init__(self, index: int, port: int, seed: int) -> None:
        self.index = index
        self.seed = seed
        self.action = -1.0
        self.socket = zmq.Context.instance().socket(zmq.REQ)
        self.socket.linger = 0
        self.socket.connect(f"tcp://localhost:{port + index}")
        self.is_known = False

    def ask(self, request: bytes) -> dict[int, list[int | bytes]]:
        self.socket.send(request)
        return wire.fields(self.socket.recv())

    def notify(self, time: int, other: float, *, over: bool = False, reason: int = 0) -> bool:
        if not self.is_known:
            self.is_known = True
            spaces = wire.field(3, wire.box_space(-1e6, 2e9 * 2, 4, (4,)))
            spaces += wire.field(4, discrete(2 + self.index))
            assert self.ask(spaces).get(1) == [1]
        observation = wire.double_box([float(self.seed), time, self.action, other], (4,))
        answer = self.ask(
            wire.state(
                observation, reward=self.action, over=over, reason=reason, info=f"of {self.index}"
            )
        )
        if answer.get(2) == [1]:
            return False
        data = answer[1][0]
        assert isinstance(data, bytes)
        # A zero, or a message of nothing but zeros, is left out.
        choice = wire.fields(wire.dig(data, 2)).get(2, [b""])[0]
        assert isinstance(choice, bytes)
        inner = wire.fields(choice).get(1, [0])[0]
        assert isinstance(inner, int)
        self.action = float(inner)
        return True


def main() -> None:
    behaviour = sys.argv[1]
    options = dict(argument[2:].split("=") for argument in sys.argv[2:])
    port, seed = int(options["openGymPort"]), int(options["simSeed"])
    agents = [Agent(index, port, seed) for index in range(AGENTS)]
    order = agents[::-1] if behaviour == "backwards" else agents
    for time in range(STEPS):
        for agent in order:
            if behaviour == "slow" and agent.index == 1 and time % 2:
                continue
            if behaviour == "crash" and agent.index == 1 and time == 2:
                print("agent 1 is gone", file=sys.stderr)
                sys.exit(3)
            if behaviour == "stall" and agent.index == 1 and time == 2:
                zmq.Context.instance().socket(zmq.PAIR).poll(None)
            over = behaviour == "game-over" and agent.index == 1 and time == 2
            other = agents[agent.index - 1].action
            if not agent.notify(time, other, over=over, reason=int(over)):
                return
    for agent in order:
        agent.notify(STEPS, agents[agent.index - 1].action, over=True)


if __name__ == "__main__":
    main()

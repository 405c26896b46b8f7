# SPDX-License-Identifier: MIT
"""Scheduling and routing with real packets: the queue models' problems inside ns-3."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from ns3kan.bridge.ns3.arguments import Argument
from ns3kan.bridge.ns3.scenario import ScenarioEnv
from ns3kan.bridge.ns3.session import Transport
from ns3kan.bridge.ns3.vector_env import Ns3VectorEnv
from ns3kan.bridge.queues.distributions import Law
from ns3kan.bridge.queues.errors import QueueError
from ns3kan.bridge.queues.model import Problem, QueueModel, make_model


class PacketQueueVectorEnv(Ns3VectorEnv):
    """Several `PacketMultiPathRouting` or `PacketSingleHopScheduling` stepped together.

    Parameters
    ----------
    num_envs
        Number of simulators.
    make
        Which of the two.
    **arguments
        As for `Ns3VectorEnv` and the environment.

    Attributes
    ----------
    problem, num_queues
        As of the environment.
    """

    def __init__(self, num_envs: int, make: type[PacketQueueEnv], **arguments: Any) -> None:
        super().__init__(num_envs, make, **arguments)
        self.problem = make.problem
        first: Any = self.envs[0]
        self.num_queues: int = first.get_wrapper_attr("num_queues")


class PacketQueueEnv(ScenarioEnv):
    """What the two problems share: the queue models' arguments, given to a scenario of ns-3.

    Rewards
    -------
    Those of the queue models, in single precision. With finite buffers the info holds ``drops``,
    the packets lost in the slot.

    Starting state
    --------------
    All queues empty; capacities drawn.

    End of episode
    --------------
    Never terminated; truncated after ``max_steps`` slots, or where the trace ends.

    Parameters
    ----------
    num_queues, arrivals, arrival_rates, capacities, service_rates, buffer, cost, cost_weights, \
drop_cost, reward_scale, observe_rates, max_steps, allow_unstable
        As of the queue models. Of the distributions, ``table`` is not to be had in ns-3.
    trace
        CSV file with all arrivals and capacities, as from
        `ns3kan.bridge.queues.trace.write_trace`, in place of random draws; every episode is then
        of the same packets, and truncated where the file ends.
    port, timeout
        As for `Ns3Env`.
    bridge_transport
        What `Ns3Env` calls ``transport``.
    **scenario_arguments
        Anything else that the scenario's ``--PrintHelp`` lists, in snake case, such as
        ``slot="2ms"`` or ``packet_size=1500``.

    Attributes
    ----------
    problem, num_queues
        "single_hop" or "multi_path", and K.
    feature_names, feature_units
        Of one queue: the last axis of an observation.
    """

    problem: ClassVar[Problem]
    usual_arrivals: ClassVar[str]

    def __init__(
        self,
        *,
        num_queues: int | None = None,
        arrivals: Law | None = None,
        arrival_rates: npt.ArrayLike | None = None,
        capacities: Law = "poisson",
        service_rates: npt.ArrayLike | None = None,
        buffer: int | Sequence[int] | None = None,
        cost: str = "total",
        cost_weights: npt.ArrayLike | None = None,
        drop_cost: float = 0.0,
        reward_scale: float = 1.0,
        observe_rates: bool = False,
        max_steps: int | None = None,
        allow_unstable: bool = False,
        trace: str | Path | None = None,
        port: int = 0,
        timeout: float = 60.0,
        bridge_transport: Transport = "auto",
        **scenario_arguments: Argument,
    ) -> None:
        arrivals = self.usual_arrivals if arrivals is None else arrivals
        model = make_model(
            self.problem,
            1,
            num_queues,
            arrivals,
            arrival_rates,
            capacities,
            service_rates,
            buffer=buffer,
            cost=cost,
            cost_weights=cost_weights,
            drop_cost=drop_cost,
            reward_scale=reward_scale,
            observe_rates=observe_rates,
            max_steps=max_steps,
            allow_unstable=allow_unstable or trace is not None,
        )
        source: dict[str, Argument] = (
            {"arrivals": _law_text(arrivals), "capacities": _law_text(capacities)}
            if trace is None
            else {"trace": Path(trace).absolute()}
        )
        derived = {**source, **_scenario_arguments(model)}
        twice = derived.keys() & scenario_arguments.keys()
        if twice:
            raise QueueError(
                f"{', '.join(sorted(twice))} follow from the environment's other arguments; "
                "leave them out (slots is max_steps, buffers is buffer)."
            )
        super().__init__(
            port=port,
            timeout=timeout,
            bridge_transport=bridge_transport,
            **derived,
            **scenario_arguments,
        )
        self.num_queues = model.num_queues
        # Those of one queue, not of all.
        self.feature_names = model.feature_names
        self.feature_units = model.feature_units

    @classmethod
    def make_vector(cls, num_envs: int, **arguments: Any) -> PacketQueueVectorEnv:
        """Make several environments that are stepped together, as `ScenarioEnv.make_vector`."""
        return PacketQueueVectorEnv(num_envs, cls, **arguments)


class PacketMultiPathRouting(PacketQueueEnv):
    """K links with a queue each: each slot, choose the one that the arriving packets take.

    Description
    -----------
    `MultiPathRouting` packet by packet, in the ns-3 scenario ``multipath-routing``. UDP packets
    come from a source to a router, whose route to the service is set to the chosen link. Before
    each link a queue discipline lets as many packets out in each slot as the slot's capacity
    says. With q the queue lengths, y the capacities, x the arrivals and a the chosen link, a slot
    is, in this order,

    1. the agent sees (q, y) and chooses a;
    2. y_k packets, or all, leave each queue k and cross its link;
    3. x packets reach the router and queue a; they cannot leave in this slot;
    4. with a finite buffer B, packets that find B before them are dropped;
    5. the cost of the new q is paid, and the next y is drawn.

    With the same draws (``trace``) all queue lengths are those of `MultiPathRouting`, slot by slot.

    Action space
    ------------
    ``Discrete(K)``: the link to send to, from 0.

    Observation space
    -----------------
    That of `MultiPathRouting`.

    Parameters
    ----------
    num_queues
        K; by default as many as there are service rates, or 8.
    arrivals, arrival_rates
        "deterministic" and 1 by default.
    service_rates
        0.3 by default.
    **others
        See `PacketQueueEnv`, as for rewards, starting state and end of episode.

    Raises
    ------
    QueueError
        As from `MultiPathRouting`.
    SimulatorError
        If ``multipath-routing`` refuses an argument; the message shows what it said.

    References
    ----------
    J. Wigmore, B. Shrader, E. Modiano, "A novel switch-type policy network for resource
    allocation problems", technical report, Section II-A2.

    Version history
    ---------------
    v0: first version.
    """

    scenario = "multipath-routing"
    problem = "multi_path"
    usual_arrivals = "deterministic"


class PacketSingleHopScheduling(PacketQueueEnv):
    """One link, K queues before it: each slot, choose the queue that it serves.

    Description
    -----------
    `SingleHopScheduling` packet by packet, in the ns-3 scenario ``single-hop-scheduling``. UDP
    packets of K streams come from a source to a router and wait in the K queues of the queue
    discipline before its link, which could carry another number of packets of each in every slot.
    With q the queue lengths, y the capacities, x the arrivals and a the chosen queue, a slot is,
    in this order,

    1. the agent sees (q, y) and chooses a;
    2. y_a packets, or all, leave queue a and cross the link;
    3. x_k packets reach queue k, for all k; they cannot leave in this slot;
    4. with a finite buffer B, packets that find B before them are dropped;
    5. the cost of the new q is paid, and the next y is drawn.

    With the same draws (``trace``) all queue lengths are those of `SingleHopScheduling`, slot by
    slot.

    Action space
    ------------
    ``Discrete(K)``: the queue to serve, from 0.

    Observation space
    -----------------
    That of `SingleHopScheduling`.

    Parameters
    ----------
    num_queues
        K; by default as many as there are rates, or 4.
    arrivals, arrival_rates
        "poisson" and 0.2 by default.
    service_rates
        1 by default.
    **others
        See `PacketQueueEnv`, as for rewards, starting state and end of episode.

    Raises
    ------
    QueueError
        As from `SingleHopScheduling`.
    SimulatorError
        If ``single-hop-scheduling`` refuses an argument; the message shows what it said.

    References
    ----------
    J. Wigmore, B. Shrader, E. Modiano, "A novel switch-type policy network for resource
    allocation problems", technical report, Section II-A1.

    Version history
    ---------------
    v0: first version.
    """

    scenario = "single-hop-scheduling"
    problem = "single_hop"
    usual_arrivals = "poisson"


make_routing_vector_env = PacketMultiPathRouting.make_vector
make_scheduling_vector_env = PacketSingleHopScheduling.make_vector


def _law_text(law: Law) -> str:
    """Name a distribution as the scenarios do; what is wrong with it is told by `make_model`."""
    if isinstance(law, str):
        return law
    name = law.get("name")
    if name == "table":
        raise QueueError(
            "ns-3 has no distribution 'table'; name another, or give a trace that was drawn from "
            "the table."
        )
    return f"{name}:{law['trials']}" if "trials" in law else str(name)


def _scenario_arguments(model: QueueModel) -> dict[str, Argument]:
    """Of a checked model what the scenarios have to be told."""
    weights = np.ones((1, model.num_queues)) if model.cost_weights is None else model.cost_weights
    buffers = [0] if model.buffers is None else model.buffers[0]
    return {
        "queues": model.num_queues,
        "arrival_rates": _numbers(model.arrivals.mean[0]),
        "service_rates": _numbers(model.capacities.mean[0]),
        "buffers": _numbers(buffers),
        "cost": model.cost,
        "cost_weights": _numbers(weights[0]),
        "drop_cost": model.drop_cost,
        "reward_scale": model.reward_scale,
        "observe_rates": model.observe_rates,
        "slots": model.max_steps or 0,
    }


def _numbers(values: npt.ArrayLike) -> str:
    return ",".join(repr(float(value)) for value in np.asarray(values).tolist())

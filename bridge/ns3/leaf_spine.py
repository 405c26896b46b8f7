# SPDX-License-Identifier: MIT
"""The environment ``ns3kan/LeafSpine-v0``: flows over the spines of a data centre's fabric."""

from __future__ import annotations

from typing import ClassVar

from ns3kan.bridge.ns3.arguments import Argument
from ns3kan.bridge.ns3.scenario import ScenarioEnv


class LeafSpineEnv(ScenarioEnv):
    """L leaf switches, S spine switches, and the weights of every leaf's uplinks.

    Description
    -----------
    Every leaf switch has hosts and one link, its uplink, to each spine switch. Hosts send TCP flows
    to hosts of other leaves: their sizes follow a published distribution, their number a Poisson
    process with the load that was asked for, and their pattern is a permutation, incast or
    all-to-all. A leaf places each flow, each flowlet (what comes without a gap) or each packet on
    an uplink drawn with the present weights, among those by which routing knows a way. Links may
    fail, or lose rate, and recover. Everything is measured from the packets of an ns-3
    simulation, the program ``leaf-spine``.

    Action space
    ------------
    ``Box(0, 1, (L·S,), float64)``, one number per leaf and uplink, ``leafI_spineJ_weight``. The
    numbers of a leaf are its weights, in proportion; if all are zero, equal ones.

    Observation space
    -----------------
    ``Box(…, (L·(2 + 3 S),), float64)``, measured over the decision interval that just ended, leaf
    by leaf; the last three for each uplink:

    ===========================  ====  ===  ==============  =====================================
    name                         unit  low  high            meaning
    ===========================  ====  ===  ==============  =====================================
    ``leafI_load``               1     0    10              bytes of its hosts for other leaves,
                                                            over its uplinks' added rates
    ``leafI_load_delta``         1     -10  10              its change since the interval before
    ``leafI_spineJ_delay``       s     0    of full queues  mean delay from this leaf to others
    ``leafI_spineJ_loss``        1     0    1               share of packets lost on that way
    ``leafI_spineJ_utilisation`` 1     0    1               share of the uplink's rate in use
    ===========================  ====  ===  ==============  =====================================

    Delay and loss are those of every packet, seen at once, or with ``observation="in-band"`` what
    leaves tell each other of them.

    Rewards
    -------
    Of the interval that the action governed, by name:

    =============  =============================================================================
    ``slowdown``   minus the mean logarithm of the slowdown of the flows that finished: their
                   completion time over that in an idle network; 0 if none finished
    ``utility``    mean over the flows that ran of the logarithm of their progress: the share of
                   its bytes that a flow got through, over the share of its idle completion time
                   that passed; at most 1, and floored
    ``imbalance``  minus how unevenly a leaf uses its uplinks, averaged over leaves: bytes of the
                   most used less those of the least used, over the mean
    =============  =============================================================================

    The info dict holds that interval's ``goodput`` [bit/s], ``delay`` [s], ``loss``,
    ``out_of_order`` (the share of the segments that arrived after one of their flow that was sent
    later), ``active_flows``, ``finished_flows`` and ``log_slowdown``, and the simulated ``time``
    [s], and ``offered_load`` and ``delivered_load``: bytes of the flows that began, and bytes that
    were delivered, over what all uplinks can carry.

    Starting state
    --------------
    The fabric after a warm-up of 50 ms in which all weights are equal.

    End of episode
    --------------
    Truncated when the simulated time runs out, by default after 1,200 decisions; never terminated.

    Parameters
    ----------
    reward
        Name of the reward; "slowdown" by default.
    port, timeout
        As for `Ns3Env`.
    bridge_transport
        What `Ns3Env` calls ``transport``.
    **scenario_arguments
        Anything that ``leaf-spine --PrintHelp`` lists, in snake case, such as ``leaves=8``,
        ``granularity="packet"``, ``failures="0-1@20ms..40ms"`` or ``flow_sizes="data-mining"``.
        With ``agents=N`` the spaces are Dicts of the first N leaves; see `LeafSpineParallelEnv`.

    Raises
    ------
    SimulatorError
        If ``leaf-spine`` refuses an argument; the message shows what it said.

    References
    ----------
    M. Alizadeh et al., "CONGA: distributed congestion-aware load balancing for datacenters",
    SIGCOMM 2014 (the setting, flowlets, and the imbalance); the program's documentation names the
    sources of the size distributions.

    Version history
    ---------------
    v0: first version.
    """

    scenario = "leaf-spine"
    defaults: ClassVar[dict[str, Argument]] = {"reward": "slowdown"}


make_leaf_spine_vector_env = LeafSpineEnv.make_vector

# SPDX-License-Identifier: MIT
"""The environment ``ns3kan/SdWan-v0``: a two-path load balancer at packet level."""

from __future__ import annotations

from typing import ClassVar

from ns3kan.bridge.ns3.arguments import Argument
from ns3kan.bridge.ns3.scenario import ScenarioEnv


class SdWanEnv(ScenarioEnv):
    """Two sites, two paths, and a load balancer that places each new flow.

    Description
    -----------
    Two sites are joined by an ``mpls`` path and a cheaper ``internet`` path with random loss and
    cross traffic. Flows arrive at random, at a rate that varies between light load and overload. A
    load balancer in the first site's router places each *new* flow on the internet path with
    probability ``ratio``, and never moves a running flow. Everything is measured from the packets
    of an ns-3 simulation, the program ``sdwan``.

    Action space
    ------------
    ``Box(0, 1, (1,), float64)``

    =====  =========  ====  ===  ====
    index  name       unit  low  high
    =====  =========  ====  ===  ====
    0      ``ratio``  1     0    1
    =====  =========  ====  ===  ====

    Observation space
    -----------------
    ``Box(…, (8,), float64)``, measured over the decision interval that just ended:

    =====  ========================  ====  ===  ======  =========================================
    index  name                      unit  low  high    meaning
    =====  ========================  ====  ===  ======  =========================================
    0      ``load``                  1     0    10      offered load over the paths' added rates
    1      ``load_delta``            1     -10  10      its change since the interval before
    2      ``mpls_delay``            s     0    0.1342  mean one-way delay on the mpls path
    3      ``mpls_loss``             1     0    1       share of packets lost on the mpls path
    4      ``mpls_utilisation``      1     0    1       share of the mpls path's rate in use
    5      ``internet_delay``        s     0    0.1476  mean one-way delay on the internet path
    6      ``internet_loss``         1     0    1       share of packets lost on the internet path
    7      ``internet_utilisation``  1     0    1       share of the internet path's rate in use
    =====  ========================  ====  ===  ======  =========================================

    Delay, loss and utilisation are those of every packet, seen at once, or with
    ``observation="in-band"`` what the router of the first site can know: its own packets, and what
    the answers of its probes bring back.

    A delay is at most that of a full queue; its bound is that of the default rates and queues and
    follows those that are given.

    Rewards
    -------
    Of the interval that the action governed, by name:

    ============  ============================================================================
    ``utility``   proportional fairness: the mean over active flows of the logarithm of goodput
                  over demand, which is floored
    ``loss``      minus the share of packets lost
    ``delay``     minus the mean one-way delay [s]
    ``combined``  the sum of all three, weighted
    ============  ============================================================================

    The info dict holds that interval's ``goodput`` [bit/s], ``delay`` [s], ``loss``, ``utility``
    and ``active_flows``, and the simulated ``time`` [s].

    Starting state
    --------------
    The network after a warm-up of 3 s in which flows are split equally.

    End of episode
    --------------
    Truncated when the simulated time runs out, by default after 120 decisions; never terminated.

    Parameters
    ----------
    reward
        Name of the reward; "utility" by default.
    port, timeout
        As for `Ns3Env`.
    bridge_transport
        What `Ns3Env` calls ``transport``; here that name is the scenario's, ``"udp"`` or ``"tcp"``.
    **scenario_arguments
        Anything that ``sdwan --PrintHelp`` lists, in snake case, such as ``duration=30``,
        ``internet_rate="8Mbps"`` or ``cross_sources=0``.

    Raises
    ------
    SimulatorError
        If ``sdwan`` refuses an argument; the message shows what it said.

    Version history
    ---------------
    v0: first version.
    """

    scenario = "sdwan"
    defaults: ClassVar[dict[str, Argument]] = {"reward": "utility"}


make_sdwan_vector_env = SdWanEnv.make_vector

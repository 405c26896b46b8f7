// SPDX-License-Identifier: GPL-2.0-only
#include "path-parameters.h"

#include "arguments.h"

#include <stdexcept>

namespace ns3::kan
{

void
PathScenarioParameters::AddTo(Arguments& arguments)
{
    const Time tick = MicroSeconds(1);
    arguments.AddTime("probeInterval",
                      "Time between two probes of a path, 64 bytes each [s]",
                      probeInterval,
                      tick);
    arguments.AddChoice("transport", "What carries the flows", transport, {"udp", "tcp"});
    arguments.AddTime(
        "loadPeriod", "Time from one peak of the load to the next [s]", loadPeriod, tick);
    arguments.AddChoice("flowSizes",
                        "Distribution of flow sizes",
                        flowSizes,
                        {"exponential", "pareto", "constant"});
    arguments.AddNumber("meanFlowSize", "Mean size of a flow [byte]", meanFlowSize, 1, 1e12);
    arguments.AddNumber("tailIndex",
                        "Shape of pareto sizes; the smaller, the heavier the tail [1]",
                        tailIndex,
                        1.01,
                        100);
    arguments.AddRate("rateLimit", "Rate at which one flow sends [bit/s]", rateLimit);
    arguments.AddInteger("packetSize", "IP size of a full packet [byte]", packetSize, 64, 1500);
    arguments.AddTime("interval", "Time between two decisions [s]", interval, MilliSeconds(1));
    arguments.AddTime(
        "duration", "Time over which decisions are taken [s]", duration, MilliSeconds(1));
    arguments.AddTime(
        "warmup", "Time before the first decision, with equal split [s]", warmup, MilliSeconds(1));
    arguments.AddChoice(
        "reward", "What a decision earns", reward, {"utility", "loss", "delay", "combined"});
    arguments.AddChoice("observation",
                        "How the features are measured: of every packet where it comes or is lost, "
                        "at once, or as the near router can, by answered probes and its own counts",
                        observation,
                        {"oracle", "in-band"});
    arguments.AddNumber("utilityFloor",
                        "Smallest goodput over demand in the utility [share]",
                        utilityFloor,
                        1e-6,
                        1);
    arguments.AddNumber(
        "utilityWeight", "Weight of utility in combined [1]", utilityWeight, 0, 1e6);
    arguments.AddNumber("lossWeight", "Weight of loss in combined [1]", lossWeight, 0, 1e6);
    arguments.AddNumber("delayWeight", "Weight of delay in combined [1/s]", delayWeight, 0, 1e6);
    arguments.AddText("controller",
                      "Who decides: gym (Python), equal, capacity, primary, least-delay, "
                      "least-utilised, constant:SHARE or the path of a controller.json",
                      controller);
    arguments.AddText("intervals",
                      "CSV file to write, one row per decision; each episode that Python asks for "
                      "replaces that of the one before",
                      intervals);
    arguments.AddText("flows", "CSV file to write likewise, one row per flow", flows);
    recordings.AddTo(arguments);
    arguments.AddInteger("openGymPort", "TCP port at which Python listens [1]", port, 1, 65535);
    arguments.AddInteger("simSeed",
                         "Run number of the random streams: the same seed, the same packets [1]",
                         seed,
                         0,
                         999999999999999999);
}

void
PathScenarioParameters::Check() const
{
    if (minLoad > maxLoad)
    {
        throw std::invalid_argument("--minLoad is above --maxLoad: give a load profile that rises");
    }
    if (interval > duration)
    {
        throw std::invalid_argument("--interval is longer than --duration: no decision would be "
                                    "taken");
    }
    if (warmup < interval)
    {
        throw std::invalid_argument("--warmup is shorter than --interval: the first decision needs "
                                    "one measured interval");
    }
}

double
PathScenarioParameters::GetTotalRate() const
{
    double total = 0;
    for (const PathParameters& path : paths)
    {
        total += static_cast<double>(path.rate.GetBitRate());
    }
    return total;
}

} // namespace ns3::kan

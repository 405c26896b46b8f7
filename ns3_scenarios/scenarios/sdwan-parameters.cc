// SPDX-License-Identifier: GPL-2.0-only
#include "sdwan-parameters.h"

#include "arguments.h"

#include <stdexcept>

namespace ns3
{

void
ReadSdWanArguments(SdWanParameters& parameters, int argc, char* argv[])
{
    SdWanParameters& p = parameters;
    const Time tick = MicroSeconds(1);
    Arguments arguments("Two sites, an mpls and an internet path, and a load balancer that places "
                        "each new flow.\nControlled by Python (--controller=gym) or inside ns-3.");
    arguments.AddRate("mplsRate", "Rate of the mpls path [bit/s]", p.mpls.rate);
    arguments.AddTime("mplsDelay", "Propagation delay of the mpls path [s]", p.mpls.delay, Time(0));
    arguments.AddNumber("mplsLoss", "Random loss of the mpls path [share]", p.mpls.loss, 0, 0.99);
    arguments.AddInteger("mplsQueue", "Queue of the mpls path [packet]", p.mplsQueue, 1, 1000000);
    arguments.AddRate("internetRate", "Rate of the internet path [bit/s]", p.internet.rate);
    arguments.AddTime(
        "internetDelay", "Propagation delay of the internet path [s]", p.internet.delay, Time(0));
    arguments.AddNumber(
        "internetLoss", "Random loss of the internet path [share]", p.internet.loss, 0, 0.99);
    arguments.AddInteger(
        "internetQueue", "Queue of the internet path [packet]", p.internetQueue, 1, 1000000);
    arguments.AddInteger("crossSources",
                         "On-off sources of cross traffic on the internet path [1]",
                         p.crossSources,
                         0,
                         64);
    arguments.AddRate("crossRate", "Rate of one such source while on [bit/s]", p.crossRate);
    arguments.AddTime("crossOn", "Mean time that a source is on [s]", p.crossOn, tick);
    arguments.AddTime("crossOff", "Mean time that a source is off [s]", p.crossOff, tick);
    arguments.AddTime("probeInterval",
                      "Time between two probes of a path, 64 bytes each [s]",
                      p.probeInterval,
                      tick);
    arguments.AddChoice("transport", "What carries the flows", p.transport, {"udp", "tcp"});
    arguments.AddRate("minLoad", "Lowest load that is offered [bit/s]", p.minLoad);
    arguments.AddRate("maxLoad", "Highest load that is offered [bit/s]", p.maxLoad);
    arguments.AddTime(
        "loadPeriod", "Time from one peak of the load to the next [s]", p.loadPeriod, tick);
    arguments.AddChoice(
        "flowSizes", "Distribution of flow sizes", p.flowSizes, {"exponential", "pareto"});
    arguments.AddNumber("meanFlowSize", "Mean size of a flow [byte]", p.meanFlowSize, 1, 1e12);
    arguments.AddNumber("tailIndex",
                        "Shape of pareto sizes; the smaller, the heavier the tail [1]",
                        p.tailIndex,
                        1.01,
                        100);
    arguments.AddRate("rateLimit", "Rate at which one flow sends [bit/s]", p.rateLimit);
    arguments.AddInteger("packetSize", "IP size of a full packet [byte]", p.packetSize, 64, 1500);
    arguments.AddTime("interval", "Time between two decisions [s]", p.interval, MilliSeconds(1));
    arguments.AddTime(
        "duration", "Time over which decisions are taken [s]", p.duration, MilliSeconds(1));
    arguments.AddTime("warmup",
                      "Time before the first decision, with equal split [s]",
                      p.warmup,
                      MilliSeconds(1));
    arguments.AddChoice(
        "reward", "What a decision earns", p.reward, {"utility", "loss", "delay", "combined"});
    arguments.AddNumber("utilityFloor",
                        "Smallest goodput over demand in the utility [share]",
                        p.utilityFloor,
                        1e-6,
                        1);
    arguments.AddNumber(
        "utilityWeight", "Weight of utility in combined [1]", p.utilityWeight, 0, 1e6);
    arguments.AddNumber("lossWeight", "Weight of loss in combined [1]", p.lossWeight, 0, 1e6);
    arguments.AddNumber("delayWeight", "Weight of delay in combined [1/s]", p.delayWeight, 0, 1e6);
    arguments.AddText("controller",
                      "Who decides: gym (Python), equal, capacity, primary, least-delay, "
                      "least-utilised, constant:SHARE or the path of a controller.json",
                      p.controller);
    arguments.AddText("intervals",
                      "CSV file to write, one row per decision; each episode that Python asks for "
                      "replaces that of the one before",
                      p.intervals);
    arguments.AddInteger("openGymPort", "TCP port at which Python listens [1]", p.port, 1, 65535);
    arguments.AddInteger("simSeed",
                         "Run number of the random streams: the same seed, the same packets [1]",
                         p.seed,
                         0,
                         999999999999999999);
    arguments.Parse(argc, argv);

    p.mpls.queue = p.mplsQueue;
    p.internet.queue = p.internetQueue;
    if (p.minLoad > p.maxLoad)
    {
        throw std::invalid_argument("--minLoad is above --maxLoad: give a load profile that rises");
    }
    if (p.interval > p.duration)
    {
        throw std::invalid_argument("--interval is longer than --duration: no decision would be "
                                    "taken");
    }
    if (p.warmup < p.interval)
    {
        throw std::invalid_argument("--warmup is shorter than --interval: the first decision needs "
                                    "one measured interval");
    }
}

} // namespace ns3

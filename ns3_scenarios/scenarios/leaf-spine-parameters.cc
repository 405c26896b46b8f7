// SPDX-License-Identifier: GPL-2.0-only
#include "leaf-spine-parameters.h"

#include "arguments.h"

#include "helper/fabric-balancer.h"
#include "helper/link-failures.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <stdexcept>

namespace ns3::kan
{

namespace
{

constexpr uint64_t MOST = 64;   //!< leaves, spines, and hosts at a leaf
constexpr uint32_t FULL = 1502; //!< a packet of 1,500 bytes in PPP

/**
 * Add what there is to say of the network.
 * @param arguments the command line
 * @param p the parameters
 * @param failures receives the text of the failures
 */
void
AddNetwork(Arguments& arguments, LeafSpineParameters& p, std::string& failures)
{
    arguments.AddInteger("leaves", "Leaf switches [1]", p.leaves, 2, MOST);
    arguments.AddInteger("spines", "Spine switches [1]", p.spines, 1, MOST);
    arguments.AddInteger("hosts", "Hosts at each leaf [1]", p.hosts, 1, MOST);
    arguments.AddRate("hostRate", "Rate of the link from a host to its leaf [bit/s]", p.hostRate);
    arguments.AddNumber("oversubscription",
                        "Rates of a leaf's hosts over those of its uplinks; 2 without it and "
                        "uplinkRates [1]",
                        p.oversubscription,
                        0.01,
                        1000);
    arguments.AddRates("uplinkRates",
                       "Rates of the links to each spine, or one for all, in place of "
                       "oversubscription [bit/s]",
                       p.uplinkRates);
    const Time nothing = Seconds(0);
    arguments.AddTime("linkDelay", "Propagation delay of each link [s]", p.linkDelay, nothing);
    arguments.AddInteger("queue",
                         "Most packets that wait before each link of a switch [packet]",
                         p.queue,
                         1,
                         1000000);
    arguments.AddText("failures",
                      "Links that fail, such as 0-1@20ms..40ms (leaf 0, spine 1), with commas "
                      "between; *0.25 behind one that keeps a quarter of its rate",
                      failures);
    arguments.AddTime("convergence",
                      "Time until all switches know of a link that has failed or recovered [s]",
                      p.convergence,
                      nothing);
}

/**
 * Add what there is to say of the traffic.
 * @param arguments the command line
 * @param p the parameters
 */
void
AddTraffic(Arguments& arguments, LeafSpineParameters& p)
{
    arguments.AddChoice(
        "pattern", "Who sends to whom", p.pattern, {"permutation", "incast", "all-to-all"});
    arguments.AddNumber("load",
                        "Bytes that applications offer, over the rates of all uplinks [share]",
                        p.load,
                        1e-6,
                        10);
    arguments.AddText("flowSizes",
                      "Distribution of flow sizes: web-search, data-mining, constant, or the path "
                      "of a CSV file with the columns size [byte] and cumulative",
                      p.flowSizes);
    arguments.AddNumber("meanFlowSize", "Size of constant flows [byte]", p.meanFlowSize, 1, 1e12);
    arguments.AddNumber("sizeScale",
                        "Factor on the sizes of a distribution; without it, 0.005 of data-mining "
                        "and 0.05 of others "
                        "[1]",
                        p.sizeScale,
                        1e-6,
                        1e6);
    arguments.AddInteger("fanIn", "Senders of an incast [1]", p.fanIn, 1, MOST * MOST);
    arguments.AddChoice("tcp", "Congestion control of TCP", p.tcp, {"new-reno", "cubic"});
    arguments.AddTime(
        "minRto", "Shortest retransmission timeout of TCP [s]", p.minRto, MicroSeconds(100));
    arguments.AddChoice("granularity",
                        "What is placed on an uplink at a time",
                        p.granularity,
                        {"flow", "flowlet", "packet"});
    arguments.AddTime("flowletGap",
                      "Silence after which a flow is placed anew [s]",
                      p.flowletGap,
                      NanoSeconds(1));
}

/**
 * Add what there is to say of the run.
 * @param arguments the command line
 * @param p the parameters
 */
void
AddRun(Arguments& arguments, LeafSpineParameters& p)
{
    const Time tick = MicroSeconds(1);
    arguments.AddTime("interval", "Time between two decisions [s]", p.interval, tick);
    arguments.AddTime("duration", "Time over which decisions are taken [s]", p.duration, tick);
    arguments.AddTime("warmup",
                      "Time before the first decision; flows from then do not count [s]",
                      p.warmup,
                      tick);
    arguments.AddTime("drain",
                      "Longest wait for unfinished flows after the last decision, if flows or "
                      "summary is given [s]",
                      p.drain,
                      Seconds(0));
    arguments.AddChoice(
        "reward", "What a decision earns", p.reward, {"slowdown", "utility", "imbalance"});
    arguments.AddChoice("observation",
                        "How the features are measured: of every packet where it comes or is lost, "
                        "at once, or as a leaf can, by its own counts and what other leaves tell",
                        p.observation,
                        {"oracle", "in-band"});
    arguments.AddNumber(
        "utilityFloor", "Least progress of a flow in the utility [share]", p.utilityFloor, 1e-6, 1);
    arguments.AddInteger("agents",
                         "Leaves with an agent of their own in Python, from leaf 0 on; the others "
                         "keep equal weights. 0: one agent for all leaves [1]",
                         p.agents,
                         0,
                         MOST);
    arguments.AddText("controller",
                      "What spreads the traffic: ecmp, wcmp, random, round-robin, "
                      "join-shortest-queue, shortest-expected-delay, power-of-two, conga, equal, "
                      "capacity, primary, least-delay, least-utilised, constant:SHARES, the path "
                      "of a controller.json, or gym (Python); or infinite-fabric, in which only "
                      "the links of hosts limit: what no balancer can beat",
                      p.controller);
    arguments.AddText("intervals",
                      "CSV file to write, one row per decision; each episode that Python asks for "
                      "replaces that of the one before, here and below",
                      p.intervals);
    arguments.AddText("flows", "CSV file to write, one row per flow", p.flows);
    arguments.AddText(
        "summary", "CSV file to write: completion times of all flows, and by size", p.summary);
    arguments.AddText("links",
                      "CSV file to write: what each link carried and dropped in each direction; "
                      "nodes are numbered leaves first, then spines, then hosts",
                      p.links);
    p.recordings.AddTo(arguments);
    arguments.AddNumbers("sizeBins",
                         "Sizes that divide the bins of the summary, before sizeScale [byte]",
                         p.sizeBins,
                         1,
                         1e15);
    arguments.AddInteger("openGymPort", "TCP port at which Python listens [1]", p.port, 1, 65535);
    arguments.AddInteger("simSeed",
                         "Run number of the random streams: the same seed, the same traffic [1]",
                         p.seed,
                         0,
                         999999999999999999);
}

/**
 * Give each spine its rate.
 * @param p the parameters
 */
void
SpreadRates(LeafSpineParameters& p)
{
    constexpr double OVERSUBSCRIPTION = 2; // so that it matters how traffic is spread
    if (p.uplinkRates.empty())
    {
        const double sum = static_cast<double>(p.hostRate.GetBitRate() * p.hosts) /
                           p.oversubscription.value_or(OVERSUBSCRIPTION);
        const auto rate = static_cast<uint64_t>(std::llround(sum / static_cast<double>(p.spines)));
        p.uplinkRates.assign(1, DataRate(std::max<uint64_t>(1, rate)));
    }
    else if (p.oversubscription)
    {
        throw std::invalid_argument("--oversubscription and --uplinkRates both say how fast the "
                                    "uplinks are: give one of them");
    }
    if (p.uplinkRates.size() == 1)
    {
        p.uplinkRates.assign(p.spines, p.uplinkRates.front());
    }
    if (p.uplinkRates.size() != p.spines)
    {
        throw std::invalid_argument("--uplinkRates has " + std::to_string(p.uplinkRates.size()) +
                                    " rates for " + std::to_string(p.spines) +
                                    " spines: give one, or one for each");
    }
}

/**
 * @param p parameters, each of which is allowed by itself
 * @throws std::invalid_argument if some contradict others
 */
void
Check(const LeafSpineParameters& p)
{
    if (p.agents > p.leaves)
    {
        throw std::invalid_argument("--agents=" + std::to_string(p.agents) + " is more than the " +
                                    std::to_string(p.leaves) +
                                    " leaves: give at most one agent for each leaf");
    }
    if (p.pattern == "incast" && p.fanIn > (p.leaves - 1) * p.hosts)
    {
        throw std::invalid_argument("--fanIn=" + std::to_string(p.fanIn) + " is more than the " +
                                    std::to_string((p.leaves - 1) * p.hosts) +
                                    " hosts of the other leaves");
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
    if (!std::is_sorted(p.sizeBins.begin(), p.sizeBins.end(), std::less_equal<>()))
    {
        throw std::invalid_argument("--sizeBins must rise from number to number");
    }
}

} // namespace

FabricParameters
LeafSpineParameters::GetFabric() const
{
    return {static_cast<uint32_t>(leaves),
            static_cast<uint32_t>(spines),
            static_cast<uint32_t>(hosts),
            hostRate,
            uplinkRates,
            linkDelay,
            QueueSize(QueueSizeUnit::PACKETS, static_cast<uint32_t>(queue))};
}

FabricParameters
LeafSpineParameters::GetInfiniteFabric() const
{
    constexpr uint64_t FASTER = 100; // than all hosts together
    FabricParameters fabric = GetFabric();
    const DataRate rate(FASTER * leaves * hosts * hostRate.GetBitRate());
    fabric.uplinkRates.assign(fabric.uplinkRates.size(), rate);
    return fabric;
}

bool
LeafSpineParameters::IsInfinite() const
{
    return controller == INFINITE_FABRIC;
}

double
LeafSpineParameters::GetCapacity() const
{
    double uplinks = 0;
    for (const DataRate& rate : uplinkRates)
    {
        uplinks += static_cast<double>(rate.GetBitRate() * leaves);
    }
    return uplinks;
}

double
LeafSpineParameters::GetSizeScale() const
{
    // Of data-mining one flow in a hundred has most of the bytes: in a short run there would be
    // next to none of them.
    return sizeScale.value_or(flowSizes == "data-mining" ? 0.005 : 0.05);
}

TrafficParameters
LeafSpineParameters::GetTraffic() const
{
    return {pattern,
            static_cast<uint32_t>(leaves),
            static_cast<uint32_t>(hosts),
            static_cast<uint32_t>(fanIn),
            load * GetCapacity(),
            flowSizes == "constant" ? SizeDistribution::Constant(meanFlowSize)
                                    : SizeDistribution::Load(flowSizes).Scaled(GetSizeScale())};
}

Time
LeafSpineParameters::GetLongestDelay() const
{
    double share = 1;
    for (const LinkFailure& failure : failures)
    {
        share = failure.share > 0 ? std::min(share, failure.share) : share;
    }
    const DataRate slowest = *std::min_element(uplinkRates.begin(), uplinkRates.end());
    // On both links: a full queue, the packet on the wire, and the packet itself.
    const double packets = 2 * (static_cast<double>(queue) + 2);
    return 2 * linkDelay +
           Seconds(packets * 8 * FULL / (share * static_cast<double>(slowest.GetBitRate())));
}

LeafSpineParameters
ReadLeafSpineArguments(int argc, char* argv[])
{
    LeafSpineParameters p;
    std::string failures;
    Arguments arguments("A leaf-spine fabric that carries TCP flows from leaf to leaf, and what "
                        "spreads them over the spines.\nControlled by Python (--controller=gym) or "
                        "inside ns-3.");
    AddNetwork(arguments, p, failures);
    AddTraffic(arguments, p);
    AddRun(arguments, p);
    arguments.Parse(argc, argv);
    SpreadRates(p);
    p.failures = ParseFailures(failures, p.leaves, p.spines);
    Check(p);
    p.GetTraffic(); // reads the table of sizes, or says what is wrong with it
    return p;
}

} // namespace ns3::kan

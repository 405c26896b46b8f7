// SPDX-License-Identifier: GPL-2.0-only
#include "sdwan-parameters.h"

#include "arguments.h"

namespace ns3::kan
{

PathScenarioParameters
ReadSdWanArguments(int argc, char* argv[])
{
    PathScenarioParameters p;
    PathParameters mpls{"mpls", DataRate("6Mbps"), MilliSeconds(10), 0};
    PathParameters internet{"internet", DataRate("10Mbps"), MilliSeconds(25), 0.005};
    uint64_t mplsQueue = 60;
    uint64_t internetQueue = 100;
    uint64_t crossSources = 1;
    CrossTraffic cross{DataRate("8500kbps"), Seconds(15), Seconds(15)};

    const Time tick = MicroSeconds(1);
    Arguments arguments("Two sites, an mpls and an internet path, and a load balancer that places "
                        "each new flow.\nControlled by Python (--controller=gym) or inside ns-3.");
    arguments.AddRate("mplsRate", "Rate of the mpls path [bit/s]", mpls.rate);
    arguments.AddTime("mplsDelay", "Propagation delay of the mpls path [s]", mpls.delay, Time(0));
    arguments.AddNumber("mplsLoss", "Random loss of the mpls path [share]", mpls.loss, 0, 0.99);
    arguments.AddInteger("mplsQueue", "Queue of the mpls path [packet]", mplsQueue, 1, 1000000);
    arguments.AddRate("internetRate", "Rate of the internet path [bit/s]", internet.rate);
    arguments.AddTime(
        "internetDelay", "Propagation delay of the internet path [s]", internet.delay, Time(0));
    arguments.AddNumber(
        "internetLoss", "Random loss of the internet path [share]", internet.loss, 0, 0.99);
    arguments.AddInteger(
        "internetQueue", "Queue of the internet path [packet]", internetQueue, 1, 1000000);
    arguments.AddInteger("crossSources",
                         "On-off sources of cross traffic on the internet path [1]",
                         crossSources,
                         0,
                         64);
    arguments.AddRate("crossRate", "Rate of one such source while on [bit/s]", cross.rate);
    arguments.AddTime("crossOn", "Mean time that a source is on [s]", cross.on, tick);
    arguments.AddTime("crossOff", "Mean time that a source is off [s]", cross.off, tick);
    arguments.AddRate("minLoad", "Lowest load that is offered [bit/s]", p.minLoad);
    arguments.AddRate("maxLoad", "Highest load that is offered [bit/s]", p.maxLoad);
    p.AddTo(arguments);
    arguments.Parse(argc, argv);

    mpls.queue = QueueSize(QueueSizeUnit::PACKETS, static_cast<uint32_t>(mplsQueue));
    internet.queue = QueueSize(QueueSizeUnit::PACKETS, static_cast<uint32_t>(internetQueue));
    internet.cross.assign(crossSources, cross);
    p.paths = {mpls, internet};
    p.hasSingleRatio = true;
    p.Check();
    return p;
}

} // namespace ns3::kan

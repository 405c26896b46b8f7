// SPDX-License-Identifier: GPL-2.0-only
#ifndef NS3KAN_SDWAN_PARAMETERS_H
#define NS3KAN_SDWAN_PARAMETERS_H

#include "network/two-site-network.h"

#include <ns3/data-rate.h>
#include <ns3/nstime.h>

#include <cstdint>
#include <string>

namespace ns3
{

/// Everything that can be set of the scenario sdwan, with its default.
struct SdWanParameters
{
    PathParameters mpls{"mpls", DataRate("6Mbps"), MilliSeconds(10), 0, 60};
    PathParameters internet{"internet", DataRate("10Mbps"), MilliSeconds(25), 0.005, 100};
    uint64_t mplsQueue{60};
    uint64_t internetQueue{100};
    uint64_t crossSources{1};
    DataRate crossRate{"8500kbps"};
    Time crossOn{Seconds(15)};
    Time crossOff{Seconds(15)};
    Time probeInterval{MilliSeconds(50)};

    std::string transport{"udp"};
    DataRate minLoad{"2Mbps"};
    DataRate maxLoad{"12Mbps"};
    Time loadPeriod{Seconds(60)};
    std::string flowSizes{"exponential"};
    double meanFlowSize{40000};
    double tailIndex{1.5};
    DataRate rateLimit{"500kbps"};
    uint64_t packetSize{1250};

    Time interval{MilliSeconds(500)};
    Time duration{Seconds(60)};
    Time warmup{Seconds(3)};
    std::string reward{"utility"};
    double utilityFloor{0.05};
    double utilityWeight{1};
    double lossWeight{1};
    double delayWeight{10};

    std::string controller{"gym"};
    std::string intervals;
    uint64_t port{5555};
    uint64_t seed{1};
};

/**
 * Read the command line of the scenario sdwan.
 * @param parameters the defaults, replaced by what the command line gives
 * @param argc as main got it
 * @param argv as main got it
 * @throws std::invalid_argument if something is unknown, out of range or contradictory
 */
void ReadSdWanArguments(SdWanParameters& parameters, int argc, char* argv[]);

} // namespace ns3

#endif // NS3KAN_SDWAN_PARAMETERS_H

// SPDX-License-Identifier: GPL-2.0-only
#ifndef NS3KAN_PATH_PARAMETERS_H
#define NS3KAN_PATH_PARAMETERS_H

#include "recordings.h"

#include "ns3/two-site-network.h"

#include <ns3/data-rate.h>
#include <ns3/nstime.h>

#include <cstdint>
#include <string>
#include <vector>

namespace ns3::kan
{

class Arguments;

/// Everything that can be set of a scenario of paths between two sites, with its default.
struct PathScenarioParameters
{
    std::vector<PathParameters> paths;
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

    bool hasSingleRatio{false}; //!< whether an action is the share of the second of two paths
    std::string observation{"oracle"};
    std::string controller{"gym"};
    std::string intervals;
    std::string flows;
    RecordingParameters recordings;
    uint64_t port{5555};
    uint64_t seed{1};

    /**
     * Let the command line set all of these but the paths and the loads.
     * @param arguments the command line
     */
    void AddTo(Arguments& arguments);
    /**
     * To be called once the command line has been read.
     * @throws std::invalid_argument if some of what was given contradicts other
     */
    void Check() const;
    /// @return the rates of all paths added up [bit/s]
    double GetTotalRate() const;
};

} // namespace ns3::kan

#endif // NS3KAN_PATH_PARAMETERS_H

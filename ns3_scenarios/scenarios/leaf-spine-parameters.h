// SPDX-License-Identifier: GPL-2.0-only
#ifndef NS3KAN_LEAF_SPINE_PARAMETERS_H
#define NS3KAN_LEAF_SPINE_PARAMETERS_H

#include "recordings.h"

#include "ns3/fabric-traffic.h"
#include "ns3/leaf-spine-network.h"

#include <ns3/data-rate.h>
#include <ns3/nstime.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace ns3::kan
{

/// Everything that can be set of the scenario leaf-spine, with its default.
struct LeafSpineParameters
{
    uint64_t leaves{4};
    uint64_t spines{4};
    uint64_t hosts{8};
    DataRate hostRate{"1Gbps"};
    std::optional<double> oversubscription; //!< none: 2, unless uplinkRates are given
    std::vector<DataRate> uplinkRates{};    //!< one per spine once the command line has been read
    Time linkDelay{MicroSeconds(1)};
    uint64_t queue{100};
    std::vector<LinkFailure> failures{};
    Time convergence{MilliSeconds(1)};

    std::string pattern{"all-to-all"};
    double load{0.5};
    std::string flowSizes{"web-search"};
    double meanFlowSize{100000};
    std::optional<double> sizeScale; //!< none: that of the distribution
    uint64_t fanIn{8};
    std::string tcp{"new-reno"};
    Time minRto{MilliSeconds(10)};

    std::string granularity{"flowlet"};
    Time flowletGap{MicroSeconds(500)};

    Time interval{MicroSeconds(500)};
    Time duration{MilliSeconds(600)};
    Time warmup{MilliSeconds(50)};
    Time drain{Seconds(1)};
    std::string reward{"slowdown"};
    double utilityFloor{0.05};
    uint64_t agents{0};

    std::string observation{"oracle"};
    std::string controller{"gym"};
    std::string intervals;
    std::string flows;
    std::string summary;
    std::string links;
    RecordingParameters recordings{};
    std::vector<double> sizeBins{100e3, 10e6};
    uint64_t port{5555};
    uint64_t seed{1};

    /// @return the fabric that they describe
    FabricParameters GetFabric() const;
    /// @return the same, but with links between switches so fast that only those of hosts limit
    FabricParameters GetInfiniteFabric() const;
    /// @return whether the fabric is to be the infinite one
    bool IsInfinite() const;
    /// @return what the links from all leaves to all spines carry together [bit/s]
    double GetCapacity() const;
    /// @return the factor on the sizes of the distribution
    double GetSizeScale() const;
    /// @return the traffic that they describe
    TrafficParameters GetTraffic() const;
    /// @return the longest that a packet of 1,500 bytes takes from leaf to leaf
    Time GetLongestDelay() const;
};

/**
 * Read the command line of the scenario leaf-spine.
 * @param argc as main got it
 * @param argv as main got it
 * @return what it gives, and defaults for the rest
 * @throws std::invalid_argument if something is unknown, out of range or contradictory
 */
LeafSpineParameters ReadLeafSpineArguments(int argc, char* argv[]);

} // namespace ns3::kan

#endif // NS3KAN_LEAF_SPINE_PARAMETERS_H

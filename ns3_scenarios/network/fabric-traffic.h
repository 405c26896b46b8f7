// SPDX-License-Identifier: GPL-2.0-only
#ifndef NS3KAN_FABRIC_TRAFFIC_H
#define NS3KAN_FABRIC_TRAFFIC_H

#include "size-distribution.h"

#include <ns3/event-id.h>
#include <ns3/nstime.h>
#include <ns3/object.h>
#include <ns3/random-variable-stream.h>

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace ns3::kan
{

/// What flows in a fabric. All of it goes from leaf to leaf.
struct TrafficParameters
{
    std::string pattern;    //!< permutation, incast or all-to-all
    uint32_t leaves;        //!< of the fabric
    uint32_t hosts;         //!< at each leaf
    uint32_t fanIn;         //!< senders of an incast
    double load;            //!< application bytes as a rate [bit/s]
    SizeDistribution sizes; //!< of the flows
};

/**
 * Starts flows in a fabric, as a Poisson process whose rate follows from the load and the mean of
 * the sizes.
 *
 *  - `permutation`: every host always sends to one host of another leaf, no two to the same;
 *  - `all-to-all`: from any host to any host of another leaf, equally likely;
 *  - `incast`: at each arrival fanIn hosts of other leaves send to one host at the same time.
 *
 * What it draws does not depend on what becomes of the flows.
 */
class FabricTraffic : public Object
{
  public:
    /// Starts a flow, given its source and destination among all hosts and its size [byte].
    using StartFlow = std::function<void(uint32_t source, uint32_t destination, uint64_t size)>;

    /// @return the TypeId
    static TypeId GetTypeId();
    /**
     * @param parameters what flows
     * @param start starts a flow
     */
    FabricTraffic(const TrafficParameters& parameters, StartFlow start);

    /**
     * @param stream first stream number
     * @return how many streams were taken
     */
    int64_t AssignStreams(int64_t stream);
    /**
     * Begin now.
     * @param end when the last flow starts
     */
    void Start(Time end);

  private:
    void ScheduleArrival();
    void Arrive();
    void DrawPermutation();
    /**
     * @param leaf number of a leaf
     * @return any host of the other leaves
     */
    uint32_t DrawHostOutside(uint32_t leaf);

    TrafficParameters m_parameters;
    StartFlow m_start;
    Time m_end;
    double m_meanGap;                    //!< between two arrivals [s]
    std::vector<uint32_t> m_permutation; //!< where each host sends to
    Ptr<ExponentialRandomVariable> m_gap;
    Ptr<UniformRandomVariable> m_hosts;
    Ptr<UniformRandomVariable> m_sizes;
};

} // namespace ns3::kan

#endif // NS3KAN_FABRIC_TRAFFIC_H

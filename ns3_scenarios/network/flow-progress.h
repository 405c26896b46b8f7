// SPDX-License-Identifier: GPL-2.0-only
#ifndef NS3KAN_FLOW_PROGRESS_H
#define NS3KAN_FLOW_PROGRESS_H

#include "idle-path.h"
#include "tcp-flows.h"

#include <ns3/nstime.h>
#include <ns3/object.h>

#include <cstdint>
#include <list>
#include <vector>

namespace ns3::kan
{

/// What FlowProgress saw of some flows in one interval.
struct ProgressInterval
{
    uint32_t activeFlows{0};   //!< flows that ran
    double logProgress{0};     //!< sum of the logarithms of their progress
    uint32_t finishedFlows{0}; //!< flows that finished
    double logSlowdown{0};     //!< sum of the logarithms of their slowdown
    uint64_t bytes{0};         //!< delivered to applications
    uint64_t offered{0};       //!< bytes of the flows that began

    /// @param other is added to this
    void Add(const ProgressInterval& other);
    /// @return mean logarithm of the progress, 0 if no flow ran
    double GetUtility() const;
    /// @return mean logarithm of the slowdown, 0 if no flow finished
    double GetLogSlowdown() const;
};

/**
 * Watches flows against what they would do in an idle network, by the group of their sender.
 *
 * The progress of a flow in an interval is the share of its bytes that was delivered, over the
 * share of its idle completion time that passed; at most 1, and at least a floor. The mean of its
 * logarithm is the utility of proportional fairness (F. Kelly, "Charging and rate control for
 * elastic traffic", 1997), relative to the idle network.
 */
class FlowProgress : public Object
{
  public:
    /// @return the TypeId
    static TypeId GetTypeId();
    /**
     * @param groups how many groups of senders there are
     * @param hosts in each group, in the order of their numbers
     * @param idle path of a flow in an idle network
     * @param floor least progress that enters the logarithm
     */
    FlowProgress(uint32_t groups, uint32_t hosts, const IdlePath& idle, double floor);

    /// @param flow that begins; connect to the trace source Started of TcpFlows
    void Start(const TcpFlow& flow);
    /**
     * End the interval that has run since the last call, or since the start of the simulation.
     * @return what was seen in it, by group
     */
    std::vector<ProgressInterval> CloseInterval();

  private:
    /// A flow that runs.
    struct Running
    {
        const TcpFlow* flow;
        double idle;              //!< its completion time in an idle network [s]
        uint64_t deliveredBefore; //!< bytes, when the interval began
    };

    uint32_t m_groups;
    uint32_t m_hosts;
    IdlePath m_idle;
    double m_floor;
    Time m_intervalStart;
    std::vector<uint64_t> m_offered; //!< bytes of flows that have begun in the interval, by group
    std::list<Running> m_running;    //!< in the order in which they began
};

} // namespace ns3::kan

#endif // NS3KAN_FLOW_PROGRESS_H

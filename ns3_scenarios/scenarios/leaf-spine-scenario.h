// SPDX-License-Identifier: GPL-2.0-only
#ifndef NS3KAN_LEAF_SPINE_SCENARIO_H
#define NS3KAN_LEAF_SPINE_SCENARIO_H

#include "leaf-spine-parameters.h"

#include "ns3/fabric-decision-loop.h"
#include "ns3/fabric-traffic.h"
#include "ns3/flow-progress.h"
#include "ns3/flow-summary.h"
#include "ns3/idle-path.h"
#include "ns3/leaf-spine-network.h"
#include "ns3/link-totals.h"
#include "ns3/tcp-flows.h"

#include <ns3/nstime.h>

#include <cstdint>
#include <vector>

namespace ns3::kan
{

/**
 * A leaf-spine fabric, its traffic, measurements and decision loop. At each decision interval a
 * controller sets the weights of every leaf's uplinks; or the leaves choose by themselves.
 */
class LeafSpineScenario : public Object
{
  public:
    /// @return the TypeId
    static TypeId GetTypeId();
    /**
     * @param parameters what to build
     * @throws std::invalid_argument if its controller does not fit
     */
    explicit LeafSpineScenario(const LeafSpineParameters& parameters);

    /// Run from time zero to the end.
    void Run();

    /// @return the network, whose parts have trace sources of their own
    const LeafSpineNetwork& GetNetwork() const;
    /// @return what decides on weights, and measures what comes of them
    Ptr<FabricDecisionLoop> GetLoop() const;
    /// @return what carries the flows
    Ptr<TcpFlows> GetFlows() const;

    /// @return completion times of the flows that started while decisions were taken
    FlowSummary GetSummary() const;
    /// @return what each link has carried; null unless that was asked for
    Ptr<LinkTotals> GetLinkTotals() const;

  private:
    /// @param flow that begins, with ports that may have been used before
    void Announce(const TcpFlow& flow);
    /// Note what has been delivered before the first decision.
    void StartMeasuring();
    /// Note what has been delivered, and wait for the flows that are left.
    void EndMeasuring();
    void Drain();
    /// @return bytes of each flow so far that have been delivered
    std::vector<uint64_t> GetDelivered() const;
    LeafSpineParameters m_parameters;
    LeafSpineNetwork m_network;
    IdlePath m_idle;
    Ptr<FabricDecisionLoop> m_loop;
    Ptr<TcpFlows> m_flows;
    Ptr<FlowProgress> m_progress;
    Ptr<FabricTraffic> m_traffic;
    Ptr<LinkTotals> m_links;
    std::vector<uint64_t> m_deliveredBefore; //!< of each flow, when the first decision was taken
    std::vector<uint64_t> m_deliveredAfter;  //!< likewise, after the last one's interval
    Time m_measuredUntil;                    //!< end of the last decision's interval
};

} // namespace ns3::kan

#endif // NS3KAN_LEAF_SPINE_SCENARIO_H

// SPDX-License-Identifier: GPL-2.0-only
#ifndef NS3KAN_LEAF_SPINE_SCENARIO_H
#define NS3KAN_LEAF_SPINE_SCENARIO_H

#include "leaf-spine-parameters.h"

#include "ns3/fabric-balancer.h"
#include "ns3/fabric-monitor.h"
#include "ns3/fabric-traffic.h"
#include "ns3/flow-progress.h"
#include "ns3/flow-summary.h"
#include "ns3/gym-environment.h"
#include "ns3/gym-interface.h"
#include "ns3/idle-path.h"
#include "ns3/interval-log.h"
#include "ns3/leaf-spine-network.h"
#include "ns3/leaf-telemetry.h"
#include "ns3/link-totals.h"
#include "ns3/tcp-flows.h"

#include <ns3/traced-callback.h>

#include <cstdint>
#include <string>
#include <vector>

namespace ns3::kan
{

/**
 * A leaf-spine fabric, its traffic, measurements and decision loop. At each decision interval a
 * controller sets the weights of every leaf's uplinks; or the leaves choose by themselves.
 */
class LeafSpineScenario : public GymEnvironment
{
  public:
    /// @return the TypeId
    static TypeId GetTypeId();
    /**
     * @param parameters what to build
     * @throws std::invalid_argument if its controller does not fit
     */
    explicit LeafSpineScenario(const LeafSpineParameters& parameters);

    /**
     * Run from time zero to the end.
     * @param gym the bridge that decides, or null
     * @param log receives a row per decision, or null
     */
    void Run(Ptr<GymInterface> gym, IntervalLog* log);

    /// @return the network, whose parts have trace sources of their own
    const LeafSpineNetwork& GetNetwork() const;
    /// @return what measures the leaves
    Ptr<FabricMonitor> GetMonitor() const;
    /// @return what carries the flows
    Ptr<TcpFlows> GetFlows() const;

    /**
     * Signature of the trace source Decision.
     * @param features of each leaf that were decided on
     * @param weights of each leaf's uplinks from now on; none if the leaves choose by themselves
     */
    typedef void (*DecisionCallback)(const std::vector<LeafNumbers>& features,
                                     const std::vector<LeafNumbers>& weights);

    GymSpace GetObservationSpace() const override;
    GymSpace GetActionSpace() const override;
    GymDescription GetDescription() const override;
    GymContainer GetObservation() override;
    double GetReward() override;
    std::string GetExtraInfo() override;
    void ExecuteAction(const GymContainer& action) override;

    /// @return the columns of the interval log and their units
    std::vector<IntervalLog::Column> GetColumns() const;
    /// @return completion times of the flows that started while decisions were taken
    FlowSummary GetSummary() const;
    /// @return what each link has carried; null unless that was asked for
    Ptr<LinkTotals> GetLinkTotals() const;

  private:
    /// What one interval was like.
    struct Metrics
    {
        std::vector<double> rewards; //!< of each leaf
        double reward{0};            //!< of all
        double goodput{0};           //!< application bytes delivered [bit/s]
        double offered{0};           //!< bytes of the flows that began [bit/s]
        double delay{0};             //!< mean, leaf to leaf [s]
        double loss{0};              //!< share of the packets between leaves
        double outOfOrder{0};        //!< share of the segments with data
        ProgressInterval flows;      //!< of all leaves
    };

    /// @param flow that begins, with ports that may have been used before
    void Announce(const TcpFlow& flow);
    void CloseInterval();
    void Measure(const std::vector<FabricInterval>& leaves, double length);
    /**
     * @param flows of some leaves
     * @param imbalance of these leaves' uplinks
     * @return the reward
     */
    double GetRewardOf(const ProgressInterval& flows, double imbalance) const;
    void Decide();
    void LogDecision();
    void Drain();
    /// @return bytes of each flow so far that have been delivered
    std::vector<uint64_t> GetDelivered() const;
    /**
     * @param leaf number of a leaf
     * @return the names of its features, each with what an environment says of it
     */
    std::vector<GymComponent> DescribeLeaf(uint32_t leaf) const;

    LeafSpineParameters m_parameters;
    LeafSpineNetwork m_network;
    IdlePath m_idle;
    FabricBalancer m_balancer;
    Ptr<FabricMonitor> m_monitor;
    std::vector<Ptr<LeafTelemetry>> m_telemetry; //!< one per leaf if it observes in-band, or none
    Ptr<TcpFlows> m_flows;
    Ptr<FlowProgress> m_progress;
    Ptr<FabricTraffic> m_traffic;
    Ptr<LinkTotals> m_links;
    Ptr<GymInterface> m_gym;
    IntervalLog* m_log{nullptr};
    uint64_t m_decisionsLeft{0};
    Time m_lastClosed;
    uint64_t m_lastSegments{0};
    uint64_t m_lastOutOfOrder{0};
    std::vector<LeafNumbers> m_features;
    std::vector<LeafNumbers> m_weights;
    double m_decidedAt{-1};                  //!< time of the last decision [s]; negative before it
    std::vector<LeafNumbers> m_decidedOn;    //!< the features at the last decision
    std::vector<uint64_t> m_deliveredBefore; //!< of each flow, when the first decision was taken
    std::vector<uint64_t> m_deliveredAfter;  //!< likewise, after the last one's interval
    Time m_measuredUntil;                    //!< end of the last decision's interval
    Metrics m_metrics;
    TracedCallback<const std::vector<LeafNumbers>&, const std::vector<LeafNumbers>&> m_decision;
};

} // namespace ns3::kan

#endif // NS3KAN_LEAF_SPINE_SCENARIO_H

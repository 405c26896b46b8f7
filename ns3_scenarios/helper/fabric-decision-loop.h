// SPDX-License-Identifier: GPL-2.0-only
#ifndef NS3KAN_FABRIC_DECISION_LOOP_H
#define NS3KAN_FABRIC_DECISION_LOOP_H

#include "ns3/fabric-balancer.h"
#include "ns3/fabric-monitor.h"
#include "ns3/flow-progress.h"
#include "ns3/gym-environment.h"
#include "ns3/gym-interface.h"
#include "ns3/interval-log.h"
#include "ns3/leaf-spine-network.h"
#include "ns3/leaf-telemetry.h"
#include "ns3/tcp-flows.h"

#include <ns3/callback.h>
#include <ns3/nstime.h>
#include <ns3/traced-callback.h>

#include <cstdint>
#include <string>
#include <vector>

namespace ns3::kan
{

/**
 * Decides at equal intervals with which weights each leaf of a fabric spreads traffic over its
 * uplinks: it closes the interval of what measures the fabric, makes features and a reward of it,
 * asks the balancer's controller, or Python through a GymInterface, and hands the weights to the
 * leaves. Where the leaves choose by themselves, it measures only.
 */
class FabricDecisionLoop : public GymEnvironment
{
  public:
    /// @return the TypeId
    static TypeId GetTypeId();

    /**
     * Begin to measure a fabric.
     * @param network the fabric
     * @param balancer what spreads its traffic
     * @param longestDelay of a packet from leaf to leaf
     */
    void Configure(const LeafSpineNetwork& network,
                   const FabricBalancer& balancer,
                   Time longestDelay);
    /**
     * Have features hold what leaves can know, instead of what happens to every packet.
     * @param network the fabric
     */
    void ObserveInBand(const LeafSpineNetwork& network);
    /**
     * @param flows that the fabric carries
     * @param progress of these flows
     * @param capacity of all uplinks together [bit/s]
     */
    void SetFlows(Ptr<TcpFlows> flows, Ptr<FlowProgress> progress, double capacity);
    /// @param gym by which Python decides in place of a controller
    void SetGym(Ptr<GymInterface> gym);
    /// @param log receives a row per decision, or null
    void SetLog(IntervalLog* log);
    /**
     * Begin at time zero.
     * @param end is called when the last decision's interval has ended
     */
    void Start(Callback<void> end);
    /// Tell Python, if it decides, that the simulation is over; to be called after Simulator::Run.
    void Finish();
    /// @return what measures the leaves
    Ptr<FabricMonitor> GetMonitor() const;

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
    /**
     * @param leaf number of a leaf
     * @return the names of its features, each with what an environment says of it
     */
    std::vector<GymComponent> DescribeLeaf(uint32_t leaf) const;

    Time m_interval;
    Time m_warmup;
    Time m_duration;
    std::string m_reward;
    uint32_t m_agents;

    std::vector<std::string> m_uplinks; //!< names of those of a leaf
    FabricBalancer m_balancer;
    Time m_longestDelay;  //!< of a packet from leaf to leaf
    double m_capacity{0}; //!< of all uplinks together [bit/s]
    Ptr<FabricMonitor> m_monitor;
    std::vector<Ptr<LeafTelemetry>> m_telemetry; //!< one per leaf if it observes in-band, or none
    Ptr<TcpFlows> m_flows;
    Ptr<FlowProgress> m_progress;
    Ptr<GymInterface> m_gym;
    IntervalLog* m_log{nullptr};

    Callback<void> m_end;
    uint64_t m_decisionsLeft{0};
    Time m_lastClosed;
    uint64_t m_lastSegments{0};
    uint64_t m_lastOutOfOrder{0};
    std::vector<LeafNumbers> m_features;
    std::vector<LeafNumbers> m_weights;
    double m_decidedAt{-1};               //!< time of the last decision [s]; negative before it
    std::vector<LeafNumbers> m_decidedOn; //!< the features at the last decision
    Metrics m_metrics;
    TracedCallback<const std::vector<LeafNumbers>&, const std::vector<LeafNumbers>&> m_decision;
};

} // namespace ns3::kan

#endif // NS3KAN_FABRIC_DECISION_LOOP_H

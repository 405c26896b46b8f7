// SPDX-License-Identifier: GPL-2.0-only
#ifndef NS3KAN_PATH_DECISION_LOOP_H
#define NS3KAN_PATH_DECISION_LOOP_H

#include "ns3/flow-records.h"
#include "ns3/gym-environment.h"
#include "ns3/gym-interface.h"
#include "ns3/interval-log.h"
#include "ns3/path-balancer.h"
#include "ns3/path-controller.h"
#include "ns3/path-monitor.h"
#include "ns3/path-prober.h"

#include <ns3/data-rate.h>
#include <ns3/event-id.h>
#include <ns3/nstime.h>
#include <ns3/traced-callback.h>

#include <cstdint>
#include <string>
#include <vector>

namespace ns3::kan
{

/// A path whose share of the new flows is decided.
struct DecidedPath
{
    std::string name;         //!< such as mpls
    DataRate rate;            //!< of its link
    Time longestDelay;        //!< of a packet that is not lost
    Ptr<PathMonitor> monitor; //!< measures it
    Ptr<PathProber> prober{}; //!< what its near router knows of it; null to observe by monitor
};

/**
 * Decides at equal intervals which share of the new flows takes which path: it closes the interval
 * of all monitors, makes features and a reward of what they saw, asks a controller, or Python
 * through a GymInterface, and hands the shares to the balancer.
 *
 * @code
 * auto loop = CreateObject<PathDecisionLoop>();
 * loop->SetBalancer(PathBalancerHelper::GetBalancer(router));
 * loop->AddPath({"mpls", DataRate("6Mbps"), MilliSeconds(100), monitor});
 * loop->AddPath(...); // in the order of the balancer's
 * loop->SetController("controller.json");
 * loop->Start();
 * Simulator::Run();
 * loop->Finish();
 * @endcode
 *
 * Features are those that ControlledPaths names: the load that is offered over the rates of all
 * paths, its change, and of each path delay, loss and utilisation.
 */
class PathDecisionLoop : public GymEnvironment
{
  public:
    /// @return the TypeId
    static TypeId GetTypeId();

    /// @param balancer gets the shares
    void SetBalancer(Ptr<PathBalancer> balancer);
    /// @param path the next one, in the order of the balancer's
    void AddPath(const DecidedPath& path);
    /// @param records of the flows, which know utility and goodput; without them both are 0
    void SetRecords(Ptr<FlowRecords> records);
    /// @param controller decides
    void SetController(Ptr<PathController> controller);
    /**
     * To be called when all paths have been added.
     * @param name of a controller that decides, as MakePathController takes it
     * @throws std::invalid_argument if there is none of this name or it does not fit the paths
     */
    void SetController(const std::string& name);
    /// @param gym by which Python decides in place of a controller
    void SetGym(Ptr<GymInterface> gym);
    /// @param log receives a row per decision, or null
    void SetLog(IntervalLog* log);
    /**
     * Begin at time zero. The simulation stops after the last decision's interval, or when Python
     * ends it.
     */
    void Start();
    /// Tell Python, if it decides, that the simulation is over; to be called after Simulator::Run.
    void Finish();

    /**
     * Signature of the trace source Decision.
     * @param features that were decided on, in the order of GetDescription
     * @param shares that each path gets of the new flows from now on
     */
    typedef void (*DecisionCallback)(const std::vector<double>& features,
                                     const std::vector<double>& shares);

    /// @return what measures each path, in their order
    std::vector<Ptr<PathMonitor>> GetMonitors() const;
    /// @return names and rates of the paths
    ControlledPaths GetPaths() const;
    /// @return the columns of the log and their units
    std::vector<IntervalLog::Column> GetColumns() const;

    GymSpace GetObservationSpace() const override;
    GymSpace GetActionSpace() const override;
    GymDescription GetDescription() const override;
    GymContainer GetObservation() override;
    double GetReward() override;
    std::string GetExtraInfo() override;
    void ExecuteAction(const GymContainer& action) override;

  protected:
    void DoDispose() override;

  private:
    /// What one interval was like for the flows of all paths together.
    struct Metrics
    {
        double utility{0};
        double goodput{0};
        double delay{0};
        double loss{0};
        double reward{0};
        uint32_t activeFlows{0};
    };

    /// End the interval: features and metrics are those of it from now on.
    void CloseInterval();
    /// @return what the metrics of the interval earn
    double Judge() const;
    void Decide();
    void LogDecision();
    /// @return what the numbers of an action mean: a ratio per path, or the one of the second
    std::vector<GymComponent> GetActions() const;

    Time m_interval;
    Time m_warmup;
    Time m_duration;
    std::string m_reward;
    double m_utilityWeight;
    double m_lossWeight;
    double m_delayWeight;
    bool m_hasSingleRatio;

    Ptr<PathBalancer> m_balancer;
    std::vector<DecidedPath> m_paths;
    double m_totalRate{0};    //!< of all paths [bit/s]
    double m_longestDelay{0}; //!< of any path: the delay of an interval that loses everything [s]
    Ptr<FlowRecords> m_records;
    Ptr<PathController> m_controller;
    Ptr<GymInterface> m_gym;
    IntervalLog* m_log{nullptr};

    uint64_t m_decisionsLeft{0};
    EventId m_next;    //!< the next decision
    Time m_lastClosed; //!< when the last interval ended
    uint64_t m_lastOffered{0};
    double m_load{0};
    std::vector<double> m_features;
    std::vector<double> m_shares;
    double m_decidedAt{-1};          //!< time of the last decision [s]; negative before the first
    std::vector<double> m_decidedOn; //!< the features at the last decision
    Metrics m_metrics;
    TracedCallback<const std::vector<double>&, const std::vector<double>&> m_decision;
};

} // namespace ns3::kan

#endif // NS3KAN_PATH_DECISION_LOOP_H

// SPDX-License-Identifier: GPL-2.0-only
#ifndef NS3KAN_PATH_SCENARIO_H
#define NS3KAN_PATH_SCENARIO_H

#include "path-parameters.h"

#include "ns3/flow-generator.h"
#include "ns3/flow-records.h"
#include "ns3/gym-environment.h"
#include "ns3/gym-interface.h"
#include "ns3/interval-log.h"
#include "ns3/path-balancer.h"
#include "ns3/path-controller.h"
#include "ns3/path-monitor.h"
#include "ns3/path-prober.h"
#include "ns3/two-site-network.h"

#include <ns3/traced-callback.h>

#include <functional>
#include <string>
#include <vector>

namespace ns3::kan
{

/**
 * Two sites joined by paths, over which flows are balanced: network, traffic, measurements and the
 * decision loop. At each decision interval a controller sets the share of the new flows that takes
 * each path; a running flow is never moved.
 */
class PathScenario : public GymEnvironment
{
  public:
    /// @return the TypeId
    static TypeId GetTypeId();
    /// @param parameters what to build
    explicit PathScenario(const PathScenarioParameters& parameters);

    /**
     * Run from time zero to the end.
     * @param gym the bridge that decides, or null
     * @param controller decides if there is no bridge
     * @param intervals receives a row per decision, or null
     * @param flows receives a row per flow, or null
     */
    void Run(Ptr<GymInterface> gym,
             Ptr<PathController> controller,
             IntervalLog* intervals,
             IntervalLog* flows);
    /// @return the network, whose parts have trace sources of their own
    const TwoSiteNetwork& GetNetwork() const;
    /// @return what measures each path, in their order
    const std::vector<Ptr<PathMonitor>>& GetMonitors() const;
    /// @return what keeps count of the flows
    Ptr<FlowRecords> GetRecords() const;

    /**
     * Signature of the trace source Decision.
     * @param features that were decided on, in the order of GetDescription
     * @param shares that each path gets of the new flows from now on
     */
    typedef void (*DecisionCallback)(const std::vector<double>& features,
                                     const std::vector<double>& shares);

    GymSpace GetObservationSpace() const override;
    GymSpace GetActionSpace() const override;
    GymDescription GetDescription() const override;
    GymContainer GetObservation() override;
    double GetReward() override;
    std::string GetExtraInfo() override;
    void ExecuteAction(const GymContainer& action) override;

    /// @return the columns of the interval log and their units
    std::vector<IntervalLog::Column> GetColumns() const;
    /// @return the columns of the log of flows and their units
    static std::vector<IntervalLog::Column> GetFlowColumns();

  protected:
    /// @return what the numbers of an action mean: here a ratio per path
    virtual std::vector<GymComponent> GetActions() const;
    /**
     * @param action numbers from 0 to 1
     * @return the share of each path; here in proportion to the numbers
     */
    virtual std::vector<double> FromAction(const std::vector<double>& action) const;
    /**
     * @param shares one per path
     * @return the action that stands for them
     */
    virtual std::vector<double> ToAction(const std::vector<double>& shares) const;

  private:
    /// What one interval was like for the flows of both paths together.
    struct Metrics
    {
        double utility{0};
        double goodput{0};
        double delay{0};
        double loss{0};
        double reward{0};
        uint32_t activeFlows{0};
    };

    void BuildTraffic();
    /// Let the near router measure the paths itself.
    void ProbeInBand();
    /**
     * @param path by which the near router sends a packet
     * @param bytes its IP size
     */
    void CountPacket(uint32_t path, uint32_t bytes);
    int64_t AddCrossTraffic(const BuiltPath& path, const CrossTraffic& cross, int64_t stream);
    void CloseInterval();
    void Decide();
    void LogDecision();
    void LogFlow(const FlowRecord& flow);

    PathScenarioParameters m_parameters;
    TwoSiteNetwork m_network;
    Ptr<FlowRecords> m_records;
    Ptr<FlowGenerator> m_generator;
    std::vector<Ptr<PathMonitor>> m_monitors;
    double m_longestDelay{0}; //!< of any path: the delay of an interval that loses everything [s]
    std::vector<Ptr<PathProber>> m_probers; //!< one per path if it observes in-band, otherwise none
    Ptr<GymInterface> m_gym;
    Ptr<PathController> m_controller;
    IntervalLog* m_intervalLog{nullptr};
    IntervalLog* m_flowLog{nullptr};
    uint64_t m_decisionsLeft{0};
    Time m_lastClosed; //!< when the last interval ended
    uint64_t m_lastOffered{0};
    double m_load{0};
    std::vector<double> m_shares;
    double m_decidedAt{-1}; //!< time of the last decision [s]; negative before the first
    std::vector<double> m_features;
    std::vector<double> m_decidedOn; //!< the features at the last decision
    Metrics m_metrics;
    TracedCallback<const std::vector<double>&, const std::vector<double>&> m_decision;
};

/// Makes a scenario from its parameters.
using PathScenarioFactory = std::function<Ptr<PathScenario>(const PathScenarioParameters&)>;

/**
 * The main function of a scenario of paths: reads the command line and runs one episode or, with
 * Python, as many as it asks for.
 * @param name of the program, for messages
 * @param read reads the command line; may throw
 * @param make makes the scenario
 * @return exit status; what went wrong is said on stderr
 */
int RunPathScenario(const std::string& name,
                    const std::function<PathScenarioParameters()>& read,
                    const PathScenarioFactory& make);

} // namespace ns3::kan

#endif // NS3KAN_PATH_SCENARIO_H

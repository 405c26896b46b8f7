// SPDX-License-Identifier: GPL-2.0-only
#ifndef NS3KAN_PATH_SCENARIO_H
#define NS3KAN_PATH_SCENARIO_H

#include "path-parameters.h"

#include "balancing/path-balancer.h"
#include "balancing/path-controller.h"
#include "gym/gym-environment.h"
#include "gym/gym-interface.h"
#include "network/flow-generator.h"
#include "network/flow-records.h"
#include "network/interval-log.h"
#include "network/path-monitor.h"
#include "network/two-site-network.h"

#include <functional>
#include <string>
#include <vector>

namespace ns3
{

/**
 * Two sites joined by paths, over which flows are balanced: network, traffic, measurements and the
 * decision loop. At each decision interval a controller sets the share of the new flows that takes
 * each path; a running flow is never moved.
 */
class PathScenario : public GymEnvironment
{
  public:
    /// @param parameters what to build
    explicit PathScenario(const PathScenarioParameters& parameters);

    /**
     * Run from time zero to the end.
     * @param gym the bridge that decides, or null
     * @param controller decides if there is no bridge
     * @param log receives a row per decision, or null
     */
    void Run(Ptr<GymInterface> gym, Ptr<PathController> controller, IntervalLog* log);

    GymSpace GetObservationSpace() const override;
    GymSpace GetActionSpace() const override;
    GymDescription GetDescription() const override;
    GymContainer GetObservation() override;
    double GetReward() override;
    std::string GetExtraInfo() override;
    void ExecuteAction(const GymContainer& action) override;

    /// @return the columns of the interval log and their units
    std::vector<IntervalLog::Column> GetColumns() const;

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
    int64_t AddCrossTraffic(const BuiltPath& path, const CrossTraffic& cross, int64_t stream);
    void CloseInterval();
    void Decide();
    void LogDecision();

    PathScenarioParameters m_parameters;
    TwoSiteNetwork m_network;
    Ptr<FlowRecords> m_records;
    Ptr<FlowGenerator> m_generator;
    std::vector<Ptr<PathMonitor>> m_monitors;
    Ptr<GymInterface> m_gym;
    Ptr<PathController> m_controller;
    IntervalLog* m_log{nullptr};
    uint64_t m_decisionsLeft{0};
    Time m_lastClosed; //!< when the last interval ended
    uint64_t m_lastOffered{0};
    double m_load{0};
    std::vector<double> m_shares;
    double m_decidedAt{-1}; //!< time of the last decision [s]; negative before the first
    std::vector<double> m_features;
    std::vector<double> m_decidedOn; //!< the features at the last decision
    Metrics m_metrics;
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

} // namespace ns3

#endif // NS3KAN_PATH_SCENARIO_H

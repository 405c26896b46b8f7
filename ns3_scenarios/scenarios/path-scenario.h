// SPDX-License-Identifier: GPL-2.0-only
#ifndef NS3KAN_PATH_SCENARIO_H
#define NS3KAN_PATH_SCENARIO_H

#include "path-parameters.h"

#include "ns3/flow-generator.h"
#include "ns3/flow-records.h"
#include "ns3/interval-log.h"
#include "ns3/path-decision-loop.h"
#include "ns3/two-site-network.h"

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
class PathScenario : public Object
{
  public:
    /// @return the TypeId
    static TypeId GetTypeId();
    /// @param parameters what to build; who decides is told to the loop
    explicit PathScenario(const PathScenarioParameters& parameters);

    /**
     * Run from time zero to the end.
     * @param flows receives a row per flow, or null
     */
    void Run(IntervalLog* flows);
    /// @return the network, whose parts have trace sources of their own
    const TwoSiteNetwork& GetNetwork() const;
    /// @return what keeps count of the flows
    Ptr<FlowRecords> GetRecords() const;
    /// @return what decides on shares, and measures what comes of them
    Ptr<PathDecisionLoop> GetLoop() const;

    /// @return the columns of the log of flows and their units
    static std::vector<IntervalLog::Column> GetFlowColumns();

  private:
    void BuildTraffic();
    /// Let the near router measure the paths itself.
    void ProbeInBand();
    /// @param monitors one per path
    void BuildLoop(const std::vector<Ptr<PathMonitor>>& monitors);
    /**
     * @param path by which the near router sends a packet
     * @param bytes its IP size
     */
    void CountPacket(uint32_t path, uint32_t bytes);
    int64_t AddCrossTraffic(const BuiltPath& path, const CrossTraffic& cross, int64_t stream);
    void LogFlow(const FlowRecord& flow);

    PathScenarioParameters m_parameters;
    TwoSiteNetwork m_network;
    Ptr<FlowRecords> m_records;
    Ptr<FlowGenerator> m_generator;
    Time m_longestDelay;                    //!< of any path
    std::vector<Ptr<PathProber>> m_probers; //!< one per path if it observes in-band, otherwise none
    Ptr<PathDecisionLoop> m_loop;
    IntervalLog* m_flowLog{nullptr};
};

/**
 * The main function of a scenario of paths: reads the command line and runs one episode or, with
 * Python, as many as it asks for.
 * @param name of the program, for messages
 * @param read reads the command line; may throw
 * @return exit status; what went wrong is said on stderr
 */
int RunPathScenario(const std::string& name, const std::function<PathScenarioParameters()>& read);

} // namespace ns3::kan

#endif // NS3KAN_PATH_SCENARIO_H

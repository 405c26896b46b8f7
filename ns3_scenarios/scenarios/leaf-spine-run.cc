// SPDX-License-Identifier: GPL-2.0-only
#include "leaf-spine-run.h"

#include "leaf-spine-scenario.h"

#include "gym/gym-episodes.h"
#include "gym/gym-program.h"

#include <ns3/rng-seed-manager.h>
#include <ns3/simulator.h>

#include <exception>
#include <iostream>
#include <memory>

namespace ns3::kan
{

namespace
{

/**
 * @param path file to write, or none
 * @param argument that gave it
 * @param columns what a row holds
 * @return where the rows go, or nowhere
 */
std::unique_ptr<IntervalLog>
OpenTable(const std::string& path,
          const std::string& argument,
          const std::vector<IntervalLog::Column>& columns)
{
    return path.empty() ? nullptr : std::make_unique<IntervalLog>(path, columns, argument);
}

/**
 * @param table of OpenTable
 * @param rows what to write
 */
void
WriteTable(const std::unique_ptr<IntervalLog>& table, const std::vector<std::vector<double>>& rows)
{
    if (!table)
    {
        return;
    }
    for (const std::vector<double>& row : rows)
    {
        table->Write(row);
    }
    table->Finish();
}

/**
 * One episode, from an empty simulator to an empty simulator.
 * @param parameters what to build
 * @param seed run number of the random streams
 * @param gym the bridge that decides, or null if the controller that the parameters name does
 */
void
RunEpisode(const LeafSpineParameters& parameters, uint64_t seed, Ptr<GymInterface> gym)
{
    RngSeedManager::SetSeed(1);
    RngSeedManager::SetRun(seed);
    const auto scenario = CreateObject<LeafSpineScenario>(parameters);
    const Ptr<FabricDecisionLoop> loop = scenario->GetLoop();
    // All at once: a file that cannot be written is told of before the simulation.
    const auto log = OpenTable(parameters.intervals, "intervals", loop->GetColumns());
    const auto flows = OpenTable(parameters.flows, "flows", FlowSummary::GetFlowColumns());
    const auto table = OpenTable(parameters.summary, "summary", FlowSummary::GetColumns());
    const auto links = OpenTable(parameters.links, "links", LinkTotals::GetColumns());
    Recordings recordings(parameters.recordings, scenario->GetNetwork().GetParts());
    loop->SetGym(gym);
    loop->SetLog(log.get());
    scenario->Run();
    recordings.Finish();
    if (log)
    {
        log->Finish();
    }
    const FlowSummary summary = scenario->GetSummary();
    WriteTable(flows, summary.GetFlowRows());
    WriteTable(table, summary.GetRows());
    if (const Ptr<LinkTotals> totals = scenario->GetLinkTotals())
    {
        WriteTable(links, totals->GetRows());
    }
    if (const FlowLoads loads = summary.GetLoads(); loads.Differ() && !gym)
    {
        std::cerr << "leaf-spine: warning: flows that began offered " << loads.offered
                  << " of the uplinks' capacity, but " << loads.delivered
                  << " was delivered in that time: the network is overloaded, or --duration and "
                     "--warmup are short for flows of this size"
                  << std::endl;
    }
    Simulator::Destroy();
}

} // namespace

int
RunLeafSpine(int argc, char* argv[])
{
    return RunProgram("leaf-spine",
                      [&]
                      {
                          const LeafSpineParameters parameters = ReadLeafSpineArguments(argc, argv);
                          RunEpisodes(parameters.controller == "gym",
                                      static_cast<uint16_t>(parameters.port),
                                      parameters.seed,
                                      [&](uint64_t seed, Ptr<GymInterface> gym)
                                      { RunEpisode(parameters, seed, gym); });
                      });
}

} // namespace ns3::kan

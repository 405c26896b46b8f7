// SPDX-License-Identifier: GPL-2.0-only
/**
 * Two sites joined by 2 to 64 paths, which a topology file describes. At each decision interval a
 * controller sets a ratio per path: the share of the new flows that takes it.
 */
#include "arguments.h"
#include "path-scenario.h"

#include "helper/topology-file.h"

#include <algorithm>
#include <cmath>

using namespace ns3;
using namespace ns3::kan;

namespace
{

/**
 * Read the command line.
 * @param argc as main got it
 * @param argv as main got it
 * @return what it gives, and defaults for the rest
 * @throws std::invalid_argument if something is unknown, out of range or contradictory
 */
PathScenarioParameters
ReadArguments(int argc, char* argv[])
{
    PathScenarioParameters p;
    std::string topology;
    double minLoad = 0.125;
    double maxLoad = 0.75;
    Arguments arguments("Two sites, 2 to 64 paths, and a load balancer that places each new flow."
                        "\nControlled by Python (--controller=gym) or inside ns-3.");
    arguments.AddText("topology", "JSON file that describes the paths", topology);
    arguments.AddNumber("minLoad",
                        "Lowest load that is offered, of the paths' added rates [share]",
                        minLoad,
                        1e-6,
                        10);
    arguments.AddNumber("maxLoad",
                        "Highest load that is offered, of the paths' added rates [share]",
                        maxLoad,
                        1e-6,
                        10);
    p.AddTo(arguments);
    arguments.Parse(argc, argv);
    if (topology.empty())
    {
        throw std::invalid_argument("--topology is missing: give the JSON file that describes the "
                                    "paths");
    }
    p.paths = ReadTopology(topology);
    const auto rate = [&p](double share)
    { return DataRate(std::max<uint64_t>(1, std::llround(share * p.GetTotalRate()))); };
    p.minLoad = rate(minLoad);
    p.maxLoad = rate(maxLoad);
    p.Check();
    return p;
}

} // namespace

int
main(int argc, char* argv[])
{
    return RunPathScenario("parallel-paths", [&] { return ReadArguments(argc, argv); });
}

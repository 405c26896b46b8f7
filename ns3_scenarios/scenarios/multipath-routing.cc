// SPDX-License-Identifier: GPL-2.0-only
/**
 * Packets arrive at a router, by default one in each slot. Each of K links has a queue of its own
 * and carries a number of packets that changes from slot to slot. A controller chooses the link
 * that the slot's packets take.
 */
#include "slotted-scenario.h"

#include <algorithm>

using namespace ns3;
using namespace ns3::kan;

namespace
{

/// Every link is served; the packets that arrive take the chosen one.
class MultipathRouting : public SlottedScenario
{
  public:
    /// @param parameters what to build
    explicit MultipathRouting(const SlottedParameters& parameters)
        : SlottedScenario(parameters, OneQueuePerLink(parameters))
    {
    }

  private:
    static std::vector<std::vector<uint32_t>> OneQueuePerLink(const SlottedParameters& parameters)
    {
        std::vector<std::vector<uint32_t>> buffers;
        for (const double buffer : parameters.buffers)
        {
            buffers.push_back({static_cast<uint32_t>(buffer)});
        }
        return buffers;
    }

    uint32_t Serve(uint32_t queue, const std::vector<uint32_t>& capacities) override
    {
        uint32_t most = 0;
        for (uint32_t link = 0; link < capacities.size(); ++link)
        {
            most = std::max(most, m_network.Serve(link, 0, capacities[link]));
        }
        m_network.Choose(queue);
        return most;
    }

    void Send(const std::vector<uint32_t>& arrivals) override
    {
        m_network.Send(0, arrivals.front());
    }
};

} // namespace

int
main(int argc, char* argv[])
{
    SlottedParameters defaults;
    defaults.name = "multipath-routing";
    defaults.summary =
        "Packets arrive at a router; each slot one of K links with random capacities "
        "is chosen for them.\nControlled by Python (--controller=gym) or inside "
        "ns-3.";
    defaults.problem = QueueProblem::ROUTING;
    defaults.queues = 8;
    defaults.arrivals = "deterministic";
    defaults.arrivalRates = {1};
    defaults.serviceRates = {0.3};
    return RunSlottedScenario<MultipathRouting>(defaults, argc, argv);
}

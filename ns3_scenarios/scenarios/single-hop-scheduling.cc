// SPDX-License-Identifier: GPL-2.0-only
/**
 * Packets of K streams wait in K queues before one link, which could carry another number of
 * packets of each in every slot, as a wireless downlink does. A controller chooses the queue that
 * the link serves.
 */
#include "slotted-scenario.h"

using namespace ns3;
using namespace ns3::kan;

namespace
{

/// The chosen queue of the link's queue discipline is served; packets arrive at all queues.
class SingleHopScheduling : public SlottedScenario
{
  public:
    /// @param parameters what to build
    explicit SingleHopScheduling(const SlottedParameters& parameters)
        : SlottedScenario(parameters, {{parameters.buffers.begin(), parameters.buffers.end()}})
    {
    }

  private:
    uint32_t Serve(uint32_t queue, const std::vector<uint32_t>& capacities) override
    {
        return m_network.Serve(0, queue, capacities[queue]);
    }

    void Send(const std::vector<uint32_t>& arrivals) override
    {
        for (uint32_t queue = 0; queue < arrivals.size(); ++queue)
        {
            m_network.Send(queue, arrivals[queue]);
        }
    }
};

} // namespace

int
main(int argc, char* argv[])
{
    SlottedParameters defaults;
    defaults.name = "single-hop-scheduling";
    defaults.summary =
        "Packets of K streams wait before one link with random capacities; each slot "
        "one queue is chosen to be served.\nControlled by Python "
        "(--controller=gym) or inside ns-3.";
    defaults.problem = QueueProblem::SCHEDULING;
    defaults.queues = 4;
    defaults.arrivals = "poisson";
    defaults.arrivalRates = {0.2};
    defaults.serviceRates = {1};
    return RunSlottedScenario<SingleHopScheduling>(defaults, argc, argv);
}

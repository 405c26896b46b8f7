// SPDX-License-Identifier: GPL-2.0-only
#include "slotted-parameters.h"

#include "arguments.h"

#include <algorithm>
#include <stdexcept>

namespace ns3::kan
{

namespace
{

/**
 * @param values one number for all queues, or one each; one each afterwards
 * @param queues how many queues there are
 * @param name of the argument
 */
void
Spread(std::vector<double>& values, uint64_t queues, const std::string& name)
{
    if (values.size() == 1)
    {
        values.assign(queues, values.front());
    }
    if (values.size() != queues)
    {
        throw std::invalid_argument("--" + name + " has " + std::to_string(values.size()) +
                                    " numbers for " + std::to_string(queues) +
                                    " queues: give one, or one for each");
    }
}

} // namespace

void
ReadSlottedArguments(SlottedParameters& parameters, int argc, char* argv[])
{
    SlottedParameters& p = parameters;
    const bool routing = p.problem == QueueProblem::ROUTING;
    const uint64_t usualQueues = p.queues;
    p.queues = 0;
    Arguments arguments(p.summary);
    arguments.AddInteger("queues",
                         "How many queues; 0 for as many as there are rates, or " +
                             std::to_string(usualQueues) + " [1]",
                         p.queues,
                         0,
                         1024);
    arguments.AddText("arrivals",
                      "Law of the packets that arrive in a slot: poisson, bernoulli, "
                      "binomial:TRIALS, geometric or deterministic",
                      p.arrivals);
    arguments.AddNumbers("arrivalRates",
                         routing ? "Mean arrivals [packet/slot]"
                                 : "Mean arrivals, of all queues or of each [packet/slot]",
                         p.arrivalRates,
                         0,
                         100);
    arguments.AddText(
        "capacities", "Law of the packets that a queue could send in a slot", p.capacities);
    arguments.AddNumbers("serviceRates",
                         "Mean capacities, of all queues or of each [packet/slot]",
                         p.serviceRates,
                         0,
                         100);
    arguments.AddText("trace",
                      "CSV file with arrivals and capacities, one row per slot, instead of draws; "
                      "the last row is only seen",
                      p.trace);
    arguments.AddNumbers("buffers",
                         "Greatest length of all queues or of each, 0 for no bound [packet]",
                         p.buffers,
                         0,
                         1e9);
    arguments.AddChoice("cost",
                        "What a slot costs, of the lengths that it leads to",
                        p.cost,
                        {"total", "quadratic"});
    arguments.AddNumbers("costWeights",
                         "Weights of the queues' costs, of all or of each [1]",
                         p.costWeights,
                         0,
                         1e9);
    arguments.AddNumber("dropCost", "Cost of a packet dropped [1]", p.dropCost, 0, 1e9);
    arguments.AddNumber(
        "rewardScale", "What minus the cost is multiplied with [1]", p.rewardScale, 1e-9, 1e9);
    arguments.AddFlag("observeRates", "Whether Python sees the mean rates", p.observeRates);
    arguments.AddInteger("slots", "How many decisions; 0 for no end [1]", p.slots, 0, 1000000000);
    arguments.AddTime("slot", "Length of a slot [s]", p.slot, MicroSeconds(10));
    arguments.AddInteger("packetSize", "IP size of a packet [byte]", p.packetSize, 64, 1500);
    arguments.AddText("controller",
                      routing ? "Who decides: gym (Python), random, round-robin, power-of-two, "
                                "join-shortest-queue, shortest-expected-delay or the path of a "
                                "controller.json"
                              : "Who decides: gym (Python), random, round-robin, longest-queue, "
                                "longest-connected-queue, max-weight or the path of a "
                                "controller.json",
                      p.controller);
    arguments.AddText("intervals",
                      "CSV file to write, one row per slot; each episode that Python asks for "
                      "replaces that of the one before",
                      p.intervals);
    p.recordings.AddTo(arguments);
    arguments.AddInteger("openGymPort", "TCP port at which Python listens [1]", p.port, 1, 65535);
    arguments.AddInteger("simSeed",
                         "Run number of the random streams: the same seed, the same packets [1]",
                         p.seed,
                         0,
                         999999999999999999);
    arguments.Parse(argc, argv);

    if (p.queues == 0)
    {
        const size_t given = std::max(p.serviceRates.size(), routing ? 1 : p.arrivalRates.size());
        p.queues = given > 1 ? given : usualQueues;
    }
    Spread(p.serviceRates, p.queues, "serviceRates");
    Spread(p.buffers, p.queues, "buffers");
    Spread(p.costWeights, p.queues, "costWeights");
    if (!routing)
    {
        Spread(p.arrivalRates, p.queues, "arrivalRates");
    }
    else if (p.arrivalRates.size() != 1)
    {
        throw std::invalid_argument("--arrivalRates has " + std::to_string(p.arrivalRates.size()) +
                                    " numbers for one stream of packets: give one");
    }
    for (const double buffer : p.buffers)
    {
        if (buffer != static_cast<uint32_t>(buffer))
        {
            throw std::invalid_argument("--buffers must be whole numbers of packets");
        }
    }
    if (p.slots == 0 && p.trace.empty() && p.controller != "gym")
    {
        throw std::invalid_argument("--slots=0 has no end: give a number of slots, or --trace");
    }
}

} // namespace ns3::kan

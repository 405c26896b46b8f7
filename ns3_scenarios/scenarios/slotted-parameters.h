// SPDX-License-Identifier: GPL-2.0-only
#ifndef NS3KAN_SLOTTED_PARAMETERS_H
#define NS3KAN_SLOTTED_PARAMETERS_H

#include "recordings.h"

#include "ns3/queue-controller.h"

#include <ns3/nstime.h>

#include <cstdint>
#include <string>
#include <vector>

namespace ns3::kan
{

/// Everything that can be set of a slotted scenario. What is given for all queues is spread out.
struct SlottedParameters
{
    std::string name;     //!< the program's
    std::string summary;  //!< what it is, for --PrintHelp
    QueueProblem problem; //!< what a queue is chosen for

    uint64_t queues;                  //!< K
    std::string arrivals;             //!< law of the arrivals
    std::vector<double> arrivalRates; //!< mean arrivals per slot, per stream
    std::string capacities{"poisson"};
    std::vector<double> serviceRates; //!< mean capacities per slot, per queue
    std::string trace;                //!< file with the counts instead, or empty

    std::vector<double> buffers{0}; //!< greatest lengths [packet]; 0 for no bound
    std::string cost{"total"};
    std::vector<double> costWeights{1};
    double dropCost{0};
    double rewardScale{1};
    bool observeRates{false};

    uint64_t slots{10000}; //!< how many decisions; 0 for no end
    Time slot{MilliSeconds(1)};
    uint64_t packetSize{1000}; //!< IP size [byte]

    std::string controller{"gym"};
    std::string intervals;
    RecordingParameters recordings;
    uint64_t port{5555};
    uint64_t seed{1};
};

/**
 * Read the command line of a slotted scenario.
 * @param parameters the defaults, replaced by what the command line gives
 * @param argc as main got it
 * @param argv as main got it
 * @throws std::invalid_argument if something is unknown, out of range or contradictory
 */
void ReadSlottedArguments(SlottedParameters& parameters, int argc, char* argv[]);

} // namespace ns3::kan

#endif // NS3KAN_SLOTTED_PARAMETERS_H

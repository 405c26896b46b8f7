// SPDX-License-Identifier: GPL-2.0-only
#ifndef NS3KAN_SDWAN_PARAMETERS_H
#define NS3KAN_SDWAN_PARAMETERS_H

#include "path-parameters.h"

namespace ns3::kan
{

/**
 * Read the command line of the scenario sdwan.
 * @param argc as main got it
 * @param argv as main got it
 * @return what the command line gives, and defaults for the rest
 * @throws std::invalid_argument if something is unknown, out of range or contradictory
 */
PathScenarioParameters ReadSdWanArguments(int argc, char* argv[]);

} // namespace ns3::kan

#endif // NS3KAN_SDWAN_PARAMETERS_H

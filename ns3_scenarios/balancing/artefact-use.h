// SPDX-License-Identifier: GPL-2.0-only
#ifndef NS3KAN_ARTEFACT_USE_H
#define NS3KAN_ARTEFACT_USE_H

#include "controller-artefact.h"

#include <string>
#include <vector>

namespace ns3::kan
{

/**
 * Evaluate an artefact in the middle of a simulation.
 * @param artefact a controller artefact
 * @param values of its inputs, as for ControllerArtefact::Evaluate
 * @return its decision
 * @throws std::runtime_error as that does; the message also says when, and what helps
 */
std::vector<double> EvaluateNow(const ControllerArtefact& artefact,
                                const std::vector<double>& values);

/**
 * See to it that ratios can be shares.
 * @param path file of the artefact
 * @param artefact a controller artefact
 * @throws std::invalid_argument if its decision is ratio and an output goes beyond 0 to 1
 */
void CheckShares(const std::string& path, const ControllerArtefact& artefact);

} // namespace ns3::kan

#endif // NS3KAN_ARTEFACT_USE_H

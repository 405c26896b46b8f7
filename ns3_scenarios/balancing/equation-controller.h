// SPDX-License-Identifier: GPL-2.0-only
#ifndef NS3KAN_EQUATION_CONTROLLER_H
#define NS3KAN_EQUATION_CONTROLLER_H

#include "controller-artefact.h"
#include "path-controller.h"

#include <string>
#include <vector>

namespace ns3::kan
{

/**
 * Decides by the equations of a controller artefact (`controller.json`), whose decision is
 *
 *  - `ratio`: one output per path, whose values become shares in proportion; of two paths, one
 *    output is the share of the second;
 *  - `softmax`: one output per path, whose probabilities are the shares;
 *  - `argmax`: one output per path, the greatest of which gets all new flows;
 *  - `index`: its inputs are load, load_delta and the delay, loss and utilisation of one path, and
 *    the path with the greatest value gets all new flows.
 */
class EquationController : public PathController
{
  public:
    /**
     * @param path file of the artefact
     * @param paths what it is to control
     * @throws std::exception if the file is no artefact that decides on so many paths, or asks
     *         for features that the scenario does not have
     */
    EquationController(const std::string& path, const ControlledPaths& paths);

    std::vector<double> Decide(const std::vector<double>& features) override;

  private:
    ControllerArtefact m_artefact;
    size_t m_paths;
};

} // namespace ns3::kan

#endif // NS3KAN_EQUATION_CONTROLLER_H

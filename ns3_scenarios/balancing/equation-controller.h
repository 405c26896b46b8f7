// SPDX-License-Identifier: GPL-2.0-only
#ifndef NS3KAN_EQUATION_CONTROLLER_H
#define NS3KAN_EQUATION_CONTROLLER_H

#include "controller-artefact.h"
#include "path-controller.h"

#include <string>
#include <vector>

namespace ns3
{

/// Decides by the equation of a controller artefact (`controller.json`).
class EquationController : public PathController
{
  public:
    /**
     * @param path file of the artefact
     * @param featureNames names of the scenario's features, in their order
     * @throws std::exception if the file is no artefact with one ratio as its decision, or asks
     *         for features that the scenario does not have
     */
    EquationController(const std::string& path, const std::vector<std::string>& featureNames);

    double Decide(const std::vector<double>& features) override;

  private:
    ControllerArtefact m_artefact;
};

} // namespace ns3

#endif // NS3KAN_EQUATION_CONTROLLER_H

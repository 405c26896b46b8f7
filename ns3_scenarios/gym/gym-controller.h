// SPDX-License-Identifier: GPL-2.0-only
#ifndef NS3KAN_GYM_CONTROLLER_H
#define NS3KAN_GYM_CONTROLLER_H

#include "gym-environment.h"

#include "ns3/controller-artefact.h"
#include "ns3/ptr.h"
#include "ns3/random-variable-stream.h"

#include <string>
#include <vector>

namespace ns3::kan
{

/**
 * A controller artefact that decides in an environment, in place of Python.
 *
 * The numbers of an observation are its inputs, by the names of the environment's description or,
 * without one, `observation_0`, `observation_1` and so on, as Python names them: those of a Box in
 * row-major order, of a Discrete one indicator for each choice, of Tuples and Dicts one part after
 * the other. A Box is decided by one output for each of its numbers (decision `ratio` or
 * `softmax`), a Discrete by one output for each choice (`argmax`; `softmax`, whose choice is drawn)
 * or by one expression for all of them (`index`), whose features are called `name_0` for the first.
 */
class GymController
{
  public:
    /**
     * @param path file of the artefact
     * @param environment in which it is to decide
     * @throws std::runtime_error if the file cannot be read
     * @throws std::invalid_argument if it is no artefact or does not fit the environment's spaces
     */
    GymController(const std::string& path, Ptr<const GymEnvironment> environment);

    /// @return names and units of the numbers of an observation
    const std::vector<GymComponent>& GetFeatures() const;
    /// @return names and units of the numbers of an action; one for a Discrete
    const std::vector<GymComponent>& GetActions() const;

    /**
     * @param observation a value of the observation space
     * @return its numbers, one for each feature
     * @throws std::invalid_argument if it is no value of that space
     */
    std::vector<double> ToNumbers(const GymContainer& observation) const;

    /**
     * @param features as from ToNumbers
     * @return the decision, one number for each action; of a Discrete the choice
     * @throws std::runtime_error if an expression has no value there; the message also says when
     */
    std::vector<double> Decide(const std::vector<double>& features);

    /**
     * @param decision as from Decide
     * @return it as a value of the action space
     */
    GymContainer ToAction(const std::vector<double>& decision) const;

  private:
    std::string m_path;
    ControllerArtefact m_artefact;
    GymSpace m_observationSpace;
    GymSpace m_actionSpace;
    std::vector<GymComponent> m_features;
    std::vector<GymComponent> m_actions;
    Ptr<UniformRandomVariable> m_draw; //!< of choices by softmax
};

} // namespace ns3::kan

#endif // NS3KAN_GYM_CONTROLLER_H

// SPDX-License-Identifier: GPL-2.0-only
#ifndef NS3KAN_QUEUE_EQUATION_CONTROLLER_H
#define NS3KAN_QUEUE_EQUATION_CONTROLLER_H

#include "controller-artefact.h"
#include "queue-controller.h"

#include <ns3/random-variable-stream.h>

#include <string>

namespace ns3::kan
{

/// Chooses a queue by the equations of a controller artefact (`controller.json`).
class QueueEquationController : public QueueController
{
  public:
    /**
     * @param path file of the artefact
     * @param problem what the queues are chosen for
     * @param queues how many queues there are
     * @throws std::exception if the file is no artefact whose decision chooses one of so many
     *         queues, or asks for features that the problem does not have
     */
    QueueEquationController(const std::string& path, QueueProblem problem, uint32_t queues);

    uint32_t Decide(const QueueState& state) override;
    int64_t AssignStreams(int64_t stream) override;

  private:
    ControllerArtefact m_artefact;
    Ptr<UniformRandomVariable> m_draw; //!< for decisions that are probabilities
};

} // namespace ns3::kan

#endif // NS3KAN_QUEUE_EQUATION_CONTROLLER_H

// SPDX-License-Identifier: GPL-2.0-only
#ifndef NS3KAN_QUEUE_CONTROLLER_H
#define NS3KAN_QUEUE_CONTROLLER_H

#include <ns3/object.h>

#include <cstdint>
#include <string>
#include <vector>

namespace ns3::kan
{

/// What there is to choose between queues for.
enum class QueueProblem
{
    ROUTING,   //!< which queue gets the packets that arrive
    SCHEDULING //!< which queue is served
};

/// What is known of the queues when one of them has to be chosen.
struct QueueState
{
    std::vector<double> lengths;      //!< packets that wait, per queue
    std::vector<double> capacities;   //!< packets that each queue could send now
    std::vector<double> arrivalRates; //!< mean arrivals per slot and queue; empty for routing
    std::vector<double> serviceRates; //!< mean capacities per slot and queue

    /**
     * @param problem what the queues are chosen for
     * @return names of the features of one queue
     */
    static std::vector<std::string> GetFeatureNames(QueueProblem problem);
    /**
     * @param withRates whether the rates are among them
     * @return the features of queue 0, of queue 1, …, in the order of their names
     */
    std::vector<double> GetFeatures(bool withRates) const;
};

/// Chooses a queue, slot after slot.
class QueueController : public Object
{
  public:
    /// @return the TypeId
    static TypeId GetTypeId();

    /**
     * @param state of the queues
     * @return number of the queue that is chosen
     */
    virtual uint32_t Decide(const QueueState& state) = 0;
    /**
     * @param stream first stream number
     * @return how many streams were taken
     */
    virtual int64_t AssignStreams(int64_t stream);
};

/**
 * Make a controller by name. With queue lengths q, capacities y and service rates μ it chooses
 * the queue with the greatest score, the first of equals:
 *
 *  - `random`: any queue, equally likely;
 *  - `round-robin`: one after the other (of time sharing; L. Kleinrock, 1964);
 *
 * for routing
 *
 *  - `join-shortest-queue`: −q (W. Winston, "Optimality of the shortest line discipline", 1977);
 *  - `shortest-expected-delay`: −(q + 1)/μ (S. Banawan and J. Zahorjan, "Load sharing in
 *    heterogeneous queueing systems", 1989);
 *  - `power-of-two`: −q of two queues drawn at random (M. Mitzenmacher, "The power of two choices
 *    in randomized load balancing", 2001);
 *
 * and for scheduling
 *
 *  - `longest-queue`: q;
 *  - `longest-connected-queue`: q of those with y > 0 (L. Tassiulas and A. Ephremides, "Dynamic
 *    server allocation to parallel queues with randomly varying connectivity", 1993);
 *  - `max-weight`: q·y (L. Tassiulas and A. Ephremides, "Stability properties of constrained
 *    queueing systems and scheduling policies", 1992).
 *
 * Anything that ends in `.json` is the equation of a controller artefact whose decision is
 *
 *  - `index`: its inputs are features of one queue, and the queue with the greatest value wins;
 *  - `argmax`: its inputs are features with the queue's number (`queue_length_0`), and it has one
 *    output per queue, the greatest of which wins;
 *  - `softmax`: the same, but a queue is drawn with these probabilities.
 *
 * @param name one of these
 * @param problem what the queues are chosen for
 * @param queues how many queues there are
 * @return the controller
 * @throws std::invalid_argument if there is no such controller or the artefact does not fit;
 *         the message says what to do
 */
Ptr<QueueController> MakeQueueController(const std::string& name,
                                         QueueProblem problem,
                                         uint32_t queues);

} // namespace ns3::kan

#endif // NS3KAN_QUEUE_CONTROLLER_H

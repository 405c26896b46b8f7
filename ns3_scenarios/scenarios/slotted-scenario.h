// SPDX-License-Identifier: GPL-2.0-only
#ifndef NS3KAN_SLOTTED_SCENARIO_H
#define NS3KAN_SLOTTED_SCENARIO_H

#include "slotted-parameters.h"

#include "ns3/gym-environment.h"
#include "ns3/gym-interface.h"
#include "ns3/interval-log.h"
#include "ns3/slot-draws.h"
#include "ns3/slotted-network.h"

#include <ns3/traced-callback.h>

#include <functional>
#include <memory>

namespace ns3::kan
{

/**
 * Queues of real packets in slotted time. With queue lengths q, capacities y and arrivals x, a
 * slot is, in this order,
 *
 *  1. y is drawn, and one queue is chosen from (q, y);
 *  2. packets leave the queues, as the scenario says, and cross their links;
 *  3. half a slot later x packets are sent by the source and reach the queues, as the scenario
 *     says; what a full queue has no room for is dropped;
 *  4. at the end of the slot the cost of the new q is paid.
 *
 * This is the order of J. Wigmore, B. Shrader, E. Modiano, "A novel switch-type policy network
 * for resource allocation problems", Section II, with packets in the place of numbers.
 */
class SlottedScenario : public GymEnvironment
{
  public:
    /// @return the TypeId
    static TypeId GetTypeId();
    /**
     * @param parameters what to build
     * @param buffers of each queue before each link [packet]; 0 for no bound
     */
    SlottedScenario(const SlottedParameters& parameters,
                    const std::vector<std::vector<uint32_t>>& buffers);

    /**
     * Run from time zero to the end.
     * @param gym the bridge that decides, or null
     * @param controller decides if there is no bridge
     * @param log receives a row per slot, or null
     */
    void Run(Ptr<GymInterface> gym, Ptr<QueueController> controller, IntervalLog* log);
    /// @return the columns of the log and their units
    std::vector<IntervalLog::Column> GetColumns() const;
    /// @return the network
    const SlottedNetwork& GetNetwork() const;

    /**
     * Signature of the trace source Decision.
     * @param state of the queues that was decided on
     * @param chosen number of the queue
     */
    typedef void (*DecisionCallback)(const QueueState& state, uint32_t chosen);

    GymSpace GetObservationSpace() const override;
    GymSpace GetActionSpace() const override;
    GymDescription GetDescription() const override;
    GymContainer GetObservation() override;
    double GetReward() override;
    std::string GetExtraInfo() override;
    void ExecuteAction(const GymContainer& action) override;

  protected:
    SlottedNetwork m_network; //!< where the packets are

  private:
    /**
     * Let packets leave the queues.
     * @param queue the one that was chosen
     * @param capacities how many could leave each
     * @return how many have left
     */
    virtual uint32_t Serve(uint32_t queue, const std::vector<uint32_t>& capacities) = 0;
    /**
     * Let the source send.
     * @param arrivals how many packets of each stream
     */
    virtual void Send(const std::vector<uint32_t>& arrivals) = 0;

    void BeginSlot();
    void EndSlot();
    void Arrive();
    double GetCost() const;

    SlottedParameters m_parameters;
    std::unique_ptr<SlotDraws> m_draws;
    double m_largestArrival;  //!< bound of the arrivals' law
    double m_largestCapacity; //!< bound of the capacities' law
    QueueState m_state;       //!< at the beginning of the slot
    SlotCounts m_counts;      //!< of the slot
    SlotCounts m_nextCounts;  //!< of the slot after it
    Ptr<GymInterface> m_gym;
    Ptr<QueueController> m_controller;
    IntervalLog* m_log{nullptr};
    uint64_t m_slot{0};       //!< number of the slot
    uint32_t m_chosen{0};     //!< the queue chosen in it
    double m_lastCost{0};     //!< of the slot before
    uint64_t m_expected{0};   //!< packets that have been sent
    uint64_t m_droppedNow{0}; //!< packets dropped in the slot before
    uint64_t m_dropped{0};    //!< packets dropped before that slot ended
    uint64_t m_delivered{0};  //!< packets delivered before it ended
    TracedCallback<const QueueState&, uint32_t> m_decision;
};

/// Makes a scenario from its parameters.
using SlottedFactory = std::function<Ptr<SlottedScenario>(const SlottedParameters&)>;

/**
 * The main function of a slotted scenario: reads the command line and runs one episode or, with
 * Python, as many as it asks for.
 * @param defaults the scenario's parameters, before the command line
 * @param argc as main got it
 * @param argv as main got it
 * @param make makes the scenario
 * @return exit status; what went wrong is said on stderr
 */
int RunSlottedScenario(const SlottedParameters& defaults,
                       int argc,
                       char* argv[],
                       const SlottedFactory& make);

/**
 * The same for a scenario whose constructor takes the parameters.
 * @tparam Scenario its class
 * @param defaults the scenario's parameters, before the command line
 * @param argc as main got it
 * @param argv as main got it
 * @return exit status; what went wrong is said on stderr
 */
template <typename Scenario>
int
RunSlottedScenario(const SlottedParameters& defaults, int argc, char* argv[])
{
    return RunSlottedScenario(defaults,
                              argc,
                              argv,
                              [](const SlottedParameters& parameters)
                              { return CreateObject<Scenario>(parameters); });
}

} // namespace ns3::kan

#endif // NS3KAN_SLOTTED_SCENARIO_H

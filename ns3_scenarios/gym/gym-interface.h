// SPDX-License-Identifier: GPL-2.0-only
#ifndef NS3KAN_GYM_INTERFACE_H
#define NS3KAN_GYM_INTERFACE_H

#include "gym-environment.h"

#include "ns3/nstime.h"
#include "ns3/object.h"
#include "ns3/ptr.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace ns3kan
{
class SharedMemoryChannel;
}

namespace ns3::kan
{

class GymBoxTemplate;
class GymChannel;
class GymController;
class IntervalLog;

/**
 * The simulator's half of the bridge: speaks the ns3-gym protocol with a Python process.
 *
 * Use: Start before Simulator::Run, Step from an event at every decision, Finish after
 * Simulator::Run:
 *
 * @code
 * auto gym = CreateObject<GymInterface>(port);
 * gym->Start(environment);
 * Simulator::Schedule(interval, &Decide); // Decide: if (gym->Step()) { schedule the next }
 * Simulator::Run();
 * gym->Finish();
 * Simulator::Destroy();
 * @endcode
 *
 * With the attribute Controller, the controller.json in that file decides inside this process and
 * nothing is connected, whoever wrote the simulation: `--ns3::GymInterface::Controller=FILE` of any
 * program that reads its command line by CommandLine, or NS_ATTRIBUTE_DEFAULT. Decisions names a
 * file for a row of numbers per decision.
 *
 * RunGymEpisodes wraps this so that Python can have several episodes in one process. When this
 * project's Python has started the process, states and actions go through shared memory; with any
 * other client everything goes through ZeroMQ as the protocol says.
 *
 * Anything that makes going on senseless (nobody answers, Python went away, an action outside
 * the action space, an expression without a value) is thrown as an exception whose message is one
 * sentence; RunProgram prints it and ends with status 1.
 */
class GymInterface : public Object
{
  public:
    /**
     * Register this type.
     * @return the object TypeId
     */
    static TypeId GetTypeId();

    /**
     * Opens nothing yet.
     * @param port TCP port on this host at which Python listens, unless the attribute Port says
     *        another
     */
    explicit GymInterface(uint16_t port = 5555);
    ~GymInterface() override;

    /**
     * Tells Python that further episodes can follow in this process. Must come before Start, and
     * is for RunGymEpisodes, which sees to it that they can.
     */
    void OfferReset();

    /**
     * Connects, tells Python the spaces and waits for its agreement; at a further episode nothing
     * of that is needed. If Python asks to stop at once, every later Step returns false.
     * @param environment the simulation as an environment
     */
    void Start(Ptr<GymEnvironment> environment);

    /**
     * One decision: sends the present state and carries out the action that comes back.
     * @return false if the episode is over (the environment said so, or Python asked to stop);
     *         the simulator has then been told to stop, and further calls do nothing
     */
    bool Step();

    /**
     * Tells Python that the simulated time ran out. Does nothing if the episode ended earlier.
     */
    void Finish();

    /**
     * Asked when an episode is over.
     * @return the seed of the further episode that Python has asked for, if it has
     */
    std::optional<uint64_t> TakeNextSeed();

  protected:
    void DoDispose() override;

  private:
    struct State;  // what a decision tells Python
    struct Answer; // what Python says to that

    /**
     * Sends the present state and receives the answer.
     * @param last whether the simulated time has run out
     * @return whether the episode goes on
     */
    bool Exchange(bool last);

    /**
     * Lets the controller decide.
     * @param last whether the simulated time has run out
     * @return whether the episode goes on
     */
    bool Control(bool last);

    Answer ExchangeMessages(const State& state);
    Answer ExchangeMemory(const State& state);

    uint16_t m_port;                                       //!< where Python listens
    uint16_t m_otherPort;                                  //!< the same, if it is not 0
    std::string m_controllerFile;                          //!< what decides instead, or empty
    std::string m_decisionsFile;                           //!< where its decisions go, or empty
    std::unique_ptr<GymController> m_controller;           //!< what decides instead, or null
    std::unique_ptr<IntervalLog> m_decisions;              //!< its decisions, or null
    std::vector<double> m_row;                             //!< the decision before, so far
    Time m_timeout;                                        //!< longest wait for Python's agreement
    Time m_actionTimeout;                                  //!< longest wait for an action
    Ptr<GymEnvironment> m_environment;                     //!< what is being stepped
    GymSpace m_observationSpace;                           //!< as told to Python
    GymSpace m_actionSpace;                                //!< as told to Python
    std::string m_spaces;                                  //!< both, as they travelled
    std::unique_ptr<GymChannel> m_channel;                 //!< the connection
    std::unique_ptr<GymBoxTemplate> m_observationTemplate; //!< made when first used
    std::unique_ptr<GymBoxTemplate> m_actionTemplate;      //!< made when first used
    std::unique_ptr<ns3kan::SharedMemoryChannel> m_memory; //!< the fast path, or null
    std::optional<uint64_t> m_nextSeed; //!< of the episode that Python has asked for
    bool m_canReset{false};             //!< whether there can be one
    bool m_described{false};            //!< whether the description has been sent
    bool m_over{false};                 //!< whether the episode has ended
};

} // namespace ns3::kan

#endif // NS3KAN_GYM_INTERFACE_H

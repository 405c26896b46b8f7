// SPDX-License-Identifier: GPL-2.0-only
#include "gym-interface.h"

#include "gym-box-template.h"
#include "gym-channel.h"
#include "gym-controller.h"
#include "gym-flat.h"
#include "gym-messages.h"
#include "gym-program.h"
#include "shared-memory-channel.h"

#include "network/interval-log.h"

#include "ns3/simulator.h"
#include "ns3/string.h"
#include "ns3/uinteger.h"

#include <ns3/log.h>

#include <cstring>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <unistd.h>
#include <utility>

namespace ns3::kan
{

NS_LOG_COMPONENT_DEFINE("GymInterface");
NS_OBJECT_ENSURE_REGISTERED(GymInterface);

namespace
{

/// Names, units and bounds as JSON; infinite bounds become null.
nlohmann::json
ToJson(const std::vector<GymComponent>& components)
{
    auto array = nlohmann::json::array();
    for (const auto& component : components)
    {
        array.push_back({{"name", component.name},
                         {"unit", component.unit},
                         {"low", component.low},
                         {"high", component.high}});
    }
    return array;
}

/// The first state's info: the environment's own and the description of its numbers.
std::string
AddDescription(const std::string& info, const GymDescription& description)
{
    if (description.features.empty() && description.actions.empty())
    {
        return info;
    }
    auto json = nlohmann::json::parse(info, nullptr, false);
    if (!json.is_object())
    {
        json = {{"extra_info", info}};
    }
    json["ns3kan"] = {{"features", ToJson(description.features)},
                      {"actions", ToJson(description.actions)}};
    return json.dump();
}

} // namespace

/// What a decision tells Python.
struct GymInterface::State
{
    GymContainer observation; //!< the present observation
    float reward;             //!< of the action before
    bool isOver;              //!< whether the episode has ended
    bool isGameOver;          //!< because the scenario said so
    std::string info;         //!< metrics

    /// The state as it travels, but for the observation.
    ns3kan::wire::EnvStateMsg ToMessageWithoutObservation() const
    {
        ns3kan::wire::EnvStateMsg message;
        message.set_reward(reward);
        message.set_isgameover(isOver);
        message.set_reason(isGameOver ? ns3kan::wire::EnvStateMsg::GameOver
                                      : ns3kan::wire::EnvStateMsg::SimulationEnd);
        message.set_info(info);
        return message;
    }
};

/// What Python says to a state.
struct GymInterface::Answer
{
    GymContainer action;                //!< meaningless if Python asks to stop
    bool stop{false};                   //!< whether the episode is to end
    std::optional<uint64_t> nextSeed{}; //!< of the episode that is to follow

    /// Reads an answer that has travelled. An action is only read if one is expected.
    static Answer FromMessage(const ns3kan::wire::EnvActMsg& message, bool isActionExpected)
    {
        Answer answer;
        answer.stop = message.stopsimreq() || message.reset();
        if (message.reset())
        {
            answer.nextSeed = message.seed();
        }
        if (!answer.stop && isActionExpected)
        {
            answer.action = kan::FromMessage(message.actdata());
        }
        return answer;
    }
};

TypeId
GymInterface::GetTypeId()
{
    static TypeId tid =
        TypeId("ns3::GymInterface")
            .SetParent<Object>()
            .SetGroupName("Gym")
            .AddConstructor<GymInterface>()
            .AddAttribute("Timeout",
                          "Longest wall-clock wait for the Python side to accept the simulation.",
                          TimeValue(Seconds(60)),
                          MakeTimeAccessor(&GymInterface::m_timeout),
                          MakeTimeChecker(MilliSeconds(1)))
            .AddAttribute("ActionTimeout",
                          "Longest wall-clock wait for an action while the Python side is "
                          "connected; if it goes away the wait ends at once.",
                          TimeValue(Hours(24)),
                          MakeTimeAccessor(&GymInterface::m_actionTimeout),
                          MakeTimeChecker(MilliSeconds(1)))
            .AddAttribute("Port",
                          "TCP port at which Python listens; 0 for the constructor's.",
                          UintegerValue(0),
                          MakeUintegerAccessor(&GymInterface::m_otherPort),
                          MakeUintegerChecker<uint16_t>())
            .AddAttribute("Controller",
                          "File controller.json that decides instead of Python; empty for Python.",
                          StringValue(""),
                          MakeStringAccessor(&GymInterface::m_controllerFile),
                          MakeStringChecker())
            .AddAttribute("Decisions",
                          "File for a CSV table of the controller's decisions: time [s], features, "
                          "actions and the reward that follows; empty for none.",
                          StringValue(""),
                          MakeStringAccessor(&GymInterface::m_decisionsFile),
                          MakeStringChecker());
    return tid;
}

GymInterface::GymInterface(uint16_t port)
    : m_port(port)
{
}

GymInterface::~GymInterface() = default;

void
GymInterface::DoDispose()
{
    NS_LOG_FUNCTION(this);
    m_channel.reset();
    m_memory.reset();
    m_controller.reset();
    m_decisions.reset();
    m_environment = nullptr;
    Object::DoDispose();
}

void
GymInterface::OfferReset()
{
    m_canReset = true;
}

void
GymInterface::Start(Ptr<GymEnvironment> environment)
{
    NS_LOG_FUNCTION(this);
    m_environment = environment;
    if (!m_controllerFile.empty())
    {
        if (m_otherPort != 0)
        {
            throw GymError("a controller and a port of Python are given; give one of them.");
        }
        m_controller = std::make_unique<GymController>(m_controllerFile, environment);
        if (!m_decisionsFile.empty())
        {
            std::vector<IntervalLog::Column> columns{{"time", "s"}};
            for (const auto* components :
                 {&m_controller->GetFeatures(), &m_controller->GetActions()})
            {
                for (const GymComponent& component : *components)
                {
                    columns.push_back({component.name, component.unit});
                }
            }
            columns.push_back({"reward", "1"});
            m_decisions = std::make_unique<IntervalLog>(m_decisionsFile, columns, "decisions");
        }
        return;
    }
    if (!m_decisionsFile.empty())
    {
        throw GymError("decisions are recorded of a controller, and none is given.");
    }
    if (m_otherPort != 0)
    {
        m_port = m_otherPort;
    }
    m_observationSpace = environment->GetObservationSpace();
    m_actionSpace = environment->GetActionSpace();
    ns3kan::wire::SimInitMsg request;
    *request.mutable_obsspace() = ToMessage(m_observationSpace);
    *request.mutable_actspace() = ToMessage(m_actionSpace);
    const auto spaces = request.SerializeAsString();
    if (m_channel)
    {
        if (spaces != m_spaces)
        {
            throw GymError("a further episode declares other spaces than the first; "
                           "make them independent of the seed.");
        }
        m_over = false;
        return;
    }
    m_spaces = spaces;
    m_channel = std::make_unique<GymChannel>(m_port);
    auto offer = TakeGymOffer(m_port);
    request.set_simprocessid(getpid());
    request.set_wafshellprocessid(getppid());
    request.set_canreset(m_canReset && offer.reset);
    request.set_sharedmemory(static_cast<bool>(offer.memory));
    request.set_token(offer.token);
    ns3kan::wire::SimInitAck answer;
    request.SerializeToString(&m_channel->GetRequest());
    m_channel->Parse(m_channel->Exchange(m_timeout), answer);
    if (!answer.refusal().empty())
    {
        throw GymError("the Python side at port " + std::to_string(m_port) +
                       " refuses this simulation: " + answer.refusal() + ".");
    }
    if (answer.sharedmemory())
    {
        m_memory = std::move(offer.memory);
    }
    if (answer.stopsimreq() || !answer.done())
    {
        m_over = true;
        // Simulator::Run forgets a stop that came before it, but not an event.
        Simulator::ScheduleNow([] { Simulator::Stop(); });
    }
}

bool
GymInterface::Step()
{
    return !m_over && (m_controller ? Control(false) : Exchange(false));
}

void
GymInterface::Finish()
{
    NS_LOG_FUNCTION(this);
    if (!m_over)
    {
        m_controller ? Control(true) : Exchange(true);
    }
    if (m_decisions)
    {
        m_decisions->Finish();
        m_decisions.reset();
    }
}

std::optional<uint64_t>
GymInterface::TakeNextSeed()
{
    // The episode's objects go before those of the next come.
    m_environment = nullptr;
    return std::exchange(m_nextSeed, std::nullopt);
}

bool
GymInterface::Control(bool last)
{
    // In the order in which Python is told.
    const GymContainer observation = m_environment->GetObservation();
    const double reward = m_environment->GetReward();
    const bool isOver = m_environment->IsGameOver() || last;
    if (m_decisions && !m_row.empty())
    {
        m_row.push_back(reward);
        m_decisions->Write(m_row);
        m_row.clear();
    }
    if (isOver)
    {
        m_over = true;
        Simulator::Stop();
        return false;
    }
    try
    {
        const std::vector<double> features = m_controller->ToNumbers(observation);
        const std::vector<double> decision = m_controller->Decide(features);
        if (m_decisions)
        {
            m_row = {Simulator::Now().GetSeconds()};
            m_row.insert(m_row.end(), features.begin(), features.end());
            m_row.insert(m_row.end(), decision.begin(), decision.end());
        }
        m_environment->ExecuteAction(m_controller->ToAction(decision));
    }
    catch (const std::invalid_argument& refused)
    {
        throw GymError("observation or decision refused at " +
                       std::to_string(Simulator::Now().GetSeconds()) + " s: " + refused.what() +
                       ".");
    }
    return true;
}

bool
GymInterface::Exchange(bool last)
{
    if (!m_channel)
    {
        throw GymError("Start must come before Step and Finish.");
    }
    State state;
    state.observation = m_environment->GetObservation();
    state.reward = static_cast<float>(m_environment->GetReward());
    state.isGameOver = m_environment->IsGameOver();
    state.isOver = state.isGameOver || last;
    state.info = m_environment->GetExtraInfo();
    if (!m_described)
    {
        state.info = AddDescription(state.info, m_environment->GetDescription());
        m_described = true;
    }
    try
    {
        const Answer answer = m_memory ? ExchangeMemory(state) : ExchangeMessages(state);
        m_nextSeed = answer.nextSeed;
        if (state.isOver || answer.stop)
        {
            m_over = true;
            Simulator::Stop();
            return false;
        }
        m_environment->ExecuteAction(m_actionSpace.Conform(answer.action));
    }
    catch (const std::invalid_argument& refused)
    {
        throw GymError(std::string("action refused at ") +
                       std::to_string(Simulator::Now().GetSeconds()) + " s: " + refused.what() +
                       ".");
    }
    return true;
}

GymInterface::Answer
GymInterface::ExchangeMessages(const State& state)
{
    if (!m_observationTemplate)
    {
        m_observationTemplate = std::make_unique<GymBoxTemplate>(m_observationSpace);
        m_actionTemplate = std::make_unique<GymBoxTemplate>(m_actionSpace);
    }
    auto& request = m_channel->GetRequest();
    request.clear();
    if (!m_observationTemplate->Append(state.observation, request))
    {
        ns3kan::wire::EnvStateMsg message;
        *message.mutable_obsdata() = ToMessage(state.observation);
        message.AppendToString(&request);
    }
    // Messages that follow each other are one.
    state.ToMessageWithoutObservation().AppendToString(&request);
    const auto& received = m_channel->Exchange(m_actionTimeout);
    if (!state.isOver)
    {
        if (auto action = m_actionTemplate->Read(received))
        {
            Answer answer;
            answer.action = std::move(*action);
            return answer;
        }
    }
    ns3kan::wire::EnvActMsg answer;
    m_channel->Parse(received, answer);
    return Answer::FromMessage(answer, !state.isOver);
}

GymInterface::Answer
GymInterface::ExchangeMemory(const State& state)
{
    using Memory = ns3kan::SharedMemoryChannel;
    const std::size_t observationBytes = GetFlatSize(m_observationSpace);
    const std::size_t bytes = sizeof(Memory::StateHeader) + observationBytes + state.info.size();
    uint8_t* out = m_memory->GetOutgoing();
    if (bytes <= Memory::CAPACITY &&
        WriteFlat(m_observationSpace, state.observation, out + sizeof(Memory::StateHeader)))
    {
        Memory::StateHeader header{};
        header.reward = state.reward;
        header.flags =
            (state.isOver ? Memory::IS_OVER : 0) | (state.isGameOver ? Memory::IS_GAME_OVER : 0);
        header.observationBytes = static_cast<uint32_t>(observationBytes);
        header.infoBytes = static_cast<uint32_t>(state.info.size());
        std::memcpy(out, &header, sizeof(header));
        std::memcpy(out + sizeof(header) + observationBytes, state.info.data(), state.info.size());
        m_memory->Send(Memory::FLAT, bytes);
    }
    else
    {
        // What is not what was declared is for Python to complain about.
        auto message = state.ToMessageWithoutObservation();
        *message.mutable_obsdata() = ToMessage(state.observation);
        if (message.ByteSizeLong() > Memory::CAPACITY)
        {
            throw GymError("a state of " + std::to_string(message.ByteSizeLong()) +
                           " bytes is too long; at most " + std::to_string(Memory::CAPACITY) +
                           " bytes are accepted.");
        }
        message.SerializeToArray(out, static_cast<int>(message.ByteSizeLong()));
        m_memory->Send(Memory::WIRE, message.ByteSizeLong());
    }

    const auto received = Await(*m_memory, m_actionTimeout);
    if (received.kind == Memory::FLAT)
    {
        if (received.size != GetFlatSize(m_actionSpace))
        {
            throw std::invalid_argument("it has an impossible length");
        }
        Answer answer;
        answer.action = ReadFlat(m_actionSpace, received.data);
        return answer;
    }
    ns3kan::wire::EnvActMsg answer;
    if (!answer.ParseFromArray(received.data, static_cast<int>(received.size)))
    {
        throw GymError("the Python side sent bytes that are not an EnvActMsg.");
    }
    return Answer::FromMessage(answer, !state.isOver);
}

} // namespace ns3::kan

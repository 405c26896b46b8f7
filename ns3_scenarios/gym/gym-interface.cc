// SPDX-License-Identifier: GPL-2.0-only
#include "gym-interface.h"

#include "gym-messages.h"

#include "ns3/simulator.h"
#include "ns3/uinteger.h"

#include <chrono>
#include <cstdlib>
#include <iostream>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <unistd.h>
#include <zmq.h>

namespace ns3
{

NS_OBJECT_ENSURE_REGISTERED(GymInterface);

namespace
{

/// Messages above this size are refused, so that a stray sender cannot exhaust the memory.
constexpr int64_t MAX_MESSAGE_BYTES = 64 << 20;

/// Ends the program with one sentence.
[[noreturn]] void
Fail(const std::string& sentence)
{
    std::cerr << "gym interface: " << sentence << std::endl;
    std::exit(EXIT_FAILURE);
}

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

/// A request socket towards Python that notices when Python goes away.
class GymInterface::Channel
{
  public:
    explicit Channel(uint16_t port)
        : m_endpoint("tcp://localhost:" + std::to_string(port))
        , m_context(zmq_ctx_new())
        , m_socket(zmq_socket(m_context, ZMQ_REQ))
        , m_monitor(zmq_socket(m_context, ZMQ_PAIR))
    {
        const int linger = 0;
        zmq_setsockopt(m_socket, ZMQ_LINGER, &linger, sizeof(linger));
        zmq_setsockopt(m_monitor, ZMQ_LINGER, &linger, sizeof(linger));
        zmq_setsockopt(m_socket, ZMQ_MAXMSGSIZE, &MAX_MESSAGE_BYTES, sizeof(MAX_MESSAGE_BYTES));
        if (zmq_socket_monitor(m_socket, "inproc://monitor", ZMQ_EVENT_DISCONNECTED) != 0 ||
            zmq_connect(m_monitor, "inproc://monitor") != 0 ||
            zmq_connect(m_socket, m_endpoint.c_str()) != 0)
        {
            Fail("cannot open " + m_endpoint + " (" + zmq_strerror(zmq_errno()) +
                 "); give a free port with --openGymPort.");
        }
    }

    ~Channel()
    {
        zmq_close(m_monitor);
        zmq_close(m_socket);
        zmq_ctx_term(m_context);
    }

    Channel(const Channel&) = delete;
    Channel& operator=(const Channel&) = delete;

    /**
     * One request and its answer.
     * @param request what to send
     * @param[out] answer what came back
     * @param timeout the longest wait
     */
    template <typename Request, typename Answer>
    void Exchange(const Request& request, Answer& answer, Time timeout)
    {
        request.SerializeToString(&m_buffer);
        if (zmq_send(m_socket, m_buffer.data(), m_buffer.size(), 0) < 0)
        {
            Fail("cannot send to " + m_endpoint + " (" + zmq_strerror(zmq_errno()) + ").");
        }
        Wait(timeout);
        zmq_msg_t message;
        zmq_msg_init(&message);
        if (zmq_msg_recv(&message, m_socket, ZMQ_DONTWAIT) < 0)
        {
            Fail("the Python side at " + m_endpoint + " went away without an answer.");
        }
        const auto bytes = static_cast<int>(zmq_msg_size(&message));
        const bool read = answer.ParseFromArray(zmq_msg_data(&message), bytes);
        zmq_msg_close(&message);
        if (!read)
        {
            Fail("the Python side at " + m_endpoint + " sent bytes that are not a " +
                 Answer::descriptor()->name() + ".");
        }
    }

  private:
    /// Returns when there is an answer or when none can come any more.
    void Wait(Time timeout)
    {
        using Clock = std::chrono::steady_clock;
        const auto deadline = Clock::now() + std::chrono::milliseconds(timeout.GetMilliSeconds());
        zmq_pollitem_t items[] = {{m_socket, 0, ZMQ_POLLIN, 0}, {m_monitor, 0, ZMQ_POLLIN, 0}};
        while (!items[0].revents && !items[1].revents)
        {
            const auto left =
                std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now());
            if (left.count() <= 0)
            {
                Fail("no answer from " + m_endpoint + " within " +
                     std::to_string(timeout.GetMilliSeconds()) +
                     " ms; start the Python side first and give its port with --openGymPort.");
            }
            if (zmq_poll(items, 2, left.count()) < 0 && zmq_errno() != EINTR)
            {
                Fail(std::string("waiting failed (") + zmq_strerror(zmq_errno()) + ").");
            }
        }
    }

    std::string m_endpoint; //!< where Python listens
    void* m_context;        //!< the messaging library's state
    void* m_socket;         //!< the conversation
    void* m_monitor;        //!< says when the connection breaks
    std::string m_buffer;   //!< the request being sent, kept to spare allocations
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
                          MakeTimeChecker(MilliSeconds(1)));
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
    m_channel.reset();
    m_environment = nullptr;
    Object::DoDispose();
}

void
GymInterface::Start(Ptr<GymEnvironment> environment)
{
    m_environment = environment;
    m_actionSpace = environment->GetActionSpace();
    m_channel = std::make_unique<Channel>(m_port);

    ns3opengym::SimInitMsg request;
    request.set_simprocessid(getpid());
    request.set_wafshellprocessid(getppid());
    *request.mutable_obsspace() = ToMessage(environment->GetObservationSpace());
    *request.mutable_actspace() = ToMessage(m_actionSpace);
    ns3opengym::SimInitAck answer;
    m_channel->Exchange(request, answer, m_timeout);
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
    return !m_over && Exchange(false);
}

void
GymInterface::Finish()
{
    if (!m_over)
    {
        Exchange(true);
    }
}

bool
GymInterface::Exchange(bool last)
{
    if (!m_channel)
    {
        Fail("Start must come before Step and Finish.");
    }
    ns3opengym::EnvStateMsg state;
    *state.mutable_obsdata() = ToMessage(m_environment->GetObservation());
    state.set_reward(static_cast<float>(m_environment->GetReward()));
    const bool gameOver = m_environment->IsGameOver();
    state.set_isgameover(gameOver || last);
    state.set_reason(gameOver ? ns3opengym::EnvStateMsg::GameOver
                              : ns3opengym::EnvStateMsg::SimulationEnd);
    auto info = m_environment->GetExtraInfo();
    if (!m_described)
    {
        info = AddDescription(info, m_environment->GetDescription());
        m_described = true;
    }
    state.set_info(std::move(info));

    ns3opengym::EnvActMsg answer;
    m_channel->Exchange(state, answer, m_actionTimeout);
    if (state.isgameover() || answer.stopsimreq())
    {
        m_over = true;
        Simulator::Stop();
        return false;
    }
    try
    {
        m_environment->ExecuteAction(m_actionSpace.Conform(FromMessage(answer.actdata())));
    }
    catch (const std::invalid_argument& refused)
    {
        Fail(std::string("action refused at ") + std::to_string(Simulator::Now().GetSeconds()) +
             " s: " + refused.what() + ".");
    }
    return true;
}

} // namespace ns3

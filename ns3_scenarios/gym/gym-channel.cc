// SPDX-License-Identifier: GPL-2.0-only
#include "gym-channel.h"

#include "gym-program.h"
#include "gym-protection.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <google/protobuf/message_lite.h>
#include <iostream>
#include <sstream>
#include <stdexcept>
#include <unistd.h>
#include <zmq.h>

namespace ns3::kan
{

namespace
{

using Clock = std::chrono::steady_clock;

/// Messages above this size are refused, so that a stray sender cannot exhaust the memory.
constexpr int64_t MAX_MESSAGE_BYTES = 64 << 20;

/// How often a wait looks whether Python is still there.
constexpr std::chrono::milliseconds CHECK_EVERY{100};

/// After one of these no answer comes any more.
constexpr int BROKEN_EVENTS = ZMQ_EVENT_DISCONNECTED | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH;

/// The number of the event that a monitor has to tell.
uint16_t
ReadEvent(void* monitor)
{
    uint16_t event = 0;
    zmq_msg_t message;
    zmq_msg_init(&message);
    if (zmq_msg_recv(&message, monitor, ZMQ_DONTWAIT) >= static_cast<int>(sizeof(event)))
    {
        std::memcpy(&event, zmq_msg_data(&message), sizeof(event));
    }
    zmq_msg_close(&message);
    return event;
}

/// The process that was the parent at the first call: another one later means that Python is gone.
pid_t
GetFirstParent()
{
    static const pid_t parent = getppid();
    return parent;
}

} // namespace

GymChannel::GymChannel(uint16_t port)
    : m_endpoint("tcp://" + GymHost() + ":" + std::to_string(port))
    , m_context(zmq_ctx_new())
    , m_socket(zmq_socket(m_context, ZMQ_REQ))
    , m_monitor(zmq_socket(m_context, ZMQ_PAIR))
{
    const int linger = 0;
    zmq_setsockopt(m_socket, ZMQ_LINGER, &linger, sizeof(linger));
    zmq_setsockopt(m_monitor, ZMQ_LINGER, &linger, sizeof(linger));
    const auto slice = static_cast<int>(CHECK_EVERY.count());
    zmq_setsockopt(m_socket, ZMQ_RCVTIMEO, &slice, sizeof(slice));
    zmq_setsockopt(m_socket, ZMQ_MAXMSGSIZE, &MAX_MESSAGE_BYTES, sizeof(MAX_MESSAGE_BYTES));
    ProtectGymSocket(m_socket, GymHost());
    if (zmq_socket_monitor(m_socket, "inproc://monitor", BROKEN_EVENTS) != 0 ||
        zmq_connect(m_monitor, "inproc://monitor") != 0 ||
        zmq_connect(m_socket, m_endpoint.c_str()) != 0)
    {
        throw GymError("cannot open " + m_endpoint + " (" + zmq_strerror(zmq_errno()) +
                       "); give a free port with --openGymPort.");
    }
}

GymChannel::~GymChannel()
{
    zmq_close(m_monitor);
    zmq_close(m_socket);
    zmq_ctx_term(m_context);
}

std::string&
GymChannel::GetRequest()
{
    return m_request;
}

const std::string&
GymChannel::Exchange(Time timeout)
{
    if (zmq_send(m_socket, m_request.data(), m_request.size(), 0) < 0)
    {
        throw GymError("cannot send to " + m_endpoint + " (" + zmq_strerror(zmq_errno()) + ").");
    }
    zmq_msg_t message;
    zmq_msg_init(&message);
    if (!Receive(&message, timeout))
    {
        throw GymError("the Python side at " + m_endpoint + " went away without an answer.");
    }
    m_answer.assign(static_cast<const char*>(zmq_msg_data(&message)), zmq_msg_size(&message));
    zmq_msg_close(&message);
    return m_answer;
}

void
GymChannel::Parse(const std::string& bytes, google::protobuf::MessageLite& answer) const
{
    if (!answer.ParseFromString(bytes))
    {
        const auto type = answer.GetTypeName();
        throw GymError("the Python side at " + m_endpoint + " sent bytes that are not a " +
                       type.substr(type.rfind('.') + 1) + ".");
    }
}

bool
GymChannel::Receive(zmq_msg_t* message, Time timeout)
{
    // Waiting in the call itself, and looking around once in a while, is quicker than polling.
    const auto deadline = Clock::now() + std::chrono::milliseconds(timeout.GetMilliSeconds());
    while (zmq_msg_recv(message, m_socket, 0) < 0)
    {
        if (zmq_errno() != EAGAIN && zmq_errno() != EINTR)
        {
            throw GymError(std::string("waiting failed (") + zmq_strerror(zmq_errno()) + ").");
        }
        zmq_pollitem_t broken{m_monitor, 0, ZMQ_POLLIN, 0};
        if (zmq_poll(&broken, 1, 0) > 0)
        {
            if (ReadEvent(m_monitor) == ZMQ_EVENT_HANDSHAKE_FAILED_AUTH)
            {
                throw GymError(
                    "the Python side at " + m_endpoint +
                    " refuses this simulation: it waits for one that it has started itself, "
                    "for one of its own user, or for one with its keys; give another port "
                    "with --openGymPort, or the keys.");
            }
            // The last answer may still lie there.
            return zmq_msg_recv(message, m_socket, ZMQ_DONTWAIT) >= 0;
        }
        if (Clock::now() >= deadline)
        {
            throw GymError(
                "no answer from " + m_endpoint + " within " +
                std::to_string(timeout.GetMilliSeconds()) +
                " ms; start the Python side first and give its port with --openGymPort.");
        }
    }
    return true;
}

GymOffer
TakeGymOffer(uint16_t port)
{
    GymOffer offer;
    const std::string name = "NS3KAN_BRIDGE_" + std::to_string(port);
    const char* value = std::getenv(name.c_str());
    if (!value)
    {
        return offer;
    }
    std::istringstream words(value);
    GetFirstParent();
    // What this process starts must not take it for its own.
    unsetenv(name.c_str());
    const std::string descriptor = "shm=";
    const std::string token = "token=";
    for (std::string word; words >> word;)
    {
        if (word == "reset")
        {
            offer.reset = true;
        }
        else if (word.compare(0, token.size(), token) == 0)
        {
            offer.token = word.substr(token.size());
        }
        else if (word.compare(0, descriptor.size(), descriptor) == 0)
        {
            try
            {
                offer.memory = std::make_unique<ns3kan::SharedMemoryChannel>(
                    std::stoi(word.substr(descriptor.size())));
            }
            catch (const std::exception& error)
            {
                // Python is not told that the memory is mapped, and says what that means to it.
                std::cerr << "gym interface: " << error.what() << std::endl;
            }
        }
    }
    return offer;
}

ns3kan::SharedMemoryChannel::Message
Await(ns3kan::SharedMemoryChannel& memory, Time timeout)
{
    // The common case first: it costs no system call.
    const std::chrono::milliseconds longest(timeout.GetMilliSeconds());
    const auto parent = GetFirstParent();
    if (!memory.Wait(std::min(longest, CHECK_EVERY)))
    {
        const auto deadline = Clock::now() + longest;
        while (!memory.Wait(CHECK_EVERY))
        {
            if (getppid() != parent)
            {
                throw GymError("the Python side went away without an answer.");
            }
            if (Clock::now() > deadline)
            {
                throw GymError("no answer through shared memory within " +
                               std::to_string(timeout.GetMilliSeconds()) + " ms.");
            }
        }
    }
    try
    {
        return memory.Receive();
    }
    catch (const std::length_error& error)
    {
        throw GymError(std::string(error.what()) + ".");
    }
}

} // namespace ns3::kan

// SPDX-License-Identifier: GPL-2.0-only
#ifndef NS3KAN_GYM_CHANNEL_H
#define NS3KAN_GYM_CHANNEL_H

// Private to the gym interface.

#include "shared-memory-channel.h"

#include "ns3/nstime.h"

#include <cstdint>
#include <memory>
#include <string>

struct zmq_msg_t;

namespace google::protobuf
{
class MessageLite;
}

namespace ns3::kan
{

/** A ZeroMQ request socket towards Python that notices when Python goes away. */
class GymChannel
{
  public:
    /// @param port TCP port on this host at which Python listens
    explicit GymChannel(uint16_t port);
    ~GymChannel();
    GymChannel(const GymChannel&) = delete;
    GymChannel& operator=(const GymChannel&) = delete;

    /// @return where the next request is to be written
    std::string& GetRequest();

    /**
     * Sends the request and waits for its answer.
     * @param timeout the longest wait
     * @return the answer, valid until the next
     */
    const std::string& Exchange(Time timeout);

    /**
     * Reads an answer. Ends the program if it makes no sense.
     * @param bytes the answer
     * @param[out] answer its content
     */
    void Parse(const std::string& bytes, google::protobuf::MessageLite& answer) const;

  private:
    /// Returns whether there is an answer; none can come any more if Python has gone away.
    bool Receive(zmq_msg_t* message, Time timeout);

    std::string m_endpoint; //!< where Python listens
    void* m_context;        //!< the messaging library's state
    void* m_socket;         //!< the conversation
    void* m_monitor;        //!< says when the connection breaks
    std::string m_request;  //!< the next request, kept to spare allocations
    std::string m_answer;   //!< the last answer
};

/**
 * What the Python process that started this one can do beyond the ns3-gym protocol. It says so in
 * the environment variable NS3KAN_BRIDGE_<port>: the words "token=<text>", "reset" and
 * "shm=<descriptor>".
 */
struct GymOffer
{
    std::string token;                                   //!< proves who was started, or empty
    bool reset{false};                                   //!< further episodes in this process
    std::unique_ptr<ns3kan::SharedMemoryChannel> memory; //!< mapped, or null
};

/**
 * Reads and removes the offer.
 * @param port TCP port at which Python listens
 * @return nothing but defaults if there is none
 */
GymOffer TakeGymOffer(uint16_t port);

/**
 * Waits for Python's next message in shared memory.
 * @param memory the memory
 * @param timeout the longest wait
 * @return the message
 */
ns3kan::SharedMemoryChannel::Message Await(ns3kan::SharedMemoryChannel& memory, Time timeout);

} // namespace ns3::kan

#endif // NS3KAN_GYM_CHANNEL_H

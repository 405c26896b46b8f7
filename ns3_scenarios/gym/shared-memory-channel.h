// SPDX-License-Identifier: MIT
// Used by the simulators and by the Python extension, so it knows neither ns-3 nor ZeroMQ.
#ifndef NS3KAN_SHARED_MEMORY_CHANNEL_H
#define NS3KAN_SHARED_MEMORY_CHANNEL_H

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace ns3kan
{

/**
 * Two processes of one host that speak in turn through memory that both have mapped.
 *
 * The memory has no name: one side creates it and hands its descriptor to the other, so that
 * nothing is left behind however either ends. Each direction has room for one message of up to
 * CAPACITY bytes; pages that no message has touched cost nothing. Who waits spins for a few
 * microseconds, if that has helped of late, and then sleeps on a futex.
 */
class SharedMemoryChannel
{
  public:
    /// Longest message [byte].
    static constexpr std::size_t CAPACITY = 64 << 20;

    /// What a message is.
    enum Kind : uint32_t
    {
        WIRE = 0, //!< a message of the ns3-gym protocol
        FLAT = 1, //!< a state (StateHeader, observation, info) or an action, laid out flat
    };

    /// The beginning of a flat state. The observation follows, padded to 8 bytes, then the info.
    struct StateHeader
    {
        float reward;              //!< of the action before
        uint32_t flags;            //!< IS_OVER and IS_GAME_OVER
        uint32_t observationBytes; //!< length of the observation
        uint32_t infoBytes;        //!< length of the info
    };

    static constexpr uint32_t IS_OVER = 1;      //!< the episode has ended
    static constexpr uint32_t IS_GAME_OVER = 2; //!< because the scenario said so

    /// A message that was received; valid until the next Send.
    struct Message
    {
        Kind kind;           //!< what it is
        const uint8_t* data; //!< its bytes
        std::size_t size;    //!< how many
    };

    /**
     * Creates the memory.
     * @throws std::runtime_error with one sentence if that fails
     */
    SharedMemoryChannel();

    /**
     * Maps memory that the other side has created, and closes the descriptor.
     * @param descriptor the memory
     * @throws std::runtime_error with one sentence if it is not such memory
     */
    explicit SharedMemoryChannel(int descriptor);

    ~SharedMemoryChannel();
    SharedMemoryChannel(const SharedMemoryChannel&) = delete;
    SharedMemoryChannel& operator=(const SharedMemoryChannel&) = delete;

    /// @return the memory's descriptor, -1 once closed
    int GetDescriptor() const;

    /// Closes the descriptor; the memory stays mapped.
    void CloseDescriptor();

    /// @return where the next message is to be written, CAPACITY bytes
    uint8_t* GetOutgoing();

    /**
     * Hands the message in GetOutgoing over.
     * @param kind what it is
     * @param size its length, at most CAPACITY [byte]
     */
    void Send(Kind kind, std::size_t size);

    /**
     * Waits for the other side's next message.
     * @param timeout longest wait; a signal may end the wait earlier
     * @return whether there is one
     */
    bool Wait(std::chrono::nanoseconds timeout);

    /**
     * The message that Wait announced.
     * @throws std::length_error with one sentence if its length is impossible
     */
    Message Receive();

  private:
    /// One direction's control block, alone on its cache lines.
    struct alignas(128) Direction
    {
        std::atomic<uint32_t> sequence;  //!< how many messages have been sent; the futex
        std::atomic<uint32_t> isAwaited; //!< whether the other side sleeps on it
        uint32_t kind;                   //!< what the message is
        uint32_t padding;                //!< keeps the next field aligned the same everywhere
        uint64_t size;                   //!< its length [byte]
    };

    /// What the memory begins with.
    struct Control
    {
        uint64_t magic;          //!< says that the memory is of this kind and version
        Direction directions[2]; //!< from the creator, and to it
    };

    static constexpr std::size_t CONTROL_BYTES = 4096;
    static constexpr std::size_t TOTAL_BYTES = CONTROL_BYTES + 2 * CAPACITY;

    void Map();
    bool Spin(std::chrono::nanoseconds limit) const;

    int m_descriptor{-1};               //!< the memory, -1 once closed
    uint8_t* m_memory{nullptr};         //!< the memory as mapped
    Direction* m_out{nullptr};          //!< this side's messages
    Direction* m_in{nullptr};           //!< the other side's messages
    uint8_t* m_outgoing{nullptr};       //!< where this side's messages lie
    const uint8_t* m_incoming{nullptr}; //!< where the other side's messages lie
    uint32_t m_received{0};             //!< sequence number of the last message received
    uint32_t m_misses{0};               //!< consecutive waits that spinning did not end
    bool m_spins;                       //!< whether there is more than one processor
};

} // namespace ns3kan

#endif // NS3KAN_SHARED_MEMORY_CHANNEL_H

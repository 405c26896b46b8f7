// SPDX-License-Identifier: GPL-2.0-only
#ifndef NS3KAN_SLOT_QUEUE_DISC_H
#define NS3KAN_SLOT_QUEUE_DISC_H

#include <ns3/queue-disc.h>

#include <cstdint>
#include <vector>

namespace ns3::kan
{

/**
 * A queue discipline with one or more drop-tail queues that sends only what it is told to.
 *
 * In a slotted system the scheduler says at the beginning of each slot how many packets may leave
 * which queue. What is not used of that is lost, and a packet that arrives later waits for another
 * slot. With more than one queue the packet filters say, by the queue's number, where a packet
 * belongs; a packet that no filter knows is dropped.
 */
class SlotQueueDisc : public QueueDisc
{
  public:
    /// Reason of the drop of a packet that no filter knows.
    static constexpr const char* UNCLASSIFIED_DROP = "No packet filter knows the packet";

    /// @return the TypeId
    static TypeId GetTypeId();
    SlotQueueDisc();

    /**
     * Say how many queues there are; must come before the simulation starts.
     * @param buffers greatest length of each queue [packet]; 0 for no bound
     */
    void Configure(const std::vector<uint32_t>& buffers);
    /**
     * Let packets leave one queue, now.
     * @param queue its number, from 0
     * @param packets how many may leave
     * @return how many have left: no more than there were
     */
    uint32_t Serve(uint32_t queue, uint32_t packets);
    /**
     * @param queue its number, from 0
     * @return how many packets wait in it
     */
    uint32_t GetQueueLength(uint32_t queue) const;
    /// @return how many packets have come, those that were dropped included
    uint64_t GetArrived() const;
    /// @return how many packets were dropped, for want of room or of a filter
    uint64_t GetDropped() const;

  private:
    bool DoEnqueue(Ptr<QueueDiscItem> item) override;
    Ptr<QueueDiscItem> DoDequeue() override;
    bool CheckConfig() override;
    void InitializeParams() override;

    std::vector<uint32_t> m_buffers{0}; //!< greatest length of each queue [packet]; 0 for none
    uint32_t m_served{0};               //!< the queue that is being served
    uint32_t m_credit{0};               //!< how many more packets may leave it
    uint64_t m_arrived{0};              //!< packets that have come
    uint64_t m_dropped{0};              //!< packets that were dropped
};

} // namespace ns3::kan

#endif // NS3KAN_SLOT_QUEUE_DISC_H

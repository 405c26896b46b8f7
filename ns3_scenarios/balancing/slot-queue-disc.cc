// SPDX-License-Identifier: GPL-2.0-only
#include "slot-queue-disc.h"

#include <ns3/drop-tail-queue.h>
#include <ns3/log.h>

#include <limits>

namespace ns3::kan
{

NS_LOG_COMPONENT_DEFINE("SlotQueueDisc");
NS_OBJECT_ENSURE_REGISTERED(SlotQueueDisc);

TypeId
SlotQueueDisc::GetTypeId()
{
    static TypeId tid = TypeId("ns3::SlotQueueDisc")
                            .SetParent<QueueDisc>()
                            .SetGroupName("Ns3kan")
                            .AddConstructor<SlotQueueDisc>();
    return tid;
}

SlotQueueDisc::SlotQueueDisc()
    : QueueDisc(QueueDiscSizePolicy::NO_LIMITS)
{
    // A run must not end before the credit does.
    SetQuota(std::numeric_limits<uint32_t>::max());
}

void
SlotQueueDisc::Configure(const std::vector<uint32_t>& buffers)
{
    NS_LOG_FUNCTION(this);
    m_buffers = buffers;
}

uint32_t
SlotQueueDisc::Serve(uint32_t queue, uint32_t packets)
{
    const uint32_t before = GetQueueLength(queue);
    m_served = queue;
    m_credit = packets;
    Run();
    m_credit = 0;
    return before - GetQueueLength(queue);
}

uint32_t
SlotQueueDisc::GetQueueLength(uint32_t queue) const
{
    return GetInternalQueue(queue)->GetNPackets();
}

uint64_t
SlotQueueDisc::GetArrived() const
{
    return m_arrived;
}

uint64_t
SlotQueueDisc::GetDropped() const
{
    return m_dropped;
}

bool
SlotQueueDisc::DoEnqueue(Ptr<QueueDiscItem> item)
{
    ++m_arrived;
    const int32_t queue = GetNPacketFilters() > 0 ? Classify(item) : 0;
    if (queue < 0 || static_cast<uint32_t>(queue) >= m_buffers.size())
    {
        ++m_dropped;
        DropBeforeEnqueue(item, UNCLASSIFIED_DROP);
        return false;
    }
    // A full queue tells QueueDisc of the drop itself.
    const bool taken = GetInternalQueue(queue)->Enqueue(item);
    m_dropped += taken ? 0 : 1;
    return taken;
}

Ptr<QueueDiscItem>
SlotQueueDisc::DoDequeue()
{
    if (m_credit == 0)
    {
        return nullptr;
    }
    --m_credit;
    return GetInternalQueue(m_served)->Dequeue();
}

bool
SlotQueueDisc::CheckConfig()
{
    for (const uint32_t buffer : m_buffers)
    {
        const uint32_t places = buffer > 0 ? buffer : std::numeric_limits<uint32_t>::max();
        auto queue = CreateObject<DropTailQueue<QueueDiscItem>>();
        queue->SetMaxSize(QueueSize(QueueSizeUnit::PACKETS, places));
        AddInternalQueue(queue);
    }
    return GetNQueueDiscClasses() == 0;
}

void
SlotQueueDisc::InitializeParams()
{
}

} // namespace ns3::kan

// SPDX-License-Identifier: GPL-2.0-only
#include "probe-header.h"

namespace ns3::kan
{

NS_OBJECT_ENSURE_REGISTERED(ProbeHeader);

TypeId
ProbeHeader::GetTypeId()
{
    static TypeId tid = TypeId("ns3::ProbeHeader")
                            .SetParent<Header>()
                            .SetGroupName("Ns3kan")
                            .AddConstructor<ProbeHeader>();
    return tid;
}

TypeId
ProbeHeader::GetInstanceTypeId() const
{
    return GetTypeId();
}

uint32_t
ProbeHeader::GetSerializedSize() const
{
    return SIZE;
}

void
ProbeHeader::Serialize(Buffer::Iterator start) const
{
    start.WriteHtonU32(sequence);
    start.WriteHtonU32(offered);
    start.WriteHtonU32(received);
    for (const Time& time : {sent, delaySum, delay})
    {
        start.WriteHtonU64(static_cast<uint64_t>(time.GetTimeStep()));
    }
}

uint32_t
ProbeHeader::Deserialize(Buffer::Iterator start)
{
    sequence = start.ReadNtohU32();
    offered = start.ReadNtohU32();
    received = start.ReadNtohU32();
    for (Time* time : {&sent, &delaySum, &delay})
    {
        *time = TimeStep(start.ReadNtohU64());
    }
    return SIZE;
}

void
ProbeHeader::Print(std::ostream& os) const
{
    os << "sequence=" << sequence << " sent=" << sent.As(Time::S) << " offered=" << offered
       << " received=" << received << " delay=" << delay.As(Time::S);
}

} // namespace ns3::kan

// SPDX-License-Identifier: GPL-2.0-only
#include "path-tag.h"

namespace ns3::kan
{

NS_OBJECT_ENSURE_REGISTERED(PathTag);

PathTag::PathTag(uint32_t flow, Time entered)
    : m_flow(flow)
    , m_entered(entered.GetTimeStep())
{
}

TypeId
PathTag::GetTypeId()
{
    static TypeId tid =
        TypeId("ns3::PathTag").SetParent<Tag>().SetGroupName("Ns3kan").AddConstructor<PathTag>();
    return tid;
}

TypeId
PathTag::GetInstanceTypeId() const
{
    return GetTypeId();
}

uint32_t
PathTag::GetSerializedSize() const
{
    return sizeof(m_flow) + sizeof(m_entered);
}

void
PathTag::Serialize(TagBuffer buffer) const
{
    buffer.WriteU32(m_flow);
    buffer.WriteU64(static_cast<uint64_t>(m_entered));
}

void
PathTag::Deserialize(TagBuffer buffer)
{
    m_flow = buffer.ReadU32();
    m_entered = static_cast<int64_t>(buffer.ReadU64());
}

void
PathTag::Print(std::ostream& os) const
{
    os << "flow=" << m_flow << " entered=" << GetEntered().As(Time::S);
}

uint32_t
PathTag::GetFlow() const
{
    return m_flow;
}

Time
PathTag::GetEntered() const
{
    return TimeStep(m_entered);
}

} // namespace ns3::kan

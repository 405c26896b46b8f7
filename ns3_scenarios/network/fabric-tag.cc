// SPDX-License-Identifier: GPL-2.0-only
#include "fabric-tag.h"

namespace ns3::kan
{

NS_OBJECT_ENSURE_REGISTERED(FabricTag);

TypeId
FabricTag::GetTypeId()
{
    static TypeId tid = TypeId("ns3::FabricTag")
                            .SetParent<Tag>()
                            .SetGroupName("Ns3kan")
                            .AddConstructor<FabricTag>();
    return tid;
}

TypeId
FabricTag::GetInstanceTypeId() const
{
    return GetTypeId();
}

uint32_t
FabricTag::GetSerializedSize() const
{
    return 5 * sizeof(uint8_t) + sizeof(uint64_t);
}

void
FabricTag::Serialize(TagBuffer buffer) const
{
    buffer.WriteU8(leaf);
    buffer.WriteU8(uplink);
    buffer.WriteU8(congestion);
    buffer.WriteU8(feedbackUplink);
    buffer.WriteU8(feedbackCongestion);
    buffer.WriteU64(static_cast<uint64_t>(entered.GetTimeStep()));
}

void
FabricTag::Deserialize(TagBuffer buffer)
{
    leaf = buffer.ReadU8();
    uplink = buffer.ReadU8();
    congestion = buffer.ReadU8();
    feedbackUplink = buffer.ReadU8();
    feedbackCongestion = buffer.ReadU8();
    entered = TimeStep(buffer.ReadU64());
}

void
FabricTag::Print(std::ostream& os) const
{
    os << "leaf=" << +leaf << " uplink=" << +uplink << " congestion=" << +congestion
       << " entered=" << entered.As(Time::S);
}

} // namespace ns3::kan

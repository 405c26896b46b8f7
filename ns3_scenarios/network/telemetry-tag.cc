// SPDX-License-Identifier: GPL-2.0-only
#include "telemetry-tag.h"

namespace ns3::kan
{

NS_OBJECT_ENSURE_REGISTERED(TelemetryTag);

TypeId
TelemetryTag::GetTypeId()
{
    static TypeId tid = TypeId("ns3::TelemetryTag")
                            .SetParent<Tag>()
                            .SetGroupName("Ns3kan")
                            .AddConstructor<TelemetryTag>();
    return tid;
}

TypeId
TelemetryTag::GetInstanceTypeId() const
{
    return GetTypeId();
}

uint32_t
TelemetryTag::GetSerializedSize() const
{
    return sizeof(uint8_t) + 3 * sizeof(uint32_t) + sizeof(uint64_t);
}

void
TelemetryTag::Serialize(TagBuffer buffer) const
{
    buffer.WriteU8(uplink);
    buffer.WriteU32(offered);
    buffer.WriteU32(told);
    buffer.WriteU32(received);
    buffer.WriteU64(static_cast<uint64_t>(delaySum.GetTimeStep()));
}

void
TelemetryTag::Deserialize(TagBuffer buffer)
{
    uplink = buffer.ReadU8();
    offered = buffer.ReadU32();
    told = buffer.ReadU32();
    received = buffer.ReadU32();
    delaySum = TimeStep(buffer.ReadU64());
}

void
TelemetryTag::Print(std::ostream& os) const
{
    os << "offered=" << offered << " uplink=" << +uplink << " told=" << told
       << " received=" << received;
}

} // namespace ns3::kan

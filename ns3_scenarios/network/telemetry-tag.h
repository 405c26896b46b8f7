// SPDX-License-Identifier: GPL-2.0-only
#ifndef NS3KAN_TELEMETRY_TAG_H
#define NS3KAN_TELEMETRY_TAG_H

#include <ns3/nstime.h>
#include <ns3/tag.h>

#include <cstdint>

namespace ns3::kan
{

/**
 * What leaves tell each other on their packets: a number for the packet itself, and counters of one
 * of the uplinks of the leaf that it goes to. It stands in for fields of an overlay header (RFC
 * 9197) and adds no bytes to the packet.
 */
class TelemetryTag : public Tag
{
  public:
    uint32_t offered{0};  //!< packets of this leaf to that one by this uplink, this one included
    uint8_t uplink{0};    //!< the receiver's uplink that the rest is about
    uint32_t told{0};     //!< latest `offered` that has come from there; 0 if nothing has
    uint32_t received{0}; //!< packets that have come from there
    Time delaySum;        //!< the one-way delays of these, added up

    /// @return the TypeId
    static TypeId GetTypeId();
    TypeId GetInstanceTypeId() const override;
    uint32_t GetSerializedSize() const override;
    void Serialize(TagBuffer buffer) const override;
    void Deserialize(TagBuffer buffer) override;
    void Print(std::ostream& os) const override;
};

} // namespace ns3::kan

#endif // NS3KAN_TELEMETRY_TAG_H

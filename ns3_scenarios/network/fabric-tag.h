// SPDX-License-Identifier: GPL-2.0-only
#ifndef NS3KAN_FABRIC_TAG_H
#define NS3KAN_FABRIC_TAG_H

#include <ns3/nstime.h>
#include <ns3/tag.h>

#include <cstdint>

namespace ns3::kan
{

/**
 * Packet tag that a packet gets where it enters a leaf-spine fabric and keeps to its receiver. It
 * stands in for the overlay header of a real fabric (VXLAN, in which CONGA carries its fields) and
 * adds no bytes to the packet.
 */
class FabricTag : public Tag
{
  public:
    /// Value of feedbackUplink in a packet that brings no feedback.
    static constexpr uint8_t NO_FEEDBACK = 255;

    uint8_t leaf{0};                     //!< number of the leaf where the packet entered
    uint8_t uplink{0};                   //!< the uplink that it left that leaf by
    uint8_t congestion{0};               //!< greatest congestion of a link so far, quantised
    uint8_t feedbackUplink{NO_FEEDBACK}; //!< uplink of the leaf that it goes to, or NO_FEEDBACK
    uint8_t feedbackCongestion{0};       //!< congestion on the way from that leaf by that uplink
    Time entered;                        //!< when it entered the fabric

    /// @return the TypeId
    static TypeId GetTypeId();
    TypeId GetInstanceTypeId() const override;
    uint32_t GetSerializedSize() const override;
    void Serialize(TagBuffer buffer) const override;
    void Deserialize(TagBuffer buffer) override;
    void Print(std::ostream& os) const override;
};

} // namespace ns3::kan

#endif // NS3KAN_FABRIC_TAG_H

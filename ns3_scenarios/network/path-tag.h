// SPDX-License-Identifier: GPL-2.0-only
#ifndef NS3KAN_PATH_TAG_H
#define NS3KAN_PATH_TAG_H

#include <ns3/nstime.h>
#include <ns3/tag.h>

#include <cstdint>

namespace ns3::kan
{

/**
 * Packet tag that a packet carries while it crosses a path: when it entered, and which balanced
 * flow it belongs to. It stands in for the timestamp and flow label of a measuring router and adds
 * no bytes to the packet.
 */
class PathTag : public Tag
{
  public:
    /// Flow number of packets that no balancer placed: probes and cross traffic.
    static constexpr uint32_t UNBALANCED = 0;

    PathTag() = default;
    /**
     * @param flow number of the flow in the balancer that placed it, or UNBALANCED
     * @param entered time at which the packet entered the path
     */
    PathTag(uint32_t flow, Time entered);

    /// @return the TypeId
    static TypeId GetTypeId();
    TypeId GetInstanceTypeId() const override;
    uint32_t GetSerializedSize() const override;
    void Serialize(TagBuffer buffer) const override;
    void Deserialize(TagBuffer buffer) override;
    void Print(std::ostream& os) const override;

    /// @return the flow's number in its balancer, or UNBALANCED
    uint32_t GetFlow() const;
    /// @return the time at which the packet entered the path
    Time GetEntered() const;

  private:
    uint32_t m_flow{UNBALANCED};
    int64_t m_entered{0}; //!< time steps
};

} // namespace ns3::kan

#endif // NS3KAN_PATH_TAG_H

// SPDX-License-Identifier: GPL-2.0-only
#ifndef NS3KAN_PROBE_HEADER_H
#define NS3KAN_PROBE_HEADER_H

#include <ns3/header.h>
#include <ns3/nstime.h>

#include <cstdint>

namespace ns3::kan
{

/**
 * What a probe of a path carries, and its answer: time stamps of both routers, whose clocks agree,
 * and counters of all packets that the near router has put on the path and the far one has seen
 * come (as TWAMP, RFC 5357, and alternate marking, RFC 9341, let routers know).
 */
class ProbeHeader : public Header
{
  public:
    /// Bytes that it takes.
    static constexpr uint32_t SIZE = 36;

    uint32_t sequence{0}; //!< counts the probes of a path, from 1
    Time sent;            //!< when the near router sent the probe
    uint32_t offered{0};  //!< packets that the near router has put on the path, this one included
    uint32_t received{0}; //!< in an answer: how many of them have come
    Time delaySum;        //!< in an answer: the one-way delays of these, added up
    Time delay;           //!< in an answer: one-way delay of the probe

    /// @return the TypeId
    static TypeId GetTypeId();
    TypeId GetInstanceTypeId() const override;
    uint32_t GetSerializedSize() const override;
    void Serialize(Buffer::Iterator start) const override;
    uint32_t Deserialize(Buffer::Iterator start) override;
    void Print(std::ostream& os) const override;
};

} // namespace ns3::kan

#endif // NS3KAN_PROBE_HEADER_H

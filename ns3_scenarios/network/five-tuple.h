// SPDX-License-Identifier: GPL-2.0-only
#ifndef NS3KAN_FIVE_TUPLE_H
#define NS3KAN_FIVE_TUPLE_H

#include <ns3/ipv4-header.h>
#include <ns3/packet.h>

#include <cstddef>
#include <cstdint>

namespace ns3::kan
{

/// What identifies a flow on the wire.
struct FiveTuple
{
    uint32_t source{0};          //!< IPv4 source address
    uint32_t destination{0};     //!< IPv4 destination address
    uint16_t sourcePort{0};      //!< UDP or TCP source port; 0 in IP fragments
    uint16_t destinationPort{0}; //!< UDP or TCP destination port; 0 in IP fragments
    uint8_t protocol{0};         //!< IP protocol number

    /**
     * @param p packet without its IP header
     * @param header the IP header
     * @return the packet's five-tuple
     */
    static FiveTuple Of(Ptr<const Packet> p, const Ipv4Header& header);

    /// @return the tuple of the packets that answer this flow
    FiveTuple Reversed() const;
    /**
     * Hash as a switch does to choose among paths, independently for each salt.
     * @param salt the switch's own number
     * @return a number from 0 to below 1 that looks uniform over flows
     */
    double GetPoint(uint32_t salt) const;
    bool operator==(const FiveTuple& other) const;
};

/// Hash of a FiveTuple, for tables.
struct FiveTupleHash
{
    /**
     * @param tuple the tuple
     * @return its hash
     */
    size_t operator()(const FiveTuple& tuple) const;
};

} // namespace ns3::kan

#endif // NS3KAN_FIVE_TUPLE_H

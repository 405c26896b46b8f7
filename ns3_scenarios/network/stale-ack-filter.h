// SPDX-License-Identifier: GPL-2.0-only
#ifndef NS3KAN_STALE_ACK_FILTER_H
#define NS3KAN_STALE_ACK_FILTER_H

#include "flow-table.h"

#include <ns3/ip-l4-protocol.h>
#include <ns3/node.h>
#include <ns3/sequence-number.h>
#include <ns3/tcp-l4-protocol.h>

namespace ns3::kan
{

/**
 * Stands before a host's TCP and drops acknowledgements that a later one has overtaken, as RFC
 * 9293, 3.10.7.4, allows, if they say nothing new: neither a SACK block beyond what has been
 * acknowledged by now, nor data. ns-3's TCP (3.37 to 3.44 at least) ends the program when an
 * overtaken one brings SACK blocks after all data have been acknowledged, which happens as soon as
 * packets of a flow take different ways. A mark of congestion (ECE) on one that is dropped is lost,
 * as that on an acknowledgement that is lost is; receivers repeat it until they are answered.
 *
 * A connection that has been silent for FlowTimeout is forgotten.
 */
class StaleAckFilter : public IpL4Protocol
{
  public:
    /// @return the TypeId
    static TypeId GetTypeId();
    /**
     * @param node with TCP over IPv4, which gets a filter
     * @return the filter
     */
    static Ptr<StaleAckFilter> Install(Ptr<Node> node);
    /**
     * A connection begins anew between ports that may have been used before. Its SYN does not say
     * so: one that was sent again can come after later acknowledgements, with the same numbers.
     * @param connection five-tuple of the packets that this host receives
     */
    void Forget(const FiveTuple& connection);

    int GetProtocolNumber() const override;
    RxStatus Receive(Ptr<Packet> packet,
                     const Ipv4Header& header,
                     Ptr<Ipv4Interface> interface) override;
    RxStatus Receive(Ptr<Packet> packet,
                     const Ipv6Header& header,
                     Ptr<Ipv6Interface> interface) override;
    void ReceiveIcmp(Ipv4Address icmpSource,
                     uint8_t icmpTtl,
                     uint8_t icmpType,
                     uint8_t icmpCode,
                     uint32_t icmpInfo,
                     Ipv4Address payloadSource,
                     Ipv4Address payloadDestination,
                     const uint8_t payload[8]) override;
    void SetDownTarget(DownTargetCallback callback) override;
    void SetDownTarget6(DownTargetCallback6 callback) override;
    DownTargetCallback GetDownTarget() const override;
    DownTargetCallback6 GetDownTarget6() const override;

  protected:
    void DoDispose() override;

  private:
    /// What is remembered of a connection.
    struct Entry
    {
        SequenceNumber32 acknowledged; //!< the greatest acknowledgement
        Time lastPacket;               //!< when there was an acknowledgement
    };

    /**
     * @param packet a TCP segment
     * @param header its IP header
     * @return whether it is nothing but an acknowledgement that has been overtaken
     */
    bool IsStale(Ptr<const Packet> packet, const Ipv4Header& header);

    Ptr<TcpL4Protocol> m_tcp;
    Time m_timeout;
    FlowTable<Entry> m_connections;
};

} // namespace ns3::kan

#endif // NS3KAN_STALE_ACK_FILTER_H

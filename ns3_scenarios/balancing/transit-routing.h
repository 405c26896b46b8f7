// SPDX-License-Identifier: GPL-2.0-only
#ifndef NS3KAN_TRANSIT_ROUTING_H
#define NS3KAN_TRANSIT_ROUTING_H

#include "forwarding-protocol.h"

namespace ns3::kan
{

/**
 * Routing protocol of a switch that only passes packets on: a subclass says to which next hop. It
 * is the only routing protocol of its node.
 *
 * It is less than a router: it delivers nothing to the node itself, so that packets for an address
 * of the switch are treated as any others; nothing that begins at the switch has a route, so that
 * it sends no ICMP messages (a packet without a way is dropped without a word to its sender); and
 * the destination of a multicast or broadcast packet is taken for the address of one host.
 */
class TransitRouting : public ForwardingProtocol
{
  public:
    /// @return the TypeId
    static TypeId GetTypeId();

    void PrintRoutingTable(Ptr<OutputStreamWrapper> stream,
                           Time::Unit unit = Time::S) const override;

  private:
    /**
     * @param packet a packet on its way, without its IP header; this call's own, tags may change
     * @param header its IP header
     * @return where it goes, or null if nowhere
     */
    virtual Ptr<Ipv4Route> ChooseRoute(Ptr<Packet> packet, const Ipv4Header& header) = 0;

    bool Forward(Ptr<const Packet> packet,
                 const Ipv4Header& header,
                 Ptr<const NetDevice> device,
                 const UnicastForwardCallback& send,
                 const ErrorCallback& fail) override;
};

} // namespace ns3::kan

#endif // NS3KAN_TRANSIT_ROUTING_H

// SPDX-License-Identifier: GPL-2.0-only
#ifndef NS3KAN_TRANSIT_ROUTING_H
#define NS3KAN_TRANSIT_ROUTING_H

#include <ns3/ipv4-routing-protocol.h>
#include <ns3/ipv4.h>

namespace ns3
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
class TransitRouting : public Ipv4RoutingProtocol
{
  public:
    /// @return the TypeId
    static TypeId GetTypeId();

    Ptr<Ipv4Route> RouteOutput(Ptr<Packet> p,
                               const Ipv4Header& header,
                               Ptr<NetDevice> oif,
                               Socket::SocketErrno& sockerr) override;
#if NS3_MINOR < 38
    bool RouteInput(Ptr<const Packet> p,
                    const Ipv4Header& header,
                    Ptr<const NetDevice> idev,
                    UnicastForwardCallback ucb,
                    MulticastForwardCallback mcb,
                    LocalDeliverCallback lcb,
                    ErrorCallback ecb) override;
#else
    bool RouteInput(Ptr<const Packet> p,
                    const Ipv4Header& header,
                    Ptr<const NetDevice> idev,
                    const UnicastForwardCallback& ucb,
                    const MulticastForwardCallback& mcb,
                    const LocalDeliverCallback& lcb,
                    const ErrorCallback& ecb) override;
#endif
    void NotifyInterfaceUp(uint32_t interface) override;
    void NotifyInterfaceDown(uint32_t interface) override;
    void NotifyAddAddress(uint32_t interface, Ipv4InterfaceAddress address) override;
    void NotifyRemoveAddress(uint32_t interface, Ipv4InterfaceAddress address) override;
    void SetIpv4(Ptr<Ipv4> ipv4) override;
    void PrintRoutingTable(Ptr<OutputStreamWrapper> stream,
                           Time::Unit unit = Time::S) const override;

  protected:
    void DoDispose() override;
    /**
     * @param interface index of an IPv4 interface of this node
     * @param gateway next hop behind it
     * @return the way there, for Forward to return
     */
    Ptr<Ipv4Route> MakeRoute(uint32_t interface, Ipv4Address gateway) const;

  private:
    /**
     * @param packet a packet on its way, without its IP header; this call's own, tags may change
     * @param header its IP header
     * @return where it goes, or null if nowhere
     */
    virtual Ptr<Ipv4Route> Forward(Ptr<Packet> packet, const Ipv4Header& header) = 0;

    Ptr<Ipv4> m_ipv4;
};

} // namespace ns3

#endif // NS3KAN_TRANSIT_ROUTING_H

// SPDX-License-Identifier: GPL-2.0-only
#ifndef NS3KAN_FORWARDING_PROTOCOL_H
#define NS3KAN_FORWARDING_PROTOCOL_H

#include <ns3/ipv4-routing-protocol.h>
#include <ns3/ipv4.h>

namespace ns3::kan
{

/**
 * Types of the callbacks that Ipv4RoutingProtocol::RouteInput takes: by value up to ns-3.37, by
 * reference since.
 * @tparam Signature of RouteInput
 */
template <typename Signature>
struct RouteInputCallbacks;

/// As above, taken apart.
template <typename Protocol,
          typename Packet,
          typename Header,
          typename Device,
          typename U,
          typename M,
          typename L,
          typename E>
struct RouteInputCallbacks<bool (Protocol::*)(Packet, Header, Device, U, M, L, E)>
{
    using Unicast = U;   //!< takes a packet that goes on to one host
    using Multicast = M; //!< takes a packet that goes on to many
    using Local = L;     //!< takes a packet for the node itself
    using Error = E;     //!< takes a packet without a way
};

/**
 * A routing protocol that passes packets on and does nothing else: what begins at its own node has
 * no route by it, and it does not care for changes of interfaces and addresses.
 */
class ForwardingProtocol : public Ipv4RoutingProtocol
{
  public:
    /// @return the TypeId
    static TypeId GetTypeId();

    /// Callbacks of RouteInput, as this version of ns-3 has them.
    using Callbacks = RouteInputCallbacks<decltype(&Ipv4RoutingProtocol::RouteInput)>;

    Ptr<Ipv4Route> RouteOutput(Ptr<Packet> p,
                               const Ipv4Header& header,
                               Ptr<NetDevice> oif,
                               Socket::SocketErrno& sockerr) override;
    bool RouteInput(Ptr<const Packet> p,
                    const Ipv4Header& header,
                    Ptr<const NetDevice> idev,
                    Callbacks::Unicast ucb,
                    Callbacks::Multicast mcb,
                    Callbacks::Local lcb,
                    Callbacks::Error ecb) override;
    void NotifyInterfaceUp(uint32_t interface) override;
    void NotifyInterfaceDown(uint32_t interface) override;
    void NotifyAddAddress(uint32_t interface, Ipv4InterfaceAddress address) override;
    void NotifyRemoveAddress(uint32_t interface, Ipv4InterfaceAddress address) override;
    void SetIpv4(Ptr<Ipv4> ipv4) override;

  protected:
    void DoDispose() override;
    /**
     * @param interface index of an IPv4 interface of this node
     * @param gateway next hop behind it
     * @return the way there
     */
    Ptr<Ipv4Route> MakeRoute(uint32_t interface, Ipv4Address gateway) const;

  private:
    /**
     * @param packet that has come in, without its IP header
     * @param header its IP header
     * @param device by which it came
     * @param send takes it if it goes on
     * @param fail takes it if there is no way for it
     * @return whether one of them took it; if not, the routing protocols below may
     */
    virtual bool Forward(Ptr<const Packet> packet,
                         const Ipv4Header& header,
                         Ptr<const NetDevice> device,
                         const UnicastForwardCallback& send,
                         const ErrorCallback& fail) = 0;

    Ptr<Ipv4> m_ipv4;
};

} // namespace ns3::kan

#endif // NS3KAN_FORWARDING_PROTOCOL_H

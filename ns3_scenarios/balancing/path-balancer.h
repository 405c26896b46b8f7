// SPDX-License-Identifier: GPL-2.0-only
#ifndef NS3KAN_PATH_BALANCER_H
#define NS3KAN_PATH_BALANCER_H

#include "forwarding-protocol.h"

#include "ns3/flow-table.h"

#include <ns3/ipv4-address.h>
#include <ns3/nstime.h>
#include <ns3/random-variable-stream.h>
#include <ns3/traced-callback.h>

#include <cstdint>
#include <vector>

namespace ns3::kan
{

/**
 * Routes the packets of one site to another over several paths, flow by flow.
 *
 * It sits above static routing in an Ipv4ListRouting. The first packet of a flow draws a path at
 * random with the current shares; every later packet of the flow takes the same path, whatever the
 * shares have become. A flow is the packets of a five-tuple without a silence of FlowTimeout; who
 * uses ports again before that says so by Forget. A flow that came in over a path is answered over
 * the path of its last packet, so the balancer also serves at the far end. Packets that are not for
 * the remote site are left to the routing protocols below.
 */
class PathBalancer : public ForwardingProtocol
{
  public:
    /// @return the TypeId
    static TypeId GetTypeId();
    PathBalancer();

    /**
     * @param network network address of the remote site
     * @param mask its mask: packets to these addresses are balanced
     */
    void SetRemoteSite(Ipv4Address network, Ipv4Mask mask);
    /**
     * @param interface index of the IPv4 interface that leads onto the path
     * @param gateway next hop
     * @return index of the path, in the order of the calls
     */
    uint32_t AddPath(uint32_t interface, Ipv4Address gateway);
    /**
     * Set the shares of new flows.
     * @param shares one probability per path; they add up to 1
     */
    void SetShares(const std::vector<double>& shares);
    /// @return the shares of new flows, one per path
    const std::vector<double>& GetShares() const;
    /**
     * A flow begins whose ports may have been used before: its first packet is to be placed anew.
     * @param tuple of the flow
     */
    void Forget(const FiveTuple& tuple);
    /// @return how many bytes (IP) have arrived from the site for the remote site
    uint64_t GetOfferedBytes() const;
    /**
     * @param stream first stream number
     * @return how many streams were taken
     */
    int64_t AssignStreams(int64_t stream);

    /**
     * Signature of the trace source FlowPlaced.
     * @param flow number of the flow, counted from 1
     * @param tuple its five-tuple
     * @param path index of the path that it was given
     */
    typedef void (*FlowPlacedCallback)(uint32_t flow, const FiveTuple& tuple, uint32_t path);

    /**
     * Signature of the trace source PacketPlaced.
     * @param path index of the path that a packet leaves by
     * @param bytes its IP size
     */
    typedef void (*PacketPlacedCallback)(uint32_t path, uint32_t bytes);

    void PrintRoutingTable(Ptr<OutputStreamWrapper> stream,
                           Time::Unit unit = Time::S) const override;

  protected:
    void DoDispose() override;

  private:
    bool Forward(Ptr<const Packet> packet,
                 const Ipv4Header& header,
                 Ptr<const NetDevice> device,
                 const UnicastForwardCallback& send,
                 const ErrorCallback& fail) override;

    /// One way to the remote site.
    struct Path
    {
        uint32_t interface;    //!< index of the IPv4 interface
        Ptr<Ipv4Route> route;  //!< next hop and device
        Ptr<NetDevice> device; //!< the interface's device
    };

    /// A flow that has been placed.
    struct Flow
    {
        uint32_t number; //!< counted from 1
        uint32_t path;   //!< index of its path
        Time lastPacket; //!< when it was last seen
    };

    /**
     * @param tuple the flow to place
     * @param path its path
     * @return the new entry of the flow table
     */
    Flow& Place(const FiveTuple& tuple, uint32_t path);
    /// @return a path drawn with the current shares
    uint32_t DrawPath();

    Ipv4Address m_remoteNetwork;
    Ipv4Mask m_remoteMask;
    std::vector<Path> m_paths;
    std::vector<double> m_shares;
    Ptr<UniformRandomVariable> m_draw;
    FlowTable<Flow> m_flows;
    uint32_t m_flowsPlaced{0};
    uint64_t m_offeredBytes{0};
    Time m_flowTimeout;
    TracedCallback<uint32_t, const FiveTuple&, uint32_t> m_flowPlaced;
    TracedCallback<uint32_t, uint32_t> m_packetPlaced;
};

} // namespace ns3::kan

#endif // NS3KAN_PATH_BALANCER_H

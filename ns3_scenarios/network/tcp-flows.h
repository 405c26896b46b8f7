// SPDX-License-Identifier: GPL-2.0-only
#ifndef NS3KAN_TCP_FLOWS_H
#define NS3KAN_TCP_FLOWS_H

#include "stale-ack-filter.h"

#include <ns3/inet-socket-address.h>
#include <ns3/ipv4-header.h>
#include <ns3/node.h>
#include <ns3/nstime.h>
#include <ns3/object.h>
#include <ns3/packet.h>
#include <ns3/socket.h>
#include <ns3/traced-callback.h>

#include <cstdint>
#include <deque>
#include <map>
#include <unordered_map>
#include <vector>

namespace ns3::kan
{

/// One TCP flow, as its receiver sees it.
struct TcpFlow
{
    uint32_t source;         //!< number of the sending host
    uint32_t destination;    //!< number of the receiving host
    uint64_t bytes;          //!< size at the application
    FiveTuple tuple;         //!< of its data, used by other flows before and after it
    Time start;              //!< when the sender opened the connection
    Time finish{0};          //!< when the last byte was delivered; 0 while it runs
    uint64_t delivered{0};   //!< bytes that the application has
    uint32_t segments{0};    //!< segments with data that have arrived
    uint32_t outOfOrder{0};  //!< those that arrived after one that was sent later
    uint32_t firstUplink{0}; //!< the uplink of its first segment with data, if it had a FabricTag
    uint32_t moves{0};       //!< how often a segment came by another uplink than that before it

    uint16_t lastSent{0};   //!< greatest IP identification of its segments so far
    uint32_t lastUplink{0}; //!< uplink of the segment before
};

/**
 * Carries flows over TCP between any hosts: a connection for each flow, whose sender has all data
 * at hand and closes behind the last byte.
 *
 * Order is that of sending, retransmissions included, so that a loss alone puts nothing out of
 * order: ns-3 counts the IP identification up from packet to packet of a pair of hosts (RFC 4737
 * calls such a packet reordered).
 */
class TcpFlows : public Object
{
  public:
    /// @return the TypeId
    static TypeId GetTypeId();

    /**
     * @param host that sends and receives flows from now on; it listens at once
     * @param address its address
     */
    void AddHost(Ptr<Node> host, Ipv4Address address);
    /**
     * Start a flow now.
     * @param source number of the sending host, in the order of AddHost
     * @param destination number of the receiving host
     * @param bytes its size
     */
    void Start(uint32_t source, uint32_t destination, uint64_t bytes);
    /// @return all flows that have started, in that order; references to them stay valid
    const std::deque<TcpFlow>& GetFlows() const;

    /// @return how many segments with data have arrived, of all flows
    uint64_t GetSegments() const;
    /// @return how many of them arrived after one of their flow that was sent later
    uint64_t GetOutOfOrder() const;

    /**
     * Signature of the trace sources Started and Finished.
     * @param flow the flow; the reference stays valid
     */
    typedef void (*FlowCallback)(const TcpFlow& flow);

  protected:
    void DoDispose() override;

  private:
    /// A host that takes part.
    struct Host
    {
        Ptr<Node> node;
        Ipv4Address address;
        Ptr<Socket> listener;
        Ptr<StaleAckFilter> filter;
    };

    /// Where a flow comes from, which names it while it runs.
    using Origin = std::pair<uint32_t, uint16_t>;

    /**
     * @param node of the socket
     * @return a socket with all settings
     */
    Ptr<Socket> MakeSocket(Ptr<Node> node) const;
    void Push(Ptr<Socket> socket, uint32_t available);
    void Accept(Ptr<Socket> socket, const Address& from);
    void Receive(Ptr<Socket> socket);
    void PeerClosed(Ptr<Socket> socket);
    void SegmentArrived(const Ipv4Header& header, Ptr<const Packet> packet, uint32_t interface);
    /**
     * @param address of the sending host
     * @param port of the flow there
     * @return the flow, or null if there is none
     */
    TcpFlow* Find(Ipv4Address address, uint16_t port);

    uint32_t m_segment{0};
    uint32_t m_initialWindow{0};
    uint32_t m_buffer{0};
    Time m_minRto;
    TypeId m_congestionControl;
    std::vector<Host> m_hosts;
    std::deque<TcpFlow> m_flows;
    std::map<Origin, size_t> m_running;       //!< number of the flow
    std::map<Ptr<Socket>, uint64_t> m_unsent; //!< bytes that TCP has not taken yet
    uint64_t m_segments{0};
    uint64_t m_outOfOrder{0};
    TracedCallback<const TcpFlow&> m_started;
    TracedCallback<const TcpFlow&> m_finished;
};

} // namespace ns3::kan

#endif // NS3KAN_TCP_FLOWS_H

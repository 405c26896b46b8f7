// SPDX-License-Identifier: GPL-2.0-only
#ifndef NS3KAN_SLOTTED_NETWORK_H
#define NS3KAN_SLOTTED_NETWORK_H

#include "ns3/recorded-parts.h"

#include "ns3/slot-queue-disc.h"

#include <ns3/data-rate.h>
#include <ns3/ipv4-static-routing.h>
#include <ns3/nstime.h>
#include <ns3/packet-sink.h>
#include <ns3/socket.h>

#include <cstdint>
#include <vector>

namespace ns3::kan
{

/**
 * A source, a router, and one or more links to servers, in front of each a SlotQueueDisc:
 *
 *     source ── router ═ queue 0, 1, … ══ server 0
 *                      ═ queue 0, 1, … ══ server 1 …
 *
 * All servers have the same service address, and the router sends what is for it over the link
 * that was chosen last. The links are fast, so that a slot's packets cross them within the slot:
 * how many those are is for the queue disciplines to say.
 */
class SlottedNetwork
{
  public:
    /**
     * @param buffers of each queue before each link [packet]; 0 for no bound
     * @param packetSize IP size of a packet [byte]
     */
    SlottedNetwork(const std::vector<std::vector<uint32_t>>& buffers, uint32_t packetSize);

    /**
     * Send packets from the source to the service address, now.
     * @param queue where they belong if there are several before a link
     * @param packets how many
     */
    void Send(uint32_t queue, uint32_t packets);
    /// @param link which link packets for the service address are to take
    void Choose(uint32_t link);
    /**
     * Let packets leave a queue, now.
     * @param link number of the link
     * @param queue number of the queue before it
     * @param packets how many may leave
     * @return how many have left
     */
    uint32_t Serve(uint32_t link, uint32_t queue, uint32_t packets);

    /// @return lengths of all queues, those before the first link first [packet]
    std::vector<uint32_t> GetQueueLengths() const;
    /// @return how many packets have arrived at the queues
    uint64_t GetArrived() const;
    /// @return how many of these were dropped
    uint64_t GetDropped() const;
    /// @return how many packets the servers have got
    uint64_t GetDelivered() const;
    /**
     * @param packets how many
     * @return how long they take to cross a link, one after the other
     */
    Time GetCrossingTime(uint32_t packets) const;
    /// @return the nodes, and the router's end of each link to a server
    RecordedParts GetParts() const;

  private:
    void BuildLink(uint32_t link, const std::vector<uint32_t>& buffers);

    uint32_t m_packetSize;
    Ptr<Node> m_source;
    Ptr<Node> m_router;
    Ptr<Socket> m_socket;
    Ptr<Ipv4StaticRouting> m_routing;
    std::vector<Ptr<SlotQueueDisc>> m_discs;
    std::vector<Ptr<PacketSink>> m_sinks;
    std::vector<std::pair<Ipv4Address, uint32_t>> m_nextHops; //!< gateway and interface
    bool m_chosen{false};                                     //!< whether a link has been chosen
};

} // namespace ns3::kan

#endif // NS3KAN_SLOTTED_NETWORK_H

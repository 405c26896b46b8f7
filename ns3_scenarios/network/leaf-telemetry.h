// SPDX-License-Identifier: GPL-2.0-only
#ifndef NS3KAN_LEAF_TELEMETRY_H
#define NS3KAN_LEAF_TELEMETRY_H

#include "fabric-tag.h"
#include "path-monitor.h"
#include "telemetry-tag.h"

#include <ns3/nstime.h>
#include <ns3/object.h>
#include <ns3/packet.h>

#include <cstdint>
#include <deque>
#include <utility>
#include <vector>

namespace ns3::kan
{

/**
 * Measures the ways from one leaf of a fabric to the others as the leaf itself can: it numbers the
 * packets that it sends, and the other leaves tell on the packets that they send back what has
 * come.
 *
 * Each packet tells of one uplink of the leaf that it goes to: of the next in turn of which there
 * is news, as CONGA's feedback does (M. Alizadeh et al., SIGCOMM 2014, 3.3). A way keeps order, so
 * that what has not come before a packet that has was lost. If another leaf is heard of, but
 * not of a packet that has had the time to go there and be told of, that packet and those before it
 * were lost. Where everything was lost in an interval, the delay is the longest that there can be.
 *
 * In an interval without news, delay and loss of an uplink have the values of the last one in which
 * something came: a way that is avoided since it was dead is not held for dead for ever.
 */
class LeafTelemetry : public Object
{
  public:
    /// @return the TypeId
    static TypeId GetTypeId();

    /**
     * @param leaves of the fabric
     * @param uplinks of each leaf
     * @param longest delay from leaf to leaf that a packet can have
     */
    void Configure(uint32_t leaves, uint32_t uplinks, Time longest);
    /**
     * A packet leaves for another leaf.
     * @param packet gets a TelemetryTag
     * @param uplink that it takes
     * @param destination number of that leaf
     */
    void Depart(Ptr<Packet> packet, uint32_t uplink, uint32_t destination);
    /**
     * A packet has come from another leaf.
     * @param packet that has a TelemetryTag if that leaf gave it one
     * @param tag that it also has
     */
    void Arrive(Ptr<const Packet> packet, const FabricTag& tag);
    /**
     * End the interval that has run since the last call, or since the start of the simulation.
     * @return delay and loss by each uplink, to all leaves; the rest stays zero
     */
    std::vector<PathInterval> CloseInterval();

  private:
    /// Packets of another leaf that came by one of its uplinks.
    struct Incoming
    {
        uint32_t told{0}; //!< number that the last of them had
        uint32_t received{0};
        Time delaySum;
        bool isNew{false}; //!< whether some have come since that leaf was told
    };

    /// Packets to another leaf by one of the own uplinks.
    struct Outgoing
    {
        uint32_t offered{0};
        std::deque<std::pair<Time, uint32_t>> unheard; //!< offered until when, at ends of intervals
        TelemetryTag newest;                           //!< the latest that the other leaf told
        TelemetryTag judged; //!< counters up to which delay and loss have been told
    };

    /// Another leaf.
    struct Peer
    {
        std::vector<Incoming> incoming; //!< by the other leaf's uplink
        std::vector<Outgoing> outgoing; //!< by the own uplink
        uint32_t nextToTell{0};
        Time heard; //!< when the last packet came from there
    };

    Time m_longest;
    std::vector<Peer> m_peers;         //!< by number of the leaf
    std::vector<PathInterval> m_state; //!< by the own uplink
};

} // namespace ns3::kan

#endif // NS3KAN_LEAF_TELEMETRY_H

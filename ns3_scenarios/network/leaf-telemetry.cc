// SPDX-License-Identifier: GPL-2.0-only
#include "leaf-telemetry.h"

#include <ns3/log.h>
#include <ns3/simulator.h>

#include <algorithm>

namespace ns3::kan
{

NS_LOG_COMPONENT_DEFINE("LeafTelemetry");
NS_OBJECT_ENSURE_REGISTERED(LeafTelemetry);

TypeId
LeafTelemetry::GetTypeId()
{
    static TypeId tid = TypeId("ns3::LeafTelemetry")
                            .SetParent<Object>()
                            .SetGroupName("Ns3kan")
                            .AddConstructor<LeafTelemetry>();
    return tid;
}

void
LeafTelemetry::Configure(uint32_t leaves, uint32_t uplinks, Time longest)
{
    NS_LOG_FUNCTION(this);
    m_longest = longest;
    m_peers.resize(leaves);
    for (Peer& peer : m_peers)
    {
        peer.incoming.resize(uplinks);
        peer.outgoing.resize(uplinks);
    }
    m_state.resize(uplinks);
}

void
LeafTelemetry::Depart(Ptr<Packet> packet, uint32_t uplink, uint32_t destination)
{
    Peer& peer = m_peers.at(destination);
    TelemetryTag tag;
    tag.offered = ++peer.outgoing.at(uplink).offered;
    const auto uplinks = static_cast<uint32_t>(peer.incoming.size());
    for (uint32_t turn = 0; turn < uplinks; ++turn)
    {
        const uint32_t about = (peer.nextToTell + turn) % uplinks;
        Incoming& incoming = peer.incoming[about];
        if (incoming.isNew)
        {
            incoming.isNew = false;
            tag.uplink = static_cast<uint8_t>(about);
            tag.told = incoming.told;
            tag.received = incoming.received;
            tag.delaySum = incoming.delaySum;
            peer.nextToTell = (about + 1) % uplinks;
            break;
        }
    }
    packet->ReplacePacketTag(tag);
}

void
LeafTelemetry::Arrive(Ptr<const Packet> packet, const FabricTag& tag)
{
    TelemetryTag telemetry;
    if (!packet->PeekPacketTag(telemetry))
    {
        return;
    }
    Peer& peer = m_peers.at(tag.leaf);
    peer.heard = Simulator::Now();
    Incoming& incoming = peer.incoming.at(tag.uplink);
    incoming.told = telemetry.offered;
    ++incoming.received;
    incoming.delaySum += Simulator::Now() - tag.entered;
    incoming.isNew = true;
    // Packets that tell of an uplink may come by ways of different delay.
    if (telemetry.told > peer.outgoing.at(telemetry.uplink).newest.told)
    {
        peer.outgoing[telemetry.uplink].newest = telemetry;
    }
}

std::vector<PathInterval>
LeafTelemetry::CloseInterval()
{
    NS_LOG_FUNCTION(this);
    std::vector<PathInterval> closed;
    for (size_t uplink = 0; uplink < m_state.size(); ++uplink)
    {
        double offered = 0;
        double lost = 0;
        double received = 0;
        Time delaySum;
        for (Peer& peer : m_peers)
        {
            Outgoing& way = peer.outgoing[uplink];
            uint32_t told = std::max(way.judged.told, way.newest.told);
            while (!way.unheard.empty() && way.unheard.front().first + 2 * m_longest <= peer.heard)
            {
                told = std::max(told, way.unheard.front().second);
                way.unheard.pop_front();
            }
            if (way.unheard.empty() || way.unheard.back().second < way.offered)
            {
                way.unheard.emplace_back(Simulator::Now(), way.offered);
            }
            const uint32_t had = way.newest.received - way.judged.received;
            const uint32_t sent = told - way.judged.told;
            received += had;
            delaySum += way.newest.delaySum - way.judged.delaySum;
            offered += sent;
            // More have come than were sent if some had been given up and are late.
            lost += sent > had ? sent - had : 0;
            way.judged = way.newest;
            way.judged.told = told;
        }
        PathInterval& state = m_state[uplink];
        if (received > 0)
        {
            state.delay = delaySum.GetSeconds() / received;
            state.loss = offered > 0 ? lost / offered : 0;
        }
        closed.push_back(state);
        if (received == 0 && offered > 0)
        {
            closed.back().delay = m_longest.GetSeconds();
            closed.back().loss = 1;
        }
    }
    return closed;
}

} // namespace ns3::kan

// SPDX-License-Identifier: GPL-2.0-only
#include "conga-chooser.h"

#include <ns3/log.h>
#include <ns3/simulator.h>

#include <algorithm>

namespace ns3::kan
{

NS_LOG_COMPONENT_DEFINE("CongaChooser");
NS_OBJECT_ENSURE_REGISTERED(CongaChooser);

TypeId
CongaChooser::GetTypeId()
{
    static TypeId tid =
        TypeId("ns3::CongaChooser")
            .SetParent<UplinkChooser>()
            .SetGroupName("Ns3kan")
            .AddConstructor<CongaChooser>()
            .AddAttribute("MaxAge",
                          "Congestion that was told longer ago than this is taken for none",
                          TimeValue(MilliSeconds(10)),
                          MakeTimeAccessor(&CongaChooser::m_maxAge),
                          MakeTimeChecker(NanoSeconds(1)));
    return tid;
}

void
CongaChooser::Configure(const std::vector<Ptr<PointToPointNetDevice>>& devices, uint32_t leaves)
{
    NS_LOG_FUNCTION(this);
    m_estimators.clear();
    for (const Ptr<PointToPointNetDevice>& device : devices)
    {
        m_estimators.push_back(CreateObject<RateEstimator>());
        m_estimators.back()->Install(device);
    }
    const std::vector<Way> ways(devices.size());
    m_peers.assign(leaves, Peer{ways, ways});
}

uint8_t
CongaChooser::GetFresh(const Way& way) const
{
    return way.heard + m_maxAge >= Simulator::Now() ? way.congestion : 0;
}

uint32_t
CongaChooser::Choose(const Placement& placement, const std::vector<Uplink>& usable)
{
    std::vector<uint32_t> best;
    uint8_t least = RateEstimator::MOST + 1;
    for (uint32_t place = 0; place < usable.size(); ++place)
    {
        const uint32_t uplink = usable[place].number;
        const uint8_t congestion = std::max(m_estimators[uplink]->GetCongestion(),
                                            GetFresh(m_peers[placement.destination].to[uplink]));
        if (congestion < least)
        {
            least = congestion;
            best.clear();
        }
        if (congestion == least)
        {
            best.push_back(place);
        }
    }
    for (const uint32_t place : best)
    {
        if (placement.previous == usable[place].number)
        {
            return place;
        }
    }
    return best[m_draw->GetInteger(0, static_cast<uint32_t>(best.size()) - 1)];
}

void
CongaChooser::Depart(FabricTag& tag, uint32_t destination)
{
    tag.congestion = m_estimators[tag.uplink]->GetCongestion();
    Peer& peer = m_peers[destination];
    tag.feedbackUplink = static_cast<uint8_t>(peer.nextToTell);
    tag.feedbackCongestion = GetFresh(peer.from[peer.nextToTell]);
    peer.nextToTell = (peer.nextToTell + 1) % peer.from.size();
}

void
CongaChooser::Arrive(const FabricTag& tag)
{
    Peer& peer = m_peers[tag.leaf];
    peer.from[tag.uplink] = {tag.congestion, Simulator::Now()};
    if (tag.feedbackUplink != FabricTag::NO_FEEDBACK)
    {
        peer.to[tag.feedbackUplink] = {tag.feedbackCongestion, Simulator::Now()};
    }
}

int64_t
CongaChooser::AssignStreams(int64_t stream)
{
    NS_LOG_FUNCTION(this);
    m_draw->SetStream(stream);
    return 1;
}

} // namespace ns3::kan

// SPDX-License-Identifier: GPL-2.0-only
#include "link-totals.h"

#include <ns3/channel.h>
#include <ns3/data-rate.h>
#include <ns3/log.h>
#include <ns3/node-list.h>
#include <ns3/node.h>
#include <ns3/traffic-control-layer.h>

namespace ns3::kan
{

NS_LOG_COMPONENT_DEFINE("LinkTotals");
NS_OBJECT_ENSURE_REGISTERED(LinkTotals);

TypeId
LinkTotals::GetTypeId()
{
    static TypeId tid = TypeId("ns3::LinkTotals")
                            .SetParent<Object>()
                            .SetGroupName("Ns3kan")
                            .AddConstructor<LinkTotals>();
    return tid;
}

void
LinkTotals::Install()
{
    NS_LOG_FUNCTION(this);
    for (auto node = NodeList::Begin(); node != NodeList::End(); ++node)
    {
        for (uint32_t index = 0; index < (*node)->GetNDevices(); ++index)
        {
            const auto sender = DynamicCast<PointToPointNetDevice>((*node)->GetDevice(index));
            if (!sender)
            {
                continue;
            }
            const Ptr<Channel> channel = sender->GetChannel();
            const Ptr<NetDevice> receiver =
                channel->GetDevice(channel->GetDevice(0) == sender ? 1 : 0);
            DataRateValue rate;
            sender->GetAttribute("DataRate", rate);
            Direction& direction =
                m_directions.emplace_back(Direction{(*node)->GetId(),
                                                    receiver->GetNode()->GetId(),
                                                    static_cast<double>(rate.Get().GetBitRate())});
            sender->TraceConnectWithoutContext("PhyTxBegin",
                                               MakeBoundCallback(&LinkTotals::Send, &direction));
            sender->TraceConnectWithoutContext("MacTxDrop",
                                               MakeBoundCallback(&LinkTotals::Drop, &direction));
            receiver->TraceConnectWithoutContext("PhyRxDrop",
                                                 MakeBoundCallback(&LinkTotals::Drop, &direction));
            const auto control = (*node)->GetObject<TrafficControlLayer>();
            if (const auto discipline =
                    control ? control->GetRootQueueDiscOnDevice(sender) : nullptr)
            {
                discipline->TraceConnectWithoutContext(
                    "Drop", MakeBoundCallback(&LinkTotals::DropItem, &direction));
            }
        }
    }
}

void
LinkTotals::Send(Direction* direction, Ptr<const Packet> packet)
{
    direction->bytes += packet->GetSize();
    ++direction->packets;
}

void
LinkTotals::Drop(Direction* direction, Ptr<const Packet>)
{
    ++direction->dropped;
}

void
LinkTotals::DropItem(Direction* direction, Ptr<const QueueDiscItem>)
{
    ++direction->dropped;
}

std::vector<IntervalLog::Column>
LinkTotals::GetColumns()
{
    return {{"from_node", "1"},
            {"to_node", "1"},
            {"rate", "bit/s"},
            {"bytes", "byte"},
            {"packets", "packet"},
            {"dropped", "packet"}};
}

std::vector<std::vector<double>>
LinkTotals::GetRows() const
{
    std::vector<std::vector<double>> rows;
    for (const Direction& direction : m_directions)
    {
        rows.push_back({static_cast<double>(direction.from),
                        static_cast<double>(direction.to),
                        direction.rate,
                        static_cast<double>(direction.bytes),
                        static_cast<double>(direction.packets),
                        static_cast<double>(direction.dropped)});
    }
    return rows;
}

} // namespace ns3::kan

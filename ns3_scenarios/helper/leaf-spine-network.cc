// SPDX-License-Identifier: GPL-2.0-only
#include "leaf-spine-network.h"

#include "network/link.h"

#include <ns3/channel.h>
#include <ns3/fq-codel-queue-disc.h>
#include <ns3/internet-stack-helper.h>
#include <ns3/ipv4-l3-protocol.h>
#include <ns3/ipv4-static-routing-helper.h>
#include <ns3/point-to-point-helper.h>
#include <ns3/pointer.h>
#include <ns3/queue.h>
#include <ns3/simulator.h>
#include <ns3/string.h>

#include <algorithm>
#include <cmath>
#include <string>

namespace ns3::kan
{

namespace
{

/// Second byte of the addresses between leaf 0 and the spines; those of hosts have their leaf's.
constexpr uint32_t FIRST_UPLINK_NETWORK = 128;
/// Before the link of a host: as many packets as Linux lets wait there by default.
const QueueSize HOST_QUEUE("10240p");
/// Of a host's device, behind its fair queue.
const QueueSize HOST_DEVICE_QUEUE("2p");

/**
 * @param second second byte
 * @param third third byte
 * @return the network 10.second.third.0
 */
std::string
Network(uint32_t second, uint32_t third)
{
    return "10." + std::to_string(second) + "." + std::to_string(third) + ".0";
}

/**
 * @param rate of the link
 * @param parameters of the fabric
 * @return how to make the link
 */
PointToPointHelper
LinkHelper(DataRate rate, const FabricParameters& parameters)
{
    PointToPointHelper helper;
    helper.SetDeviceAttribute("DataRate", DataRateValue(rate));
    helper.SetChannelAttribute("Delay", TimeValue(parameters.delay));
    helper.SetQueue("ns3::DropTailQueue<Packet>", "MaxSize", QueueSizeValue(parameters.queue));
    return helper;
}

/**
 * Flows of a host take turns on its link, as they do in Linux, where no flow may have more than a
 * few packets waiting there (TCP small queues). ns-3's TCP fills its window at once, so that
 * waiting says nothing of congestion: CoDel's part is put to rest by a target out of reach.
 * @return the queue before the link of a host
 */
Ptr<QueueDisc>
MakeHostQueue()
{
    return CreateObjectWithAttributes<FqCoDelQueueDisc>(
        "MaxSize", QueueSizeValue(HOST_QUEUE), "Target", StringValue("1h"));
}

/**
 * @param device one end of a link
 * @return the other
 */
Ptr<PointToPointNetDevice>
GetPeer(Ptr<PointToPointNetDevice> device)
{
    const Ptr<Channel> channel = device->GetChannel();
    const Ptr<NetDevice> first = channel->GetDevice(0);
    return DynamicCast<PointToPointNetDevice>(first == device ? channel->GetDevice(1) : first);
}

} // namespace

double
FabricParameters::GetBandwidthDelayProduct() const
{
    constexpr double FULL = 8 * 1502; // bits of 1,500 bytes in PPP
    const auto host = static_cast<double>(hostRate.GetBitRate());
    const DataRate slowest = *std::min_element(uplinkRates.begin(), uplinkRates.end());
    // There over four links, and back at most as long.
    const double sending = 2 * FULL / host + 2 * FULL / static_cast<double>(slowest.GetBitRate());
    return 2 * (sending + 4 * delay.GetSeconds()) * host / 8;
}

LeafSpineNetwork::LeafSpineNetwork(const FabricParameters& requested)
    : parameters(requested)
    , m_known(requested.leaves,
              std::vector(requested.leaves, std::vector<double>(requested.spines, 1)))
    , m_versions(requested.leaves, std::vector<uint32_t>(requested.spines, 0))
{
    InternetStackHelper internet;
    internet.SetIpv6StackInstall(false);
    Ipv4StaticRoutingHelper statics;
    internet.SetRoutingHelper(statics);
    const auto make = [&internet](std::vector<Ptr<Node>>& nodes)
    {
        nodes.push_back(CreateObject<Node>());
        internet.Install(nodes.back());
        return nodes.back()->GetObject<Ipv4>();
    };
    // All leaves first, then all spines, since nodes are numbered as they are made.
    for (uint32_t leaf = 0; leaf < parameters.leaves; ++leaf)
    {
        leafRouters.push_back(CreateObject<LeafRouter>());
        leafRouters.back()->SetLeaf(leaf, parameters.leaves);
        make(leaves)->SetRoutingProtocol(leafRouters.back());
    }
    for (uint32_t spine = 0; spine < parameters.spines; ++spine)
    {
        spineRouters.push_back(CreateObject<SpineRouter>());
        make(spines)->SetRoutingProtocol(spineRouters.back());
    }
    for (uint32_t leaf = 0; leaf < parameters.leaves; ++leaf)
    {
        for (uint32_t host = 0; host < parameters.hosts; ++host)
        {
            make(hosts);
            BuildHost(leaf);
        }
        for (uint32_t spine = 0; spine < parameters.spines; ++spine)
        {
            BuildUplink(leaf, spine);
        }
    }
    for (uint32_t leaf = 0; leaf < parameters.leaves; ++leaf)
    {
        for (uint32_t spine = 0; spine < parameters.spines; ++spine)
        {
            Learn(leaf, leaf, spine, 1);
        }
    }
}

void
LeafSpineNetwork::BuildHost(uint32_t leaf)
{
    const uint32_t host = static_cast<uint32_t>(hosts.size()) - 1 - GetHost(leaf, 0);
    PointToPointHelper helper = LinkHelper(parameters.hostRate, parameters);
    const Ipv4InterfaceContainer interfaces =
        Link(helper, leaves[leaf], hosts.back(), Network(leaf, host));
    addresses.push_back(interfaces.GetAddress(1));
    leafRouters[leaf]->AddHost(interfaces.Get(0).second, addresses.back());

    const auto [ipv4, interface] = interfaces.Get(1);
    const auto device = DynamicCast<PointToPointNetDevice>(ipv4->GetNetDevice(interface));
    device->GetQueue()->SetMaxSize(HOST_DEVICE_QUEUE);
    InstallBefore(device, MakeHostQueue());
    m_hostDevices.push_back(GetPeer(device));
    Ipv4StaticRoutingHelper().GetStaticRouting(ipv4)->SetDefaultRoute(interfaces.GetAddress(0),
                                                                      interface);
}

void
LeafSpineNetwork::BuildUplink(uint32_t leaf, uint32_t spine)
{
    PointToPointHelper helper = LinkHelper(parameters.uplinkRates.at(spine), parameters);
    const Ipv4InterfaceContainer interfaces =
        Link(helper, leaves[leaf], spines[spine], Network(FIRST_UPLINK_NETWORK + leaf, spine));
    leafRouters[leaf]->AddUplink(interfaces.Get(0).second, interfaces.GetAddress(1));
    spineRouters[spine]->AddLeaf(interfaces.Get(1).second, interfaces.GetAddress(0));
    for (uint32_t end = 0; end < 2; ++end)
    {
        const auto [ipv4, interface] = interfaces.Get(end);
        auto errors = CreateObject<RateErrorModel>();
        errors->SetUnit(RateErrorModel::ERROR_UNIT_PACKET);
        errors->SetRate(1);
        errors->Disable();
        DynamicCast<PointToPointNetDevice>(ipv4->GetNetDevice(interface))
            ->SetReceiveErrorModel(errors);
    }
}

uint32_t
LeafSpineNetwork::GetHost(uint32_t leaf, uint32_t host) const
{
    return leaf * parameters.hosts + host;
}

RecordedParts
LeafSpineNetwork::GetParts() const
{
    RecordedParts parts;
    const double width = static_cast<double>(hosts.size());
    // Spines above leaves above hosts, each row as wide as that of the hosts.
    const auto place =
        [&parts, width](
            const Ptr<Node>& node, const std::string& name, size_t number, size_t count, double row)
    {
        const double column = width / static_cast<double>(count);
        parts.nodes.push_back(
            {node, name, 10 * column * (static_cast<double>(number) + 0.5), 40 * row});
    };
    for (size_t leaf = 0; leaf < leaves.size(); ++leaf)
    {
        const std::string name = "leaf" + std::to_string(leaf);
        place(leaves[leaf], name, leaf, leaves.size(), 1);
        const std::vector<Ptr<PointToPointNetDevice>>& uplinks =
            leafRouters[leaf]->GetUplinkDevices();
        for (size_t spine = 0; spine < uplinks.size(); ++spine)
        {
            parts.devices.push_back({uplinks[spine], name + "-spine" + std::to_string(spine)});
        }
    }
    for (size_t spine = 0; spine < spines.size(); ++spine)
    {
        place(spines[spine], "spine" + std::to_string(spine), spine, spines.size(), 0);
    }
    for (size_t host = 0; host < hosts.size(); ++host)
    {
        const std::string name = "host" + std::to_string(host);
        place(hosts[host], name, host, hosts.size(), 2);
        const std::string leaf = "leaf" + std::to_string(host / parameters.hosts);
        parts.devices.push_back({m_hostDevices[host], leaf + "-" + name});
    }
    return parts;
}

double
LeafSpineNetwork::GetUplinkRate() const
{
    double sum = 0;
    for (const DataRate& rate : parameters.uplinkRates)
    {
        sum += static_cast<double>(rate.GetBitRate());
    }
    return sum;
}

void
LeafSpineNetwork::Schedule(const LinkFailure& failure, Time convergence)
{
    const auto change = [&](Time when, double share)
    {
        Simulator::Schedule(when,
                            [=, this]
                            {
                                SetShare(failure.leaf, failure.spine, share);
                                const uint32_t version = ++m_versions[failure.leaf][failure.spine];
                                Simulator::Schedule(convergence,
                                                    &LeafSpineNetwork::Converge,
                                                    this,
                                                    failure.leaf,
                                                    failure.spine,
                                                    share,
                                                    version);
                            });
    };
    change(failure.from, failure.share);
    change(failure.to, 1);
}

void
LeafSpineNetwork::SetShare(uint32_t leaf, uint32_t spine, double share)
{
    const Ptr<PointToPointNetDevice> up = leafRouters[leaf]->GetUplinkDevices()[spine];
    for (const Ptr<PointToPointNetDevice>& device : {up, GetPeer(up)})
    {
        PointerValue errors;
        device->GetAttribute("ReceiveErrorModel", errors);
        if (share <= 0)
        {
            errors.Get<ErrorModel>()->Enable();
        }
        else
        {
            errors.Get<ErrorModel>()->Disable();
            const auto rate =
                static_cast<double>(parameters.uplinkRates[spine].GetBitRate()) * share;
            device->SetDataRate(DataRate(std::max<uint64_t>(1, std::llround(rate))));
        }
    }
    if (share <= 0)
    {
        Learn(leaf, leaf, spine, share);
    }
}

void
LeafSpineNetwork::Converge(uint32_t leaf, uint32_t spine, double share, uint32_t version)
{
    if (version != m_versions[leaf][spine])
    {
        return;
    }
    for (uint32_t knower = 0; knower < parameters.leaves; ++knower)
    {
        Learn(knower, leaf, spine, share);
    }
}

void
LeafSpineNetwork::Learn(uint32_t knower, uint32_t leaf, uint32_t spine, double share)
{
    std::vector<std::vector<double>>& known = m_known[knower];
    known[leaf][spine] = share;
    const auto rate = static_cast<double>(parameters.uplinkRates[spine].GetBitRate());
    for (uint32_t other = 0; other < parameters.leaves; ++other)
    {
        if (other != knower)
        {
            const double least = std::min(known[knower][spine], known[other][spine]);
            leafRouters[knower]->SetCapacity(spine, other, rate * least);
        }
    }
}

} // namespace ns3::kan

// SPDX-License-Identifier: GPL-2.0-only
#include "two-site-network.h"

#include "path-balancer-helper.h"

#include "network/link.h"

#include <ns3/double.h>
#include <ns3/internet-stack-helper.h>
#include <ns3/ipv4-static-routing-helper.h>
#include <ns3/ipv4.h>
#include <ns3/object-factory.h>
#include <ns3/pie-queue-disc.h>
#include <ns3/point-to-point-helper.h>
#include <ns3/red-queue-disc.h>
#include <ns3/simulator.h>
#include <ns3/string.h>

#include <map>

namespace ns3::kan
{

namespace
{

/// Queue of a device behind a queue discipline.
const QueueSize DEVICE_QUEUE("2p");

/**
 * @param parameters of the path
 * @param device one of its ends
 * @return the queue discipline before the device, which holds packets back while the device is busy
 */
Ptr<QueueDisc>
InstallDiscipline(const PathParameters& parameters, Ptr<PointToPointNetDevice> device)
{
    const std::map<std::string, std::string> types{{"codel", "ns3::CoDelQueueDisc"},
                                                   {"fq-codel", "ns3::FqCoDelQueueDisc"},
                                                   {"pie", "ns3::PieQueueDisc"},
                                                   {"red", "ns3::RedQueueDisc"}};
    ObjectFactory factory(types.at(parameters.discipline));
    factory.Set("MaxSize", QueueSizeValue(parameters.queue));
    if (parameters.discipline == "red")
    {
        // From a quarter to three quarters of the queue, packets are dropped more and more often.
        factory.Set("MinTh", DoubleValue(parameters.queue.GetValue() * 0.25));
        factory.Set("MaxTh", DoubleValue(parameters.queue.GetValue() * 0.75));
        factory.Set("LinkBandwidth", DataRateValue(parameters.rate));
        factory.Set("LinkDelay", TimeValue(parameters.delay));
    }
    auto discipline = factory.Create<QueueDisc>();
    // FqCoDel, for one, counts packets only, and would hold nothing.
    NS_ABORT_MSG_IF(discipline->GetMaxSize() != parameters.queue,
                    "TwoSiteNetwork: the queue discipline "
                        << parameters.discipline << " cannot have a size of " << parameters.queue);
    InstallBefore(device, discipline);
    return discipline;
}

} // namespace

Time
PathParameters::GetLongestDelay() const
{
    const uint32_t size = queue.GetValue();
    // A packet waits for a full queue and the packet on the wire, then for itself, and behind a
    // queue discipline for the device's own queue.
    const uint32_t packets = 2 + (discipline == "drop-tail" ? 0 : DEVICE_QUEUE.GetValue());
    const Time waiting = queue.GetUnit() == QueueSizeUnit::PACKETS
                             ? rate.CalculateBytesTxTime(FULL_PACKET) * size
                             : rate.CalculateBytesTxTime(size);
    return delay + waiting + rate.CalculateBytesTxTime(FULL_PACKET) * packets;
}

TwoSiteNetwork::TwoSiteNetwork(const std::vector<PathParameters>& requested)
    : sender(CreateObject<Node>())
    , nearRouter(CreateObject<Node>())
    , farRouter(CreateObject<Node>())
    , receiver(CreateObject<Node>())
{
    InternetStackHelper internet;
    internet.SetIpv6StackInstall(false);
    Ipv4StaticRoutingHelper statics;
    internet.SetRoutingHelper(PathBalancerHelper().AboveStaticRouting());
    internet.Install(NodeContainer(nearRouter, farRouter));
    // A list costs each packet a look at all addresses; hosts do without.
    internet.SetRoutingHelper(statics);
    internet.Install(NodeContainer(sender, receiver));

    PointToPointHelper lan;
    lan.SetDeviceAttribute("DataRate", StringValue("10Gbps"));
    lan.SetChannelAttribute("Delay", StringValue("10us"));
    lan.SetQueue("ns3::DropTailQueue<Packet>", "MaxSize", StringValue("10000p"));
    const Ipv4InterfaceContainer nearLan = Link(lan, sender, nearRouter, "10.1.0.0");
    const Ipv4InterfaceContainer farLan = Link(lan, farRouter, receiver, "10.2.0.0");
    senderAddress = nearLan.GetAddress(0);
    receiverAddress = farLan.GetAddress(1);
    statics.GetStaticRouting(sender->GetObject<Ipv4>())
        ->SetDefaultRoute(nearLan.GetAddress(1), nearLan.Get(0).second);
    statics.GetStaticRouting(receiver->GetObject<Ipv4>())
        ->SetDefaultRoute(farLan.GetAddress(0), farLan.Get(1).second);

    nearBalancer = PathBalancerHelper::GetBalancer(nearRouter);
    farBalancer = PathBalancerHelper::GetBalancer(farRouter);
    nearBalancer->SetRemoteSite("10.2.0.0", "255.255.255.0");
    farBalancer->SetRemoteSite("10.1.0.0", "255.255.255.0");
    for (const PathParameters& parameters : requested)
    {
        BuildPath(parameters);
    }
}

void
TwoSiteNetwork::BuildPath(const PathParameters& parameters)
{
    PointToPointHelper helper;
    helper.SetDeviceAttribute("DataRate", DataRateValue(parameters.rate));
    helper.SetChannelAttribute("Delay", TimeValue(parameters.delay));
    const bool dropTail = parameters.discipline == "drop-tail";
    helper.SetQueue("ns3::DropTailQueue<Packet>",
                    "MaxSize",
                    QueueSizeValue(dropTail ? parameters.queue : DEVICE_QUEUE));
    const std::string network = "10.3." + std::to_string(paths.size()) + ".0";
    const Ipv4InterfaceContainer interfaces = Link(helper, nearRouter, farRouter, network);

    BuiltPath path{
        parameters, nullptr, nullptr, interfaces.GetAddress(0), interfaces.GetAddress(1), nullptr};
    const auto [nearIpv4, nearInterface] = interfaces.Get(0);
    const auto [farIpv4, farInterface] = interfaces.Get(1);
    path.nearDevice = DynamicCast<PointToPointNetDevice>(nearIpv4->GetNetDevice(nearInterface));
    path.farDevice = DynamicCast<PointToPointNetDevice>(farIpv4->GetNetDevice(farInterface));
    nearBalancer->AddPath(nearInterface, path.farAddress);
    farBalancer->AddPath(farInterface, path.nearAddress);
    if (!dropTail)
    {
        path.nearDiscipline = InstallDiscipline(parameters, path.nearDevice);
        m_disciplines.push_back(path.nearDiscipline);
        m_disciplines.push_back(InstallDiscipline(parameters, path.farDevice));
    }
    BuildLosses(path);
    paths.push_back(path);
}

void
TwoSiteNetwork::BuildLosses(const BuiltPath& path)
{
    const PathParameters& parameters = path.parameters;
    if (parameters.loss <= 0 && parameters.outages.empty())
    {
        return;
    }
    for (const Ptr<PointToPointNetDevice>& device : {path.nearDevice, path.farDevice})
    {
        auto errors = CreateObject<RateErrorModel>();
        errors->SetUnit(RateErrorModel::ERROR_UNIT_PACKET);
        errors->SetRate(parameters.loss);
        device->SetReceiveErrorModel(errors);
        m_errorModels.push_back(errors);
        for (const Outage& outage : parameters.outages)
        {
            Simulator::Schedule(outage.from, &RateErrorModel::SetRate, errors, 1.0);
            Simulator::Schedule(outage.to, &RateErrorModel::SetRate, errors, parameters.loss);
        }
    }
}

int64_t
TwoSiteNetwork::AssignStreams(int64_t stream)
{
    const int64_t first = stream;
    stream += nearBalancer->AssignStreams(stream);
    stream += farBalancer->AssignStreams(stream);
    for (const Ptr<RateErrorModel>& errors : m_errorModels)
    {
        stream += errors->AssignStreams(stream);
    }
    return stream - first;
}

int64_t
TwoSiteNetwork::AssignDisciplineStreams(int64_t stream)
{
    const int64_t first = stream;
    for (const Ptr<QueueDisc>& discipline : m_disciplines)
    {
        if (const auto red = DynamicCast<RedQueueDisc>(discipline))
        {
            stream += red->AssignStreams(stream);
        }
        else if (const auto pie = DynamicCast<PieQueueDisc>(discipline))
        {
            stream += pie->AssignStreams(stream);
        }
    }
    return stream - first;
}

RecordedParts
TwoSiteNetwork::GetParts() const
{
    RecordedParts parts;
    parts.nodes = {{sender, "sender", 0, 10},
                   {nearRouter, "near router", 10, 10},
                   {farRouter, "far router", 40, 10},
                   {receiver, "receiver", 50, 10}};
    for (const BuiltPath& path : paths)
    {
        parts.devices.push_back({path.nearDevice, path.parameters.name + "-near"});
        parts.devices.push_back({path.farDevice, path.parameters.name + "-far"});
    }
    return parts;
}

} // namespace ns3::kan

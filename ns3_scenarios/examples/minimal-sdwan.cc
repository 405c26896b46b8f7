// SPDX-License-Identifier: GPL-2.0-only
// The packets of a run of sdwan, moved over the same links by hand-written ns-3 and nothing else:
// no balancer, no measurement, no decisions, no bridge. What sdwan costs is compared with it.
//
// sdwan --controller=constant:0.5 --flows=flows.csv --simSeed=7 --duration=60
// minimal-sdwan --flows=flows.csv --simSeed=7 --duration=60
//
// Each flow of the file goes to the address of the receiver that is routed over the flow's path.

#include "gym/whole-value.h"

#include <ns3/command-line.h>
#include <ns3/error-model.h>
#include <ns3/inet-socket-address.h>
#include <ns3/internet-stack-helper.h>
#include <ns3/ipv4-address-helper.h>
#include <ns3/ipv4-static-routing-helper.h>
#include <ns3/ipv4.h>
#include <ns3/on-off-helper.h>
#include <ns3/packet-sink-helper.h>
#include <ns3/packet.h>
#include <ns3/point-to-point-helper.h>
#include <ns3/point-to-point-net-device.h>
#include <ns3/rng-seed-manager.h>
#include <ns3/simulator.h>
#include <ns3/socket.h>
#include <ns3/string.h>
#include <ns3/traffic-control-helper.h>
#include <ns3/traffic-control-layer.h>
#include <ns3/udp-client-server-helper.h>
#include <ns3/uinteger.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <fstream>
#include <iostream>
#include <sstream>
#include <string>
#include <vector>

using namespace ns3;
using namespace ns3::kan;

namespace
{

constexpr uint32_t PAYLOAD = 1222; //!< bytes of the application in a packet of 1,250
const DataRate RATE_LIMIT("500kbps");

/// One row of the file.
struct Flow
{
    uint32_t path;      //!< 0 or 1
    Time start;         //!< of its first packet
    uint64_t bytesLeft; //!< bytes not sent yet
    Ptr<Socket> socket; //!< its own
};

/// Sends all flows.
class Sender
{
  public:
    /**
     * @param path file of the flows
     * @param node where they start
     * @param remotes where those on each path go to
     */
    Sender(const std::string& path, Ptr<Node> node, const std::array<Address, 2>& remotes)
        : m_node(node)
        , m_remotes(remotes)
    {
        std::ifstream file(path);
        for (std::string line; std::getline(file, line);)
        {
            std::istringstream cells(line);
            // flow, source_port, path, start, end, completed, size, …
            std::array<double, 7> row;
            char comma = 0;
            size_t read = 0;
            while (read < row.size() && cells >> row[read])
            {
                cells >> comma;
                ++read;
            }
            if (read == row.size())
            {
                m_flows.push_back({static_cast<uint32_t>(row[2]),
                                   NanoSeconds(std::llround(row[3] * 1e9)),
                                   static_cast<uint64_t>(row[6]),
                                   nullptr});
            }
        }
        std::sort(m_flows.begin(),
                  m_flows.end(),
                  [](const Flow& one, const Flow& other) { return one.start < other.start; });
        if (!m_flows.empty())
        {
            Simulator::Schedule(m_flows.front().start, &Sender::Start, this, 0);
        }
    }

  private:
    /// @param index of the flow
    void Start(size_t index)
    {
        if (index + 1 < m_flows.size())
        {
            Simulator::Schedule(
                m_flows[index + 1].start - Simulator::Now(), &Sender::Start, this, index + 1);
        }
        Flow& flow = m_flows[index];
        flow.socket = Socket::CreateSocket(m_node, TypeId::LookupByName("ns3::UdpSocketFactory"));
        flow.socket->Bind();
        flow.socket->Connect(m_remotes.at(flow.path));
        flow.socket->ShutdownRecv();
        Send(index);
    }

    /// @param index of the flow
    void Send(size_t index)
    {
        Flow& flow = m_flows[index];
        const auto bytes = static_cast<uint32_t>(std::min<uint64_t>(PAYLOAD, flow.bytesLeft));
        flow.bytesLeft -= bytes;
        flow.socket->Send(Create<Packet>(bytes));
        if (flow.bytesLeft > 0)
        {
            Simulator::Schedule(RATE_LIMIT.CalculateBytesTxTime(bytes), &Sender::Send, this, index);
        }
        else
        {
            flow.socket->Close();
            flow.socket = nullptr;
        }
    }

    Ptr<Node> m_node;
    std::array<Address, 2> m_remotes;
    std::vector<Flow> m_flows;
};

uint64_t g_received = 0; //!< packets of flows
uint64_t g_crossed = 0;  //!< packets that the paths have sent, counted if asked for

/// @param socket of the receiver
void
Receive(Ptr<Socket> socket)
{
    while (socket->Recv())
    {
        ++g_received;
    }
}

/// Counts a packet that a path has sent.
void
Count(Ptr<const Packet>)
{
    ++g_crossed;
}

/**
 * Join two nodes, with the queue of each device alone.
 * @param near first node
 * @param far second node
 * @param network its address
 * @param rate of the link
 * @param delay of the link
 * @param queue of each device
 * @return the interfaces
 */
Ipv4InterfaceContainer
Join(Ptr<Node> near,
     Ptr<Node> far,
     const char* network,
     const char* rate,
     const char* delay,
     const char* queue)
{
    PointToPointHelper helper;
    helper.DisableFlowControl();
    helper.SetDeviceAttribute("DataRate", StringValue(rate));
    helper.SetChannelAttribute("Delay", StringValue(delay));
    helper.SetQueue("ns3::DropTailQueue<Packet>", "MaxSize", StringValue(queue));
    const NetDeviceContainer devices = helper.Install(near, far);
    const auto interfaces = Ipv4AddressHelper(network, "255.255.255.0").Assign(devices);
    // Up to ns-3.37, DisableFlowControl leaves them there.
    for (uint32_t end = 0; end < devices.GetN(); ++end)
    {
        const Ptr<NetDevice> device = devices.Get(end);
        const auto control = device->GetNode()->GetObject<TrafficControlLayer>();
        if (control->GetRootQueueDiscOnDevice(device))
        {
            TrafficControlHelper().Uninstall(device);
        }
    }
    return interfaces;
}

} // namespace

int
main(int argc, char* argv[])
{
    std::string flows;
    std::string pcap;
    uint32_t seed = 1;
    double duration = 60;
    bool count = false;
    CommandLine cmd(__FILE__);
    AddWholeValue(cmd, "flows", "CSV file that sdwan has written with --flows", flows);
    AddWholeValue(cmd, "pcap", "Write the packets of each path to PREFIX-PATH-near.pcap", pcap);
    AddWholeValue(cmd, "simSeed", "As given to sdwan", seed);
    AddWholeValue(cmd, "duration", "As given to sdwan [s]", duration);
    cmd.AddValue("count", "Count the packets that the paths send", count);
    cmd.Parse(argc, argv);
    RngSeedManager::SetSeed(1);
    RngSeedManager::SetRun(seed);

    NodeContainer nodes(4);
    const Ptr<Node> sender = nodes.Get(0);
    const Ptr<Node> near = nodes.Get(1);
    const Ptr<Node> far = nodes.Get(2);
    const Ptr<Node> receiver = nodes.Get(3);
    InternetStackHelper internet;
    internet.SetIpv6StackInstall(false);
    const Ipv4StaticRoutingHelper statics;
    internet.SetRoutingHelper(statics);
    internet.Install(nodes);
    const auto routing = [&](Ptr<Node> node)
    { return statics.GetStaticRouting(node->GetObject<Ipv4>()); };

    const auto nearLan = Join(sender, near, "10.1.0.0", "10Gbps", "10us", "10000p");
    const auto farLan = Join(far, receiver, "10.2.0.0", "10Gbps", "10us", "10000p");
    const auto mpls = Join(near, far, "10.3.0.0", "6Mbps", "10ms", "60p");
    const auto internetPath = Join(near, far, "10.3.1.0", "10Mbps", "25ms", "100p");

    const Ipv4Address viaMpls = farLan.GetAddress(1);
    const Ipv4Address viaInternet("10.2.0.3");
    receiver->GetObject<Ipv4>()->AddAddress(farLan.Get(1).second,
                                            Ipv4InterfaceAddress(viaInternet, "255.255.255.0"));
    routing(sender)->SetDefaultRoute(nearLan.GetAddress(1), nearLan.Get(0).second);
    routing(near)->AddHostRouteTo(viaMpls, mpls.GetAddress(1), mpls.Get(0).second);
    routing(near)->AddHostRouteTo(
        viaInternet, internetPath.GetAddress(1), internetPath.Get(0).second);

    // Streams are numbered as in sdwan, so that the same packets are lost and the same others come.
    int64_t stream = 3;
    for (uint32_t end = 0; end < 2; ++end)
    {
        auto errors = CreateObject<RateErrorModel>();
        errors->SetUnit(RateErrorModel::ERROR_UNIT_PACKET);
        errors->SetRate(0.005);
        errors->AssignStreams(stream++);
        const auto [ipv4, interface] = internetPath.Get(end);
        DynamicCast<PointToPointNetDevice>(ipv4->GetNetDevice(interface))
            ->SetReceiveErrorModel(errors);
    }

    const uint16_t port = 9;
    const uint16_t otherPort = 5001;
    const std::array<Address, 2> remotes{InetSocketAddress(viaMpls, port),
                                         InetSocketAddress(viaInternet, port)};
    Sender flowSender(flows, sender, remotes);
    Ptr<Socket> sink =
        Socket::CreateSocket(receiver, TypeId::LookupByName("ns3::UdpSocketFactory"));
    sink->Bind(InetSocketAddress(Ipv4Address::GetAny(), port));
    sink->SetRecvCallback(MakeCallback(&Receive));

    PacketSinkHelper("ns3::UdpSocketFactory", InetSocketAddress(Ipv4Address::GetAny(), otherPort))
        .Install(far);
    for (const Ipv4Address address : {mpls.GetAddress(1), internetPath.GetAddress(1)})
    {
        UdpClientHelper probes(address, otherPort);
        probes.SetAttribute("Interval", StringValue("50ms"));
        probes.SetAttribute("PacketSize", UintegerValue(36));
        probes.SetAttribute("MaxPackets", UintegerValue(0xffffffff));
        probes.Install(near);
    }
    OnOffHelper cross("ns3::UdpSocketFactory",
                      InetSocketAddress(internetPath.GetAddress(1), otherPort));
    cross.SetAttribute("OnTime", StringValue("ns3::ExponentialRandomVariable[Mean=15]"));
    cross.SetAttribute("OffTime", StringValue("ns3::ExponentialRandomVariable[Mean=15]"));
    cross.SetAttribute("DataRate", StringValue("8500kbps"));
    cross.SetAttribute("PacketSize", UintegerValue(PAYLOAD));
    cross.Install(near);
    stream += 3; // sdwan draws its flows from three
    cross.AssignStreams(NodeContainer(near), stream);

    const std::array<Ptr<NetDevice>, 2> devices{
        mpls.Get(0).first->GetNetDevice(mpls.Get(0).second),
        internetPath.Get(0).first->GetNetDevice(internetPath.Get(0).second)};
    if (!pcap.empty())
    {
        PointToPointHelper().EnablePcap(pcap + "-mpls-near.pcap", devices[0], false, true);
        PointToPointHelper().EnablePcap(pcap + "-internet-near.pcap", devices[1], false, true);
    }
    if (count)
    {
        devices[0]->TraceConnectWithoutContext("PhyTxEnd", MakeCallback(&Count));
        devices[1]->TraceConnectWithoutContext("PhyTxEnd", MakeCallback(&Count));
    }

    constexpr double WARMUP = 3; // s
    Simulator::Stop(Seconds(WARMUP + duration));
    Simulator::Run();
    std::cout << "received=" << g_received << " crossed=" << g_crossed
              << " events=" << Simulator::GetEventCount() << std::endl;
    Simulator::Destroy();
    return 0;
}

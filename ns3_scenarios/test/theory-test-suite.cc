// SPDX-License-Identifier: GPL-2.0-only
// Networks whose behaviour is known: queues in series, two flows on one link.
//
// Means over independent runs are compared with theory by a t interval at 99.9 %: with 12 runs its
// half width is 4.437 standard errors. Each test also says how narrow the interval must be.

#include "network/link.h"

#include <ns3/bulk-send-helper.h>
#include <ns3/config.h>
#include <ns3/double.h>
#include <ns3/inet-socket-address.h>
#include <ns3/internet-stack-helper.h>
#include <ns3/ipv4-static-routing-helper.h>
#include <ns3/ipv4.h>
#include <ns3/node-container.h>
#include <ns3/packet-sink-helper.h>
#include <ns3/packet-sink.h>
#include <ns3/packet.h>
#include <ns3/path-monitor.h>
#include <ns3/random-variable-stream.h>
#include <ns3/rng-seed-manager.h>
#include <ns3/simulator.h>
#include <ns3/socket.h>
#include <ns3/string.h>
#include <ns3/test.h>
#include <ns3/two-site-network.h>
#include <ns3/uinteger.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <map>
#include <utility>
#include <vector>

using namespace ns3;
using namespace ns3::kan;

namespace
{

constexpr uint32_t RUNS = 12;
constexpr double QUANTILE = 4.437; //!< of Student's t with 11 degrees of freedom, at 0.9995

/**
 * @param samples one per run
 * @return their mean and the half width of its interval
 */
std::pair<double, double>
GetInterval(const std::vector<double>& samples)
{
    double sum = 0;
    double squares = 0;
    for (const double sample : samples)
    {
        sum += sample;
        squares += sample * sample;
    }
    const auto count = static_cast<double>(samples.size());
    const double mean = sum / count;
    const double variance = (squares - count * mean * mean) / (count - 1);
    return {mean, QUANTILE * std::sqrt(variance / count)};
}

/**
 * A Jackson network of two queues in series: a source of packets with exponential gaps, a link, a
 * host that passes each packet on with a new size, and a second link. Sizes on the wire are
 * exponential, so by Burke's theorem both are M/M/1 queues and the mean time in each, its own
 * service included, is 1/(μ - λ) (J. Jackson, "Networks of waiting lines", 1957).
 */
class JacksonTestCase : public TestCase
{
  public:
    JacksonTestCase()
        : TestCase("the delays of two queues in series are those of a Jackson network")
    {
    }

  private:
    static constexpr uint32_t PACKETS = 20000;
    static constexpr double MEAN_SIZE = 5000; //!< on the wire [byte]
    static constexpr uint32_t HEADERS = 30;   //!< IPv4, UDP and PPP [byte]
    static constexpr double ARRIVALS = 1000;  //!< λ [1/s]
    static constexpr std::array<double, 2> SERVICES{1 / 0.6e-3, 1 / 0.75e-3}; //!< μ [1/s]
    static constexpr uint16_t PORT = 9;

    /// Sends a packet of a new size. Smaller than its headers it cannot be: 0.6 % of them are.
    void Send(Ptr<Socket> socket)
    {
        const double size = std::min(65000.0, m_size->GetValue());
        socket->Send(
            Create<Packet>(static_cast<uint32_t>(std::max(0.0, std::round(size - HEADERS)))));
    }

    /// A packet arrives at the first queue, and the next is on its way.
    void Arrive()
    {
        Send(m_first);
        if (--m_left > 0)
        {
            Simulator::Schedule(Seconds(m_gap->GetValue()), &JacksonTestCase::Arrive, this);
        }
    }

    /// @param socket of the host between the links
    void PassOn(Ptr<Socket> socket)
    {
        while (socket->Recv())
        {
            Send(m_second);
        }
    }

    /**
     * @param run number of the random streams
     * @return mean delay of each link [s]
     */
    std::array<double, 2> Measure(uint32_t run)
    {
        RngSeedManager::SetSeed(1);
        RngSeedManager::SetRun(run);
        NodeContainer nodes(3);
        InternetStackHelper internet;
        internet.SetRoutingHelper(Ipv4StaticRoutingHelper());
        internet.SetIpv6StackInstall(false);
        internet.Install(nodes);
        std::array<Ptr<PathMonitor>, 2> monitors;
        std::array<Ptr<Socket>, 2> senders;
        std::vector<Ptr<Socket>> receivers;
        for (uint32_t i = 0; i < 2; ++i)
        {
            PointToPointHelper helper;
            helper.SetDeviceAttribute(
                "DataRate", DataRateValue(DataRate(std::llround(SERVICES[i] * MEAN_SIZE * 8))));
            helper.SetDeviceAttribute("Mtu", UintegerValue(65535));
            helper.SetChannelAttribute("Delay", StringValue("0s"));
            helper.SetQueue("ns3::DropTailQueue<Packet>", "MaxSize", StringValue("100000p"));
            const auto interfaces =
                Link(helper, nodes.Get(i), nodes.Get(i + 1), i == 0 ? "10.0.0.0" : "10.0.1.0");
            const auto device = [&](uint32_t end)
            {
                const auto [ipv4, interface] = interfaces.Get(end);
                return DynamicCast<PointToPointNetDevice>(ipv4->GetNetDevice(interface));
            };
            monitors[i] = CreateObject<PathMonitor>();
            monitors[i]->Install(device(0), device(1), nullptr, Seconds(1));
            const TypeId udp = TypeId::LookupByName("ns3::UdpSocketFactory");
            senders[i] = Socket::CreateSocket(nodes.Get(i), udp);
            senders[i]->Connect(InetSocketAddress(interfaces.GetAddress(1), PORT));
            receivers.push_back(Socket::CreateSocket(nodes.Get(i + 1), udp));
            receivers[i]->Bind(InetSocketAddress(Ipv4Address::GetAny(), PORT));
        }
        receivers[0]->SetRecvCallback(MakeCallback(&JacksonTestCase::PassOn, this));
        m_first = senders[0];
        m_second = senders[1];
        m_left = PACKETS;
        m_gap = CreateObject<ExponentialRandomVariable>();
        m_gap->SetAttribute("Mean", DoubleValue(1 / ARRIVALS));
        m_gap->SetStream(1);
        m_size = CreateObject<ExponentialRandomVariable>();
        m_size->SetAttribute("Mean", DoubleValue(MEAN_SIZE));
        m_size->SetStream(2);
        Simulator::ScheduleNow(&JacksonTestCase::Arrive, this);
        Simulator::Run();
        std::array<double, 2> delays{};
        for (uint32_t i = 0; i < 2; ++i)
        {
            const PathInterval interval = monitors[i]->CloseInterval();
            NS_TEST_EXPECT_MSG_EQ(interval.loss, 0, "nothing is lost");
            delays[i] = interval.delay;
        }
        m_first = nullptr;
        m_second = nullptr;
        Simulator::Destroy();
        return delays;
    }

    void DoRun() override
    {
        std::array<std::vector<double>, 2> delays;
        for (uint32_t run = 1; run <= RUNS; ++run)
        {
            const std::array<double, 2> measured = Measure(run);
            delays[0].push_back(measured[0]);
            delays[1].push_back(measured[1]);
        }
        for (uint32_t i = 0; i < 2; ++i)
        {
            const double expected = 1 / (SERVICES[i] - ARRIVALS);
            const auto [mean, half] = GetInterval(delays[i]);
            NS_TEST_EXPECT_MSG_LT(half, 0.15 * expected, "the interval means something");
            NS_TEST_EXPECT_MSG_EQ_TOL(mean, expected, half, "queue " << i);
        }
    }

    uint32_t m_left{0};                    //!< packets that have not arrived yet
    Ptr<Socket> m_first;                   //!< sends over the first link
    Ptr<Socket> m_second;                  //!< sends over the second
    Ptr<ExponentialRandomVariable> m_gap;  //!< between arrivals [s]
    Ptr<ExponentialRandomVariable> m_size; //!< on the wire [byte]
};

/**
 * Two flows that each want more than half of a link with fair queueing get the same, but for what
 * a deficit round robin owes: over any time in which both have packets, their bytes differ by at
 * most the quantum and twice the longest packet (M. Shreedhar and G. Varghese, "Efficient fair
 * queueing using deficit round robin", 1995).
 */
class FairQueueTestCase : public TestCase
{
  public:
    FairQueueTestCase()
        : TestCase("fair queueing gives two equal flows the same")
    {
    }

  private:
    /**
     * Sends a packet, and another when a rate of 5 Mbit/s allows it.
     * @param socket of the flow
     * @param bytes of the packet
     */
    void Send(Ptr<Socket> socket, uint32_t bytes)
    {
        socket->Send(Create<Packet>(bytes));
        Simulator::Schedule(DataRate("5Mbps").CalculateBytesTxTime(bytes),
                            &FairQueueTestCase::Send,
                            this,
                            socket,
                            bytes);
    }

    /// @param socket of the receiver
    void Receive(Ptr<Socket> socket)
    {
        Address from;
        while (Ptr<Packet> packet = socket->RecvFrom(from))
        {
            if (Simulator::Now() > Seconds(1))
            {
                // With IPv4 and UDP, as the queue discipline counts it.
                m_bytes[InetSocketAddress::ConvertFrom(from).GetPort()] += packet->GetSize() + 28;
            }
        }
    }

    void DoRun() override
    {
        PathParameters path{"path", DataRate("6Mbps"), MilliSeconds(5)};
        path.queue = QueueSize("100p");
        path.discipline = "fq-codel";
        TwoSiteNetwork network(std::vector<PathParameters>{path});
        const TypeId udp = TypeId::LookupByName("ns3::UdpSocketFactory");
        Ptr<Socket> receiver = Socket::CreateSocket(network.receiver, udp);
        receiver->Bind(InetSocketAddress(Ipv4Address::GetAny(), 9));
        receiver->SetRecvCallback(MakeCallback(&FairQueueTestCase::Receive, this));
        constexpr uint32_t LONGEST = 1228;
        // Packets of other sizes, the same rates.
        for (const uint32_t bytes : {LONGEST - 28, LONGEST / 2 - 28})
        {
            Ptr<Socket> socket = Socket::CreateSocket(network.sender, udp);
            socket->Bind();
            socket->Connect(InetSocketAddress(network.receiverAddress, 9));
            Simulator::Schedule(Seconds(0), &FairQueueTestCase::Send, this, socket, bytes);
        }
        Simulator::Stop(Seconds(31));
        Simulator::Run();
        NS_TEST_ASSERT_MSG_EQ(m_bytes.size(), 2, "both flows get through");
        const auto one = static_cast<double>(m_bytes.begin()->second);
        const auto other = static_cast<double>(m_bytes.rbegin()->second);
        // ns-3 takes the MTU of the device as quantum. Two packets more may lie in the device's
        // own queue and one on the wire when the counting begins, and as many when it ends.
        const double bound = 1500 + 2 * LONGEST + 2 * 3 * LONGEST;
        NS_TEST_EXPECT_MSG_EQ_TOL(one, other, bound, "bytes of the two flows");
        NS_TEST_EXPECT_MSG_GT(one + other, 100 * bound, "so few that the bound means something");
    }

    void DoTeardown() override
    {
        Simulator::Destroy();
    }

    std::map<uint16_t, uint64_t> m_bytes; //!< received, by source port
};

/**
 * Two TCP flows with the same round-trip time share a link. Neither is favoured, so on average
 * each has half, and additive increase with multiplicative decrease brings them towards it (D. Chiu
 * and R. Jain, "Analysis of the increase and decrease algorithms for congestion avoidance in
 * computer networks", 1989).
 */
class FairTcpTestCase : public TestCase
{
  public:
    FairTcpTestCase()
        : TestCase("two equal TCP flows share a link equally")
    {
    }

  private:
    /**
     * @param run number of the random streams
     * @return share of the flow that begins first
     */
    double Measure(uint32_t run)
    {
        RngSeedManager::SetSeed(1);
        RngSeedManager::SetRun(run);
        PathParameters path{"path", DataRate("4Mbps"), MilliSeconds(10)};
        path.queue = QueueSize("20p"); // short, so that windows grow and halve many times in a run
        path.discipline = "red";       // without chance in the losses, flows can lock into step
        TwoSiteNetwork network(std::vector<PathParameters>{path});
        network.AssignStreams(1);
        auto draw = CreateObject<UniformRandomVariable>();
        draw->SetStream(100);
        std::array<Ptr<PacketSink>, 2> sinks;
        for (uint16_t flow = 0; flow < 2; ++flow)
        {
            const InetSocketAddress to(network.receiverAddress, 9 + flow);
            BulkSendHelper bulk("ns3::TcpSocketFactory", to);
            bulk.SetAttribute("MaxBytes", UintegerValue(0));
            bulk.Install(network.sender).Start(Seconds(draw->GetValue(0, 0.1)));
            const InetSocketAddress any(Ipv4Address::GetAny(), 9 + flow);
            sinks[flow] = DynamicCast<PacketSink>(
                PacketSinkHelper("ns3::TcpSocketFactory", any).Install(network.receiver).Get(0));
        }
        constexpr double START = 5; // s
        std::array<uint64_t, 2> before{};
        Simulator::Schedule(Seconds(START),
                            [&]
                            {
                                for (uint32_t flow = 0; flow < 2; ++flow)
                                {
                                    before[flow] = sinks[flow]->GetTotalRx();
                                }
                            });
        Simulator::Stop(Seconds(START + 25));
        Simulator::Run();
        const auto first = static_cast<double>(sinks[0]->GetTotalRx() - before[0]);
        const auto second = static_cast<double>(sinks[1]->GetTotalRx() - before[1]);
        Simulator::Destroy();
        return first / (first + second);
    }

    void DoSetup() override
    {
        // The algorithm that the reference is about; ns-3's default, CUBIC, is another.
        Config::SetDefault("ns3::TcpL4Protocol::SocketType", StringValue("ns3::TcpNewReno"));
        Config::SetDefault("ns3::TcpSocket::SegmentSize", UintegerValue(1448));
    }

    void DoTeardown() override
    {
        Config::Reset();
    }

    void DoRun() override
    {
        std::vector<double> shares;
        for (uint32_t run = 1; run <= RUNS; ++run)
        {
            shares.push_back(Measure(run));
        }
        const auto [mean, half] = GetInterval(shares);
        // So narrow that half as much again for one of them, a share of 0.6, would show.
        NS_TEST_EXPECT_MSG_LT(half, 0.1, "the interval means something");
        NS_TEST_EXPECT_MSG_EQ_TOL(mean, 0.5, half, "the share of the first");
    }
};

/// Networks whose behaviour is known.
class TheoryTestSuite : public TestSuite
{
  public:
    TheoryTestSuite()
        : TestSuite("ns3kan-theory", Type::SYSTEM)
    {
        AddTestCase(new JacksonTestCase);
        AddTestCase(new FairQueueTestCase);
        AddTestCase(new FairTcpTestCase);
    }
};

TheoryTestSuite g_theoryTestSuite; //!< registers itself

} // namespace

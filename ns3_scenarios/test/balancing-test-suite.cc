// SPDX-License-Identifier: GPL-2.0-only
// How flows are spread over paths, and what the controllers decide.

#include <ns3/inet-socket-address.h>
#include <ns3/node.h>
#include <ns3/packet.h>
#include <ns3/rng-seed-manager.h>
#include <ns3/simulator.h>
#include <ns3/socket.h>
#include <ns3/test.h>
#include <ns3/two-site-network.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

using namespace ns3;
using namespace ns3::kan;

namespace
{

constexpr uint16_t PORT = 9; //!< where the receiver listens

/**
 * @param count how many
 * @return equal paths without losses
 */
std::vector<PathParameters>
MakePaths(size_t count)
{
    std::vector<PathParameters> paths;
    for (size_t i = 0; i < count; ++i)
    {
        paths.push_back({"path_" + std::to_string(i), DataRate("100Mbps"), MilliSeconds(1)});
    }
    return paths;
}

/**
 * @param node the node
 * @return a new UDP socket of it
 */
Ptr<Socket>
OpenSocket(Ptr<Node> node)
{
    Ptr<Socket> socket = Socket::CreateSocket(node, TypeId::LookupByName("ns3::UdpSocketFactory"));
    socket->Bind();
    return socket;
}

/// A network of three paths whose balancer's decisions are noted.
class BalancerTestCase : public TestCase
{
  public:
    /// @param name of the test case
    explicit BalancerTestCase(const std::string& name)
        : TestCase(name)
    {
    }

  protected:
    /**
     * Build the network.
     * @return the network
     */
    TwoSiteNetwork Build()
    {
        RngSeedManager::SetSeed(1);
        RngSeedManager::SetRun(1);
        TwoSiteNetwork network(MakePaths(3));
        network.AssignStreams(1);
        network.nearBalancer->TraceConnectWithoutContext(
            "FlowPlaced", MakeCallback(&BalancerTestCase::Place, this));
        m_receiver =
            Socket::CreateSocket(network.receiver, TypeId::LookupByName("ns3::UdpSocketFactory"));
        m_receiver->Bind(InetSocketAddress(Ipv4Address::GetAny(), PORT));
        m_to = InetSocketAddress(network.receiverAddress, PORT);
        return network;
    }

    void DoTeardown() override
    {
        m_receiver = nullptr;
        m_placed.clear();
        Simulator::Destroy();
    }

    Address m_to;                   //!< where the receiver listens
    Ptr<Socket> m_receiver;         //!< the receiver
    std::vector<uint32_t> m_placed; //!< path of each flow that was placed, in their order

  private:
    /**
     * @param flow its number
     * @param path its path
     */
    void Place(uint32_t flow, const FiveTuple&, uint32_t path)
    {
        NS_TEST_EXPECT_MSG_EQ(flow, m_placed.size() + 1, "flows are numbered from 1");
        m_placed.push_back(path);
    }
};

/// New flows are spread with the shares asked for.
class SharesTestCase : public BalancerTestCase
{
  public:
    SharesTestCase()
        : BalancerTestCase("new flows take each path with the share asked for")
    {
    }

  private:
    void DoRun() override
    {
        constexpr uint32_t FLOWS = 3000;
        const std::vector<double> shares{0.5, 0.3, 0.2};
        TwoSiteNetwork network = Build();
        network.nearBalancer->SetShares(shares);
        for (uint32_t i = 0; i < FLOWS; ++i)
        {
            Ptr<Socket> socket = OpenSocket(network.sender);
            Simulator::Schedule(MicroSeconds(10 * i),
                                [socket, this] { socket->SendTo(Create<Packet>(100), 0, m_to); });
        }
        Simulator::Run();
        NS_TEST_ASSERT_MSG_EQ(m_placed.size(), FLOWS, "every socket is a flow");
        for (uint32_t path = 0; path < shares.size(); ++path)
        {
            const auto count = std::count(m_placed.begin(), m_placed.end(), path);
            // A binomial count; five standard deviations are missed once in two million draws.
            const double deviation = std::sqrt(FLOWS * shares[path] * (1 - shares[path]));
            NS_TEST_EXPECT_MSG_EQ_TOL(static_cast<double>(count),
                                      FLOWS * shares[path],
                                      5 * deviation,
                                      "flows on path " << path);
        }
    }
};

/// A running flow stays where it is, and its answers come back over the same path.
class PinnedFlowTestCase : public BalancerTestCase
{
  public:
    PinnedFlowTestCase()
        : BalancerTestCase("a running flow and its answers keep their path")
    {
    }

  private:
    /**
     * @param counts of packets, per path
     * @param path that has sent one
     */
    static void Count(std::vector<uint32_t>* counts, uint32_t path, Ptr<const Packet>)
    {
        ++counts->at(path);
    }

    /**
     * @param socket the receiver's, which answers each packet
     */
    void Answer(Ptr<Socket> socket)
    {
        Address from;
        while (Ptr<Packet> packet = socket->RecvFrom(from))
        {
            socket->SendTo(Create<Packet>(50), 0, from);
        }
    }

    void DoRun() override
    {
        constexpr uint32_t PACKETS = 9;
        TwoSiteNetwork network = Build();
        std::vector<uint32_t> there(3, 0);
        std::vector<uint32_t> back(3, 0);
        for (uint32_t path = 0; path < 3; ++path)
        {
            network.paths[path].nearDevice->TraceConnectWithoutContext(
                "PhyTxEnd", MakeBoundCallback(&PinnedFlowTestCase::Count, &there, path));
            network.paths[path].farDevice->TraceConnectWithoutContext(
                "PhyTxEnd", MakeBoundCallback(&PinnedFlowTestCase::Count, &back, path));
        }
        m_receiver->SetRecvCallback(MakeCallback(&PinnedFlowTestCase::Answer, this));
        Ptr<Socket> socket = OpenSocket(network.sender);
        for (uint32_t i = 0; i < PACKETS; ++i)
        {
            Simulator::Schedule(MilliSeconds(10 * i),
                                [socket, &network, this, i]
                                {
                                    std::vector<double> shares(3, 0);
                                    shares[(i + 1) % 3] = 1;
                                    network.nearBalancer->SetShares(shares);
                                    network.farBalancer->SetShares(shares);
                                    socket->SendTo(Create<Packet>(100), 0, m_to);
                                });
        }
        Simulator::Run();
        NS_TEST_ASSERT_MSG_EQ(m_placed.size(), 1, "it is placed once");
        for (uint32_t path = 0; path < 3; ++path)
        {
            const uint32_t expected = path == 1 ? PACKETS : 0;
            NS_TEST_EXPECT_MSG_EQ(there[path], expected, "packets on path " << path);
            NS_TEST_EXPECT_MSG_EQ(back[path], expected, "answers on path " << path);
        }
    }
};

/// A flow that has been silent for FlowTimeout is placed anew.
class FlowTimeoutTestCase : public BalancerTestCase
{
  public:
    FlowTimeoutTestCase()
        : BalancerTestCase("a flow that was silent for FlowTimeout is placed anew")
    {
    }

  private:
    void DoRun() override
    {
        TwoSiteNetwork network = Build();
        network.nearBalancer->SetAttribute("FlowTimeout", TimeValue(MilliSeconds(100)));
        Ptr<Socket> socket = OpenSocket(network.sender);
        // 99 ms of silence are none; 150 ms are.
        for (const int64_t at : {0, 99, 198, 348})
        {
            Simulator::Schedule(MilliSeconds(at),
                                [socket, this] { socket->SendTo(Create<Packet>(100), 0, m_to); });
        }
        Simulator::Run();
        NS_TEST_ASSERT_MSG_EQ(m_placed.size(), 2, "once at the start and once after the silence");
    }
};

/// Answers follow a flow that the near router has placed anew.
class MovedAnswersTestCase : public BalancerTestCase
{
  public:
    MovedAnswersTestCase()
        : BalancerTestCase("answers take the path of the flow's last packet")
    {
    }

  private:
    /**
     * @param counts of packets, per path
     * @param path that has sent one
     */
    static void Count(std::vector<uint32_t>* counts, uint32_t path, Ptr<const Packet>)
    {
        ++counts->at(path);
    }

    void DoRun() override
    {
        TwoSiteNetwork network = Build();
        std::vector<uint32_t> back(3, 0);
        for (uint32_t path = 0; path < 3; ++path)
        {
            network.paths[path].farDevice->TraceConnectWithoutContext(
                "PhyTxEnd", MakeBoundCallback(&MovedAnswersTestCase::Count, &back, path));
        }
        // The near router forgets sooner than the far one.
        network.nearBalancer->SetAttribute("FlowTimeout", TimeValue(MilliSeconds(100)));
        m_receiver->SetRecvCallback(MakeCallback(&MovedAnswersTestCase::Answer, this));
        Ptr<Socket> socket = OpenSocket(network.sender);
        for (uint32_t path = 0; path < 3; ++path)
        {
            Simulator::Schedule(MilliSeconds(200 * path),
                                [socket, &network, this, path]
                                {
                                    std::vector<double> shares(3, 0);
                                    shares[path] = 1;
                                    network.nearBalancer->SetShares(shares);
                                    socket->SendTo(Create<Packet>(100), 0, m_to);
                                });
        }
        Simulator::Run();
        NS_TEST_ASSERT_MSG_EQ(m_placed.size(), 3, "it is placed after each silence");
        for (uint32_t path = 0; path < 3; ++path)
        {
            NS_TEST_EXPECT_MSG_EQ(back[path], 1, "answers on path " << path);
        }
    }

    /// @param socket the receiver's, which answers each packet
    void Answer(Ptr<Socket> socket)
    {
        Address from;
        while (Ptr<Packet> packet = socket->RecvFrom(from))
        {
            socket->SendTo(Create<Packet>(50), 0, from);
        }
    }
};

/// Ports that are used again by a new flow.
class AnnouncedFlowTestCase : public BalancerTestCase
{
  public:
    AnnouncedFlowTestCase()
        : BalancerTestCase("a flow that was announced is placed, though its ports are known")
    {
    }

  private:
    void DoRun() override
    {
        TwoSiteNetwork network = Build();
        Ptr<Socket> socket = OpenSocket(network.sender);
        Address local;
        socket->GetSockName(local);
        const FiveTuple tuple{network.senderAddress.Get(),
                              network.receiverAddress.Get(),
                              InetSocketAddress::ConvertFrom(local).GetPort(),
                              PORT,
                              17};
        for (uint32_t packet = 0; packet < 4; ++packet)
        {
            Simulator::Schedule(MilliSeconds(10 * packet),
                                [socket, &network, tuple, packet, this]
                                {
                                    std::vector<double> shares(3, 0);
                                    shares[packet % 3] = 1;
                                    network.nearBalancer->SetShares(shares);
                                    if (packet == 2)
                                    {
                                        network.nearBalancer->Forget(tuple);
                                    }
                                    socket->SendTo(Create<Packet>(100), 0, m_to);
                                });
        }
        Simulator::Run();
        NS_TEST_EXPECT_MSG_EQ((m_placed == std::vector<uint32_t>{0, 2}), true, "two flows");
    }
};

/// A burst that finds an idle path.
class QueueSizeTestCase : public TestCase
{
  public:
    /**
     * @param discipline before the link
     * @param queue its size
     * @param room how many of the packets that come at once it has room for
     */
    QueueSizeTestCase(const std::string& discipline, const std::string& queue, uint32_t room)
        : TestCase("the queue " + queue + " of " + discipline + " holds what it says")
        , m_discipline(discipline)
        , m_queue(queue)
        , m_room(room)
    {
    }

  private:
    void DoRun() override
    {
        RngSeedManager::SetSeed(1);
        RngSeedManager::SetRun(1);
        std::vector<PathParameters> paths = MakePaths(1);
        paths[0].queue = QueueSize(m_queue);
        paths[0].discipline = m_discipline;
        TwoSiteNetwork network(paths);
        network.AssignDisciplineStreams(network.AssignStreams(1) + 1);
        uint32_t delivered = 0;
        network.paths[0].farDevice->TraceConnectWithoutContext(
            "PhyRxEnd", MakeBoundCallback(&QueueSizeTestCase::Count, &delivered));
        Ptr<Socket> socket = OpenSocket(network.sender);
        // They reach the router within 50 us. There a packet takes 80 us to send, and the last of
        // a full queue has waited for less than disciplines would drop a packet for.
        Simulator::Schedule(
            MilliSeconds(1),
            [&]
            {
                for (int packet = 0; packet < 60; ++packet)
                {
                    socket->SendTo(
                        Create<Packet>(972), 0, InetSocketAddress(network.receiverAddress, PORT));
                }
            });
        Simulator::Stop(Seconds(1)); // PIE would go on for ever
        Simulator::Run();
        NS_TEST_EXPECT_MSG_EQ(delivered, m_room + 1, "what it holds, and the packet on the wire");
    }

    static void Count(uint32_t* delivered, Ptr<const Packet>)
    {
        ++*delivered;
    }

    void DoTeardown() override
    {
        Simulator::Destroy();
    }

    std::string m_discipline; //!< before the link
    std::string m_queue;      //!< its size
    uint32_t m_room;          //!< packets that it has room for
};

/// How flows and packets are spread.
class BalancingTestSuite : public TestSuite
{
  public:
    BalancingTestSuite()
        : TestSuite("ns3kan-balancing")
    {
        AddTestCase(new SharesTestCase);
        AddTestCase(new PinnedFlowTestCase);
        AddTestCase(new FlowTimeoutTestCase);
        AddTestCase(new MovedAnswersTestCase);
        AddTestCase(new AnnouncedFlowTestCase);
        // A device counts the two bytes of PPP, a discipline does not, and has a device behind it
        // that holds two more packets.
        AddTestCase(new QueueSizeTestCase("drop-tail", "40p", 40));
        AddTestCase(new QueueSizeTestCase("drop-tail", "40080B", 40));
        for (const std::string discipline : {"codel", "pie", "red"})
        {
            AddTestCase(new QueueSizeTestCase(discipline, "40p", 42));
            AddTestCase(new QueueSizeTestCase(discipline, "40kB", 42));
        }
        AddTestCase(new QueueSizeTestCase("fq-codel", "40p", 42));
    }
};

BalancingTestSuite g_balancingTestSuite; //!< registers itself

} // namespace

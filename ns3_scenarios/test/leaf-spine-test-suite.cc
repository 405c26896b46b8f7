// SPDX-License-Identifier: GPL-2.0-only
// Parts of the leaf-spine fabric one by one, and that ns-3's FlowMonitor counts what a run counts.

#include <ns3/flow-monitor-helper.h>
#include <ns3/idle-path.h>
#include <ns3/internet-stack-helper.h>
#include <ns3/ipv4-address-helper.h>
#include <ns3/ipv4-flow-classifier.h>
#include <ns3/ipv4-interface.h>
#include <ns3/ipv4-l3-protocol.h>
#include <ns3/leaf-spine-scenario.h>
#include <ns3/link-totals.h>
#include <ns3/node-container.h>
#include <ns3/packet.h>
#include <ns3/point-to-point-helper.h>
#include <ns3/rate-estimator.h>
#include <ns3/rng-seed-manager.h>
#include <ns3/simulator.h>
#include <ns3/size-distribution.h>
#include <ns3/stale-ack-filter.h>
#include <ns3/tcp-header.h>
#include <ns3/tcp-l4-protocol.h>
#include <ns3/tcp-option-sack.h>
#include <ns3/test.h>

#include <cmath>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

using namespace ns3;
using namespace ns3::kan;

namespace
{

/// The published tables of sizes, row by row and between them.
class SizesTestCase : public TestCase
{
  public:
    SizesTestCase()
        : TestCase("flow sizes have the quantiles and means of their tables")
    {
    }

  private:
    /**
     * @param name of the distribution
     * @param rows of its table: sizes [packet] and cumulative probabilities
     */
    void Check(const std::string& name, const std::vector<std::pair<double, double>>& rows)
    {
        constexpr double PACKET = 1460;
        const SizeDistribution sizes = SizeDistribution::Load(name);
        double mean = 0;
        for (size_t i = 1; i < rows.size(); ++i)
        {
            const auto [low, before] = rows[i - 1];
            const auto [high, until] = rows[i];
            NS_TEST_EXPECT_MSG_EQ(sizes.GetQuantile(before), low * PACKET, name << " " << before);
            NS_TEST_EXPECT_MSG_EQ_TOL(static_cast<double>(sizes.GetQuantile((before + until) / 2)),
                                      PACKET * (low + high) / 2,
                                      1,
                                      name << " after " << before);
            mean += (until - before) * PACKET * (low + high) / 2;
        }
        NS_TEST_EXPECT_MSG_EQ_TOL(sizes.GetMean(), mean, 1e-6 * mean, name);
        NS_TEST_EXPECT_MSG_EQ_TOL(
            sizes.Scaled(0.5).GetMean(), 0.5 * mean, 1e-6 * mean, name << ", half as large");
    }

    void DoRun() override
    {
        Check("web-search",
              {{6, 0},
               {6, 0.15},
               {13, 0.2},
               {19, 0.3},
               {33, 0.4},
               {53, 0.53},
               {133, 0.6},
               {667, 0.7},
               {1333, 0.8},
               {3333, 0.9},
               {6667, 0.97},
               {20000, 1}});
        Check("data-mining",
              {{1, 0},
               {1, 0.5},
               {2, 0.6},
               {3, 0.7},
               {7, 0.8},
               {267, 0.9},
               {2107, 0.95},
               {66667, 0.99},
               {666667, 1}});
        NS_TEST_EXPECT_MSG_EQ(SizeDistribution::Constant(7).GetQuantile(0.5), 7, "always the same");
    }
};

/// The register of a link, and how long a flow takes alone.
class ArithmeticTestCase : public TestCase
{
  public:
    ArithmeticTestCase()
        : TestCase("the rate of a link and the time of a flow alone are as their formulas say")
    {
    }

  private:
    void DoRun() override
    {
        PointToPointHelper helper;
        helper.SetDeviceAttribute("DataRate", DataRateValue(DataRate("1Gbps")));
        const NetDeviceContainer link = helper.Install(NodeContainer(2));
        auto estimator = CreateObject<RateEstimator>();
        estimator->Install(DynamicCast<PointToPointNetDevice>(link.Get(0)));
        link.Get(0)->Send(Create<Packet>(998), link.Get(1)->GetBroadcast(), 0x0800);
        // 1,000 bytes with those of PPP, over what 160 µs carry; and after another 160 µs.
        const double most = 8 * 1000 / (160e-6 * 1e9);
        NS_TEST_EXPECT_MSG_EQ_TOL(estimator->GetUtilisation(), most, 1e-12, "at once");
        Simulator::Stop(MicroSeconds(160));
        Simulator::Run();
        NS_TEST_EXPECT_MSG_EQ_TOL(
            estimator->GetUtilisation(), most / std::exp(1), 1e-12, "after the time constant");

        // Two links of 1 Gbit/s and 1 µs: a handshake there and back of 58 bytes, the last packet
        // of it, of 54, and behind that on each link two packets of 1,502.
        const IdlePath path({{1e9, 1e-6}, {1e9, 1e-6}}, 1448, 10);
        const double expected =
            4 * (8 * 58 / 1e9 + 1e-6) + 8 * 54 / 1e9 + 3 * 8 * 1502 / 1e9 + 2e-6;
        NS_TEST_EXPECT_MSG_EQ_TOL(
            path.GetCompletionTime(2 * 1448), expected, 1e-12, "two segments");
    }

    void DoTeardown() override
    {
        Simulator::Destroy();
    }
};

/// What a filter lets pass to a host's TCP, which has no connection and says so.
class StaleAckTestCase : public TestCase
{
  public:
    StaleAckTestCase()
        : TestCase("overtaken acknowledgements are dropped unless they bring news")
    {
    }

  private:
    /**
     * @param acknowledged number
     * @param flags of the segment
     * @param block first and last byte of a SACK block, or none
     * @return whether it came through
     */
    bool Passes(uint32_t acknowledged,
                uint8_t flags = TcpHeader::ACK,
                std::pair<uint32_t, uint32_t> block = {0, 0})
    {
        TcpHeader header;
        header.SetSourcePort(9);
        header.SetDestinationPort(50000);
        header.SetAckNumber(SequenceNumber32(acknowledged));
        header.SetFlags(flags);
        if (block.second > 0)
        {
            auto sack = CreateObject<TcpOptionSack>();
            sack->AddSackBlock({SequenceNumber32(block.first), SequenceNumber32(block.second)});
            header.AppendOption(sack);
        }
        auto packet = Create<Packet>();
        packet->AddHeader(header);
        Ipv4Header ip;
        ip.SetSource("10.1.0.2");
        ip.SetDestination("10.0.0.2");
        ip.SetProtocol(TcpL4Protocol::PROT_NUMBER);
        ip.SetPayloadSize(static_cast<uint16_t>(packet->GetSize()));
        return m_filter->Receive(packet, ip, m_interface) != IpL4Protocol::RX_OK;
    }

    void DoRun() override
    {
        const NodeContainer nodes(2);
        InternetStackHelper().Install(nodes);
        const NetDeviceContainer link = PointToPointHelper().Install(nodes);
        Ipv4AddressHelper("10.0.0.0", "255.255.255.0").Assign(link);
        m_filter = StaleAckFilter::Install(nodes.Get(0));
        m_interface = nodes.Get(0)->GetObject<Ipv4L3Protocol>()->GetInterface(1);
        NS_TEST_EXPECT_MSG_EQ(Passes(1000), true, "the first");
        NS_TEST_EXPECT_MSG_EQ(Passes(1000), true, "a duplicate, which TCP counts");
        NS_TEST_EXPECT_MSG_EQ(Passes(500), false, "an overtaken one");
        NS_TEST_EXPECT_MSG_EQ(
            Passes(500, TcpHeader::ACK | TcpHeader::ECE), false, "an overtaken one with a mark");
        NS_TEST_EXPECT_MSG_EQ(Passes(500, TcpHeader::ACK, {600, 900}), false, "an old block");
        NS_TEST_EXPECT_MSG_EQ(Passes(500, TcpHeader::ACK, {2000, 3000}), true, "a new block");
        NS_TEST_EXPECT_MSG_EQ(Passes(500, TcpHeader::ACK | TcpHeader::FIN), true, "an end");
        NS_TEST_EXPECT_MSG_EQ(
            Passes(4000, TcpHeader::ACK | TcpHeader::FIN), true, "an end that is the latest");
        NS_TEST_EXPECT_MSG_EQ(Passes(3000), false, "what the end has overtaken");
        m_filter->Forget({Ipv4Address("10.1.0.2").Get(),
                          Ipv4Address("10.0.0.2").Get(),
                          9,
                          50000,
                          TcpL4Protocol::PROT_NUMBER});
        NS_TEST_EXPECT_MSG_EQ(Passes(1), true, "that of the next connection between these ports");
    }

    void DoTeardown() override
    {
        m_filter = nullptr;
        m_interface = nullptr;
        Simulator::Destroy();
    }

    Ptr<StaleAckFilter> m_filter;   //!< before a host's TCP
    Ptr<Ipv4Interface> m_interface; //!< where its packets come from
};

/// A whole run, whose own counts are compared with FlowMonitor's.
class FabricCountsTestCase : public TestCase
{
  public:
    /// @param lossy whether queues are short, links fail, and packets are spread one by one
    explicit FabricCountsTestCase(bool lossy)
        : TestCase(lossy ? "links, leaves and FlowMonitor count the same packets, lost ones too"
                         : "flows and FlowMonitor count the same bytes")
        , m_lossy(lossy)
    {
    }

  private:
    /// @return what to run
    LeafSpineParameters GetParameters() const
    {
        LeafSpineParameters p;
        p.leaves = 3;
        p.spines = 2;
        p.hosts = 2;
        p.uplinkRates = {DataRate("1Gbps"), DataRate("200Mbps")};
        p.flowSizes = "constant";
        p.meanFlowSize = 20000;
        p.warmup = MilliSeconds(1);
        p.duration = MilliSeconds(4);
        p.flows = "wanted"; // so that it waits for the last flow; written by nobody here
        p.controller = "equal";
        p.load = 0.1;
        p.granularity = "flow";
        if (m_lossy)
        {
            p.load = 0.6;
            p.queue = 10;
            p.granularity = "packet";
            p.failures = {{0, 0, MilliSeconds(2), MilliSeconds(3), 0}};
        }
        return p;
    }

    /// @param weights of each leaf's uplinks
    void Decide(const std::vector<LeafNumbers>& features, const std::vector<LeafNumbers>& weights)
    {
        ++m_decisions;
        NS_TEST_EXPECT_MSG_EQ(features.size(), 3, "features of each leaf");
        NS_TEST_ASSERT_MSG_EQ(weights.size(), 3, "weights of each leaf");
        for (const LeafNumbers& own : weights)
        {
            NS_TEST_EXPECT_MSG_EQ((own == LeafNumbers{0.5, 0.5}), true, "equal weights");
        }
    }

    /// @param interval that has ended at a leaf
    void Close(uint32_t, const FabricInterval& interval)
    {
        for (const PathInterval& uplink : interval.uplinks)
        {
            m_delivered += uplink.flowDelivered;
            m_lost += uplink.flowLost;
        }
    }

    void DoRun() override
    {
        RngSeedManager::SetSeed(1);
        RngSeedManager::SetRun(3);
        auto scenario = CreateObject<LeafSpineScenario>(GetParameters());
        const LeafSpineNetwork& network = scenario->GetNetwork();
        scenario->GetLoop()->TraceConnectWithoutContext(
            "Decision", MakeCallback(&FabricCountsTestCase::Decide, this));
        scenario->GetLoop()->GetMonitor()->TraceConnectWithoutContext(
            "IntervalClosed", MakeCallback(&FabricCountsTestCase::Close, this));
        auto links = CreateObject<LinkTotals>();
        links->Install();
        NodeContainer nodes;
        for (const RecordedNode& recorded : network.GetParts().nodes)
        {
            nodes.Add(recorded.node);
        }
        FlowMonitorHelper helper;
        const Ptr<FlowMonitor> monitor = helper.Install(nodes);
        scenario->Run();
        // Until the connections have closed, and nothing is on its way.
        Simulator::Stop(Seconds(60));
        Simulator::Run();
        scenario->GetLoop()->GetMonitor()->CloseInterval();
        monitor->CheckForLostPackets(Seconds(0));
        NS_TEST_EXPECT_MSG_EQ(m_decisions, 8, "two decisions a millisecond");
        for (const TcpFlow& flow : scenario->GetFlows()->GetFlows())
        {
            NS_TEST_EXPECT_MSG_EQ(flow.delivered, flow.bytes, "every flow has finished");
        }
        ComparePackets(*links, monitor);
        if (!m_lossy)
        {
            CompareBytes(scenario, monitor, helper);
        }
    }

    /**
     * @param links what they carried
     * @param monitor what it saw
     */
    void ComparePackets(const LinkTotals& links, Ptr<FlowMonitor> monitor)
    {
        uint64_t sent = 0;
        uint64_t received = 0;
        uint64_t lost = 0;
        for (const auto& [id, stats] : monitor->GetFlowStats())
        {
            sent += stats.txPackets;
            received += stats.rxPackets;
            lost += stats.lostPackets;
        }
        double fromHosts = 0;
        double toHosts = 0;
        double dropped = 0;
        double droppedToHosts = 0;
        for (const std::vector<double>& row : links.GetRows())
        {
            constexpr double SWITCHES = 5; // which have the first numbers
            const double from = row[0];
            const double to = row[1];
            fromHosts += from >= SWITCHES ? row[4] : 0;
            toHosts += to >= SWITCHES ? row[4] : 0;
            dropped += row[5];
            droppedToHosts += to >= SWITCHES ? row[5] : 0;
        }
        NS_TEST_EXPECT_MSG_EQ(sent, fromHosts, "what hosts send");
        NS_TEST_EXPECT_MSG_EQ(received, toHosts, "what hosts receive");
        NS_TEST_EXPECT_MSG_EQ(lost, dropped, "what is lost");
        NS_TEST_EXPECT_MSG_EQ(sent, received + lost, "nothing is left");
        NS_TEST_EXPECT_MSG_EQ(m_delivered, toHosts + droppedToHosts, "what comes to a leaf");
        NS_TEST_EXPECT_MSG_EQ(m_lost, dropped - droppedToHosts, "what is lost between leaves");
        NS_TEST_EXPECT_MSG_EQ((m_lost > sent / 100), m_lossy, "losses, if there are to be some");
        NS_TEST_EXPECT_MSG_GT(sent, 100, "enough to mean something");
    }

    /**
     * @param scenario that ran, without a loss
     * @param monitor what it saw
     * @param helper knows its flows
     */
    void CompareBytes(Ptr<LeafSpineScenario> scenario,
                      Ptr<FlowMonitor> monitor,
                      FlowMonitorHelper& helper)
    {
        using Pair = std::pair<uint32_t, uint32_t>; // addresses of two hosts
        std::map<Pair, uint64_t> expected;
        const std::vector<Ipv4Address>& addresses = scenario->GetNetwork().addresses;
        for (const TcpFlow& flow : scenario->GetFlows()->GetFlows())
        {
            const Pair hosts{addresses[flow.source].Get(), addresses[flow.destination].Get()};
            // A SYN has four bytes of options more than other packets.
            expected[hosts] += flow.bytes + 4;
        }
        std::map<Pair, uint64_t> seen;
        const auto classifier = DynamicCast<Ipv4FlowClassifier>(helper.GetClassifier());
        for (const auto& [id, stats] : monitor->GetFlowStats())
        {
            const Ipv4FlowClassifier::FiveTuple tuple = classifier->FindFlow(id);
            if (tuple.destinationPort == 9)
            {
                // IPv4, and TCP with a timestamp.
                seen[{tuple.sourceAddress.Get(), tuple.destinationAddress.Get()}] +=
                    stats.rxBytes - 52 * stats.rxPackets;
            }
        }
        NS_TEST_EXPECT_MSG_EQ((seen == expected), true, "bytes between each two hosts");
    }

    void DoTeardown() override
    {
        Simulator::Destroy();
    }

    bool m_lossy;            //!< whether packets are to be lost
    uint32_t m_decisions{0}; //!< decisions taken
    uint64_t m_delivered{0}; //!< packets that came from one leaf to another
    uint64_t m_lost{0};      //!< packets that were lost between leaves
};

/// The leaf-spine fabric.
class LeafSpineTestSuite : public TestSuite
{
  public:
    LeafSpineTestSuite()
        : TestSuite("ns3kan-leaf-spine", Type::SYSTEM)
    {
        AddTestCase(new SizesTestCase);
        AddTestCase(new ArithmeticTestCase);
        AddTestCase(new StaleAckTestCase);
        AddTestCase(new FabricCountsTestCase(false));
        AddTestCase(new FabricCountsTestCase(true));
    }
};

LeafSpineTestSuite g_leafSpineTestSuite; //!< registers itself

} // namespace

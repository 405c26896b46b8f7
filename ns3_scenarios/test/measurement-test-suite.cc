// SPDX-License-Identifier: GPL-2.0-only
// What is measured of paths and flows, and that ns-3's FlowMonitor counts the same.

#include <ns3/error-model.h>
#include <ns3/flow-monitor-helper.h>
#include <ns3/inet-socket-address.h>
#include <ns3/ipv4-flow-classifier.h>
#include <ns3/node-container.h>
#include <ns3/object-vector.h>
#include <ns3/packet.h>
#include <ns3/path-controller.h>
#include <ns3/path-monitor.h>
#include <ns3/path-scenario.h>
#include <ns3/rng-seed-manager.h>
#include <ns3/simulator.h>
#include <ns3/socket.h>
#include <ns3/tcp-l4-protocol.h>
#include <ns3/test.h>
#include <ns3/two-site-network.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

using namespace ns3;
using namespace ns3::kan;

namespace
{

/// One interval of a path, with a packet delivered and others that find no room.
class PathMonitorTestCase : public TestCase
{
  public:
    PathMonitorTestCase()
        : TestCase("delay, loss and utilisation of a path are those of its packets")
    {
    }

  private:
    void DoRun() override
    {
        constexpr uint32_t FRAME = 1000; // with 28 bytes of IPv4 and UDP and 2 of PPP
        const DataRate rate("1Mbps");
        PathParameters path{"path", rate, MilliSeconds(5)};
        path.queue = QueueSize("1p");
        TwoSiteNetwork network(std::vector<PathParameters>{path});
        const BuiltPath& built = network.paths.front();
        auto monitor = CreateObject<PathMonitor>();
        monitor->Install(built.nearDevice, built.farDevice, nullptr, path.GetLongestDelay());
        monitor->TraceConnectWithoutContext("IntervalClosed",
                                            MakeCallback(&PathMonitorTestCase::Note, this));
        Ptr<Socket> socket =
            Socket::CreateSocket(network.sender, TypeId::LookupByName("ns3::UdpSocketFactory"));
        socket->Connect(InetSocketAddress(network.receiverAddress, 9));
        // Of four at once, one is sent, one waits, and two find no room.
        for (int i = 0; i < 4; ++i)
        {
            Simulator::Schedule(MilliSeconds(1),
                                [socket] { socket->Send(Create<Packet>(FRAME - 30)); });
        }
        Simulator::Schedule(Seconds(1), &PathMonitor::CloseInterval, monitor);
        Simulator::Schedule(Seconds(2), &PathMonitor::CloseInterval, monitor);
        // At half the rate a packet takes twice as long; then the path loses everything.
        Simulator::Schedule(Seconds(2),
                            [&]
                            {
                                built.nearDevice->SetDataRate(DataRate("500kbps"));
                                socket->Send(Create<Packet>(FRAME - 30));
                            });
        Simulator::Schedule(Seconds(3), &PathMonitor::CloseInterval, monitor);
        Simulator::Schedule(Seconds(3),
                            [&]
                            {
                                auto errors = CreateObject<RateErrorModel>();
                                errors->SetUnit(RateErrorModel::ERROR_UNIT_PACKET);
                                errors->SetRate(1);
                                built.farDevice->SetReceiveErrorModel(errors);
                                socket->Send(Create<Packet>(FRAME - 30));
                            });
        Simulator::Schedule(Seconds(4), &PathMonitor::CloseInterval, monitor);
        Simulator::Run();

        const double sending = rate.CalculateBytesTxTime(FRAME).GetSeconds();
        NS_TEST_ASSERT_MSG_EQ(m_intervals.size(), 4, "an interval each time");
        // Packets reach the router one after the other, 800 ns apart at 10 Gbit/s.
        NS_TEST_EXPECT_MSG_EQ_TOL(
            m_intervals[0].delay, 0.005 + 1.5 * sending, 1e-6, "they take S and 2 S");
        NS_TEST_EXPECT_MSG_EQ_TOL(m_intervals[0].loss, 0.5, 1e-12, "two of four");
        NS_TEST_EXPECT_MSG_EQ_TOL(m_intervals[0].utilisation, 2 * sending, 1e-12, "2 S of 1 s");
        NS_TEST_EXPECT_MSG_EQ(m_intervals[0].flowDelivered, 2, "both of a balanced flow");
        NS_TEST_EXPECT_MSG_EQ(m_intervals[0].flowLost, 2, "both of a balanced flow");
        NS_TEST_EXPECT_MSG_EQ(m_intervals[1].delay, m_intervals[0].delay, "the last that is known");
        NS_TEST_EXPECT_MSG_EQ(m_intervals[1].loss, m_intervals[0].loss, "the last that is known");
        NS_TEST_EXPECT_MSG_EQ(m_intervals[1].utilisation, 0, "nothing was sent");
        NS_TEST_EXPECT_MSG_EQ_TOL(
            m_intervals[2].utilisation, 2 * sending, 1e-12, "S at half the rate is 2 S");
        NS_TEST_EXPECT_MSG_EQ(m_intervals[3].loss, 1, "all is lost");
        NS_TEST_EXPECT_MSG_EQ(m_intervals[3].delay,
                              path.GetLongestDelay().GetSeconds(),
                              "what is lost has no delay, so it is the longest");
    }

    void DoTeardown() override
    {
        m_intervals.clear();
        Simulator::Destroy();
    }

    /// @param interval that has ended
    void Note(const PathInterval& interval)
    {
        m_intervals.push_back(interval);
    }

    std::vector<PathInterval> m_intervals; //!< in their order
};

/// How many sockets a host has, all of which ns-3 looks through for each packet.
class LingeringSocketsTestCase : public TestCase
{
  public:
    LingeringSocketsTestCase()
        : TestCase("closed connections do not pile up: TCP's cost is linear in time")
    {
    }

  private:
    /**
     * @param duration of a run
     * @return most sockets that either host has in the end
     */
    uint32_t CountSockets(Time duration)
    {
        RngSeedManager::SetSeed(1);
        RngSeedManager::SetRun(1);
        PathScenarioParameters parameters;
        parameters.paths = {{"one", DataRate("10Mbps"), MilliSeconds(5)},
                            {"other", DataRate("10Mbps"), MilliSeconds(5)}};
        parameters.transport = "tcp";
        parameters.meanFlowSize = 5000;
        parameters.minLoad = DataRate("1Mbps"); // 25 flows a second
        parameters.maxLoad = DataRate("1Mbps");
        parameters.duration = duration;
        auto scenario = CreateObject<PathScenario>(parameters);
        scenario->GetLoop()->SetController("equal");
        scenario->Run(nullptr);
        uint32_t most = 0;
        for (const Ptr<Node>& host :
             {scenario->GetNetwork().sender, scenario->GetNetwork().receiver})
        {
            ObjectVectorValue sockets;
            host->GetObject<TcpL4Protocol>()->GetAttribute("SocketList", sockets);
            most = std::max(most, static_cast<uint32_t>(sockets.GetN()));
        }
        Simulator::Destroy();
        return most;
    }

    void DoRun() override
    {
        // Both are longer than a connection lingers: the count follows the last seconds' flows. It
        // is a Poisson variable of a mean near 250, whose deviation is 16.
        const uint32_t few = CountSockets(Seconds(12));
        const uint32_t many = CountSockets(Seconds(36));
        NS_TEST_EXPECT_MSG_GT(few, 100, "connections linger for some time");
        NS_TEST_EXPECT_MSG_LT(many, few + 5 * 23, "but not all of them");
    }
};

/// A whole run, whose trace sources are compared with FlowMonitor.
class FlowMonitorTestCase : public TestCase
{
  public:
    FlowMonitorTestCase()
        : TestCase("flows, paths and decisions as traced agree with FlowMonitor")
    {
    }

  private:
    void DoRun() override
    {
        RngSeedManager::SetSeed(1);
        RngSeedManager::SetRun(7);
        PathScenarioParameters parameters;
        // Both kinds of loss: at random on the first, in the queue on the second.
        parameters.paths = {{"lossy", DataRate("10Mbps"), MilliSeconds(5), 0.02},
                            {"small", DataRate("1Mbps"), MilliSeconds(5), 0, QueueSize("5p")}};
        parameters.maxLoad = DataRate("4Mbps");
        parameters.duration = Seconds(20);
        auto scenario = CreateObject<PathScenario>(parameters);
        scenario->GetLoop()->TraceConnectWithoutContext(
            "Decision", MakeCallback(&FlowMonitorTestCase::Decide, this));
        scenario->GetRecords()->TraceConnectWithoutContext(
            "FlowCompleted", MakeCallback(&FlowMonitorTestCase::Complete, this));
        for (const Ptr<PathMonitor>& monitor : scenario->GetLoop()->GetMonitors())
        {
            monitor->TraceConnectWithoutContext("IntervalClosed",
                                                MakeCallback(&FlowMonitorTestCase::Close, this));
        }
        FlowMonitorHelper helper;
        const TwoSiteNetwork& network = scenario->GetNetwork();
        Ptr<FlowMonitor> monitor = helper.Install(
            NodeContainer(network.sender, network.nearRouter, network.farRouter, network.receiver));
        scenario->GetLoop()->SetController("equal");
        scenario->Run(nullptr);
        // What is still on its way counts as lost, but is of flows that have not ended.
        monitor->CheckForLostPackets(Seconds(0));

        NS_TEST_EXPECT_MSG_EQ(m_decisions, 40, "two decisions a second");
        uint64_t lost = 0;
        uint64_t received = 0;
        for (const FlowRecord& flow : scenario->GetRecords()->GetUnfinished())
        {
            lost += flow.lost;
            received += flow.received;
        }
        for (const auto& [port, flow] : m_flows)
        {
            lost += flow.lost;
            received += flow.received;
        }
        NS_TEST_EXPECT_MSG_EQ(m_pathLost, lost, "paths and flows count the same losses");
        // A packet may be on the last link, between the end of the path and the receiver.
        NS_TEST_EXPECT_MSG_GT_OR_EQ(m_pathDelivered, received, "what was received came by a path");
        NS_TEST_EXPECT_MSG_LT_OR_EQ(m_pathDelivered, received + 2, "and what came was received");

        auto classifier = DynamicCast<Ipv4FlowClassifier>(helper.GetClassifier());
        uint32_t compared = 0;
        uint64_t comparedLost = 0;
        for (const auto& [id, stats] : monitor->GetFlowStats())
        {
            const auto flow = m_flows.find(classifier->FindFlow(id).sourcePort);
            if (classifier->FindFlow(id).destinationPort != 9 || flow == m_flows.end())
            {
                continue; // a probe, or not ended
            }
            const FlowRecord& record = flow->second;
            ++compared;
            comparedLost += record.lost;
            NS_TEST_EXPECT_MSG_EQ(stats.rxPackets, record.received, "packets received");
            NS_TEST_EXPECT_MSG_EQ(stats.lostPackets, record.lost, "packets lost");
            NS_TEST_EXPECT_MSG_EQ(stats.txPackets, record.received + record.lost, "packets sent");
            // FlowMonitor counts the 28 bytes of IPv4 and UDP in each packet.
            NS_TEST_EXPECT_MSG_EQ(
                stats.rxBytes, record.delivered + 28 * record.received, "bytes received");
        }
        NS_TEST_EXPECT_MSG_EQ(compared, m_flows.size(), "FlowMonitor knows every flow");
        NS_TEST_EXPECT_MSG_GT(compared, 50, "there are enough to mean something");
        NS_TEST_EXPECT_MSG_GT(comparedLost, 50, "and enough is lost");
    }

    void DoTeardown() override
    {
        Simulator::Destroy();
    }

    /// @param shares of the paths
    void Decide(const std::vector<double>&, const std::vector<double>& shares)
    {
        ++m_decisions;
        NS_TEST_EXPECT_MSG_EQ(shares.size(), 2, "a share per path");
    }

    /// @param flow that has ended
    void Complete(const FlowRecord& flow)
    {
        NS_TEST_EXPECT_MSG_EQ(m_flows.count(flow.port), 0, "a flow ends once");
        m_flows[flow.port] = flow;
    }

    /// @param interval that has ended on a path
    void Close(const PathInterval& interval)
    {
        m_pathDelivered += interval.flowDelivered;
        m_pathLost += interval.flowLost;
    }

    uint32_t m_decisions{0};                //!< decisions taken
    uint64_t m_pathDelivered{0};            //!< packets of flows that paths have delivered
    uint64_t m_pathLost{0};                 //!< packets of flows that paths have lost
    std::map<uint16_t, FlowRecord> m_flows; //!< those that have ended, by source port
};

/// A device at the far end loses half of all packets from some time on: when is that seen?
class InBandTestCase : public TestCase
{
  public:
    InBandTestCase()
        : TestCase("what happens at the far end is seen in-band one way later at the earliest")
    {
    }

  private:
    using Rows = std::vector<std::vector<double>>; // features of each decision

    static constexpr int64_t BEGIN = 1000; //!< of the losses [ms]
    static constexpr int64_t DELAY = 200;  //!< of propagation [ms]
    static constexpr int64_t STEP = 10;    //!< between two decisions [ms]

    /// @param features that were decided on
    void Decide(const std::vector<double>& features, const std::vector<double>&)
    {
        m_rows.push_back(features);
    }

    /**
     * @param observation how features are measured
     * @param lossy whether the far end loses packets
     * @return what was seen
     */
    Rows Run(const std::string& observation, bool lossy)
    {
        RngSeedManager::SetSeed(1);
        RngSeedManager::SetRun(1);
        PathScenarioParameters p;
        p.paths = {{"far", DataRate("10Mbps"), MilliSeconds(DELAY)},
                   {"near", DataRate("10Mbps"), MilliSeconds(1)}};
        for (PathParameters& path : p.paths)
        {
            path.queue = QueueSize("100p");
        }
        p.observation = observation;
        p.probeInterval = MilliSeconds(STEP);
        p.interval = MilliSeconds(STEP);
        p.warmup = MilliSeconds(BEGIN / 2);
        p.duration = MilliSeconds(BEGIN);
        auto scenario = CreateObject<PathScenario>(p);
        auto errors = CreateObject<RateErrorModel>();
        errors->SetUnit(RateErrorModel::ERROR_UNIT_PACKET);
        errors->AssignStreams(1000);
        errors->SetRate(0);
        scenario->GetNetwork().paths.front().farDevice->SetReceiveErrorModel(errors);
        if (lossy)
        {
            Simulator::Schedule(MilliSeconds(BEGIN), &RateErrorModel::SetRate, errors, 0.5);
        }
        m_rows.clear();
        scenario->GetLoop()->TraceConnectWithoutContext(
            "Decision", MakeCallback(&InBandTestCase::Decide, this));
        scenario->GetLoop()->SetController("equal");
        scenario->Run(nullptr);
        scenario = nullptr;
        Simulator::Destroy();
        return m_rows;
    }

    /**
     * @param observation how features are measured
     * @return time of the first decision that saw something of the losses [ms], 0 if none did
     */
    int64_t GetFirstSight(const std::string& observation)
    {
        const Rows without = Run(observation, false);
        const Rows with = Run(observation, true);
        for (size_t row = 0; row < with.size(); ++row)
        {
            if (with[row] != without[row])
            {
                return BEGIN / 2 + static_cast<int64_t>(row) * STEP;
            }
        }
        return 0;
    }

    void DoRun() override
    {
        NS_TEST_EXPECT_MSG_EQ(GetFirstSight("oracle"), BEGIN + STEP, "at once");
        const int64_t seen = GetFirstSight("in-band");
        NS_TEST_EXPECT_MSG_GT(seen, BEGIN + DELAY, "not before an answer can be back");
        // A few probes in a row may get through, and then tell of the packets that did not.
        NS_TEST_EXPECT_MSG_LT(seen, BEGIN + DELAY + 10 * STEP, "soon after");
    }

    Rows m_rows; //!< of the run under way
};

/// What is measured.
class MeasurementTestSuite : public TestSuite
{
  public:
    MeasurementTestSuite()
        : TestSuite("ns3kan-measurement", Type::SYSTEM)
    {
        AddTestCase(new LingeringSocketsTestCase);
        AddTestCase(new PathMonitorTestCase);
        AddTestCase(new FlowMonitorTestCase);
        AddTestCase(new InBandTestCase);
    }
};

MeasurementTestSuite g_measurementTestSuite; //!< registers itself

} // namespace

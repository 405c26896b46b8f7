// SPDX-License-Identifier: GPL-2.0-only
// What the controllers of paths and of queues decide, and that it is carried out.

#include <ns3/config.h>
#include <ns3/data-rate.h>
#include <ns3/internet-stack-helper.h>
#include <ns3/ipv4-address-helper.h>
#include <ns3/net-device-container.h>
#include <ns3/node-container.h>
#include <ns3/nstime.h>
#include <ns3/path-balancer-helper.h>
#include <ns3/path-controller.h>
#include <ns3/path-decision-loop.h>
#include <ns3/path-monitor.h>
#include <ns3/point-to-point-helper.h>
#include <ns3/point-to-point-net-device.h>
#include <ns3/queue-controller.h>
#include <ns3/simulator.h>
#include <ns3/slotted-network.h>
#include <ns3/string.h>
#include <ns3/test.h>

#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

using namespace ns3;
using namespace ns3::kan;

namespace
{

/// The controllers of paths decide as their rules say.
class PathControllerTestCase : public TestCase
{
  public:
    PathControllerTestCase()
        : TestCase("controllers of paths decide by their rules")
    {
    }

  private:
    /**
     * @param name of the controller
     * @param expected the shares that it must give
     */
    void Check(const std::string& name, const std::vector<double>& expected)
    {
        const ControlledPaths paths{{"a", "b", "c"}, {6e6, 2e6, 4e6}};
        // load, load_delta, and delay, loss and utilisation of each path
        const std::vector<double> features{0.75, 0, 0.03, 0, 0.2, 0.01, 0, 0.9, 0.02, 0, 0.1};
        const std::vector<double> shares = MakePathController(name, paths)->Decide(features);
        NS_TEST_ASSERT_MSG_EQ(shares.size(), expected.size(), name);
        for (size_t path = 0; path < shares.size(); ++path)
        {
            NS_TEST_EXPECT_MSG_EQ_TOL(
                shares[path], expected[path], 1e-12, name << ", path " << path);
        }
    }

    void DoRun() override
    {
        Check("equal", {1.0 / 3, 1.0 / 3, 1.0 / 3});
        Check("capacity", {0.5, 1.0 / 6, 1.0 / 3});
        // Of a load of 0.75, the paths take 0.9 of their parts of the rates in turn.
        Check("primary", {0.45 / 0.75, 0.15 / 0.75, 0.15 / 0.75});
        Check("least-delay", {0, 1, 0});
        Check("least-utilised", {0, 0, 1});
        Check("constant:0.2,0.3,0.5", {0.2, 0.3, 0.5});
        // The path that is fastest and least busy, but loses everything.
        for (const std::string name : {"least-delay", "least-utilised"})
        {
            const std::vector<double> shares = MakePathController(name, {{"a", "b"}, {1, 1}})
                                                   ->Decide({0.5, 0, 0.01, 1, 0.1, 0.02, 0.5, 0.9});
            NS_TEST_EXPECT_MSG_EQ((shares == std::vector<double>{0, 1}), true, name);
        }
        for (const double load : {0.0, 0.5})
        {
            const std::vector<double> shares =
                MakePathController("primary", {{"a"}, {1}})->Decide({load, 0, 0, 0, 0});
            NS_TEST_EXPECT_MSG_EQ((shares == std::vector<double>{1}), true, "all on the one path");
        }
        bool refused = false;
        try
        {
            MakePathController("constant:0.2,0.3", {{"a", "b", "c"}, {1, 1, 1}});
        }
        catch (const std::invalid_argument&)
        {
            refused = true;
        }
        NS_TEST_EXPECT_MSG_EQ(refused, true, "two shares for three paths are refused");
    }
};

/// The controllers of queues choose as their rules say.
class QueueControllerTestCase : public TestCase
{
  public:
    QueueControllerTestCase()
        : TestCase("controllers of queues choose by their rules")
    {
    }

  private:
    void DoRun() override
    {
        const QueueState state{{4, 2, 3}, {1, 0, 2}, {}, {3, 0.5, 2}};
        const auto choose = [&](const std::string& name, QueueProblem problem)
        { return MakeQueueController(name, problem, 3)->Decide(state); };
        const auto routing = QueueProblem::ROUTING;
        const auto scheduling = QueueProblem::SCHEDULING;
        NS_TEST_EXPECT_MSG_EQ(choose("join-shortest-queue", routing), 1, "the least q");
        // (q + 1)/μ is 5/3, 6 and 2.
        NS_TEST_EXPECT_MSG_EQ(choose("shortest-expected-delay", routing), 0, "the least (q+1)/μ");
        NS_TEST_EXPECT_MSG_EQ(choose("longest-queue", scheduling), 0, "the greatest q");
        NS_TEST_EXPECT_MSG_EQ(choose("longest-connected-queue", scheduling), 0, "q with y > 0");
        // q·y is 4, 0 and 6.
        NS_TEST_EXPECT_MSG_EQ(choose("max-weight", scheduling), 2, "the greatest q·y");
    }
};

/// A queue discipline that sends only what it is told to.
class SlotQueueTestCase : public TestCase
{
  public:
    SlotQueueTestCase()
        : TestCase("slotted queues send what they are told to and drop what has no room")
    {
    }

  private:
    void DoRun() override
    {
        // Two queues before one link; the second has room for three packets.
        SlottedNetwork network({{0, 3}}, 1000);
        Simulator::Schedule(MilliSeconds(1), &SlottedNetwork::Send, &network, 0, 4);
        Simulator::Schedule(MilliSeconds(1), &SlottedNetwork::Send, &network, 1, 5);
        uint32_t first = 0;
        uint32_t second = 0;
        Simulator::Schedule(MilliSeconds(2),
                            [&]
                            {
                                first = network.Serve(0, 0, 3);
                                second = network.Serve(0, 1, 10);
                            });
        Simulator::Run();
        NS_TEST_EXPECT_MSG_EQ(first, 3, "as many as it is told to");
        NS_TEST_EXPECT_MSG_EQ(second, 3, "no more than there are");
        NS_TEST_EXPECT_MSG_EQ(network.GetQueueLengths().at(0), 1, "what is left");
        NS_TEST_EXPECT_MSG_EQ(network.GetQueueLengths().at(1), 0, "what is left");
        NS_TEST_EXPECT_MSG_EQ(network.GetArrived(), 9, "what came");
        NS_TEST_EXPECT_MSG_EQ(network.GetDropped(), 2, "what had no room");
        NS_TEST_EXPECT_MSG_EQ(network.GetDelivered(), 6, "what got through");
    }

    void DoTeardown() override
    {
        Simulator::Destroy();
    }
};

/// A network that is built by hand, with a PathBalancerHelper and a PathDecisionLoop.
class DecisionLoopTestCase : public TestCase
{
  public:
    DecisionLoopTestCase()
        : TestCase("a decision loop over any two paths, set up by default values")
    {
    }

  private:
    void DoRun() override
    {
        Config::SetDefault("ns3::PathDecisionLoop::Interval", TimeValue(MilliSeconds(100)));
        Config::SetDefault("ns3::PathDecisionLoop::Warmup", TimeValue(MilliSeconds(300)));
        Config::SetDefault("ns3::PathDecisionLoop::Duration", TimeValue(Seconds(1)));
        NodeContainer routers(2);
        PathBalancerHelper balancers;
        balancers.Set("FlowTimeout", TimeValue(Seconds(5)));
        InternetStackHelper internet;
        internet.SetRoutingHelper(balancers.AboveStaticRouting());
        internet.Install(routers);
        const Ptr<PathBalancer> balancer = PathBalancerHelper::GetBalancer(routers.Get(0));
        NS_TEST_ASSERT_MSG_NE(balancer, nullptr, "the router has one");
        TimeValue timeout;
        balancer->GetAttribute("FlowTimeout", timeout);
        NS_TEST_EXPECT_MSG_EQ(timeout.Get(), Seconds(5), "as the helper was told");
        balancer->SetRemoteSite("10.2.0.0", "255.255.255.0");

        PointToPointHelper link;
        link.SetDeviceAttribute("DataRate", StringValue("10Mbps"));
        Ipv4AddressHelper addresses("10.3.0.0", "255.255.255.0");
        auto loop = CreateObject<PathDecisionLoop>();
        loop->SetBalancer(balancer);
        for (const std::string name : {"one", "other"})
        {
            const NetDeviceContainer devices = link.Install(routers);
            const Ipv4InterfaceContainer ends = addresses.Assign(devices);
            addresses.NewNetwork();
            balancer->AddPath(ends.Get(0).second, ends.GetAddress(1));
            auto monitor = CreateObject<PathMonitor>();
            monitor->Install(DynamicCast<PointToPointNetDevice>(devices.Get(0)),
                             DynamicCast<PointToPointNetDevice>(devices.Get(1)),
                             nullptr,
                             MilliSeconds(200));
            loop->AddPath({name, DataRate("10Mbps"), MilliSeconds(200), monitor});
        }
        loop->SetController("constant:0.25");
        loop->TraceConnectWithoutContext("Decision",
                                         MakeCallback(&DecisionLoopTestCase::Decide, this));
        loop->Start();
        Simulator::Run();
        loop->Finish();

        NS_TEST_EXPECT_MSG_EQ(Simulator::Now(), MilliSeconds(1300), "warm-up and duration");
        NS_TEST_EXPECT_MSG_EQ(m_decisions, 10, "ten decisions in a second");
        NS_TEST_EXPECT_MSG_EQ(balancer->GetShares().at(1), 0.25, "and the balancer obeys");
        NS_TEST_EXPECT_MSG_EQ(loop->GetDescription().features.at(5).name, "other_delay", "by name");
    }

    /**
     * @param features that were decided on
     * @param shares that were decided
     */
    void Decide(const std::vector<double>& features, const std::vector<double>& shares)
    {
        ++m_decisions;
        NS_TEST_EXPECT_MSG_EQ(features.size(), 8, "two, and three of each path");
        NS_TEST_EXPECT_MSG_EQ(shares.size(), 2, "one of each path");
    }

    void DoTeardown() override
    {
        Config::Reset();
        Simulator::Destroy();
    }

    uint32_t m_decisions{0}; //!< taken
};

/// Decisions of controllers.
class ControllersTestSuite : public TestSuite
{
  public:
    ControllersTestSuite()
        : TestSuite("ns3kan-controllers")
    {
        AddTestCase(new PathControllerTestCase);
        AddTestCase(new QueueControllerTestCase);
        AddTestCase(new SlotQueueTestCase);
        AddTestCase(new DecisionLoopTestCase);
    }
};

ControllersTestSuite g_controllersTestSuite; //!< registers itself

} // namespace

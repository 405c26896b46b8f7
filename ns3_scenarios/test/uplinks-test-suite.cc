// SPDX-License-Identifier: GPL-2.0-only
// How a leaf chooses among its uplinks.

#include <ns3/conga-chooser.h>
#include <ns3/inet-socket-address.h>
#include <ns3/ipv4-flow-classifier.h>
#include <ns3/ipv4-interface.h>
#include <ns3/ipv4-l3-protocol.h>
#include <ns3/leaf-spine-network.h>
#include <ns3/packet.h>
#include <ns3/queue-controller.h>
#include <ns3/rng-seed-manager.h>
#include <ns3/simulator.h>
#include <ns3/tcp-l4-protocol.h>
#include <ns3/test.h>

#include <cstdint>
#include <memory>
#include <numeric>
#include <string>
#include <vector>

using namespace ns3;
using namespace ns3::kan;

namespace
{

/// Destination that a placement in these tests goes to.
constexpr uint32_t THERE = 1;

/**
 * @param number of the flow
 * @return its five-tuple: one host's flows to another, from the ports that TCP takes in turn
 */
FiveTuple
MakeTuple(uint32_t number)
{
    return {0x0a000002, 0x0a010002, static_cast<uint16_t>(49152 + number), 9, 6};
}

/**
 * @param counts of draws
 * @param shares that they should have
 * @return the statistic of Pearson's test: chi-squared with one degree of freedom less than counts
 */
double
GetChiSquared(const std::vector<uint32_t>& counts, const std::vector<double>& shares)
{
    const double all = std::accumulate(counts.begin(), counts.end(), 0.0);
    double sum = 0;
    for (size_t i = 0; i < counts.size(); ++i)
    {
        const double expected = all * shares[i];
        sum += (counts[i] - expected) * (counts[i] - expected) / expected;
    }
    return sum;
}

/// What the choosers of uplinks choose, asked often.
class ChoosersTestCase : public TestCase
{
  public:
    ChoosersTestCase()
        : TestCase("uplinks are chosen by hash, weight, queue and congestion")
    {
    }

  private:
    /// Draws per rule. Bounds are passed by chance once in a million runs.
    static constexpr uint32_t DRAWS = 10000;

    /// @return the uplinks of leaf 0, with capacities in the proportion 1 : 2 : 3 : 4
    std::vector<Uplink> MakeUplinks()
    {
        const DataRate rate("1Gbps");
        const FabricParameters parameters{
            3, 4, 1, rate, {rate, rate, rate, rate}, MicroSeconds(1), QueueSize("100p")};
        m_network = std::make_unique<LeafSpineNetwork>(parameters);
        std::vector<Uplink> uplinks;
        for (const auto& device : m_network->leafRouters[0]->GetUplinkDevices())
        {
            const auto number = static_cast<uint32_t>(uplinks.size());
            uplinks.push_back({number, 1e9 * (number + 1), device});
        }
        return uplinks;
    }

    /**
     * @param chooser to ask, with another flow each time
     * @param uplinks to choose among
     * @return how often it chose which
     */
    static std::vector<uint32_t> Count(Ptr<UplinkChooser> chooser,
                                       const std::vector<Uplink>& uplinks)
    {
        std::vector<uint32_t> counts(uplinks.size(), 0);
        for (uint32_t draw = 0; draw < DRAWS; ++draw)
        {
            const FiveTuple tuple = MakeTuple(draw);
            ++counts[chooser->Choose({tuple, THERE, std::nullopt}, uplinks)];
        }
        return counts;
    }

    void CheckHashes(const std::vector<Uplink>& uplinks)
    {
        std::vector<uint32_t> parts(8, 0);
        std::vector<uint32_t> joint(16, 0); // of two switches: quarter by quarter
        for (uint32_t draw = 0; draw < DRAWS; ++draw)
        {
            const FiveTuple tuple = MakeTuple(draw);
            ++parts[FindPart(std::vector<double>(8, 1), tuple.GetPoint(1))];
            ++joint[4 * FindPart(std::vector<double>(4, 1), tuple.GetPoint(1)) +
                    FindPart(std::vector<double>(4, 1), tuple.GetPoint(2))];
        }
        NS_TEST_EXPECT_MSG_LT(
            GetChiSquared(parts, std::vector<double>(8, 1.0 / 8)), 40.5, "hashes are uniform");
        NS_TEST_EXPECT_MSG_LT(GetChiSquared(joint, std::vector<double>(16, 1.0 / 16)),
                              56.5,
                              "hashes of two switches are independent");
        for (const bool weighted : {false, true})
        {
            auto hash = CreateObject<HashChooser>(weighted);
            hash->AssignStreams(1);
            const std::vector<double> shares =
                weighted ? std::vector<double>{0.1, 0.2, 0.3, 0.4} : std::vector<double>(4, 0.25);
            const std::vector<uint32_t> counts = Count(hash, uplinks);
            NS_TEST_EXPECT_MSG_LT(GetChiSquared(counts, shares), 30.7, "parts of the hash");
            NS_TEST_EXPECT_MSG_EQ((counts == Count(hash, uplinks)), true, "a flow is placed once");
        }
    }

    void CheckWeights(const std::vector<Uplink>& uplinks)
    {
        auto weights = CreateObject<WeightChooser>();
        weights->AssignStreams(1);
        weights->SetWeights({0.5, 0.3, 0.2, 0});
        std::vector<uint32_t> counts = Count(weights, uplinks);
        NS_TEST_EXPECT_MSG_EQ(counts[3], 0, "a weight of zero");
        counts.pop_back();
        NS_TEST_EXPECT_MSG_LT(GetChiSquared(counts, {0.5, 0.3, 0.2}), 27.7, "weights");
        // Without the first uplink the weights of the others keep their proportions.
        const std::vector<Uplink> left(uplinks.begin() + 1, uplinks.end());
        counts = Count(weights, left);
        counts.pop_back();
        NS_TEST_EXPECT_MSG_LT(GetChiSquared(counts, {0.6, 0.4}), 24.0, "weights of what is left");
    }

    void CheckQueues(const std::vector<Uplink>& uplinks)
    {
        const auto choose = [&uplinks](const std::string& name)
        {
            auto chooser =
                CreateObject<QueueChooser>(MakeQueueController(name, QueueProblem::ROUTING, 4));
            chooser->AssignStreams(1);
            return Count(chooser, uplinks);
        };
        // 3, 2, 1 and 3 packets wait.
        const std::vector<uint32_t> waiting{3, 2, 1, 3};
        for (size_t uplink = 0; uplink < waiting.size(); ++uplink)
        {
            for (uint32_t packet = 0; packet < waiting[uplink]; ++packet)
            {
                uplinks[uplink].device->GetQueue()->Enqueue(Create<Packet>(100));
            }
        }
        NS_TEST_EXPECT_MSG_EQ(choose("join-shortest-queue")[2], DRAWS, "the shortest queue");
        // (q + 1) / capacity: 4, 1.5, 0.67 and 1.
        NS_TEST_EXPECT_MSG_EQ(choose("shortest-expected-delay")[2], DRAWS, "the shortest delay");
        // Of two different ones of four: the shortest is among them half of the time, the next
        // wins the pairs with the two longest, and these, which are alike, share the last pair.
        NS_TEST_EXPECT_MSG_LT(
            GetChiSquared(choose("power-of-two"), {1.0 / 12, 1.0 / 3, 1.0 / 2, 1.0 / 12}),
            30.7,
            "the shorter of two");
    }

    void CheckConga(const std::vector<Uplink>& uplinks)
    {
        auto conga = CreateObject<CongaChooser>();
        conga->AssignStreams(1);
        conga->Configure(m_network->leafRouters[0]->GetUplinkDevices(), 3);
        for (const uint8_t uplink : {0, 1, 3})
        {
            FabricTag tag;
            tag.leaf = THERE;
            tag.feedbackUplink = uplink;
            tag.feedbackCongestion = static_cast<uint8_t>(uplink + 1);
            conga->Arrive(tag);
        }
        NS_TEST_EXPECT_MSG_EQ(Count(conga, uplinks)[2], DRAWS, "what nobody complains of");
        const std::vector<Uplink> told{uplinks[3], uplinks[1]};
        NS_TEST_EXPECT_MSG_EQ(Count(conga, told)[1], DRAWS, "the less congested of two");
        const FiveTuple tuple = MakeTuple(0);
        std::vector<uint32_t> elsewhere(4, 0);
        for (uint32_t draw = 0; draw < DRAWS; ++draw)
        {
            ++elsewhere[conga->Choose({tuple, 2, std::nullopt}, uplinks)];
        }
        NS_TEST_EXPECT_MSG_LT(GetChiSquared(elsewhere, std::vector<double>(4, 0.25)),
                              30.7,
                              "another leaf has told nothing");
        NS_TEST_EXPECT_MSG_EQ(conga->Choose({tuple, 2, 3}, uplinks), 3, "it stays among equals");
        // What was told is forgotten.
        Simulator::Stop(MilliSeconds(11));
        Simulator::Run();
        NS_TEST_EXPECT_MSG_LT(
            GetChiSquared(Count(conga, uplinks), std::vector<double>(4, 0.25)), 30.7, "long ago");
        // A leaf tells what it measured, one uplink at a time.
        FabricTag arrived;
        arrived.leaf = THERE;
        arrived.uplink = 1;
        arrived.congestion = 5;
        conga->Arrive(arrived);
        std::vector<uint32_t> toldBack(4, 0);
        for (uint32_t packet = 0; packet < 4; ++packet)
        {
            FabricTag tag;
            conga->Depart(tag, THERE);
            toldBack.at(tag.feedbackUplink) = tag.feedbackCongestion;
        }
        NS_TEST_EXPECT_MSG_EQ((toldBack == std::vector<uint32_t>{0, 5, 0, 0}), true, "feedback");
    }

    void DoRun() override
    {
        RngSeedManager::SetSeed(1);
        RngSeedManager::SetRun(1);
        const std::vector<Uplink> uplinks = MakeUplinks();
        CheckHashes(uplinks);
        CheckWeights(uplinks);
        CheckConga(uplinks);
        CheckQueues(uplinks);
    }

    void DoTeardown() override
    {
        m_network.reset();
        Simulator::Destroy();
    }

    std::unique_ptr<LeafSpineNetwork> m_network; //!< has the devices
};

/// Ports that are used again by a new flow.
class ForgottenFlowTestCase : public TestCase
{
  public:
    ForgottenFlowTestCase()
        : TestCase("a leaf places a flow once, and anew when its ports are used again")
    {
    }

  private:
    static void Count(std::vector<uint32_t>* counts, uint32_t uplink, Ptr<const Packet>)
    {
        ++counts->at(uplink);
    }

    void DoRun() override
    {
        const DataRate rate("1Gbps");
        const FabricParameters parameters{
            2, 2, 1, rate, {rate, rate}, MicroSeconds(1), QueueSize("100p")};
        const LeafSpineNetwork network(parameters);
        const Ptr<LeafRouter> leaf = network.leafRouters[0];
        auto weights = CreateObject<WeightChooser>();
        weights->AssignStreams(1);
        leaf->SetChooser(weights);
        network.leafRouters[1]->SetChooser(weights);
        std::vector<uint32_t> counts(2, 0);
        for (uint32_t uplink = 0; uplink < 2; ++uplink)
        {
            leaf->GetUplinkDevices()[uplink]->TraceConnectWithoutContext(
                "PhyTxEnd", MakeBoundCallback(&ForgottenFlowTestCase::Count, &counts, uplink));
        }
        const Ptr<Socket> socket =
            Socket::CreateSocket(network.hosts[0], TypeId::LookupByName("ns3::UdpSocketFactory"));
        socket->Bind();
        Address local;
        socket->GetSockName(local);
        const InetSocketAddress to(network.addresses[1], 9);
        const FiveTuple tuple{network.addresses[0].Get(),
                              network.addresses[1].Get(),
                              InetSocketAddress::ConvertFrom(local).GetPort(),
                              9,
                              17};
        const auto send = [&](double first)
        {
            weights->SetWeights({first, 1 - first});
            socket->SendTo(Create<Packet>(100), 0, to);
        };
        Simulator::Schedule(MilliSeconds(1), [&] { send(1); });
        Simulator::Schedule(MilliSeconds(2), [&] { send(0); });
        Simulator::Schedule(MilliSeconds(3),
                            [&]
                            {
                                leaf->Forget(tuple);
                                send(0);
                            });
        Simulator::Run();
        NS_TEST_EXPECT_MSG_EQ(counts[0], 2, "where it was placed");
        NS_TEST_EXPECT_MSG_EQ(counts[1], 1, "where the next one was placed");
    }

    void DoTeardown() override
    {
        Simulator::Destroy();
    }
};

/// Choices among uplinks.
class UplinksTestSuite : public TestSuite
{
  public:
    UplinksTestSuite()
        : TestSuite("ns3kan-uplinks")
    {
        AddTestCase(new ChoosersTestCase);
        AddTestCase(new ForgottenFlowTestCase);
    }
};

UplinksTestSuite g_uplinksTestSuite; //!< registers itself

} // namespace

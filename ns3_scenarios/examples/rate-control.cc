// SPDX-License-Identifier: GPL-2.0-only
// A sender chooses its rate on a link of 10 Mbit/s that other traffic uses on and off.
#include "ns3/applications-module.h"
#include "ns3/core-module.h"
#include "ns3/gym-scenario.h"
#include "ns3/internet-module.h"
#include "ns3/point-to-point-module.h"

using namespace ns3;
using namespace ns3::kan;

class RateControl : public GymEnvironment
{
  public:
    RateControl()
    {
        NodeContainer nodes(2);
        InternetStackHelper().Install(nodes);
        PointToPointHelper link;
        link.SetDeviceAttribute("DataRate", StringValue("10Mbps"));
        link.DisableFlowControl(); // so that packets wait in the device's own queue
        const NetDeviceContainer devices = link.Install(nodes);
        m_queue = DynamicCast<PointToPointNetDevice>(devices.Get(0))->GetQueue();
        Ipv4AddressHelper addresses("10.0.0.0", "255.255.255.0");
        const InetSocketAddress receiver(addresses.Assign(devices).GetAddress(1), 9);

        OnOffHelper source("ns3::UdpSocketFactory", receiver);
        source.SetAttribute("DataRate", StringValue("6Mbps"));
        source.SetAttribute("OnTime", StringValue("ns3::ExponentialRandomVariable[Mean=2]"));
        source.SetAttribute("OffTime", StringValue("ns3::ExponentialRandomVariable[Mean=2]"));
        source.Install(nodes.Get(0));
        source.AssignStreams(nodes, 1);
        source.SetConstantRate(DataRate("1Mbps"));
        m_sender = source.Install(nodes.Get(0)).Get(0);
    }

    GymSpace GetObservationSpace() const override
    {
        return GymSpace(GymSpace::Box{0, 100, {1}, GymDtype::DOUBLE});
    }

    GymSpace GetActionSpace() const override
    {
        return GymSpace(GymSpace::Box{1e5, 1e7, {1}, GymDtype::DOUBLE});
    }

    GymDescription GetDescription() const override
    {
        return {{{"queue_length", "packet", 0, 100}}, {{"rate", "bit/s", 1e5, 1e7}}};
    }

    GymContainer GetObservation() override
    {
        return GymContainer::Vector(std::vector<double>{1.0 * m_queue->GetNPackets()});
    }

    double GetReward() override
    {
        return m_rate / 1e7 - m_queue->GetNPackets() / 100.0;
    }

    void ExecuteAction(const GymContainer& action) override
    {
        m_rate = action.GetBox<double>()[0];
        m_sender->SetAttribute("DataRate", DataRateValue(uint64_t(m_rate)));
    }

  private:
    Ptr<Queue<Packet>> m_queue; //!< before the link
    Ptr<Application> m_sender;  //!< whose rate is chosen
    double m_rate{1e6};         //!< that rate [bit/s]
};

int
main(int argc, char* argv[])
{
    CommandLine command(__FILE__);
    const auto make = [] { return CreateObject<RateControl>(); };
    return RunGymScenario(command, argc, argv, MilliSeconds(100), Seconds(10), make);
}

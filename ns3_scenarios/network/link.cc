// SPDX-License-Identifier: GPL-2.0-only
#include "link.h"

#include <ns3/ipv4-address-helper.h>
#include <ns3/net-device-queue-interface.h>
#include <ns3/traffic-control-helper.h>
#include <ns3/traffic-control-layer.h>

namespace ns3::kan
{

Ipv4InterfaceContainer
Link(PointToPointHelper& helper, Ptr<Node> near, Ptr<Node> far, const std::string& network)
{
    helper.DisableFlowControl();
    const NetDeviceContainer devices = helper.Install(near, far);
    const Ipv4InterfaceContainer interfaces =
        Ipv4AddressHelper(network.c_str(), "255.255.255.0").Assign(devices);
    for (uint32_t i = 0; i < devices.GetN(); ++i)
    {
        // Some versions of ns-3 install a queue discipline with the address.
        const Ptr<NetDevice> device = devices.Get(i);
        auto control = device->GetNode()->GetObject<TrafficControlLayer>();
        if (control && control->GetRootQueueDiscOnDevice(device))
        {
            TrafficControlHelper().Uninstall(device);
        }
    }
    return interfaces;
}

void
InstallBefore(Ptr<PointToPointNetDevice> device, Ptr<QueueDisc> discipline)
{
    auto interface = CreateObject<NetDeviceQueueInterface>();
    interface->GetTxQueue(0)->ConnectQueueTraces(device->GetQueue());
    device->AggregateObject(interface);
    device->GetNode()->GetObject<TrafficControlLayer>()->SetRootQueueDiscOnDevice(device,
                                                                                  discipline);
}

} // namespace ns3::kan

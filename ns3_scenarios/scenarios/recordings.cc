// SPDX-License-Identifier: GPL-2.0-only
#include "recordings.h"

#include "arguments.h"

#include "network/animation.h"

#include <ns3/flow-monitor-helper.h>
#include <ns3/flow-monitor.h>
#include <ns3/node-container.h>
#include <ns3/point-to-point-helper.h>

#include <fstream>
#include <stdexcept>

namespace ns3
{

namespace
{

/**
 * ns-3 itself ends the program without a word on a file that it cannot write.
 * @param file to be written
 * @param argument that asked for it
 */
void
RequireWritable(const std::string& file, const std::string& argument)
{
    if (!std::ofstream(file))
    {
        throw std::runtime_error("cannot write " + file + ": give --" + argument +
                                 " a file in an existing, writable folder");
    }
}

} // namespace

void
RecordingParameters::AddTo(Arguments& arguments)
{
    arguments.AddText(
        "pcap", "Write the packets of each link to PREFIX-LINK.pcap, with this prefix", pcap);
    arguments.AddText("netanim", "XML file to write for NetAnim", netanim);
    arguments.AddText(
        "flowMonitor", "XML file to write with the statistics of FlowMonitor", flowMonitor);
}

Recordings::Recordings(const RecordingParameters& parameters, const RecordedParts& parts)
    : m_parameters(parameters)
{
    if (!parameters.pcap.empty())
    {
        PointToPointHelper helper;
        for (const RecordedDevice& recorded : parts.devices)
        {
            const std::string file = parameters.pcap + "-" + recorded.name + ".pcap";
            RequireWritable(file, "pcap");
            helper.EnablePcap(file, recorded.device, false, true);
        }
    }
    if (!parameters.flowMonitor.empty())
    {
        RequireWritable(parameters.flowMonitor, "flowMonitor");
        NodeContainer nodes;
        for (const RecordedNode& recorded : parts.nodes)
        {
            nodes.Add(recorded.node);
        }
        m_flowMonitorHelper = std::make_unique<FlowMonitorHelper>();
        m_flowMonitor = m_flowMonitorHelper->Install(nodes);
    }
    if (!parameters.netanim.empty())
    {
        RequireWritable(parameters.netanim, "netanim");
        m_animation = std::make_unique<Animation>(parameters.netanim, parts.nodes);
    }
}

Recordings::~Recordings() = default;

void
Recordings::Finish()
{
    m_animation.reset();
    if (m_flowMonitor)
    {
        m_flowMonitor->SerializeToXmlFile(m_parameters.flowMonitor, true, true);
    }
}

} // namespace ns3

// SPDX-License-Identifier: GPL-2.0-only
#include "recordings.h"

#include "arguments.h"

#include "network/animation.h"
#include "network/output-file.h"

#include <ns3/flow-monitor-helper.h>
#include <ns3/flow-monitor.h>
#include <ns3/node-container.h>
#include <ns3/point-to-point-helper.h>

#include <fstream>
#include <stdexcept>

namespace ns3::kan
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

/**
 * ns-3 does not tell whether it could write all of an animation.
 * @param file what has been written
 * @param end how it ends if it is whole
 * @return whether it does
 */
bool
EndsWith(const std::string& file, const std::string& end)
{
    std::ifstream stream(file, std::ios::binary);
    stream.seekg(-static_cast<std::streamoff>(end.size()), std::ios::end);
    std::string last(end.size(), ' ');
    return stream.read(last.data(), last.size()) && last == end;
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
        m_statistics = std::make_unique<OutputFile>(parameters.flowMonitor, "flowMonitor");
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
        m_movie = std::make_unique<OutputFile>(parameters.netanim, "netanim");
        m_animation = std::make_unique<Animation>(m_movie->GetPart(), parts.nodes);
    }
}

Recordings::~Recordings() = default;

void
Recordings::Finish()
{
    if (m_animation)
    {
        m_animation.reset();
        m_movie->Finish(!m_movie->IsRegular() || EndsWith(m_movie->GetPart(), "</anim>\n"));
    }
    if (m_flowMonitor)
    {
        std::ofstream file(m_statistics->GetPart());
        m_flowMonitor->SerializeToXmlStream(file, 0, true, true);
        file.close();
        m_statistics->Finish(file.good());
    }
}

} // namespace ns3::kan

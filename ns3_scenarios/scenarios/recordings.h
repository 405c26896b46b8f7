// SPDX-License-Identifier: GPL-2.0-only
#ifndef NS3KAN_RECORDINGS_H
#define NS3KAN_RECORDINGS_H

#include "ns3/recorded-parts.h"

#include <memory>
#include <string>

namespace ns3
{
class FlowMonitor;
class FlowMonitorHelper;
} // namespace ns3

namespace ns3::kan
{

class Animation;
class Arguments;
class OutputFile;

/// Which files in ns-3's own formats a scenario is asked for.
struct RecordingParameters
{
    std::string pcap;        //!< what the names of pcap files begin with; empty for none
    std::string netanim;     //!< file for NetAnim; empty for none
    std::string flowMonitor; //!< file for FlowMonitor's statistics; empty for none

    /**
     * Let the command line set all of these.
     * @param arguments the command line
     */
    void AddTo(Arguments& arguments);
};

/// Writes the files that were asked for, of one run. Each episode replaces those before.
class Recordings
{
  public:
    /**
     * Start to record; the network must have been built, and the simulation must not run yet.
     * @param parameters what to write
     * @param parts what there is to record
     * @throws std::runtime_error if a file cannot be written
     */
    Recordings(const RecordingParameters& parameters, const RecordedParts& parts);
    ~Recordings();
    Recordings(const Recordings&) = delete;
    Recordings& operator=(const Recordings&) = delete;

    /**
     * Complete the files, once the simulation has run and before it is destroyed.
     * @throws std::runtime_error if not all of one could be written
     */
    void Finish();

  private:
    std::unique_ptr<OutputFile> m_statistics; //!< of FlowMonitor
    std::unique_ptr<OutputFile> m_movie;      //!< of NetAnim
    std::unique_ptr<FlowMonitorHelper> m_flowMonitorHelper;
    Ptr<FlowMonitor> m_flowMonitor;
    std::unique_ptr<Animation> m_animation;
};

} // namespace ns3::kan

#endif // NS3KAN_RECORDINGS_H

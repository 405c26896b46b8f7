// SPDX-License-Identifier: GPL-2.0-only
#ifndef NS3KAN_PATH_PROBER_H
#define NS3KAN_PATH_PROBER_H

#include "path-monitor.h"
#include "probe-header.h"

#include <ns3/application.h>
#include <ns3/data-rate.h>
#include <ns3/event-id.h>
#include <ns3/ipv4-address.h>
#include <ns3/nstime.h>
#include <ns3/socket.h>

#include <cstdint>
#include <map>
#include <vector>

namespace ns3::kan
{

/**
 * Measures a path as the router at its near end can: by what it puts on the path itself, and by the
 * answers of a ProbeReflector at the other end, which take their time to come back and may be lost.
 *
 *  - **Delay**: one-way, mean over the packets that the answers of the interval newly count.
 *  - **Loss**: of the packets that were put on the path before the newest answered probe, and were
 *    not counted before, the share that has not come. Probes that have had no answer for longer
 * than one can take, nor any later one, have been lost with all packets before them; where
 * everything was lost, the delay is the longest that there can be.
 *  - **Utilisation**: the link is busy with this router's packets for the time that these take,
 *    which the router knows. In the rest of the time others may keep it busy: the probes that are
 *    sent then tell, since those that wait take longer than the fastest probe so far. Probes see
 *    time averages (R. Wolff, "Poisson arrivals see time averages", 1982; of other probes than
 *    Poisson F. Baccelli et al., "The role of PASTA in network measurement", 2006).
 *
 * What an interval says nothing of keeps its last value.
 */
class PathProber : public Application
{
  public:
    /// @return the TypeId
    static TypeId GetTypeId();

    /**
     * @param remote address at the far end, on the path
     * @param rate of the path
     * @param delay of propagation
     * @param longest delay that a packet can have
     */
    void Configure(Ipv4Address remote, DataRate rate, Time delay, Time longest);
    /**
     * A packet is put on the path by this router.
     * @param bytes its IP size
     */
    void Count(uint32_t bytes);
    /**
     * End the interval that has run since the last call, or since the start of the simulation.
     * @return what this router knows of it; the counters of flows stay zero
     */
    PathInterval CloseInterval();

    /// Bytes of a probe and of its answer with their IPv4 and UDP headers.
    static constexpr uint32_t PROBE_SIZE = 64;

  protected:
    void DoDispose() override;

  private:
    /// A probe whose answer has not come.
    struct Outstanding
    {
        Time sent;
        uint32_t offered; //!< packets that had been put on the path, this one included
        bool isAlone;     //!< whether all packets of this router before it had left
    };

    /// A probe that has been answered in this interval.
    struct Answered
    {
        Time delay;
        bool isAlone;
    };

    void StartApplication() override;
    void StopApplication() override;
    void Probe();
    void Receive(Ptr<Socket> socket);
    /// @param bytes on the wire that are put on the path
    void Occupy(uint32_t bytes);
    /// Take the newest answer's counters into delay and loss, or what is overdue into loss.
    void Judge();
    /**
     * @param length of the interval [s]
     * @return share of it in which the path was busy
     */
    double GetUtilisation(double length);

    Ipv4Address m_remote;
    DataRate m_rate;
    Time m_interval;
    Time m_longest; //!< delay of a packet that finds the queue full
    Ptr<Socket> m_socket;
    EventId m_next;
    uint32_t m_sequence{0};
    uint32_t m_offered{0}; //!< packets put on the path
    Time m_longestWait;
    Time m_free; //!< when all of them would have left if there were no others
    Time m_busy; //!< what those of this interval take of the link
    Time m_left; //!< what was left of those before when the interval began
    std::map<uint32_t, Outstanding> m_outstanding; //!< by sequence number
    std::vector<Answered> m_answered;
    Time m_fastest{Time::Max()}; //!< delay of the fastest probe so far
    double m_others{0};          //!< share of the time left by this router that others take
    ProbeHeader m_newest;        //!< answer to the latest probe that has one
    ProbeHeader m_judged;        //!< counters up to which delay and loss have been told
    Time m_intervalStart;
    PathInterval m_state;
};

} // namespace ns3::kan

#endif // NS3KAN_PATH_PROBER_H

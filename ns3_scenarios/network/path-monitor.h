// SPDX-License-Identifier: GPL-2.0-only
#ifndef NS3KAN_PATH_MONITOR_H
#define NS3KAN_PATH_MONITOR_H

#include "sending-time.h"

#include <ns3/nstime.h>
#include <ns3/object.h>
#include <ns3/packet.h>
#include <ns3/point-to-point-net-device.h>
#include <ns3/queue-disc.h>
#include <ns3/traced-callback.h>

#include <cstdint>

namespace ns3::kan
{

/// What a PathMonitor saw of the packets whose fate was decided in one interval.
struct PathInterval
{
    double delay{0};       //!< mean one-way delay of the delivered packets, queueing included [s];
                           //!< the longest possible if all were lost
    double loss{0};        //!< share of the packets that were lost, in the queue or on the link
    double utilisation{0}; //!< share of the interval in which the link was sending

    uint32_t flowDelivered{0}; //!< packets of balanced flows that were delivered
    uint32_t flowLost{0};      //!< packets of balanced flows that were lost
    double flowDelaySum{0};    //!< sum of the delays of the delivered ones [s]
};

/**
 * Measures one path in one direction from the packets that cross it: it stamps each packet as it
 * is handed to the sending device (or the queue discipline before it) and looks at the stamp where
 * the packet arrives or is dropped.
 *
 * In an interval without packets, delay and loss keep their last values: that is all a router
 * would know. In one whose packets were all lost, the delay is the longest that the path can have.
 */
class PathMonitor : public Object
{
  public:
    /// @return the TypeId
    static TypeId GetTypeId();

    /**
     * Start to measure.
     * @param sender device at the near end
     * @param receiver device at the far end
     * @param discipline queue discipline before the sending device, or null
     * @param longest delay of a packet on this path
     */
    void Install(Ptr<PointToPointNetDevice> sender,
                 Ptr<PointToPointNetDevice> receiver,
                 Ptr<QueueDisc> discipline,
                 Time longest);
    /**
     * End the interval that has run since the last call, or since the start of the simulation.
     * @return what was seen in it
     */
    PathInterval CloseInterval();

    /**
     * Signature of the trace source FlowPacketLost.
     * @param flow number of the balanced flow
     */
    typedef void (*FlowPacketLostCallback)(uint32_t flow);
    /**
     * Signature of the trace source IntervalClosed.
     * @param interval what was seen in it
     */
    typedef void (*IntervalClosedCallback)(const PathInterval& interval);

  private:
    void Enter(Ptr<const Packet> packet);
    void EnterQueue(Ptr<const QueueDiscItem> item);
    void LoseInQueue(Ptr<const QueueDiscItem> item);
    void Lose(Ptr<const Packet> packet);
    void Deliver(Ptr<const Packet> packet);

    SendingTime m_sending;
    double m_longest{0}; //!< [s]
    Time m_intervalStart;
    uint32_t m_delivered{0};
    uint32_t m_lost{0};
    double m_delaySum{0};
    PathInterval m_current;
    TracedCallback<uint32_t> m_flowPacketLost;
    TracedCallback<const PathInterval&> m_intervalClosed;
};

} // namespace ns3::kan

#endif // NS3KAN_PATH_MONITOR_H

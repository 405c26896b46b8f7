// SPDX-License-Identifier: GPL-2.0-only
#ifndef NS3KAN_LINK_TOTALS_H
#define NS3KAN_LINK_TOTALS_H

#include "interval-log.h"

#include <ns3/object.h>
#include <ns3/packet.h>
#include <ns3/point-to-point-net-device.h>
#include <ns3/queue-disc.h>

#include <cstdint>
#include <deque>
#include <vector>

namespace ns3::kan
{

/**
 * Counts what every point-to-point link of a simulation carries and drops, in each direction, from
 * Install to the end.
 */
class LinkTotals : public Object
{
  public:
    /// @return the TypeId
    static TypeId GetTypeId();

    /// Start to count on all links of all nodes that there are.
    void Install();
    /// @return what a row holds
    static std::vector<IntervalLog::Column> GetColumns();
    /// @return a row per link and direction, by the number of the sending node
    std::vector<std::vector<double>> GetRows() const;

  private:
    /// One direction of a link.
    struct Direction
    {
        uint32_t from; //!< number of the sending node
        uint32_t to;   //!< number of the receiving node
        double rate;   //!< when Install was called [bit/s]
        uint64_t bytes{0};
        uint64_t packets{0};
        uint64_t dropped{0};
    };

    static void Send(Direction* direction, Ptr<const Packet> packet);
    static void Drop(Direction* direction, Ptr<const Packet> packet);
    static void DropItem(Direction* direction, Ptr<const QueueDiscItem> item);

    std::deque<Direction> m_directions; //!< a deque: callbacks keep pointers to them
};

} // namespace ns3::kan

#endif // NS3KAN_LINK_TOTALS_H

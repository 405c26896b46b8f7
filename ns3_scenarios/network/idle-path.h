// SPDX-License-Identifier: GPL-2.0-only
#ifndef NS3KAN_IDLE_PATH_H
#define NS3KAN_IDLE_PATH_H

#include <cstdint>
#include <vector>

namespace ns3::kan
{

/**
 * A path of links that carries nothing but one TCP flow. It says how long the flow takes, from the
 * moment at which its sender opens the connection to the delivery of the last byte.
 *
 * That is arithmetic: a handshake of two packets, then segments that leave as the first link and
 * the window allow and cross each link one after the other. The window begins with some segments
 * and grows by one with each acknowledgement (slow start); every segment is acknowledged at once.
 */
class IdlePath
{
  public:
    /// One link of the path, the same both ways.
    struct Link
    {
        double rate;  //!< [bit/s]
        double delay; //!< propagation [s]
    };

    /**
     * @param links from sender to receiver
     * @param segment application bytes of a full segment
     * @param initialWindow how many segments may be sent before the first acknowledgement
     */
    IdlePath(std::vector<Link> links, uint32_t segment, uint32_t initialWindow);

    /**
     * @param bytes size of a flow, at least 1
     * @return how long it takes [s]
     */
    double GetCompletionTime(uint64_t bytes) const;

  private:
    /**
     * @param size of a packet on the wire [byte]
     * @return how long it takes over the idle path, queueing nowhere [s]
     */
    double GetCrossingTime(uint32_t size) const;

    std::vector<Link> m_links;
    uint32_t m_segment;
    uint32_t m_initialWindow;
};

} // namespace ns3::kan

#endif // NS3KAN_IDLE_PATH_H

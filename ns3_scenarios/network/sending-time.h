// SPDX-License-Identifier: GPL-2.0-only
#ifndef NS3KAN_SENDING_TIME_H
#define NS3KAN_SENDING_TIME_H

#include <ns3/attribute.h>
#include <ns3/packet.h>
#include <ns3/point-to-point-net-device.h>

#include <cstdint>

namespace ns3::kan
{

/// The rate that a device has at present, cheap enough to ask for with each packet.
class PresentRate
{
  public:
    PresentRate() = default;
    /// @param device whose rate is asked for
    explicit PresentRate(Ptr<PointToPointNetDevice> device);
    /// @return the rate [bit/s]
    double Get() const;

  private:
    Ptr<PointToPointNetDevice> m_device;
    Ptr<const AttributeAccessor> m_accessor; //!< found by name once, not with each packet
};

/**
 * For which part of its time a device sends. A packet counts in full in the interval in which its
 * transmission begins, at the rate that the device has then.
 */
class SendingTime
{
  public:
    /**
     * Start to measure; this object must not move from then on.
     * @param device whose transmissions count
     */
    void Install(Ptr<PointToPointNetDevice> device);
    /// @return bytes that were sent since the last call of Close
    uint64_t GetBytes() const;
    /**
     * End the interval that has run since the last call.
     * @param length of the interval [s]
     * @return the part of it in which the device was sending, from 0 to 1; 0 if it has no length
     */
    double Close(double length);

  private:
    void Send(Ptr<const Packet> packet);

    PresentRate m_present;
    double m_rate{0};    //!< at the last packet [bit/s]
    uint64_t m_bytes{0}; //!< sent at this rate
    uint64_t m_earlierBytes{0};
    double m_earlier{0}; //!< time of sending at other rates in the same interval [s]
};

} // namespace ns3::kan

#endif // NS3KAN_SENDING_TIME_H

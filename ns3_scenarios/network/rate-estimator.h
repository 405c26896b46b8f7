// SPDX-License-Identifier: GPL-2.0-only
#ifndef NS3KAN_RATE_ESTIMATOR_H
#define NS3KAN_RATE_ESTIMATOR_H

#include "sending-time.h"

#include <ns3/nstime.h>
#include <ns3/object.h>
#include <ns3/packet.h>
#include <ns3/point-to-point-net-device.h>

#include <cstdint>

namespace ns3::kan
{

/**
 * Measures the utilisation of a link by a register that grows with each byte sent and decays with
 * a time constant, in steps too small to see: the discounting rate estimator of M. Alizadeh et
 * al., "CONGA: distributed congestion-aware load balancing for datacenters", SIGCOMM 2014, 3.2.
 */
class RateEstimator : public Object
{
  public:
    /// Greatest value of GetCongestion: three bits, as CONGA has.
    static constexpr uint8_t MOST = 7;

    /// @return the TypeId
    static TypeId GetTypeId();

    /**
     * Start to measure.
     * @param device the device at the sending end of the link
     */
    void Install(Ptr<PointToPointNetDevice> device);
    /// @return utilisation of the link of late, from 0 to about 1
    double GetUtilisation() const;
    /// @return the same in steps, from 0 for idle to MOST
    uint8_t GetCongestion() const;

  private:
    void Send(Ptr<const Packet> packet);
    /// @return the register as it has decayed by now [byte]
    double GetRegister() const;

    PresentRate m_rate;
    Time m_timeConstant;
    double m_register{0}; //!< at m_updated [byte]
    Time m_updated;
};

} // namespace ns3::kan

#endif // NS3KAN_RATE_ESTIMATOR_H

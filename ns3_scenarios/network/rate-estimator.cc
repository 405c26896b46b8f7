// SPDX-License-Identifier: GPL-2.0-only
#include "rate-estimator.h"

#include <ns3/simulator.h>

#include <algorithm>
#include <cmath>

namespace ns3::kan
{

NS_OBJECT_ENSURE_REGISTERED(RateEstimator);

TypeId
RateEstimator::GetTypeId()
{
    static TypeId tid = TypeId("ns3::RateEstimator")
                            .SetParent<Object>()
                            .SetGroupName("Ns3kan")
                            .AddConstructor<RateEstimator>()
                            .AddAttribute("TimeConstant",
                                          "In this time the register decays by a factor of e",
                                          TimeValue(MicroSeconds(160)),
                                          MakeTimeAccessor(&RateEstimator::m_timeConstant),
                                          MakeTimeChecker(NanoSeconds(1)));
    return tid;
}

void
RateEstimator::Install(Ptr<PointToPointNetDevice> device)
{
    m_rate = PresentRate(device);
    device->TraceConnectWithoutContext("PhyTxBegin", MakeCallback(&RateEstimator::Send, this));
}

void
RateEstimator::Send(Ptr<const Packet> packet)
{
    m_register = GetRegister() + packet->GetSize();
    m_updated = Simulator::Now();
}

double
RateEstimator::GetRegister() const
{
    return m_register *
           std::exp(-(Simulator::Now() - m_updated).GetSeconds() / m_timeConstant.GetSeconds());
}

double
RateEstimator::GetUtilisation() const
{
    // Asked for each time, since a link may be degraded in the middle of a run.
    return 8 * GetRegister() / (m_timeConstant.GetSeconds() * m_rate.Get());
}

uint8_t
RateEstimator::GetCongestion() const
{
    return static_cast<uint8_t>(std::lround(std::min(1.0, GetUtilisation()) * MOST));
}

} // namespace ns3::kan

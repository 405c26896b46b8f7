// SPDX-License-Identifier: GPL-2.0-only
#include "sending-time.h"

#include <ns3/data-rate.h>

#include <algorithm>

namespace ns3::kan
{

PresentRate::PresentRate(Ptr<PointToPointNetDevice> device)
    : m_device(device)
{
    TypeId::AttributeInformation attribute;
    device->GetInstanceTypeId().LookupAttributeByName("DataRate", &attribute);
    m_accessor = attribute.accessor;
}

double
PresentRate::Get() const
{
    DataRateValue rate;
    m_accessor->Get(PeekPointer(m_device), rate);
    return static_cast<double>(rate.Get().GetBitRate());
}

void
SendingTime::Install(Ptr<PointToPointNetDevice> device)
{
    m_present = PresentRate(device);
    m_rate = m_present.Get();
    device->TraceConnectWithoutContext("PhyTxBegin", MakeCallback(&SendingTime::Send, this));
}

void
SendingTime::Send(Ptr<const Packet> packet)
{
    const double rate = m_present.Get();
    if (rate != m_rate)
    {
        m_earlier += 8.0 * static_cast<double>(m_bytes) / m_rate;
        m_earlierBytes += m_bytes;
        m_bytes = 0;
        m_rate = rate;
    }
    m_bytes += packet->GetSize();
}

uint64_t
SendingTime::GetBytes() const
{
    return m_earlierBytes + m_bytes;
}

double
SendingTime::Close(double length)
{
    double share = 0;
    if (length > 0)
    {
        const double present = 8.0 * static_cast<double>(m_bytes) / (m_rate * length);
        share = std::min(1.0, m_earlier / length + present);
    }
    m_bytes = 0;
    m_earlierBytes = 0;
    m_earlier = 0;
    return share;
}

} // namespace ns3::kan

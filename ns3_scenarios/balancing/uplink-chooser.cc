// SPDX-License-Identifier: GPL-2.0-only
#include "uplink-chooser.h"

#include <ns3/queue.h>

#include <limits>
#include <numeric>

namespace ns3::kan
{

NS_OBJECT_ENSURE_REGISTERED(UplinkChooser);

TypeId
UplinkChooser::GetTypeId()
{
    static TypeId tid = TypeId("ns3::UplinkChooser").SetParent<Object>().SetGroupName("Ns3kan");
    return tid;
}

bool
UplinkChooser::IsFixedByFlow() const
{
    return false;
}

void
UplinkChooser::Depart(FabricTag&, uint32_t)
{
}

void
UplinkChooser::Arrive(const FabricTag&)
{
}

int64_t
UplinkChooser::AssignStreams(int64_t)
{
    return 0;
}

uint32_t
FindPart(const std::vector<double>& weights, double point)
{
    const double sum = std::accumulate(weights.begin(), weights.end(), 0.0);
    if (sum <= 0)
    {
        return static_cast<uint32_t>(point * static_cast<double>(weights.size()));
    }
    double left = point * sum;
    uint32_t last = 0;
    for (uint32_t part = 0; part < weights.size(); ++part)
    {
        if (weights[part] > 0)
        {
            last = part;
            left -= weights[part];
            if (left < 0)
            {
                return part;
            }
        }
    }
    return last; // the sum fell short by rounding
}

HashChooser::HashChooser(bool weighted)
    : m_weighted(weighted)
{
}

uint32_t
HashChooser::Choose(const Placement& placement, const std::vector<Uplink>& usable)
{
    std::vector<double> weights;
    for (const Uplink& uplink : usable)
    {
        weights.push_back(m_weighted ? uplink.capacity : 1);
    }
    return FindPart(weights, placement.tuple.GetPoint(m_salt));
}

bool
HashChooser::IsFixedByFlow() const
{
    return true;
}

int64_t
HashChooser::AssignStreams(int64_t stream)
{
    auto draw = CreateObject<UniformRandomVariable>();
    draw->SetStream(stream);
    m_salt = draw->GetInteger(0, std::numeric_limits<uint32_t>::max());
    return 1;
}

void
WeightChooser::SetWeights(const std::vector<double>& weights)
{
    m_weights = weights;
}

uint32_t
WeightChooser::Choose(const Placement&, const std::vector<Uplink>& usable)
{
    std::vector<double> weights;
    for (const Uplink& uplink : usable)
    {
        weights.push_back(m_weights.empty() ? 1 : m_weights.at(uplink.number));
    }
    return FindPart(weights, m_draw->GetValue());
}

int64_t
WeightChooser::AssignStreams(int64_t stream)
{
    m_draw->SetStream(stream);
    return 1;
}

QueueChooser::QueueChooser(Ptr<QueueController> controller)
    : m_controller(controller)
{
}

uint32_t
QueueChooser::Choose(const Placement&, const std::vector<Uplink>& usable)
{
    constexpr double TIE = 1e-6; // less than the difference between any two whole numbers
    QueueState state;
    for (const Uplink& uplink : usable)
    {
        state.lengths.push_back(uplink.device->GetQueue()->GetNPackets() +
                                TIE * m_draw->GetValue());
        state.serviceRates.push_back(uplink.capacity);
    }
    return m_controller->Decide(state);
}

int64_t
QueueChooser::AssignStreams(int64_t stream)
{
    m_draw->SetStream(stream);
    return 1 + m_controller->AssignStreams(stream + 1);
}

} // namespace ns3::kan

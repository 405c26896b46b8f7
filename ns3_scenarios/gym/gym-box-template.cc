// SPDX-License-Identifier: GPL-2.0-only
#include "gym-box-template.h"

#include "gym-messages.h"

#include <cstring>

namespace ns3::kan
{

GymBoxTemplate::GymBoxTemplate(const GymSpace& space)
{
    const auto* box = std::get_if<GymSpace::Box>(&space.Get());
    if (!box || (box->dtype != GymDtype::FLOAT && box->dtype != GymDtype::DOUBLE))
    {
        return;
    }
    std::size_t count = 1;
    for (const auto extent : box->shape)
    {
        count *= extent;
    }
    m_zeros.shape = box->shape;
    if (box->dtype == GymDtype::FLOAT)
    {
        m_zeros.data = std::vector<float>(count);
        m_bytes = count * sizeof(float);
    }
    else
    {
        m_zeros.data = std::vector<double>(count);
        m_bytes = count * sizeof(double);
    }
    if (m_bytes > 0)
    {
        // In states and in actions the value is field 1.
        ns3kan::wire::EnvActMsg message;
        *message.mutable_actdata() = ToMessage(GymContainer(m_zeros));
        m_prefix = message.SerializeAsString();
        m_prefix.resize(m_prefix.size() - m_bytes);
    }
}

bool
GymBoxTemplate::Append(const GymContainer& value, std::string& message) const
{
    const auto* box = std::get_if<GymContainer::Box>(&value.Get());
    if (m_prefix.empty() || !box || box->data.index() != m_zeros.data.index() ||
        box->shape != m_zeros.shape)
    {
        return false;
    }
    return std::visit(
        [&](const auto& numbers)
        {
            if (numbers.size() * sizeof(numbers[0]) != m_bytes)
            {
                return false;
            }
            message.append(m_prefix);
            message.append(reinterpret_cast<const char*>(numbers.data()), m_bytes);
            return true;
        },
        box->data);
}

std::optional<GymContainer>
GymBoxTemplate::Read(std::string_view message) const
{
    if (m_prefix.empty() || message.size() != m_prefix.size() + m_bytes ||
        message.compare(0, m_prefix.size(), m_prefix) != 0)
    {
        return std::nullopt;
    }
    GymContainer::Box box = m_zeros;
    std::visit([&](auto& numbers)
               { std::memcpy(numbers.data(), message.data() + m_prefix.size(), m_bytes); },
               box.data);
    return GymContainer(std::move(box));
}

} // namespace ns3::kan

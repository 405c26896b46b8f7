// SPDX-License-Identifier: MIT
#include "queue-policies.h"

#include <bit>

namespace ns3kan
{

void
Tanh(float* values, size_t size)
{
    for (size_t i = 0; i < size; i++)
    {
        const float value = values[i];
        const float magnitude = std::fabs(value);
        // tanh |x| = (1 − e) / (1 + e) with e = exp(−2 |x|) = 2^z; beyond 10 it is 1.
        const float z = (magnitude < 10.0F ? magnitude : 10.0F) * -2.885390081777927F;
        // Adding 1.5 · 2^23 rounds to a whole number, which stands in the lowest bits.
        constexpr float ROUND = 12582912.0F;
        const float rounded = z + ROUND;
        const float rest = (z - (rounded - ROUND)) * 0.693147180559945F;
        // The series of exp on ±ln(2) / 2; what it leaves out is below 2e-7 of it.
        float power = 1.0F / 720;
        power = power * rest + 1.0F / 120;
        power = power * rest + 1.0F / 24;
        power = power * rest + 1.0F / 6;
        power = power * rest + 0.5F;
        power = power * rest + 1.0F;
        power = power * rest + 1.0F;
        const uint32_t exponent = std::bit_cast<uint32_t>(rounded) << 23;
        const float e = std::bit_cast<float>(std::bit_cast<uint32_t>(power) + exponent);
        values[i] = std::copysign((1.0F - e) / (1.0F + e), value);
    }
}

NetworkPolicy::NetworkPolicy(size_t queues,
                             const std::array<Scale, 2>& scales,
                             const float* constants,
                             size_t numConstants)
    : m_numQueues(queues)
    , m_scales(scales)
    , m_constants(constants)
    , m_numConstants(numConstants)
{
    for (size_t feature = 0; feature < 2; feature++)
    {
        const auto [high, offset] = scales[feature];
        m_factors[feature] = 2 / (offset > 0 ? std::log1p(high / offset) : high);
        for (size_t value = 0; value < SCALED; value++)
        {
            m_scaled[feature].push_back(Scaled(feature, static_cast<int64_t>(value)));
        }
    }
}

void
NetworkPolicy::AddLayer(const float* weight, const float* bias, size_t outputs, size_t inputs)
{
    Layer layer{std::vector<float>(inputs * outputs), {bias, bias + outputs}};
    for (size_t o = 0; o < outputs; o++)
    {
        for (size_t i = 0; i < inputs; i++)
        {
            layer.columns[i * outputs + o] = weight[o * inputs + i];
        }
    }
    m_layers.push_back(std::move(layer));
}

float
NetworkPolicy::Scaled(size_t feature, int64_t value) const
{
    const double offset = m_scales[feature].offset;
    const auto x = static_cast<double>(value);
    return static_cast<float>((offset > 0 ? std::log1p(x / offset) : x) * m_factors[feature] - 1);
}

std::vector<float>&
NetworkPolicy::operator()(size_t lane, const int64_t* queues, const int64_t* capacities)
{
    m_input.clear();
    const float* constants = m_constants + lane * m_numQueues * m_numConstants;
    for (size_t k = 0; k < m_numQueues; k++)
    {
        const std::array<int64_t, 2> state{queues[k], capacities[k]};
        for (size_t feature = 0; feature < 2; feature++)
        {
            const auto value = static_cast<size_t>(state[feature]);
            m_input.push_back(value < SCALED ? m_scaled[feature][value]
                                             : Scaled(feature, state[feature]));
        }
        m_input.insert(m_input.end(), constants, constants + m_numConstants);
        constants += m_numConstants;
    }
    for (size_t i = 0; i < m_layers.size(); i++)
    {
        const Layer& layer = m_layers[i];
        m_output = layer.bias;
        float* output = m_output.data();
        const size_t outputs = m_output.size();
        const float* column = layer.columns.data();
        size_t from = 0;
        // Four inputs at once, so that each output is loaded and stored a fourth as often.
        for (; from + 4 <= m_input.size(); from += 4, column += 4 * outputs)
        {
            const float x0 = m_input[from];
            const float x1 = m_input[from + 1];
            const float x2 = m_input[from + 2];
            const float x3 = m_input[from + 3];
            for (size_t o = 0; o < outputs; o++)
            {
                output[o] += (x0 * column[o] + x1 * column[outputs + o]) +
                             (x2 * column[2 * outputs + o] + x3 * column[3 * outputs + o]);
            }
        }
        for (; from < m_input.size(); from++, column += outputs)
        {
            for (size_t o = 0; o < outputs; o++)
            {
                output[o] += m_input[from] * column[o];
            }
        }
        if (i + 1 < m_layers.size())
        {
            Tanh(output, outputs);
            m_input.swap(m_output);
        }
    }
    return m_output;
}

} // namespace ns3kan

// SPDX-License-Identifier: MIT
#ifndef NS3KAN_QUEUE_POLICIES_H
#define NS3KAN_QUEUE_POLICIES_H

#include "sfc64.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

namespace ns3kan
{

/// How values of the queues become a choice.
enum class ChoiceRule
{
    GREATEST_LOWEST, //!< the greatest; of equal ones the lowest index
    GREATEST_RANDOM, //!< the greatest; of equal ones any, with equal chances
    SAMPLE,          //!< with probabilities proportional to the exponentials of the values
};

/// Choose one of some values. Randomness is drawn only where it is needed.
/// \param[in,out] values overwritten when sampling
template <class T>
size_t
Choose(std::vector<T>& values, ChoiceRule rule, Sfc64& stream)
{
    const T best = *std::max_element(values.begin(), values.end());
    if (rule == ChoiceRule::SAMPLE)
    {
        T sum = 0;
        for (auto& value : values)
        {
            sum += std::exp(value - best);
            value = sum;
        }
        // Rounding may bring the product up to the sum.
        const double point = stream.Uniform() * static_cast<double>(sum);
        size_t k = 0;
        while (k + 1 < values.size() && static_cast<double>(values[k]) <= point)
        {
            k++;
        }
        return k;
    }
    uint32_t equal = 0;
    size_t first = 0;
    for (size_t k = values.size(); k-- > 0;)
    {
        const bool isBest = values[k] == best;
        equal += isBest;
        first = isBest ? k : first;
    }
    if (equal <= 1 || rule == ChoiceRule::GREATEST_LOWEST)
    {
        return first;
    }
    for (uint32_t skip = stream.Below(equal); skip > 0; skip--)
    {
        first = static_cast<size_t>(
            std::find(values.begin() + static_cast<ptrdiff_t>(first) + 1, values.end(), best) -
            values.begin());
    }
    return first;
}

/// Values of queues from tables over queue length and capacity.
template <class T>
class IndexPolicy
{
  public:
    /// \param values shape (tables, lengths, capacities)
    /// \param lengths number of queue lengths, from 0
    /// \param capacities number of capacities, from 0; every capacity is below it
    /// \param rows table of each queue of each lane
    /// \param queues K
    IndexPolicy(
        const T* values, size_t lengths, size_t capacities, const int32_t* rows, size_t queues)
        : m_table(values)
        , m_lengths(lengths)
        , m_capacities(capacities)
        , m_rows(rows)
        , m_values(queues)
    {
    }

    /// Queue lengths must be below it.
    int64_t Limit() const
    {
        return static_cast<int64_t>(m_lengths);
    }

    std::vector<T>& operator()(size_t lane, const int64_t* queues, const int64_t* capacities)
    {
        const size_t numQueues = m_values.size();
        const int32_t* rows = m_rows + lane * numQueues;
        for (size_t k = 0; k < numQueues; k++)
        {
            const size_t row = static_cast<size_t>(rows[k]) * m_lengths;
            m_values[k] = m_table[(row + static_cast<size_t>(queues[k])) * m_capacities +
                                  static_cast<size_t>(capacities[k])];
        }
        return m_values;
    }

  private:
    const T* m_table;
    size_t m_lengths;
    size_t m_capacities;
    const int32_t* m_rows;
    std::vector<T> m_values;
};

/// tanh of each number, with an error below 3e-7. Made of what compilers do for several at once.
void Tanh(float* values, size_t size);

/// Values of queues from a perceptron over the features of all queues.
class NetworkPolicy
{
  public:
    /// Where a feature is 0 and 1 after scaling: log1p(x / offset) / log1p(high / offset), or
    /// x / high where the offset is 0.
    struct Scale
    {
        double high;
        double offset;
    };

    /// \param queues K
    /// \param scales of queue length and capacity
    /// \param constants further features, scaled, of each queue of each lane
    /// \param numConstants how many per queue
    NetworkPolicy(size_t queues,
                  const std::array<Scale, 2>& scales,
                  const float* constants,
                  size_t numConstants);

    /// Append a layer.
    /// \param weight shape (outputs, inputs)
    /// \param bias one for each output
    /// \param outputs how many
    /// \param inputs how many
    void AddLayer(const float* weight, const float* bias, size_t outputs, size_t inputs);

    /// Queue lengths must be below it.
    int64_t Limit() const
    {
        return std::numeric_limits<int32_t>::max();
    }

    std::vector<float>& operator()(size_t lane, const int64_t* queues, const int64_t* capacities);

  private:
    struct Layer
    {
        std::vector<float> columns; //!< shape (inputs, outputs)
        std::vector<float> bias;
    };

    /// Lengths and capacities below this are scaled beforehand.
    static constexpr size_t SCALED = 1024;

    float Scaled(size_t feature, int64_t value) const;

    size_t m_numQueues;
    std::array<Scale, 2> m_scales;
    std::array<double, 2> m_factors; //!< what brings a feature's logarithm or value to 0 to 2
    std::array<std::vector<float>, 2> m_scaled;
    const float* m_constants;
    size_t m_numConstants;
    std::vector<Layer> m_layers;
    std::vector<float> m_input;
    std::vector<float> m_output;
};

} // namespace ns3kan

#endif // NS3KAN_QUEUE_POLICIES_H

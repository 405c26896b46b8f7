// SPDX-License-Identifier: MIT
#ifndef NS3KAN_SFC64_H
#define NS3KAN_SFC64_H

#include <array>
#include <cstdint>

namespace ns3kan
{

/// Chris Doty-Humphrey's generator "small fast counting", 64 bits, as numpy.random.SFC64.
class Sfc64
{
  public:
    /// The three words of the state and the counter, in NumPy's order.
    using State = std::array<uint64_t, 4>;

    Sfc64() = default;

    explicit Sfc64(const State& state)
        : m_state(state)
    {
    }

    uint64_t operator()()
    {
        auto& [a, b, c, counter] = m_state;
        const uint64_t word = a + b + counter++;
        a = b ^ (b >> 11);
        b = c + (c << 3);
        c = (c << 24 | c >> 40) + word;
        return word;
    }

    /// A number from 0 to below bound, which is below 2^32; its bias is below bound / 2^32.
    uint32_t Below(uint32_t bound)
    {
        return static_cast<uint32_t>(((*this)() >> 32) * bound >> 32);
    }

    /// A number from 0 to below 1, a multiple of 2^-53.
    double Uniform()
    {
        return static_cast<double>((*this)() >> 11) * 0x1p-53;
    }

  private:
    State m_state{};
};

} // namespace ns3kan

#endif // NS3KAN_SFC64_H

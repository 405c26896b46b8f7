// SPDX-License-Identifier: GPL-2.0-only
#ifndef NS3KAN_COUNT_DISTRIBUTION_H
#define NS3KAN_COUNT_DISTRIBUTION_H

#include <cstdint>
#include <string>
#include <vector>

namespace ns3::kan
{

/**
 * A distribution of packet counts with a given mean.
 *
 *  - `poisson`: any count;
 *  - `bernoulli`: 0 or 1;
 *  - `binomial:N`: 0 to N;
 *  - `geometric`: any count, failures before the first success;
 *  - `deterministic`: always the mean, a whole number.
 *
 * Counts are drawn by inversion, one uniform number each. Infinite supports are cut where less
 * than 2⁻⁵² is left.
 */
class CountDistribution
{
  public:
    /// Greatest mean that is taken [packet].
    static constexpr double MAX_MEAN = 100;

    /**
     * @param law one of the above
     * @param mean its mean [packet], from 0 to MAX_MEAN
     * @throws std::invalid_argument if there is no such law or it cannot have this mean
     */
    CountDistribution(const std::string& law, double mean);

    /**
     * @param uniform a number drawn from [0, 1)
     * @return the count
     */
    uint32_t Draw(double uniform) const;
    /// @return the mean [packet]
    double GetMean() const;
    /// @return greatest value of the law, whatever its mean [packet]; infinite if there is none
    double GetLargest() const;

  private:
    double m_mean;
    double m_largest;
    uint32_t m_offset{0};             //!< least count
    std::vector<double> m_cumulative; //!< probability of at most the least count, one more, …
};

} // namespace ns3::kan

#endif // NS3KAN_COUNT_DISTRIBUTION_H

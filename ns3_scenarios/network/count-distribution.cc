// SPDX-License-Identifier: GPL-2.0-only
#include "count-distribution.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <regex>
#include <stdexcept>

namespace ns3::kan
{

namespace
{

constexpr double TAIL = 0x1p-52;
constexpr uint32_t MAX_TRIALS = 10000;

/**
 * @param probability of each count
 * @return the cumulative probabilities, cut at the tail
 */
template <typename Probability>
std::vector<double>
Accumulate(Probability probability)
{
    std::vector<double> cumulative;
    double sum = 0;
    for (uint32_t count = 0; sum < 1 - TAIL && count < 100000; ++count)
    {
        sum += probability(count);
        cumulative.push_back(sum);
    }
    return cumulative;
}

/**
 * @param trials how many
 * @param share of successes
 * @param count successes
 * @return their probability
 */
double
Binomial(uint32_t trials, double share, uint32_t count)
{
    if (count > trials)
    {
        return 0;
    }
    if (share <= 0 || share >= 1)
    {
        return count == (share <= 0 ? 0 : trials) ? 1 : 0;
    }
    return std::exp(std::lgamma(trials + 1.0) - std::lgamma(count + 1.0) -
                    std::lgamma(trials - count + 1.0) + count * std::log(share) +
                    (trials - count) * std::log1p(-share));
}

} // namespace

CountDistribution::CountDistribution(const std::string& law, double mean)
    : m_mean(mean)
    , m_largest(std::numeric_limits<double>::infinity())
{
    if (!(mean >= 0 && mean <= MAX_MEAN))
    {
        throw std::invalid_argument("a rate of " + std::to_string(mean) +
                                    " packets per slot is not between 0 and 100");
    }
    static const std::regex binomial(R"(binomial:(\d{1,5}))");
    std::smatch parts;
    uint32_t trials = law == "bernoulli" ? 1 : 0;
    if (std::regex_match(law, parts, binomial))
    {
        trials = static_cast<uint32_t>(std::stoul(parts[1]));
        if (trials < 1 || trials > MAX_TRIALS)
        {
            throw std::invalid_argument("\"" + law + "\" needs from 1 to 10000 trials");
        }
    }
    if (trials > 0)
    {
        if (mean > trials)
        {
            throw std::invalid_argument("a rate of " + std::to_string(mean) + " is more than the " +
                                        std::to_string(trials) + " that \"" + law +
                                        "\" can give in one slot");
        }
        m_largest = trials;
        m_cumulative = Accumulate([=](uint32_t k) { return Binomial(trials, mean / trials, k); });
    }
    else if (law == "poisson")
    {
        m_cumulative = Accumulate(
            [=](uint32_t k)
            { return mean > 0 ? std::exp(k * std::log(mean) - mean - std::lgamma(k + 1.0)) : 1; });
    }
    else if (law == "geometric")
    {
        const double failure = mean / (1 + mean);
        m_cumulative = Accumulate([=](uint32_t k) { return (1 - failure) * std::pow(failure, k); });
    }
    else if (law == "deterministic")
    {
        if (mean != std::floor(mean))
        {
            throw std::invalid_argument("a deterministic rate must be whole, not " +
                                        std::to_string(mean));
        }
        m_offset = static_cast<uint32_t>(mean);
        m_cumulative = {1};
    }
    else
    {
        throw std::invalid_argument("there is no distribution \"" + law +
                                    "\"; use poisson, bernoulli, binomial:TRIALS, geometric or "
                                    "deterministic");
    }
    // Rounding must leave no number undecided.
    m_cumulative.back() = 1;
}

uint32_t
CountDistribution::Draw(double uniform) const
{
    const auto found = std::upper_bound(m_cumulative.begin(), m_cumulative.end(), uniform);
    const auto place = std::min<std::ptrdiff_t>(
        found - m_cumulative.begin(), static_cast<std::ptrdiff_t>(m_cumulative.size()) - 1);
    return m_offset + static_cast<uint32_t>(place);
}

double
CountDistribution::GetMean() const
{
    return m_mean;
}

double
CountDistribution::GetLargest() const
{
    return m_largest;
}

} // namespace ns3::kan

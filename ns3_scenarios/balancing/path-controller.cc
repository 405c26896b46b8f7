// SPDX-License-Identifier: GPL-2.0-only
#include "path-controller.h"

#include "equation-controller.h"

#include "network/quantities.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <sstream>
#include <stdexcept>
#include <utility>

namespace ns3::kan
{

NS_OBJECT_ENSURE_REGISTERED(PathController);

TypeId
PathController::GetTypeId()
{
    static TypeId tid = TypeId("ns3::PathController").SetParent<Object>().SetGroupName("Ns3kan");
    return tid;
}

std::vector<std::string>
ControlledPaths::GetFeatureNames() const
{
    std::vector<std::string> features{"load", "load_delta"};
    for (const std::string& name : names)
    {
        features.insert(features.end(), {name + "_delay", name + "_loss", name + "_utilisation"});
    }
    return features;
}

std::vector<double>
ToShares(std::vector<double> weights)
{
    const double sum = std::accumulate(weights.begin(), weights.end(), 0.0);
    for (double& weight : weights)
    {
        weight = sum > 0 ? weight / sum : 1.0 / static_cast<double>(weights.size());
    }
    return weights;
}

namespace
{

/// A path carries up to this share of its rate before flows overflow to the next.
constexpr double OVERFLOW_TARGET = 0.9;

/**
 * @param shares of all paths but the last
 * @return shares of all paths
 */
std::vector<double>
AddLast(std::vector<double> shares)
{
    shares.push_back(std::max(0.0, 1 - std::accumulate(shares.begin(), shares.end(), 0.0)));
    return shares;
}

/**
 * @param rates of the paths
 * @return each rate's part of the sum, the last left out
 */
std::vector<double>
GetParts(const std::vector<double>& rates)
{
    const double total = std::accumulate(rates.begin(), rates.end(), 0.0);
    std::vector<double> parts;
    for (size_t path = 0; path + 1 < rates.size(); ++path)
    {
        parts.push_back(rates[path] / total);
    }
    return parts;
}

/// The same shares at every decision.
class ConstantController : public PathController
{
  public:
    /// @param shares one per path
    explicit ConstantController(std::vector<double> shares)
        : m_shares(std::move(shares))
    {
    }

    std::vector<double> Decide(const std::vector<double>&) override
    {
        return m_shares;
    }

  private:
    std::vector<double> m_shares;
};

/// Primary path with overflow.
class PrimaryController : public PathController
{
  public:
    /// @param rates of the paths
    explicit PrimaryController(const std::vector<double>& rates)
        : m_targets(GetParts(rates))
        , m_paths(rates.size())
    {
        for (double& target : m_targets)
        {
            target *= OVERFLOW_TARGET;
        }
    }

    std::vector<double> Decide(const std::vector<double>& features) override
    {
        const double load = features[0];
        double left = load;
        if (load <= 0)
        {
            std::vector<double> first(m_paths, 0);
            first.front() = 1;
            return first;
        }
        std::vector<double> shares(m_targets.size(), 0);
        for (size_t path = 0; path < m_targets.size() && left > 0; ++path)
        {
            const double taken = std::min(left, m_targets[path]);
            shares[path] = taken / load;
            left -= taken;
        }
        return AddLast(shares);
    }

  private:
    std::vector<double> m_targets; //!< load that each path but the last takes, of the total rate
    size_t m_paths;                //!< how many there are, the last included
};

/**
 * All new flows on the path on which one feature is lowest; the first path on a tie. A path that
 * loses everything is chosen only if all do.
 */
class LeastController : public PathController
{
  public:
    /// @param feature its place among those of one path
    explicit LeastController(uint32_t feature)
        : m_feature(feature)
    {
    }

    std::vector<double> Decide(const std::vector<double>& features) override
    {
        const size_t paths = (features.size() - ControlledPaths::COMMON) / ControlledPaths::EACH;
        const auto value = [&](size_t path)
        {
            const double* own = &features[ControlledPaths::COMMON + path * ControlledPaths::EACH];
            return std::pair(own[LOSS] >= 1, own[m_feature]);
        };
        size_t least = 0;
        for (size_t path = 1; path < paths; ++path)
        {
            least = value(path) < value(least) ? path : least;
        }
        std::vector<double> shares(paths, 0);
        shares[least] = 1;
        return shares;
    }

  private:
    static constexpr uint32_t LOSS = 1; //!< its place among the features of one path

    uint32_t m_feature;
};

/**
 * @param name the controller's name, which begins with "constant:"
 * @param paths how many paths there are
 * @return the shares that it gives
 */
std::vector<double>
ParseShares(const std::string& name, size_t paths)
{
    const std::string text = name.substr(name.find(':') + 1);
    const std::string example =
        paths == 1   ? "write constant:1, since there is one path"
        : paths == 2 ? "write for example constant:0.3"
                     : "write " + std::to_string(paths) + " shares with commas between";
    std::vector<double> shares;
    // A comma at the end is an empty share, which is none.
    std::istringstream parts(text + ",");
    for (std::string part; std::getline(parts, part, ',');)
    {
        const auto share = ParseNumber(part);
        if (!share || *share < 0 || *share > 1)
        {
            throw std::invalid_argument("the ratio \"" + part + "\" of controller \"" + name +
                                        "\" is not a number from 0 to 1; " + example);
        }
        shares.push_back(*share);
    }
    if (paths == 2 && shares.size() == 1)
    {
        return {1 - shares[0], shares[0]};
    }
    const double sum = std::accumulate(shares.begin(), shares.end(), 0.0);
    if (shares.size() != paths || std::abs(sum - 1) > 1e-6)
    {
        throw std::invalid_argument("the shares of controller \"" + name + "\" are not " +
                                    std::to_string(paths) + " that add up to 1; " + example);
    }
    return ToShares(shares);
}

/**
 * @param text any text
 * @param ending an ending
 * @return whether the text ends so
 */
bool
EndsWith(const std::string& text, const std::string& ending)
{
    return text.size() >= ending.size() &&
           text.compare(text.size() - ending.size(), ending.size(), ending) == 0;
}

} // namespace

Ptr<PathController>
MakePathController(const std::string& name, const ControlledPaths& paths)
{
    const size_t count = paths.names.size();
    if (EndsWith(name, ".json"))
    {
        return CreateObject<EquationController>(name, paths);
    }
    if (name == "equal")
    {
        return CreateObject<ConstantController>(ToShares(std::vector<double>(count, 1)));
    }
    if (name == "capacity")
    {
        return CreateObject<ConstantController>(AddLast(GetParts(paths.rates)));
    }
    if (name == "primary")
    {
        return CreateObject<PrimaryController>(paths.rates);
    }
    if (name == "least-delay")
    {
        return CreateObject<LeastController>(0);
    }
    if (name == "least-utilised")
    {
        return CreateObject<LeastController>(2);
    }
    if (name.rfind("constant:", 0) == 0)
    {
        return CreateObject<ConstantController>(ParseShares(name, count));
    }
    throw std::invalid_argument(
        "there is no controller \"" + name +
        "\"; use equal, capacity, primary, least-delay, least-utilised, constant:SHARE, gym, or "
        "the path of a controller.json");
}

} // namespace ns3::kan

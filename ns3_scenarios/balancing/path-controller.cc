// SPDX-License-Identifier: GPL-2.0-only
#include "path-controller.h"

#include "equation-controller.h"

#include <algorithm>
#include <stdexcept>

namespace ns3
{

NS_OBJECT_ENSURE_REGISTERED(PathController);

TypeId
PathController::GetTypeId()
{
    static TypeId tid = TypeId("ns3::PathController").SetParent<Object>().SetGroupName("Ns3kan");
    return tid;
}

namespace
{

/// The first path carries up to this share of its rate before flows overflow to the second.
constexpr double PRIMARY_TARGET = 0.9;

/// Places of the features, in the order that PathController documents.
enum Feature
{
    LOAD,
    LOAD_DELTA,
    PRIMARY_DELAY,
    PRIMARY_LOSS,
    PRIMARY_UTILISATION,
    SECONDARY_DELAY,
    SECONDARY_LOSS,
    SECONDARY_UTILISATION,
};

/// The same share at every decision.
class ConstantController : public PathController
{
  public:
    /// @param share share of the second path
    explicit ConstantController(double share)
        : m_share(share)
    {
    }

    double Decide(const std::vector<double>&) override
    {
        return m_share;
    }

  private:
    double m_share;
};

/// Primary path with overflow.
class PrimaryController : public PathController
{
  public:
    /// @param primaryShare the first path's part of the total rate
    explicit PrimaryController(double primaryShare)
        : m_target(PRIMARY_TARGET * primaryShare)
    {
    }

    double Decide(const std::vector<double>& features) override
    {
        const double load = features[LOAD];
        return load <= m_target ? 0 : 1 - m_target / load;
    }

  private:
    double m_target; //!< load that the first path takes, relative to the total rate
};

/// All new flows on the path on which one feature is lower; the first path on a tie.
class LeastController : public PathController
{
  public:
    /**
     * @param primary place of the first path's feature
     * @param secondary place of the second path's feature
     */
    LeastController(Feature primary, Feature secondary)
        : m_primary(primary)
        , m_secondary(secondary)
    {
    }

    double Decide(const std::vector<double>& features) override
    {
        return features[m_secondary] < features[m_primary] ? 1 : 0;
    }

  private:
    Feature m_primary;
    Feature m_secondary;
};

/**
 * @param name the controller's name, which begins with "constant:"
 * @return the share that it gives
 */
double
ParseShare(const std::string& name)
{
    const std::string text = name.substr(name.find(':') + 1);
    size_t used = 0;
    double share = -1;
    try
    {
        share = std::stod(text, &used);
    }
    catch (const std::logic_error&)
    {
        used = 0;
    }
    if (text.empty() || used != text.size() || !(share >= 0 && share <= 1))
    {
        throw std::invalid_argument(
            "the ratio \"" + text + "\" of controller \"" + name +
            "\" is not a number from 0 to 1; write for example constant:0.3");
    }
    return share;
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
MakePathController(const std::string& name, const PathScenario& scenario)
{
    const double primaryShare =
        scenario.primaryRate / (scenario.primaryRate + scenario.secondaryRate);
    if (EndsWith(name, ".json"))
    {
        return CreateObject<EquationController>(name, scenario.featureNames);
    }
    if (name == "equal")
    {
        return CreateObject<ConstantController>(0.5);
    }
    if (name == "capacity")
    {
        return CreateObject<ConstantController>(1 - primaryShare);
    }
    if (name == "primary")
    {
        return CreateObject<PrimaryController>(primaryShare);
    }
    if (name == "least-delay")
    {
        return CreateObject<LeastController>(PRIMARY_DELAY, SECONDARY_DELAY);
    }
    if (name == "least-utilised")
    {
        return CreateObject<LeastController>(PRIMARY_UTILISATION, SECONDARY_UTILISATION);
    }
    if (name.rfind("constant:", 0) == 0)
    {
        return CreateObject<ConstantController>(ParseShare(name));
    }
    throw std::invalid_argument(
        "there is no controller \"" + name +
        "\"; use equal, capacity, primary, least-delay, least-utilised, constant:SHARE, gym, or "
        "the path of a controller.json");
}

} // namespace ns3

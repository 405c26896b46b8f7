// SPDX-License-Identifier: GPL-2.0-only
/**
 * Two sites joined by a small clean path (mpls) and a larger, lossy one (internet) that other
 * traffic uses too. At each decision interval a controller sets the ratio: the probability with
 * which a new flow is placed on the internet path.
 */
#include "path-scenario.h"
#include "sdwan-parameters.h"

using namespace ns3;
using namespace ns3::kan;

namespace
{

/// Two paths, whose action is one number: the share of the second.
class SdWan : public PathScenario
{
  public:
    using PathScenario::PathScenario;

  protected:
    std::vector<GymComponent> GetActions() const override
    {
        return {{"ratio", "1", 0, 1}};
    }

    std::vector<double> FromAction(const std::vector<double>& action) const override
    {
        return {1 - action.at(0), action.at(0)};
    }

    std::vector<double> ToAction(const std::vector<double>& shares) const override
    {
        return {shares.at(1)};
    }
};

} // namespace

int
main(int argc, char* argv[])
{
    return RunPathScenario(
        "sdwan",
        [&] { return ReadSdWanArguments(argc, argv); },
        [](const PathScenarioParameters& parameters) { return CreateObject<SdWan>(parameters); });
}

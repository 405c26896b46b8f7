// SPDX-License-Identifier: GPL-2.0-only
#ifndef NS3KAN_PATH_CONTROLLER_H
#define NS3KAN_PATH_CONTROLLER_H

#include <ns3/object.h>

#include <cstdint>
#include <string>
#include <vector>

namespace ns3::kan
{

/// What the controllers need to know of the paths that they control.
struct ControlledPaths
{
    std::vector<std::string> names; //!< of the paths
    std::vector<double> rates;      //!< of the paths [bit/s]

    /// Features that come before those of the paths: load and load_delta.
    static constexpr uint32_t COMMON = 2;
    /// Features of each path: delay, loss and utilisation.
    static constexpr uint32_t EACH = 3;

    /// @return names of all features: load, load_delta, then NAME_delay, NAME_loss, … of each path
    std::vector<std::string> GetFeatureNames() const;
};

/**
 * Decides, at each decision interval, which share of the new flows takes which path. It sees
 * the features that ControlledPaths names.
 */
class PathController : public Object
{
  public:
    /// @return the TypeId
    static TypeId GetTypeId();

    /**
     * @param features the scenario's features at this decision
     * @return share of the new flows for each path; they add up to 1
     */
    virtual std::vector<double> Decide(const std::vector<double>& features) = 0;
};

/**
 * @param weights one per path, not negative
 * @return shares in this proportion, which add up to 1; equal ones if all weights are zero
 */
std::vector<double> ToShares(std::vector<double> weights);

/**
 * Make a controller by name.
 *
 *  - `equal`: the same share for each path (equal-cost multipath, as RFC 2992 hashes flows);
 *  - `capacity`: in proportion to the rates of the paths (weighted-cost multipath; J. Zhou et al.,
 *    "WCMP: weighted cost multipathing for improved fairness in data centers", 2014);
 *  - `primary`: the first path, up to 90 % of its rate; what is offered beyond overflows to the
 *    second, up to 90 % of its rate, and so on (overflow routing; A. Girard, 1990);
 *  - `least-delay`: all new flows on the path with the lowest measured delay, the first of equals
 *    (the rule of adaptive routing; A. Khanna and J. Zinky, "The revised ARPANET routing metric",
 *    1989);
 *  - `least-utilised`: all new flows on the path with the lowest measured utilisation, the first
 *    of equals (S. Kandula et al., "Walking the tightrope: responsive yet stable traffic
 *    engineering", 2005, moves traffic to it step by step);
 *  - `constant:SHARES`: always the same shares, with commas between; of two paths, the share of
 *    the second is enough;
 *  - anything that ends in `.json`: the equation of a controller artefact.
 *
 * @param name one of these
 * @param paths what it is to control
 * @return the controller
 * @throws std::invalid_argument if there is no such controller or the artefact does not fit;
 *         the message says what to do
 */
Ptr<PathController> MakePathController(const std::string& name, const ControlledPaths& paths);

} // namespace ns3::kan

#endif // NS3KAN_PATH_CONTROLLER_H

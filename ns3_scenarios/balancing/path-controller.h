// SPDX-License-Identifier: GPL-2.0-only
#ifndef NS3KAN_PATH_CONTROLLER_H
#define NS3KAN_PATH_CONTROLLER_H

#include <ns3/object.h>

#include <string>
#include <vector>

namespace ns3
{

/**
 * Decides from the features of two paths, at each decision interval, which share of the new flows
 * takes the second one.
 *
 * The features are those of the scenario: load, load_delta, then delay, loss and utilisation of
 * the first (primary) and of the second path.
 */
class PathController : public Object
{
  public:
    /// @return the TypeId
    static TypeId GetTypeId();

    /**
     * @param features the scenario's features at this decision
     * @return share of the new flows for the second path, in [0, 1]
     */
    virtual double Decide(const std::vector<double>& features) = 0;
};

/// What the controllers need to know of the scenario.
struct PathScenario
{
    std::vector<std::string> featureNames; //!< in the order in which the features are given
    double primaryRate{0};                 //!< rate of the first path [bit/s]
    double secondaryRate{0};               //!< rate of the second path [bit/s]
};

/**
 * Make a controller by name.
 *
 *  - `equal`: half of the flows on each path (equal-cost multipath);
 *  - `capacity`: in proportion to the rates of the paths (weighted-cost multipath);
 *  - `primary`: the first path, up to 90 % of its rate; what is offered beyond overflows;
 *  - `least-delay`: all new flows on the path with the lower measured delay;
 *  - `least-utilised`: all new flows on the path with the lower measured utilisation;
 *  - `constant:SHARE`: always the same share;
 *  - anything that ends in `.json`: the equation of a controller artefact.
 *
 * @param name one of these
 * @param scenario what it is to control
 * @return the controller
 * @throws std::invalid_argument if there is no such controller or the artefact does not fit;
 *         the message says what to do
 */
Ptr<PathController> MakePathController(const std::string& name, const PathScenario& scenario);

} // namespace ns3

#endif // NS3KAN_PATH_CONTROLLER_H

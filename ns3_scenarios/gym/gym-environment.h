// SPDX-License-Identifier: GPL-2.0-only
#ifndef NS3KAN_GYM_ENVIRONMENT_H
#define NS3KAN_GYM_ENVIRONMENT_H

#include "gym-container.h"
#include "gym-space.h"

#include "ns3/object.h"

#include <string>
#include <vector>

namespace ns3::kan
{

/** What one component of an observation or an action means. */
struct GymComponent
{
    std::string name; //!< a term of the field, such as internet_delay
    std::string unit; //!< SI unit, "1" for shares
    double low;       //!< least value, -infinity if there is none
    double high;      //!< greatest value, infinity if there is none
};

/** What an environment's numbers mean, told to Python in the first state. */
struct GymDescription
{
    std::vector<GymComponent> features; //!< one per number of the observation
    std::vector<GymComponent> actions;  //!< one per number of the action
};

/**
 * A simulation seen as a reinforcement learning environment.
 *
 * A scenario derives from this class and hands itself to GymInterface::Start.
 */
class GymEnvironment : public Object
{
  public:
    /**
     * Register this type.
     * @return the object TypeId
     */
    static TypeId GetTypeId();

    /**
     * Asked once, in GymInterface::Start.
     * @return what observations can be
     */
    virtual GymSpace GetObservationSpace() const = 0;

    /**
     * Asked once, in GymInterface::Start.
     * @return what actions can be
     */
    virtual GymSpace GetActionSpace() const = 0;

    /**
     * Names, units and bounds of the components. Without one, Python derives names.
     * @return the description, empty by default
     */
    virtual GymDescription GetDescription() const;

    /**
     * Asked once per step.
     * @return the present observation, a value of the observation space
     */
    virtual GymContainer GetObservation() = 0;

    /**
     * Asked once per step, after GetObservation.
     * @return the reward for the action before
     */
    virtual double GetReward() = 0;

    /**
     * Asked once per step, after GetReward.
     * @return whether the scenario's own end has come (not merely the end of simulated time)
     */
    virtual bool IsGameOver();

    /**
     * Asked once per step, last.
     * @return metrics of the step as the text of a JSON object, "{}" by default
     */
    virtual std::string GetExtraInfo();

    /**
     * Carries an action out.
     * @param action a value of the action space, in its declared shape and element type
     */
    virtual void ExecuteAction(const GymContainer& action) = 0;
};

} // namespace ns3::kan

#endif // NS3KAN_GYM_ENVIRONMENT_H

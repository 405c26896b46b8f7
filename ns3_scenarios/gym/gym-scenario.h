// SPDX-License-Identifier: GPL-2.0-only
#ifndef NS3KAN_GYM_SCENARIO_H
#define NS3KAN_GYM_SCENARIO_H

#include "gym-environment.h"

#include "ns3/command-line.h"
#include "ns3/nstime.h"
#include "ns3/ptr.h"

#include <functional>

namespace ns3::kan
{

/**
 * The main function of a scenario that Python controls, with a decision at regular intervals:
 *
 * @code
 * int main(int argc, char* argv[])
 * {
 *     CommandLine command;
 *     return RunGymScenario(command, argc, argv, MilliSeconds(100), Seconds(10), [] {
 *         return CreateObject<MyScenario>();
 *     });
 * }
 * @endcode
 *
 * With `--controller=FILE` a controller.json decides instead, and `--decisions=FILE` records it.
 *
 * @param command the command line, with what the scenario itself takes; port, seed, controller and
 *        decisions are added
 * @param argc as main got it
 * @param argv as main got it
 * @param interval between two decisions, the first of which comes after one interval
 * @param duration of an episode; no decision is taken at its end
 * @param make builds the simulation, once per episode
 * @return exit status
 */
int RunGymScenario(CommandLine& command,
                   int argc,
                   char* argv[],
                   Time interval,
                   Time duration,
                   const std::function<Ptr<GymEnvironment>()>& make);

} // namespace ns3::kan

#endif // NS3KAN_GYM_SCENARIO_H

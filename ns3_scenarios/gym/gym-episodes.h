// SPDX-License-Identifier: GPL-2.0-only
#ifndef NS3KAN_GYM_EPISODES_H
#define NS3KAN_GYM_EPISODES_H

#include "gym-interface.h"

#include "ns3/ptr.h"

#include <cstdint>
#include <functional>

namespace ns3::kan
{

/**
 * Runs a first episode and then, in the same process, as many as Python asks for. Each begins
 * as in a fresh process.
 *
 * @code
 * auto gym = CreateObject<GymInterface>(port);
 * RunGymEpisodes(gym, seed, [&](uint64_t episodeSeed) {
 *     RngSeedManager::SetRun(episodeSeed);
 *     …build, gym->Start, Simulator::Run, gym->Finish…
 * });
 * @endcode
 *
 * @param gym the bridge
 * @param seed seed of the first episode
 * @param episode sets the seed, builds the simulation, runs it, and lets go of all its objects;
 *        must keep no state of its own from call to call
 */
void RunGymEpisodes(Ptr<GymInterface> gym,
                    uint64_t seed,
                    const std::function<void(uint64_t seed)>& episode);

/**
 * The same for a scenario in which something else than Python may decide.
 * @param isPython whether it is Python; if not, one episode is run without it
 * @param port TCP port at which Python listens
 * @param seed seed of the first episode
 * @param episode as above; the bridge is null where Python does not decide
 */
void RunEpisodes(bool isPython,
                 uint16_t port,
                 uint64_t seed,
                 const std::function<void(uint64_t seed, Ptr<GymInterface> gym)>& episode);

} // namespace ns3::kan

#endif // NS3KAN_GYM_EPISODES_H

// SPDX-License-Identifier: GPL-2.0-only
#include "gym-episodes.h"

#include "ns3/mac16-address.h"
#include "ns3/mac48-address.h"
#include "ns3/mac64-address.h"
#include "ns3/mac8-address.h"
#include "ns3/names.h"
#include "ns3/rng-seed-manager.h"
#include "ns3/simulator.h"

#include <optional>
#include <type_traits>

namespace ns3::kan
{

namespace
{

/// Whether this ns-3 can number random streams from the start again; old ones (3.37) cannot.
template <typename Manager, typename = void>
struct CanRenumberStreams : std::false_type
{
};

template <typename Manager>
struct CanRenumberStreams<Manager, std::void_t<decltype(Manager::ResetNextStreamIndex())>>
    : std::true_type
{
};

template <typename Manager>
void
RenumberStreams()
{
    if constexpr (CanRenumberStreams<Manager>::value)
    {
        Manager::ResetNextStreamIndex();
    }
}

/// Takes ns-3 back to where a fresh process begins. Attribute defaults stay as they were set.
void
ResetSimulation()
{
    // Nodes, channels and address generators go with the simulator.
    Simulator::Destroy();
    Names::Clear();
    Mac8Address::ResetAllocationIndex();
    Mac16Address::ResetAllocationIndex();
    Mac48Address::ResetAllocationIndex();
    Mac64Address::ResetAllocationIndex();
    RenumberStreams<RngSeedManager>();
}

} // namespace

void
RunGymEpisodes(Ptr<GymInterface> gym,
               uint64_t seed,
               const std::function<void(uint64_t seed)>& episode)
{
    // Where streams cannot be renumbered, Python starts a fresh process for each episode.
    if (CanRenumberStreams<RngSeedManager>::value)
    {
        gym->OfferReset();
    }
    for (std::optional<uint64_t> next = seed; next; next = gym->TakeNextSeed())
    {
        ResetSimulation();
        episode(*next);
    }
    Simulator::Destroy();
}

void
RunEpisodes(bool isPython,
            uint16_t port,
            uint64_t seed,
            const std::function<void(uint64_t seed, Ptr<GymInterface> gym)>& episode)
{
    if (!isPython)
    {
        episode(seed, nullptr);
        return;
    }
    auto gym = CreateObject<GymInterface>(port);
    RunGymEpisodes(gym, seed, [&](uint64_t next) { episode(next, gym); });
}

} // namespace ns3::kan

// SPDX-License-Identifier: GPL-2.0-only
// Several agents in one simulation, one gym interface and one port each, as in ns3-gym's
// multi-agent example.

#include "gym/gym-interface.h"
#include "gym/gym-program.h"
#include "gym/whole-value.h"

#include "ns3/command-line.h"
#include "ns3/nstime.h"
#include "ns3/rng-seed-manager.h"
#include "ns3/simulator.h"

#include <functional>
#include <vector>

using namespace ns3;
using namespace ns3::kan;

namespace
{

/// Observes the time, the agent's own last action, and that of the agent before it.
class AgentEnvironment : public GymEnvironment
{
  public:
    explicit AgentEnvironment(int gameOver)
        : m_gameOver(gameOver)
    {
    }

    GymSpace GetObservationSpace() const override
    {
        return GymSpace(GymSpace::Box{-1, 1e6, {3}, GymDtype::DOUBLE});
    }

    GymSpace GetActionSpace() const override
    {
        return GymSpace(GymSpace::Box{0, 1, {1}, GymDtype::DOUBLE});
    }

    GymDescription GetDescription() const override
    {
        return {{{"time", "s", 0, 1e6}, {"own_level", "1", -1, 1}, {"other_level", "1", -1, 1}},
                {{"level", "1", 0, 1}}};
    }

    GymContainer GetObservation() override
    {
        const auto now = Simulator::Now().GetSeconds();
        return GymContainer::Vector(std::vector<double>{now, m_level, m_other->m_level});
    }

    double GetReward() override
    {
        return m_level;
    }

    bool IsGameOver() override
    {
        return Simulator::Now().GetSeconds() == m_gameOver;
    }

    void ExecuteAction(const GymContainer& action) override
    {
        m_level = action.GetBox<double>()[0];
    }

    /// The agent whose action this one observes.
    void Observe(const AgentEnvironment* other)
    {
        m_other = other;
    }

  private:
    int m_gameOver;                           //!< when the scenario ends for it [s], or never
    double m_level{-1};                       //!< the last action, -1 before the first
    const AgentEnvironment* m_other{nullptr}; //!< the agent before this one
};

} // namespace

/// What main does.
static void
Run(int argc, char* argv[])
{
    uint16_t port = 5555;
    uint64_t seed = 1;
    uint32_t agents = 2;
    uint32_t steps = 5;
    int gameOver = -1;
    CommandLine cmd(__FILE__);
    AddWholeValue(cmd, "openGymPort", "TCP port of the first agent; the others' follow", port);
    AddWholeValue(cmd, "simSeed", "Run number of the random numbers", seed);
    AddWholeValue(cmd, "agents", "Number of agents", agents);
    AddWholeValue(cmd, "steps", "Decisions in an episode, one a simulated second", steps);
    AddWholeValue(cmd, "gameOver", "Decision at which the first agent's game is over", gameOver);
    cmd.Parse(argc, argv);
    // Any number is a run, but not any a seed.
    RngSeedManager::SetSeed(1);
    RngSeedManager::SetRun(seed);

    std::vector<Ptr<AgentEnvironment>> environments;
    std::vector<Ptr<GymInterface>> gyms;
    for (uint32_t i = 0; i < agents; ++i)
    {
        environments.push_back(CreateObject<AgentEnvironment>(i == 0 ? gameOver : -1));
        gyms.push_back(CreateObject<GymInterface>(port + i));
    }
    for (uint32_t i = 0; i < agents; ++i)
    {
        environments[i]->Observe(PeekPointer(environments[(i + agents - 1) % agents]));
        gyms[i]->Start(environments[i]);
    }
    std::function<void()> decide = [&]
    {
        for (const auto& gym : gyms)
        {
            if (!gym->Step())
            {
                return;
            }
        }
        Simulator::Schedule(Seconds(1), [&decide] { decide(); });
    };
    // The end comes first among the events of its moment.
    Simulator::Stop(Seconds(steps));
    Simulator::Schedule(Seconds(0), [&decide] { decide(); });
    Simulator::Run();
    for (const auto& gym : gyms)
    {
        gym->Finish();
    }
    Simulator::Destroy();
}

int
main(int argc, char* argv[])
{
    return RunProgram("agents-example", [&] { Run(argc, argv); });
}

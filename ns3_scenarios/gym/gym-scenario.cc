// SPDX-License-Identifier: GPL-2.0-only
#include "gym-scenario.h"

#include "gym-episodes.h"
#include "gym-interface.h"
#include "gym-program.h"
#include "whole-value.h"

#include "ns3/rng-seed-manager.h"
#include "ns3/simulator.h"
#include "ns3/string.h"

namespace ns3::kan
{

int
RunGymScenario(CommandLine& command,
               int argc,
               char* argv[],
               Time interval,
               Time duration,
               const std::function<Ptr<GymEnvironment>()>& make)
{
    uint16_t port = 5555;
    uint64_t firstSeed = 1;
    AddWholeValue(command, "openGymPort", "TCP port at which Python listens", port);
    std::string controller;
    std::string decisions;
    AddWholeValue(
        command, "controller", "controller.json that decides; empty for Python", controller);
    AddWholeValue(
        command, "decisions", "CSV file for the controller's decisions; empty for none", decisions);
    AddWholeValue(command,
                  "simSeed",
                  "Run number of the random streams: the same seed, the same packets",
                  firstSeed);

    const auto episode = [&](uint64_t seed, Ptr<GymInterface> gym)
    {
        RngSeedManager::SetSeed(1);
        RngSeedManager::SetRun(seed);
        std::function<void()> decide = [&]
        {
            if (gym->Step())
            {
                Simulator::Schedule(interval, [&decide] { decide(); });
            }
        };
        // The end comes first among the events of its moment.
        Simulator::Stop(duration);
        Simulator::Schedule(interval, [&decide] { decide(); });
        // What is empty stays as an attribute's default says.
        if (!controller.empty())
        {
            gym->SetAttribute("Controller", StringValue(controller));
        }
        if (!decisions.empty())
        {
            gym->SetAttribute("Decisions", StringValue(decisions));
        }
        gym->Start(make());
        Simulator::Run();
        gym->Finish();
        Simulator::Destroy();
    };
    return RunProgram(command.GetName(),
                      [&]
                      {
                          command.Parse(argc, argv);
                          RunEpisodes(true, port, firstSeed, episode);
                      });
}

} // namespace ns3::kan

// SPDX-License-Identifier: GPL-2.0-only
// A simulation without a network: the smallest use of the gym interface, and the simulator that
// the bridge is tested against, for which it can misbehave on request.

#include "gym/gym-episodes.h"
#include "gym/gym-interface.h"
#include "gym/gym-program.h"
#include "gym/whole-value.h"

#include "ns3/command-line.h"
#include "ns3/fatal-error.h"
#include "ns3/nstime.h"
#include "ns3/random-variable-stream.h"
#include "ns3/rng-seed-manager.h"
#include "ns3/simulator.h"

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <ctime>
#include <functional>
#include <iostream>
#include <limits>
#include <map>
#include <stdexcept>
#include <string>
#include <thread>
#include <unistd.h>
#include <vector>

using namespace ns3;
using namespace ns3::kan;

namespace
{

/// A Box that holds anything of its element type.
GymSpace
MakeBox(GymDtype dtype, std::vector<uint32_t> shape)
{
    const auto infinity = std::numeric_limits<float>::infinity();
    return GymSpace(GymSpace::Box{-infinity, infinity, std::move(shape), dtype});
}

/// The spaces that can be asked for by name with --space.
std::map<std::string, GymSpace>
MakeSpaces()
{
    const GymSpace choice(GymSpace::Discrete{5});
    const GymSpace matrix = MakeBox(GymDtype::FLOAT, {2, 3});
    const GymSpace tuple(GymSpace::Tuple{{choice, matrix}});
    const GymSpace dict(
        GymSpace::Dict{{{"position", MakeBox(GymDtype::DOUBLE, {3})}, {"choice", choice}}});
    const GymSpace nested(
        GymSpace::Dict{{{"pair", GymSpace(GymSpace::Tuple{{dict, tuple}})}, {"inner", dict}}});
    return {{"discrete", choice},
            {"int", MakeBox(GymDtype::INT, {2, 3})},
            {"uint", MakeBox(GymDtype::UINT, {2, 3})},
            {"float", matrix},
            {"double", MakeBox(GymDtype::DOUBLE, {2, 3})},
            {"scalar", MakeBox(GymDtype::DOUBLE, {})},
            {"mebibyte", MakeBox(GymDtype::DOUBLE, {1 << 17})},
            {"tuple", tuple},
            {"dict", dict},
            {"nested", nested}};
}

/// The value of a space in which every number is zero.
GymContainer
MakeZero(const GymSpace& space)
{
    if (const auto* box = std::get_if<GymSpace::Box>(&space.Get()))
    {
        std::size_t count = 1;
        for (const auto extent : box->shape)
        {
            count *= extent;
        }
        return space.Conform(GymContainer::Vector(std::vector<uint32_t>(count)));
    }
    if (const auto* tuple = std::get_if<GymSpace::Tuple>(&space.Get()))
    {
        GymContainer::Tuple zero;
        for (const auto& element : tuple->elements)
        {
            zero.elements.push_back(MakeZero(element));
        }
        return GymContainer(zero);
    }
    if (const auto* dict = std::get_if<GymSpace::Dict>(&space.Get()))
    {
        GymContainer::Dict zero;
        for (const auto& [name, element] : dict->elements)
        {
            zero.elements.emplace_back(name, MakeZero(element));
        }
        return GymContainer(zero);
    }
    return GymContainer();
}

/// Every observation is the last action, of any space.
class EchoEnvironment : public GymEnvironment
{
  public:
    explicit EchoEnvironment(GymSpace space)
        : m_space(std::move(space))
        , m_last(MakeZero(m_space))
    {
    }

    GymSpace GetObservationSpace() const override
    {
        return m_space;
    }

    GymSpace GetActionSpace() const override
    {
        return m_space;
    }

    GymContainer GetObservation() override
    {
        return m_last;
    }

    double GetReward() override
    {
        return 0;
    }

    std::string GetExtraInfo() override
    {
        return "not JSON";
    }

    void ExecuteAction(const GymContainer& action) override
    {
        m_last = action;
    }

  private:
    GymSpace m_space;    //!< of observations and actions
    GymContainer m_last; //!< the last action
};

/// Three named features: noise from the seed, the time, and the last action.
class NamedEnvironment : public GymEnvironment
{
  public:
    GymSpace GetObservationSpace() const override
    {
        const auto infinity = std::numeric_limits<float>::infinity();
        return GymSpace(GymSpace::Box{0, infinity, {3}, GymDtype::DOUBLE});
    }

    GymSpace GetActionSpace() const override
    {
        return GymSpace(GymSpace::Box{0, 1, {1}, GymDtype::DOUBLE});
    }

    GymDescription GetDescription() const override
    {
        const auto infinity = std::numeric_limits<double>::infinity();
        return {{{"noise", "1", 0, 1}, {"time", "s", 0, infinity}, {"level", "1", 0, 1}},
                {{"level", "1", 0, 1}}};
    }

    GymContainer GetObservation() override
    {
        const auto now = Simulator::Now().GetSeconds();
        const auto noise =
            m_fault == "nan" ? std::numeric_limits<double>::quiet_NaN() : m_noise->GetValue(0, 1);
        if (m_fault == "mismatch")
        {
            return GymContainer::Vector(std::vector<double>{noise, now});
        }
        return GymContainer::Vector(std::vector<double>{noise, now, m_level});
    }

    double GetReward() override
    {
        return m_level;
    }

    bool IsGameOver() override
    {
        return m_fault == "game-over";
    }

    std::string GetExtraInfo() override
    {
        return "{\"time\": " + std::to_string(Simulator::Now().GetSeconds()) + "}";
    }

    void ExecuteAction(const GymContainer& action) override
    {
        m_level = action.GetBox<double>()[0];
    }

    /// Misbehaves from now on in the way that was asked for.
    void BecomeFaulty(const std::string& fault)
    {
        m_fault = fault;
    }

  private:
    std::string m_fault; //!< present misbehaviour
    double m_level{0};   //!< the last action
    Ptr<UniformRandomVariable> m_noise{CreateObject<UniformRandomVariable>()}; //!< the noise
};

/// Eight numbers out and two in, and nothing else: what the bridge's speed is measured with.
class EmptyEnvironment : public GymEnvironment
{
  public:
    GymSpace GetObservationSpace() const override
    {
        return MakeBox(GymDtype::FLOAT, {8});
    }

    GymSpace GetActionSpace() const override
    {
        return MakeBox(GymDtype::FLOAT, {2});
    }

    GymContainer GetObservation() override
    {
        return GymContainer::Vector(m_observation);
    }

    double GetReward() override
    {
        return 0;
    }

    void ExecuteAction(const GymContainer& action) override
    {
        const auto& numbers = action.GetBox<float>();
        m_observation[0] = numbers[0];
        m_observation[1] = numbers[1];
    }

  private:
    std::vector<float> m_observation = std::vector<float>(8); //!< begins with the last action
};

/// Works as long as a real simulation would: on a processor, whatever else runs there.
void
KeepBusy(double seconds)
{
    timespec now{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    const double end = now.tv_sec + 1e-9 * now.tv_nsec + seconds;
    while (now.tv_sec + 1e-9 * now.tv_nsec < end)
    {
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    }
}

/// Ends or stops the process in one of the ways in which simulations do.
void
Misbehave(const std::string& fault)
{
    if (fault == "exit-0" || fault == "exit-1")
    {
        std::cerr << "leaving early" << std::endl;
        std::exit(fault == "exit-0" ? 0 : 1);
    }
    if (fault == "fatal")
    {
        NS_FATAL_ERROR("a fatal error on request");
    }
    if (fault == "segfault")
    {
        std::cerr << "about to touch memory that is not there" << std::endl;
        std::raise(SIGSEGV);
    }
    if (fault == "stall")
    {
        pause();
    }
}

} // namespace

/// What main does.
static void
Run(int argc, char* argv[])
{
    uint16_t port = 5555;
    uint64_t seed = 1;
    std::string space = "named";
    uint32_t steps = 10;
    std::string fault;
    int faultStep = 0;
    double timeout = 60;
    double work = 0;
    double busy = 0;

    CommandLine cmd(__FILE__);
    AddWholeValue(cmd, "openGymPort", "TCP port at which the Python side listens", port);
    AddWholeValue(cmd, "simSeed", "Run number of the random numbers", seed);
    AddWholeValue(
        cmd,
        "space",
        "named (features with names and units), empty (8 numbers out, 2 in), or the space "
        "of which every observation is the last action: discrete, int, uint, float, "
        "double, scalar, mebibyte, tuple, "
        "dict, nested",
        space);
    AddWholeValue(cmd, "steps", "Decisions in an episode, one a simulated second", steps);
    AddWholeValue(cmd,
                  "fault",
                  "Misbehaviour: exit-0, exit-1, fatal, segfault, stall; with the named space also "
                  "nan, mismatch, game-over",
                  fault);
    AddWholeValue(
        cmd, "faultStep", "Decision at which it sets in; -1 for before the first word", faultStep);
    AddWholeValue(cmd, "work", "Wall-clock time that a step takes beyond its own [s]", work);
    AddWholeValue(cmd, "busy", "Processor time that a step takes beyond its own [s]", busy);
    AddWholeValue(cmd, "timeout", "Longest wall-clock wait for the Python side [s]", timeout);
    cmd.Parse(argc, argv);

    const auto spaces = MakeSpaces();
    if (space != "named" && space != "empty" && !spaces.count(space))
    {
        throw std::invalid_argument("unknown --space=" + space + "; --PrintHelp lists them");
    }
    auto gym = CreateObject<GymInterface>(port);
    gym->SetAttribute("Timeout", TimeValue(Seconds(timeout)));
    if (faultStep < 0)
    {
        Misbehave(fault);
    }
    RunGymEpisodes(gym,
                   seed,
                   [&](uint64_t episodeSeed)
                   {
                       // Any number is a run, but not any a seed.
                       RngSeedManager::SetSeed(1);
                       RngSeedManager::SetRun(episodeSeed);
                       Ptr<NamedEnvironment> named;
                       Ptr<GymEnvironment> environment;
                       if (space == "named")
                       {
                           named = CreateObject<NamedEnvironment>();
                           environment = named;
                       }
                       else if (space == "empty")
                       {
                           environment = CreateObject<EmptyEnvironment>();
                       }
                       else
                       {
                           environment = CreateObject<EchoEnvironment>(spaces.at(space));
                       }
                       gym->Start(environment);
                       std::function<void(int)> decide = [&](int step)
                       {
                           if (step == faultStep)
                           {
                               Misbehave(fault);
                               if (named)
                               {
                                   named->BecomeFaulty(fault);
                               }
                           }
                           if (gym->Step())
                           {
                               if (work > 0)
                               {
                                   std::this_thread::sleep_for(std::chrono::duration<double>(work));
                               }
                               if (busy > 0)
                               {
                                   KeepBusy(busy);
                               }
                               Simulator::Schedule(Seconds(1),
                                                   [&decide, step] { decide(step + 1); });
                           }
                       };
                       // The end comes first among the events of its moment.
                       Simulator::Stop(Seconds(steps));
                       Simulator::Schedule(Seconds(0), [&decide] { decide(0); });
                       Simulator::Run();
                       gym->Finish();
                       Simulator::Destroy();
                   });
}

int
main(int argc, char* argv[])
{
    return RunProgram("gym-example", [&] { Run(argc, argv); });
}

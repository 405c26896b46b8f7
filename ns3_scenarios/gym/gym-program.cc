// SPDX-License-Identifier: GPL-2.0-only
#include "gym-program.h"

#include <cstdlib>
#include <exception>
#include <iostream>

namespace ns3::kan
{

GymError::GymError(const std::string& sentence)
    : std::runtime_error("gym interface: " + sentence)
{
}

int
RunProgram(const std::string& name, const std::function<void()>& body)
{
    try
    {
        body();
    }
    catch (const GymError& error)
    {
        std::cerr << error.what() << std::endl;
        return EXIT_FAILURE;
    }
    catch (const std::exception& error)
    {
        std::cerr << name << ": " << error.what() << std::endl;
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}

} // namespace ns3::kan

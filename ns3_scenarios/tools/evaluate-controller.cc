// SPDX-License-Identifier: GPL-2.0-only
// evaluate-controller CONTROLLER.json
// Reads rows of inputs (separated by blanks, in the artefact's order) from standard input and
// writes a row of outputs for each: the same code that controls a simulation, without one.

#include "balancing/controller-artefact.h"

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

namespace
{

std::vector<double>
ParseRow(const std::string& line, size_t number)
{
    std::vector<double> values;
    std::istringstream words(line);
    for (std::string word; words >> word;)
    {
        // Unlike streams, strtod reads nan and inf, which a test may want to send.
        char* end = nullptr;
        values.push_back(std::strtod(word.c_str(), &end));
        if (end != word.c_str() + word.size())
        {
            throw std::invalid_argument("line " + std::to_string(number) + ": '" + word +
                                        "' is not a number");
        }
    }
    return values;
}

} // namespace

int
main(int argc, char* argv[])
{
    if (argc != 2)
    {
        std::cerr << "usage: evaluate-controller CONTROLLER.json < rows of inputs" << std::endl;
        return 2;
    }
    try
    {
        const ns3::ControllerArtefact artefact = ns3::ControllerArtefact::Load(argv[1]);
        size_t number = 0;
        for (std::string line; std::getline(std::cin, line);)
        {
            const char* separator = "";
            for (const double value : artefact.Evaluate(ParseRow(line, ++number)))
            {
                std::printf("%s%.17g", separator, value);
                separator = " ";
            }
            std::printf("\n");
        }
    }
    catch (const std::exception& error)
    {
        std::cerr << error.what() << std::endl;
        return 1;
    }
    return 0;
}

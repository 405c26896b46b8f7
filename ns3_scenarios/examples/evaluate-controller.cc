// SPDX-License-Identifier: GPL-2.0-only
// evaluate-controller CONTROLLER.json [--time=SECONDS]
// Reads rows of inputs (separated by blanks, in the artefact's order) from standard input and
// writes a row of outputs for each: the same code that controls a simulation, without one. With
// --time it evaluates all rows again and again for so long and writes how many nanoseconds of
// processor time one evaluation takes.
//
// evaluate-controller --each
// Reads names of files from standard input, one a line, and writes for each the words "accepted"
// and its decision in the middle of the ranges of its inputs, or "refused" and why.

#include "balancing/controller-artefact.h"
#include "gym/whole-value.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
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

/**
 * @param artefact what to evaluate
 * @param rows on what, in turn
 * @param seconds for how long, of processor time
 * @return nanoseconds per evaluation
 */
double
Time(const ns3::kan::ControllerArtefact& artefact,
     const std::vector<std::vector<double>>& rows,
     double seconds)
{
    double sum = 0;
    size_t count = 0;
    double elapsed = 0;
    // Evaluation waits for nothing: what else the machine does need not be counted.
    const std::clock_t start = std::clock();
    while (elapsed < seconds)
    {
        for (const std::vector<double>& row : rows)
        {
            sum += artefact.Evaluate(row).front();
        }
        count += rows.size();
        elapsed = static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
    }
    // What nobody uses need not be computed.
    volatile double used = sum;
    static_cast<void>(used);
    return 1e9 * elapsed / static_cast<double>(count);
}

/**
 * @param path a file that may be anything
 * @return one line about it
 */
std::string
Verdict(const std::string& path)
{
    std::ostringstream line;
    try
    {
        const ns3::kan::ControllerArtefact artefact = ns3::kan::ControllerArtefact::Load(path);
        line << "accepted";
        std::vector<double> middle;
        for (const ns3::kan::ControllerQuantity& input : artefact.GetInputs())
        {
            middle.push_back(input.low / 2 + input.high / 2);
        }
        try
        {
            line.precision(17);
            for (const double value : artefact.Evaluate(middle))
            {
                line << ' ' << value;
            }
        }
        catch (const std::runtime_error&)
        {
            line << " no value";
        }
    }
    catch (const std::exception& error)
    {
        line << "refused " << error.what();
    }
    return line.str();
}

} // namespace

int
main(int argc, char* argv[])
{
    if (argc == 2 && std::strcmp(argv[1], "--each") == 0)
    {
        for (std::string path; std::getline(std::cin, path);)
        {
            std::printf("%s\n", Verdict(path).c_str());
        }
        return 0;
    }
    double seconds = 0;
    const bool isTimed = argc == 3 && std::strncmp(argv[2], "--time=", 7) == 0 &&
                         ns3::kan::TakeWholeValue<double>(&seconds, argv[2] + 7) && seconds > 0;
    if (argc != 2 && !isTimed)
    {
        std::cerr << "usage: evaluate-controller CONTROLLER.json [--time=SECONDS] < rows of inputs"
                  << std::endl;
        return 2;
    }
    try
    {
        const ns3::kan::ControllerArtefact artefact = ns3::kan::ControllerArtefact::Load(argv[1]);
        std::vector<std::vector<double>> rows;
        for (std::string line; std::getline(std::cin, line);)
        {
            rows.push_back(ParseRow(line, rows.size() + 1));
            if (seconds > 0)
            {
                continue;
            }
            const char* separator = "";
            for (const double value : artefact.Evaluate(rows.back()))
            {
                std::printf("%s%.17g", separator, value);
                separator = " ";
            }
            std::printf("\n");
        }
        if (seconds > 0)
        {
            if (rows.empty())
            {
                throw std::invalid_argument("there is no row of inputs to evaluate");
            }
            std::printf("%.17g\n", Time(artefact, rows, seconds));
        }
    }
    catch (const std::exception& error)
    {
        std::cerr << error.what() << std::endl;
        return 1;
    }
    return 0;
}

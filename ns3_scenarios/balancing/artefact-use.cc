// SPDX-License-Identifier: GPL-2.0-only
#include "artefact-use.h"

#include <ns3/simulator.h>

#include <sstream>
#include <stdexcept>

namespace ns3::kan
{

std::vector<double>
EvaluateNow(const ControllerArtefact& artefact, const std::vector<double>& values)
{
    try
    {
        return artefact.Evaluate(values);
    }
    catch (const std::runtime_error& error)
    {
        std::ostringstream sentence;
        sentence << error.what() << ", " << Simulator::Now().As(Time::S)
                 << " into the run: guard the expression, for example with max(..., 0.001)";
        throw std::runtime_error(sentence.str());
    }
}

void
CheckShares(const std::string& path, const ControllerArtefact& artefact)
{
    for (const ControllerQuantity& output : artefact.GetOutputs())
    {
        if (artefact.GetDecision() == ControllerArtefact::Decision::RATIO &&
            (output.low < 0 || output.high > 1))
        {
            throw std::invalid_argument(path + ": the range of output '" + output.name +
                                        "' goes beyond 0 to 1, which is that of a share");
        }
    }
}

} // namespace ns3::kan

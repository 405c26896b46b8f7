// SPDX-License-Identifier: GPL-2.0-only
/**
 * Two sites joined by a small clean path (mpls) and a larger, lossy one (internet) that other
 * traffic uses too. At each decision interval a controller sets the ratio: the probability with
 * which a new flow is placed on the internet path.
 */
#include "path-scenario.h"
#include "sdwan-parameters.h"

using namespace ns3::kan;

int
main(int argc, char* argv[])
{
    return RunPathScenario("sdwan", [&] { return ReadSdWanArguments(argc, argv); });
}

// SPDX-License-Identifier: GPL-2.0-only
#ifndef NS3KAN_LEAF_SPINE_RUN_H
#define NS3KAN_LEAF_SPINE_RUN_H

namespace ns3::kan
{

/**
 * The main function of the scenario: reads the command line and runs one episode or, with Python,
 * as many as it asks for.
 * @param argc as main got it
 * @param argv as main got it
 * @return exit status; what went wrong is said on stderr
 */
int RunLeafSpine(int argc, char* argv[]);

} // namespace ns3::kan

#endif // NS3KAN_LEAF_SPINE_RUN_H

// SPDX-License-Identifier: GPL-2.0-only
/**
 * A leaf-spine fabric whose hosts send TCP flows to hosts of other leaves. At each decision
 * interval a controller sets the weights with which every leaf spreads flows, flowlets or packets
 * over its uplinks; or the leaves choose for each by themselves.
 */
#include "leaf-spine-run.h"

int
main(int argc, char* argv[])
{
    return ns3::kan::RunLeafSpine(argc, argv);
}

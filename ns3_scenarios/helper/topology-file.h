// SPDX-License-Identifier: GPL-2.0-only
#ifndef NS3KAN_TOPOLOGY_FILE_H
#define NS3KAN_TOPOLOGY_FILE_H

#include "two-site-network.h"

#include <string>
#include <vector>

namespace ns3::kan
{

/// Fewest paths of a topology: with fewer there is nothing to balance.
constexpr uint32_t MIN_PATHS = 2;
/// Most paths of a topology.
constexpr uint32_t MAX_PATHS = 64;

/**
 * Read the paths between two sites from a JSON file, or from a YAML file of the same structure if
 * its name ends in .yaml or .yml:
 *
 * @code
 * {
 *   "format": "ns3kan-topology",
 *   "version": 1,
 *   "paths": [
 *     {"name": "mpls", "rate": "6Mbps", "delay": "10ms", "queue": "60p"},
 *     {"name": "internet", "rate": "10Mbps", "delay": "25ms", "queue": "100p",
 *      "discipline": "codel", "loss": 0.005,
 *      "cross_traffic": [{"rate": "8500kbps", "on": "15s", "off": "15s"}],
 *      "outages": [{"from": "20s", "to": "30s"}]}
 *   ]
 * }
 * @endcode
 *
 * `discipline` is drop-tail (the default), codel, fq-codel, pie or red; `queue` is in packets (p)
 * or, but for fq-codel, in bytes (B, kB); `loss` is the share of packets that the link loses at
 * random, 0 by default. Each source of cross traffic is on and off for exponential times with these
 * means. In an outage every packet that crosses the path is lost, in both directions, and nobody is
 * told.
 *
 * @param path the file
 * @return its paths, MIN_PATHS to MAX_PATHS of them, with distinct names
 * @throws std::invalid_argument if it cannot be read or something in it is missing, unknown, or
 *         not allowed; the message names the file and the key and says what is allowed
 */
std::vector<PathParameters> ReadTopology(const std::string& path);

} // namespace ns3::kan

#endif // NS3KAN_TOPOLOGY_FILE_H

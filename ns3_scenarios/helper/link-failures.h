// SPDX-License-Identifier: GPL-2.0-only
#ifndef NS3KAN_LINK_FAILURES_H
#define NS3KAN_LINK_FAILURES_H

#include "leaf-spine-network.h"

#include <string>
#include <vector>

namespace ns3::kan
{

/**
 * Read failures of links as `LEAF-SPINE@FROM..TO`, with commas between. Behind it `*SHARE` says
 * which share of its rate the link keeps, by default none. Without TO it stays so to the end.
 *
 * @code
 * 0-1@20ms..40ms,2-3@0s..*0.25
 * @endcode
 *
 * @param text the failures; may be empty
 * @param leaves how many leaves there are
 * @param spines how many spines there are
 * @return the failures
 * @throws std::invalid_argument if the text is not that, names a link that there is not, or lets a
 *         link fail while it has failed; the message says what is allowed
 */
std::vector<LinkFailure> ParseFailures(const std::string& text, uint64_t leaves, uint64_t spines);

} // namespace ns3::kan

#endif // NS3KAN_LINK_FAILURES_H

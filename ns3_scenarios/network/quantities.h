// SPDX-License-Identifier: GPL-2.0-only
#ifndef NS3KAN_QUANTITIES_H
#define NS3KAN_QUANTITIES_H

#include <ns3/data-rate.h>
#include <ns3/nstime.h>
#include <ns3/queue-size.h>

#include <optional>
#include <string>

namespace ns3::kan
{

// How quantities are written on command lines and in files: a decimal number and its unit, with
// nothing before, between or behind. Whatever is not exactly that is refused.

/**
 * @param text a data rate in bps, kbps, Mbps or Gbps, such as 6Mbps
 * @return the rate, at least 1 bit/s; nothing if the text is no rate
 */
std::optional<DataRate> ParseRate(const std::string& text);
/**
 * @param rate a number of bit/s
 * @return the rate; nothing if there is none of this size
 */
std::optional<DataRate> MakeRate(double rate);
/**
 * @param text a time in ns, us, ms, s, min or h, such as 10ms
 * @return the time, to a nanosecond; nothing if the text is no time or above 10^9 seconds
 */
std::optional<Time> ParseTime(const std::string& text);
/**
 * @param text the size of a queue in packets (p) or bytes (B, kB), such as 60p
 * @return the size, a whole number of at least 1; nothing if the text is no size
 */
std::optional<QueueSize> ParseQueueSize(const std::string& text);
/**
 * @param text a number without a unit, such as 0.5 or 1e-3
 * @return the number, if the whole text is a finite one
 */
std::optional<double> ParseNumber(const std::string& text);

} // namespace ns3::kan

#endif // NS3KAN_QUANTITIES_H

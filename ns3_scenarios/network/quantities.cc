// SPDX-License-Identifier: GPL-2.0-only
#include "quantities.h"

#include <cmath>
#include <cstdlib>
#include <map>
#include <regex>

namespace ns3::kan
{

namespace
{

/**
 * @param text a number and a unit
 * @param units by name, what each stands for
 * @return the number times its unit, if the text is that
 */
std::optional<double>
ParseQuantity(const std::string& text, const std::map<std::string, double>& units)
{
    static const std::regex form(R"((\d{1,18}(?:\.\d{1,18})?)([A-Za-z]+))");
    std::smatch parts;
    if (!std::regex_match(text, parts, form))
    {
        return std::nullopt;
    }
    const auto unit = units.find(parts[2]);
    if (unit == units.end())
    {
        return std::nullopt;
    }
    return std::strtod(parts[1].str().c_str(), nullptr) * unit->second;
}

} // namespace

std::optional<DataRate>
ParseRate(const std::string& text)
{
    const auto rate =
        ParseQuantity(text, {{"bps", 1}, {"kbps", 1e3}, {"Mbps", 1e6}, {"Gbps", 1e9}});
    return rate ? MakeRate(*rate) : std::nullopt;
}

std::optional<DataRate>
MakeRate(double rate)
{
    if (!(rate >= 1 && rate < 1e15))
    {
        return std::nullopt;
    }
    return DataRate(static_cast<uint64_t>(std::llround(rate)));
}

std::optional<Time>
ParseTime(const std::string& text)
{
    const auto nanoseconds = ParseQuantity(
        text, {{"ns", 1}, {"us", 1e3}, {"ms", 1e6}, {"s", 1e9}, {"min", 60e9}, {"h", 3600e9}});
    if (!nanoseconds || *nanoseconds > 1e18)
    {
        return std::nullopt;
    }
    return NanoSeconds(std::llround(*nanoseconds));
}

std::optional<QueueSize>
ParseQueueSize(const std::string& text)
{
    const auto size = ParseQuantity(text, {{"p", 1}, {"B", 1}, {"kB", 1e3}});
    if (!size || !(*size >= 1 && *size <= 4e9) || *size != std::floor(*size))
    {
        return std::nullopt;
    }
    return QueueSize(text.back() == 'p' ? QueueSizeUnit::PACKETS : QueueSizeUnit::BYTES,
                     static_cast<uint32_t>(*size));
}

std::optional<double>
ParseNumber(const std::string& text)
{
    static const std::regex form(R"([-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d{1,3})?)");
    if (text.size() > 400 || !std::regex_match(text, form))
    {
        return std::nullopt;
    }
    const double number = std::strtod(text.c_str(), nullptr);
    return std::isfinite(number) ? std::optional(number) : std::nullopt;
}

} // namespace ns3::kan

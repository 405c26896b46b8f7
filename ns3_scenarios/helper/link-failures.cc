// SPDX-License-Identifier: GPL-2.0-only
#include "link-failures.h"

#include "network/quantities.h"

#include <regex>
#include <sstream>
#include <stdexcept>

namespace ns3::kan
{

namespace
{

/// Beyond the end of any run.
const std::optional<Time> NEVER = Seconds(1e6);

/**
 * @param part the failure that is wrong
 * @param allowed what is allowed
 * @return the error to throw
 */
std::invalid_argument
Refusal(const std::string& part, const std::string& allowed)
{
    return std::invalid_argument("--failures: \"" + part + "\" is not allowed: " + allowed);
}

/**
 * @param part the failure
 * @param digits a number of a leaf or spine in it
 * @param count how many there are
 * @param what they are
 * @return the number
 */
uint32_t
ReadNumber(const std::string& part, const std::string& digits, uint64_t count, const char* what)
{
    const uint64_t number = std::stoull(digits);
    if (number >= count)
    {
        throw Refusal(part,
                      std::string("the greatest number of a ") + what + " is " +
                          std::to_string(count - 1));
    }
    return static_cast<uint32_t>(number);
}

} // namespace

std::vector<LinkFailure>
ParseFailures(const std::string& text, uint64_t leaves, uint64_t spines)
{
    static const std::regex form(
        R"((\d{1,9})-(\d{1,9})@([\d.]+[a-z]+)\.\.([\d.]+[a-z]+)?(?:\*([^*]+))?)");
    const std::string usage = "write LEAF-SPINE@FROM..TO with the times' units, as 0-1@20ms..40ms, "
                              "and *SHARE behind it for a link that keeps a share of its rate";
    std::vector<LinkFailure> failures;
    // A comma at the end is an empty failure, which is none.
    std::istringstream parts(text.empty() ? text : text + ",");
    for (std::string part; std::getline(parts, part, ',');)
    {
        std::smatch found;
        if (!std::regex_match(part, found, form))
        {
            throw Refusal(part, usage);
        }
        const auto from = ParseTime(found[3]);
        const auto to = found[4].matched ? ParseTime(found[4]) : NEVER;
        const auto share = found[5].matched ? ParseNumber(found[5]) : 0;
        if (!from || !to || !share || *share < 0)
        {
            throw Refusal(part, usage);
        }
        LinkFailure failure{ReadNumber(part, found[1], leaves, "leaf"),
                            ReadNumber(part, found[2], spines, "spine"),
                            *from,
                            *to,
                            *share};
        if (failure.share >= 1)
        {
            throw Refusal(part, "a link keeps a share from 0 to below 1 of its rate");
        }
        if (failure.to <= failure.from)
        {
            throw Refusal(part, "a failure must end after it begins");
        }
        for (const LinkFailure& other : failures)
        {
            if (other.leaf == failure.leaf && other.spine == failure.spine &&
                other.from <= failure.to && failure.from <= other.to)
            {
                throw Refusal(part, "the link has failed already at that time");
            }
        }
        failures.push_back(failure);
    }
    return failures;
}

} // namespace ns3::kan

// SPDX-License-Identifier: GPL-2.0-only
#include "arguments.h"

#include "gym/whole-value.h"
#include "network/quantities.h"

#include <ns3/global-value.h>
#include <ns3/string.h>

#include <optional>
#include <regex>
#include <set>
#include <sstream>
#include <stdexcept>

namespace ns3::kan
{

namespace
{

/**
 * @param name an argument's name
 * @param text what was given for it
 * @param allowed what it takes
 * @return the error to throw
 */
std::invalid_argument
Refusal(const std::string& name, const std::string& text, const std::string& allowed)
{
    return std::invalid_argument("--" + name + "=" + text + " is not allowed: give " + allowed);
}

/**
 * @param text a data rate with its unit, or a number of bit/s
 * @return the rate, if the whole text is one
 */
std::optional<DataRate>
ReadRate(const std::string& text)
{
    const auto number = ParseNumber(text);
    return number ? MakeRate(*number) : ParseRate(text);
}

/**
 * @param text a time with its unit, or a number of seconds
 * @return the time, if the whole text is one
 */
std::optional<Time>
ReadTime(const std::string& text)
{
    const auto seconds = ParseNumber(text);
    if (!seconds)
    {
        return ParseTime(text);
    }
    return *seconds >= 0 && *seconds <= 1e9 ? std::optional(Seconds(*seconds)) : std::nullopt;
}

/**
 * @param texts what was given
 * @return the parts between commas; an empty text has none
 */
std::vector<std::string>
Split(const std::string& texts)
{
    std::vector<std::string> parts;
    // A comma at the end is an empty part.
    std::istringstream stream(texts.empty() ? "" : texts + ",");
    for (std::string part; std::getline(stream, part, ',');)
    {
        parts.push_back(part);
    }
    return parts;
}

/**
 * @param value a number
 * @return its shortest usual form
 */
std::string
Show(double value)
{
    std::ostringstream text;
    text << value;
    return text.str();
}

/**
 * @param value a time
 * @return its shortest usual form, as AddTime reads it
 */
std::string
Show(Time value)
{
    return value.IsZero() || value >= MilliSeconds(1) ? Show(value.GetSeconds()) + "s"
                                                      : Show(1e6 * value.GetSeconds()) + "us";
}

} // namespace

Arguments::Arguments(const std::string& usage)
{
    m_commandLine.Usage(usage);
}

void
Arguments::Add(const std::string& name,
               const std::string& help,
               const std::string& initial,
               std::function<void(const Argument&)> convert)
{
    Argument& argument = m_arguments.emplace_back(Argument{name, initial, std::move(convert)});
    AddWholeValue(m_commandLine, name, help, argument.text);
}

void
Arguments::AddRate(const std::string& name, const std::string& help, DataRate& value)
{
    std::ostringstream initial;
    initial << value;
    Add(name,
        help,
        initial.str(),
        [&value](const Argument& given)
        {
            const auto rate = ReadRate(given.text);
            if (!rate)
            {
                throw Refusal(given.name,
                              given.text,
                              "a data rate above 0 and below 1e15, for example 6Mbps (a plain "
                              "number is bit/s)");
            }
            value = *rate;
        });
}

void
Arguments::AddRates(const std::string& name, const std::string& help, std::vector<DataRate>& value)
{
    Add(name,
        help,
        "",
        [&value](const Argument& given)
        {
            value.clear();
            for (const std::string& part : Split(given.text))
            {
                const auto rate = ReadRate(part);
                if (!rate)
                {
                    throw Refusal(given.name,
                                  given.text,
                                  "data rates above 0 with commas between, below 1e15, for example "
                                  "1Gbps,500Mbps");
                }
                value.push_back(*rate);
            }
        });
}

void
Arguments::AddTime(const std::string& name, const std::string& help, Time& value, Time low)
{
    Add(name,
        help,
        Show(value),
        [&value, low](const Argument& given)
        {
            const auto time = ReadTime(given.text);
            if (!time || *time < low)
            {
                throw Refusal(given.name,
                              given.text,
                              "a time of at least " + Show(low) +
                                  " and at most 1e9s, for example 10ms (a plain number is "
                                  "seconds)");
            }
            value = *time;
        });
}

void
Arguments::AddNumber(
    const std::string& name, const std::string& help, double& value, double low, double high)
{
    Add(name,
        help,
        Show(value),
        [&value, low, high](const Argument& given)
        {
            const auto number = ParseNumber(given.text);
            if (!number || *number < low || *number > high)
            {
                throw Refusal(
                    given.name, given.text, "a number from " + Show(low) + " to " + Show(high));
            }
            value = *number;
        });
}

void
Arguments::AddNumber(const std::string& name,
                     const std::string& help,
                     std::optional<double>& value,
                     double low,
                     double high)
{
    Add(name,
        help,
        "",
        [&value, low, high](const Argument& given)
        {
            value = ParseNumber(given.text);
            if (!given.text.empty() && (!value || *value < low || *value > high))
            {
                throw Refusal(
                    given.name, given.text, "a number from " + Show(low) + " to " + Show(high));
            }
        });
}

void
Arguments::AddNumbers(const std::string& name,
                      const std::string& help,
                      std::vector<double>& value,
                      double low,
                      double high)
{
    std::string initial;
    for (const double number : value)
    {
        initial += (initial.empty() ? "" : ",") + Show(number);
    }
    Add(name,
        help,
        initial,
        [&value, low, high](const Argument& given)
        {
            value.clear();
            const std::vector<std::string> parts = Split(given.text);
            for (const std::string& part : parts.empty() ? std::vector<std::string>{""} : parts)
            {
                const auto number = ParseNumber(part);
                if (!number || *number < low || *number > high)
                {
                    throw Refusal(given.name,
                                  given.text,
                                  "numbers from " + Show(low) + " to " + Show(high) +
                                      " with commas between");
                }
                value.push_back(*number);
            }
        });
}

void
Arguments::AddInteger(
    const std::string& name, const std::string& help, uint64_t& value, uint64_t low, uint64_t high)
{
    Add(name,
        help,
        std::to_string(value),
        [&value, low, high](const Argument& given)
        {
            static const std::regex digits(R"(\d{1,18})");
            const bool whole = std::regex_match(given.text, digits);
            value = whole ? std::stoull(given.text) : 0;
            if (!whole || value < low || value > high)
            {
                throw Refusal(given.name,
                              given.text,
                              "a whole number from " + std::to_string(low) + " to " +
                                  std::to_string(high));
            }
        });
}

void
Arguments::AddChoice(const std::string& name,
                     const std::string& help,
                     std::string& value,
                     const std::vector<std::string>& choices)
{
    std::string list;
    for (const std::string& choice : choices)
    {
        list += (list.empty() ? "" : ", ") + choice;
    }
    Add(name,
        help + " (" + list + ")",
        value,
        [&value, choices, list](const Argument& given)
        {
            for (const std::string& choice : choices)
            {
                if (given.text == choice)
                {
                    value = choice;
                    return;
                }
            }
            throw Refusal(given.name, given.text, "one of " + list);
        });
}

void
Arguments::AddFlag(const std::string& name, const std::string& help, bool& value)
{
    Add(name,
        help,
        value ? "true" : "false",
        [&value](const Argument& given)
        {
            if (given.text != "true" && given.text != "false")
            {
                throw Refusal(given.name, given.text, "true or false");
            }
            value = given.text == "true";
        });
}

void
Arguments::AddText(const std::string& name, const std::string& help, std::string& value)
{
    Add(name, help, value, [&value](const Argument& given) { value = given.text; });
}

void
Arguments::CheckName(const std::string& argument) const
{
    // ns-3's own: help and listings, attribute defaults (ns3::Type::Attribute), global values.
    static const std::set<std::string> generic{"PrintHelp",
                                               "help",
                                               "h",
                                               "PrintVersion",
                                               "version",
                                               "PrintGlobals",
                                               "PrintGroups",
                                               "PrintGroup",
                                               "PrintTypeIds",
                                               "PrintAttributes"};
    const size_t begin = argument.find_first_not_of('-');
    if (argument.empty() || argument[0] != '-' || begin == std::string::npos)
    {
        throw std::invalid_argument("\"" + argument +
                                    "\" is not an argument: write --name=value, see --PrintHelp");
    }
    const std::string name = argument.substr(begin, argument.find('=') - begin);
    for (const Argument& known : m_arguments)
    {
        if (known.name == name)
        {
            return;
        }
    }
    StringValue ignored;
    if (generic.count(name) == 0 && name.find("::") == std::string::npos &&
        !GlobalValue::GetValueByNameFailSafe(name, ignored))
    {
        throw std::invalid_argument("there is no argument --" + name +
                                    "; --PrintHelp lists all of them");
    }
}

void
Arguments::Parse(int argc, char* argv[])
{
    for (int i = 1; i < argc; ++i)
    {
        CheckName(argv[i]);
    }
    m_commandLine.Parse(argc, argv);
    for (const Argument& argument : m_arguments)
    {
        argument.convert(argument);
    }
}

} // namespace ns3::kan

// SPDX-License-Identifier: GPL-2.0-only
#ifndef NS3KAN_WHOLE_VALUE_H
#define NS3KAN_WHOLE_VALUE_H

#include <ns3/callback.h>
#include <ns3/command-line.h>

#include <charconv>
#include <sstream>
#include <string>
#include <type_traits>

namespace ns3::kan
{

/**
 * @param value receives what the text says
 * @param text that was given for it
 * @return whether all of the text is a value
 */
template <typename T>
bool
TakeWholeValue(T* value, const std::string& text)
{
    if constexpr (std::is_same_v<T, std::string>)
    {
        *value = text;
        return true;
    }
    else
    {
        const char* end = text.data() + text.size();
        const auto [rest, error] = std::from_chars(text.data(), end, *value);
        return error == std::errc() && rest == end;
    }
}

/**
 * Add an argument whose value is all of the text behind its equals sign. CommandLine::AddValue
 * takes the first word of a text and the beginning of a number, and drops what is left.
 *
 * @param command the command line
 * @param name of the argument, without dashes
 * @param help its meaning and unit
 * @param value a text or a number: its default, replaced by what is given
 */
template <typename T>
void
AddWholeValue(CommandLine& command, const std::string& name, const std::string& help, T& value)
{
    std::ostringstream initial;
    initial << value;
    command.AddValue(name, help, MakeBoundCallback(&TakeWholeValue<T>, &value), initial.str());
}

} // namespace ns3::kan

#endif // NS3KAN_WHOLE_VALUE_H

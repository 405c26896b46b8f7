// SPDX-License-Identifier: GPL-2.0-only
#ifndef NS3KAN_ARGUMENTS_H
#define NS3KAN_ARGUMENTS_H

#include <ns3/command-line.h>
#include <ns3/data-rate.h>
#include <ns3/nstime.h>

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace ns3::kan
{

/**
 * A scenario's command line: ns-3's CommandLine (so `--PrintHelp` and attribute defaults work)
 * with a check of each value at the door. What is wrong is thrown as std::invalid_argument with
 * one sentence that names the argument and says what it takes.
 */
class Arguments
{
  public:
    /// @param usage what the scenario is, for --PrintHelp
    explicit Arguments(const std::string& usage);

    /**
     * A data rate, such as 6Mbps, or a plain number in bit/s.
     * @param name the argument's name, without dashes
     * @param help its meaning and unit
     * @param value its default, replaced by what is given; must be positive
     */
    void AddRate(const std::string& name, const std::string& help, DataRate& value);
    /**
     * Data rates, with commas between.
     * @param name the argument's name, without dashes
     * @param help their meaning and unit
     * @param value receives what is given: one rate or more, or none; each must be positive
     */
    void AddRates(const std::string& name, const std::string& help, std::vector<DataRate>& value);
    /**
     * A length of time, such as 10ms, or a plain number in seconds.
     * @param name the argument's name, without dashes
     * @param help its meaning
     * @param value its default, replaced by what is given
     * @param low the least that is allowed
     */
    void AddTime(const std::string& name, const std::string& help, Time& value, Time low);
    /**
     * A real number.
     * @param name the argument's name, without dashes
     * @param help its meaning and unit
     * @param value its default, replaced by what is given
     * @param low the least that is allowed
     * @param high the most that is allowed
     */
    void AddNumber(
        const std::string& name, const std::string& help, double& value, double low, double high);
    /**
     * A real number that may be left out.
     * @param name the argument's name, without dashes
     * @param help its meaning and unit, and what holds without it
     * @param value receives what is given, if anything is
     * @param low the least that is allowed
     * @param high the most that is allowed
     */
    void AddNumber(const std::string& name,
                   const std::string& help,
                   std::optional<double>& value,
                   double low,
                   double high);
    /**
     * Real numbers, with commas between.
     * @param name the argument's name, without dashes
     * @param help their meaning and unit
     * @param value their defaults, replaced by what is given: one number or more
     * @param low the least that is allowed
     * @param high the most that is allowed
     */
    void AddNumbers(const std::string& name,
                    const std::string& help,
                    std::vector<double>& value,
                    double low,
                    double high);
    /**
     * A whole number.
     * @param name the argument's name, without dashes
     * @param help its meaning and unit
     * @param value its default, replaced by what is given
     * @param low the least that is allowed
     * @param high the most that is allowed
     */
    void AddInteger(const std::string& name,
                    const std::string& help,
                    uint64_t& value,
                    uint64_t low,
                    uint64_t high);
    /**
     * One of some words.
     * @param name the argument's name, without dashes
     * @param help its meaning
     * @param value its default, replaced by what is given
     * @param choices the words
     */
    void AddChoice(const std::string& name,
                   const std::string& help,
                   std::string& value,
                   const std::vector<std::string>& choices);
    /**
     * Yes or no.
     * @param name the argument's name, without dashes
     * @param help its meaning
     * @param value its default, replaced by what is given
     */
    void AddFlag(const std::string& name, const std::string& help, bool& value);
    /**
     * Any text.
     * @param name the argument's name, without dashes
     * @param help its meaning
     * @param value its default, replaced by what is given
     */
    void AddText(const std::string& name, const std::string& help, std::string& value);

    /**
     * Read the command line.
     * @param argc as main got it
     * @param argv as main got it
     * @throws std::invalid_argument for an unknown argument or a value that is not allowed
     */
    void Parse(int argc, char* argv[]);

  private:
    /// One argument: its text, and what turns the text into the caller's value.
    struct Argument
    {
        std::string name;
        std::string text;
        std::function<void(const Argument&)> convert;
    };

    void Add(const std::string& name,
             const std::string& help,
             const std::string& initial,
             std::function<void(const Argument&)> convert);
    void CheckName(const std::string& argument) const;

    CommandLine m_commandLine;
    std::deque<Argument> m_arguments; //!< a deque: CommandLine keeps references to the texts
};

} // namespace ns3::kan

#endif // NS3KAN_ARGUMENTS_H

// SPDX-License-Identifier: GPL-2.0-only
#ifndef NS3KAN_GYM_PROGRAM_H
#define NS3KAN_GYM_PROGRAM_H

#include <functional>
#include <stdexcept>
#include <string>

namespace ns3::kan
{

/// The conversation with Python cannot go on.
class GymError : public std::runtime_error
{
  public:
    /// @param sentence what was wrong, where, and what to do
    explicit GymError(const std::string& sentence);
};

/**
 * Do what main does, so that any exception ends the program with one sentence on stderr.
 * @param name of the program, with which the sentence begins
 * @param body what it does
 * @return exit status, 1 after an exception
 */
int RunProgram(const std::string& name, const std::function<void()>& body);

} // namespace ns3::kan

#endif // NS3KAN_GYM_PROGRAM_H

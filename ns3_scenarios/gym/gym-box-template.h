// SPDX-License-Identifier: GPL-2.0-only
#ifndef NS3KAN_GYM_BOX_TEMPLATE_H
#define NS3KAN_GYM_BOX_TEMPLATE_H

// Private to the gym interface.

#include "gym-container.h"
#include "gym-space.h"

#include <optional>
#include <string>
#include <string_view>

namespace ns3::kan
{

/**
 * Writes and reads messages whose first field holds one Box of floating-point numbers, without
 * building them: all such messages of a space begin with the same bytes, up to the numbers.
 */
class GymBoxTemplate
{
  public:
    /// @param space what the values are; of no use unless it is a Box of float or double
    explicit GymBoxTemplate(const GymSpace& space);

    /**
     * Appends a message that holds nothing but a value.
     * @param value the value
     * @param[out] message what to append to
     * @return false if the template does not fit the value; nothing has been appended
     */
    bool Append(const GymContainer& value, std::string& message) const;

    /**
     * Reads a message that holds nothing but a value.
     * @param message the message
     * @return nothing if the template does not fit the message
     */
    std::optional<GymContainer> Read(std::string_view message) const;

  private:
    GymContainer::Box m_zeros; //!< an array of the space
    std::string m_prefix;      //!< what comes before the numbers; empty if of no use
    std::size_t m_bytes{0};    //!< length of the numbers
};

} // namespace ns3::kan

#endif // NS3KAN_GYM_BOX_TEMPLATE_H

// SPDX-License-Identifier: GPL-2.0-only
#ifndef NS3KAN_GYM_SPACE_H
#define NS3KAN_GYM_SPACE_H

#include "gym-container.h"

#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace ns3::kan
{

/** Element type of a Box, in the order of GymContainer::Box::Data. */
enum class GymDtype
{
    INT,    //!< int32_t
    UINT,   //!< uint32_t
    FLOAT,  //!< float
    DOUBLE, //!< double
};

/** What observations or actions can be: Discrete, Box, or Tuples and Dicts of those. */
class GymSpace
{
  public:
    /** The integers from 0 to n - 1. */
    struct Discrete
    {
        int32_t n; //!< number of choices, at least 1
    };

    /** Arrays of numbers between two bounds. */
    struct Box
    {
        float low;                   //!< least value, -infinity if there is none
        float high;                  //!< greatest value, infinity if there is none
        std::vector<uint32_t> shape; //!< the arrays' shape; empty for a single number
        GymDtype dtype;              //!< element type
    };

    /** One value of each of several spaces. */
    struct Tuple
    {
        std::vector<GymSpace> elements; //!< the spaces
    };

    /** One value of each of several named spaces. */
    struct Dict
    {
        std::vector<std::pair<std::string, GymSpace>> elements; //!< names and spaces
    };

    using Kind = std::variant<Discrete, Box, Tuple, Dict>; //!< what a space can be

    /** Makes Discrete with a single choice. */
    GymSpace();

    /**
     * Makes a space of any kind.
     * @param kind the space
     */
    GymSpace(Kind kind);

    /**
     * The space's kind, for std::get and std::visit.
     * @return the space
     */
    const Kind& Get() const;

    /**
     * Brings a value into this space as it was declared.
     *
     * A Box may arrive flat and with another element type, as ns3-gym's Python client sends it;
     * it leaves with the declared shape and element type. Bounds are compared in float, the
     * precision in which they travel.
     *
     * @param value the value
     * @return the same value in the declared shape and element type
     * @throws std::invalid_argument with one sentence if the value is not in the space: another
     *         kind, another number of elements, not a number, or out of bounds
     */
    GymContainer Conform(const GymContainer& value) const;

  private:
    Kind m_kind; //!< the space
};

} // namespace ns3::kan

#endif // NS3KAN_GYM_SPACE_H

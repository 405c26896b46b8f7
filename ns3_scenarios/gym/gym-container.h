// SPDX-License-Identifier: GPL-2.0-only
#ifndef NS3KAN_GYM_CONTAINER_H
#define NS3KAN_GYM_CONTAINER_H

#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace ns3::kan
{

/**
 * One value of a GymSpace: an observation or an action.
 *
 * A plain value that is copied and compared like one. The kind is one of the nested structs,
 * and a Box keeps its numbers in a vector of the type that travels.
 */
class GymContainer
{
  public:
    /** A choice among n. */
    struct Discrete
    {
        int32_t value; //!< the choice, from 0 to n - 1
    };

    /** An array of numbers in row-major order. */
    struct Box
    {
        /** One vector per element type of the wire: INT, UINT, FLOAT, DOUBLE, in this order. */
        using Data = std::variant<std::vector<int32_t>,
                                  std::vector<uint32_t>,
                                  std::vector<float>,
                                  std::vector<double>>;
        Data data;                   //!< the numbers
        std::vector<uint32_t> shape; //!< the array's shape; empty for a single number
    };

    /** Several values in a fixed order. */
    struct Tuple
    {
        std::vector<GymContainer> elements; //!< the values
    };

    /** Several values with names. */
    struct Dict
    {
        std::vector<std::pair<std::string, GymContainer>> elements; //!< names and values
    };

    using Kind = std::variant<Discrete, Box, Tuple, Dict>; //!< what a value can be

    /** Makes the choice 0. */
    GymContainer();

    /**
     * Makes a value of any kind.
     * @param kind the value
     */
    GymContainer(Kind kind);

    /**
     * Makes a one-dimensional Box, the usual observation.
     * @tparam T int32_t, uint32_t, float or double
     * @param values the numbers
     * @return the value
     */
    template <typename T>
    static GymContainer Vector(std::vector<T> values);

    /**
     * The value's kind, for std::get and std::visit.
     * @return the value
     */
    const Kind& Get() const;

    /**
     * The choice of a Discrete value. Ends the program if the value is of another kind.
     * @return the choice
     */
    int32_t GetDiscrete() const;

    /**
     * The numbers of a Box whose element type is T. Ends the program for any other value.
     * @tparam T int32_t, uint32_t, float or double
     * @return the numbers in row-major order
     */
    template <typename T>
    const std::vector<T>& GetBox() const;

    /**
     * One element of a Tuple. Ends the program if there is none at that place.
     * @param index the element's place
     * @return the element
     */
    const GymContainer& At(std::size_t index) const;

    /**
     * One element of a Dict. Ends the program if none has that name.
     * @param name the element's name
     * @return the element
     */
    const GymContainer& At(const std::string& name) const;

  private:
    Kind m_kind; //!< the value
};

} // namespace ns3::kan

#endif // NS3KAN_GYM_CONTAINER_H

// SPDX-License-Identifier: GPL-2.0-only
#ifndef NS3KAN_GYM_FLAT_H
#define NS3KAN_GYM_FLAT_H

// Private to the gym interface: values as they lie in shared memory.

#include "gym-container.h"
#include "gym-space.h"

#include <cstddef>
#include <cstdint>

namespace ns3::kan
{

/**
 * Length of every value of a space when it is laid out flat: the numbers of its Boxes and
 * Discretes (as int32_t) in declared order, each array padded to 8 bytes.
 * @param space the space
 * @return the length [byte]
 */
std::size_t GetFlatSize(const GymSpace& space);

/**
 * Lays a value out flat.
 * @param space what the value was declared to be
 * @param value the value
 * @param[out] memory where to, GetFlatSize(space) bytes
 * @return false if the value is not what was declared; it then has to travel as a message
 */
bool WriteFlat(const GymSpace& space, const GymContainer& value, uint8_t* memory);

/**
 * Reads a value that was laid out flat.
 * @param space what the value is
 * @param memory where from, GetFlatSize(space) bytes
 * @return the value
 */
GymContainer ReadFlat(const GymSpace& space, const uint8_t* memory);

} // namespace ns3::kan

#endif // NS3KAN_GYM_FLAT_H

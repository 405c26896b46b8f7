// SPDX-License-Identifier: GPL-2.0-only
#ifndef NS3KAN_GYM_MESSAGES_H
#define NS3KAN_GYM_MESSAGES_H

// Private to the gym interface: keeps protocol buffers out of the public headers.

#include "gym-container.h"
#include "gym-space.h"

#include "gym/messages.pb.h"

namespace ns3
{

/**
 * Writes a space as it travels.
 * @param space the space
 * @return the message
 */
ns3opengym::SpaceDescription ToMessage(const GymSpace& space);

/**
 * Writes a value as it travels.
 * @param value the value
 * @return the message
 */
ns3opengym::DataContainer ToMessage(const GymContainer& value);

/**
 * Reads a value that has travelled.
 * @param message the message
 * @param depth how deep the value may be nested
 * @return the value
 * @throws std::invalid_argument with one sentence if the message makes no sense
 */
GymContainer FromMessage(const ns3opengym::DataContainer& message, int depth = 32);

} // namespace ns3

#endif // NS3KAN_GYM_MESSAGES_H

// SPDX-License-Identifier: GPL-2.0-only
#ifndef NS3KAN_GYM_MESSAGES_H
#define NS3KAN_GYM_MESSAGES_H

// Private to the gym interface: keeps protocol buffers out of the public headers.

#include "gym-container.h"
#include "gym-space.h"

#include "gym/ns3kan-messages.pb.h"

#include <google/protobuf/any.pb.h>
#include <string>

namespace ns3::kan
{

/**
 * @tparam Message a kind of message
 * @return its name in an Any, in which ns3-gym's package stands
 */
template <typename Message>
std::string
TypeUrl()
{
    return "type.googleapis.com/ns3opengym." + Message::descriptor()->name();
}

/**
 * @tparam Message a kind of message
 * @param payload what holds one
 * @return whether it is of this kind, by what follows the last slash, as protocol buffers define it
 */
template <typename Message>
bool
IsOfType(const google::protobuf::Any& payload)
{
    const std::string name = TypeUrl<Message>();
    const std::string& given = payload.type_url();
    return given.substr(given.rfind('/') + 1) == name.substr(name.rfind('/') + 1);
}

/**
 * Writes a space as it travels.
 * @param space the space
 * @return the message
 */
ns3kan::wire::SpaceDescription ToMessage(const GymSpace& space);

/**
 * Writes a value as it travels.
 * @param value the value
 * @return the message
 */
ns3kan::wire::DataContainer ToMessage(const GymContainer& value);

/**
 * Reads a value that has travelled.
 * @param message the message
 * @param depth how deep the value may be nested
 * @return the value
 * @throws std::invalid_argument with one sentence if the message makes no sense
 */
GymContainer FromMessage(const ns3kan::wire::DataContainer& message, int depth = 32);

} // namespace ns3::kan

#endif // NS3KAN_GYM_MESSAGES_H

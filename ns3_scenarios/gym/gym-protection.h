// SPDX-License-Identifier: GPL-2.0-only
#ifndef NS3KAN_GYM_PROTECTION_H
#define NS3KAN_GYM_PROTECTION_H

// Private to the gym interface.

#include <string>

namespace ns3::kan
{

/**
 * Where Python listens: the environment variable NS3KAN_HOST, localhost without it.
 * @return a host name or an address
 */
std::string GymHost();

/**
 * Encrypts a conversation with the keys in the environment variables NS3KAN_CURVE_SERVER_KEY,
 * NS3KAN_CURVE_PUBLIC_KEY and NS3KAN_CURVE_SECRET_KEY, if they are set. Ends the program if some
 * are missing, if they are no keys, or if Python is on another host and there are none although
 * NS3KAN_INSECURE=1 does not ask for that.
 * @param socket ZeroMQ socket that has not been connected yet
 * @param host where Python listens
 */
void ProtectGymSocket(void* socket, const std::string& host);

} // namespace ns3::kan

#endif // NS3KAN_GYM_PROTECTION_H

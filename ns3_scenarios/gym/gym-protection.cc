// SPDX-License-Identifier: GPL-2.0-only
#include "gym-protection.h"

#include "gym-channel.h"
#include "gym-program.h"

#include <array>
#include <cstdlib>
#include <utility>
#include <zmq.h>

namespace ns3::kan
{

namespace
{

/// An environment variable, empty if it is not set.
std::string
Variable(const char* name)
{
    const char* value = std::getenv(name);
    return value ? value : "";
}

/// Whether nothing that is sent to a host leaves this one.
bool
IsLoopback(const std::string& host)
{
    return host == "localhost" || host == "::1" || host.rfind("127.", 0) == 0;
}

} // namespace

std::string
GymHost()
{
    const auto host = Variable("NS3KAN_HOST");
    return host.empty() ? "localhost" : host;
}

void
ProtectGymSocket(void* socket, const std::string& host)
{
    const std::array<std::pair<int, const char*>, 3> options{{
        {ZMQ_CURVE_SERVERKEY, "NS3KAN_CURVE_SERVER_KEY"},
        {ZMQ_CURVE_PUBLICKEY, "NS3KAN_CURVE_PUBLIC_KEY"},
        {ZMQ_CURVE_SECRETKEY, "NS3KAN_CURVE_SECRET_KEY"},
    }};
    bool isKeyed = false;
    for (const auto& option : options)
    {
        isKeyed = isKeyed || !Variable(option.second).empty();
    }
    if (!isKeyed)
    {
        if (!IsLoopback(host) && Variable("NS3KAN_INSECURE") != "1")
        {
            throw GymError(
                "NS3KAN_HOST names the other host " + host +
                " and there are no keys; set the NS3KAN_CURVE_ variables that `ns3kan keys` "
                "prints, or NS3KAN_INSECURE=1 if everybody on that network is trusted.");
        }
        return;
    }
    for (const auto& [option, name] : options)
    {
        const auto key = Variable(name);
        // With its final zero, which the library wants to see counted.
        if (key.size() != 40 || zmq_setsockopt(socket, option, key.c_str(), key.size() + 1) != 0)
        {
            throw GymError(
                std::string(name) +
                " is missing or is not a key; set all three variables that `ns3kan keys` "
                "prints.");
        }
    }
}

} // namespace ns3::kan

// SPDX-License-Identifier: GPL-2.0-only
#include "five-tuple.h"

#include <ns3/hash.h>

#include <array>
#include <cstring>
#include <functional>

namespace ns3::kan
{

FiveTuple
FiveTuple::Of(Ptr<const Packet> p, const Ipv4Header& header)
{
    FiveTuple tuple{
        header.GetSource().Get(), header.GetDestination().Get(), 0, 0, header.GetProtocol()};
    // Only the first fragment carries ports, so all fragments are classified without them.
    const bool fragment = header.GetFragmentOffset() != 0 || !header.IsLastFragment();
    std::array<uint8_t, 4> ports{};
    if (!fragment && p->CopyData(ports.data(), ports.size()) == ports.size())
    {
        // UDP and TCP both begin with source and destination port, in network byte order.
        tuple.sourcePort = static_cast<uint16_t>(ports[0] << 8 | ports[1]);
        tuple.destinationPort = static_cast<uint16_t>(ports[2] << 8 | ports[3]);
    }
    return tuple;
}

FiveTuple
FiveTuple::Reversed() const
{
    return {destination, source, destinationPort, sourcePort, protocol};
}

double
FiveTuple::GetPoint(uint32_t salt) const
{
    std::array<char, 17> bytes;
    char* to = bytes.data();
    const auto append = [&to](const auto& value)
    {
        std::memcpy(to, &value, sizeof(value));
        to += sizeof(value);
    };
    append(salt);
    append(source);
    append(destination);
    append(sourcePort);
    append(destinationPort);
    append(protocol);
    // The 53 bits that a double holds exactly.
    return static_cast<double>(Hash64(bytes.data(), bytes.size()) >> 11) * 0x1p-53;
}

bool
FiveTuple::operator==(const FiveTuple& other) const
{
    return source == other.source && destination == other.destination &&
           sourcePort == other.sourcePort && destinationPort == other.destinationPort &&
           protocol == other.protocol;
}

size_t
FiveTupleHash::operator()(const FiveTuple& tuple) const
{
    const uint64_t addresses = (uint64_t{tuple.source} << 32) | tuple.destination;
    const uint64_t ports = (uint64_t{tuple.sourcePort} << 24) ^
                           (uint64_t{tuple.destinationPort} << 8) ^ tuple.protocol;
    // Fibonacci hashing: the golden ratio spreads neighbouring ports over the table.
    return std::hash<uint64_t>{}(addresses ^ (ports * 0x9E3779B97F4A7C15ULL));
}

} // namespace ns3::kan

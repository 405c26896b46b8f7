// SPDX-License-Identifier: GPL-2.0-only
#include "idle-path.h"

#include <algorithm>
#include <utility>

namespace ns3::kan
{

namespace
{

// Sizes on the wire, with 2 bytes of PPP and 20 of IPv4 each [byte].
constexpr uint32_t HANDSHAKE = 58; //!< SYN: TCP with timestamp, window scale, SACK permitted
constexpr uint32_t HEADERS = 54;   //!< all other segments: TCP with a timestamp

} // namespace

IdlePath::IdlePath(std::vector<Link> links, uint32_t segment, uint32_t initialWindow)
    : m_links(std::move(links))
    , m_segment(segment)
    , m_initialWindow(initialWindow)
{
}

double
IdlePath::GetCrossingTime(uint32_t size) const
{
    double time = 0;
    for (const Link& link : m_links)
    {
        time += 8 * size / link.rate + link.delay;
    }
    return time;
}

double
IdlePath::GetCompletionTime(uint64_t bytes) const
{
    const double start = 2 * GetCrossingTime(HANDSHAKE);
    const double answer = GetCrossingTime(HEADERS);
    const uint64_t segments = (bytes + m_segment - 1) / m_segment;
    // When each link has sent all so far; the handshake ends with an acknowledgement.
    std::vector<double> free;
    double arrival = start;
    for (const Link& link : m_links)
    {
        free.push_back(arrival + 8 * HEADERS / link.rate);
        arrival = free.back() + link.delay;
    }
    std::vector<double> acknowledged; // when the acknowledgement of each segment is back
    for (uint64_t segment = 0; segment < segments; ++segment)
    {
        const uint64_t payload = std::min<uint64_t>(m_segment, bytes - segment * m_segment);
        arrival = start;
        if (segment >= m_initialWindow)
        {
            // After n acknowledgements, initialWindow + 2 n segments may have been sent.
            arrival = acknowledged[(segment - m_initialWindow) / 2];
        }
        for (size_t link = 0; link < m_links.size(); ++link)
        {
            free[link] = std::max(arrival, free[link]) +
                         8 * static_cast<double>(payload + HEADERS) / m_links[link].rate;
            arrival = free[link] + m_links[link].delay;
        }
        acknowledged.push_back(arrival + answer);
    }
    return arrival;
}

} // namespace ns3::kan

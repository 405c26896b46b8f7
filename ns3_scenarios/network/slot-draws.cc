// SPDX-License-Identifier: GPL-2.0-only
#include "slot-draws.h"

#include "document.h"

#include <cctype>
#include <charconv>
#include <filesystem>
#include <stdexcept>
#include <utility>

namespace ns3::kan
{

RandomSlotDraws::RandomSlotDraws(std::vector<CountDistribution> arrivals,
                                 std::vector<CountDistribution> capacities,
                                 int64_t stream)
    : m_arrivals(std::move(arrivals))
    , m_capacities(std::move(capacities))
    , m_arrivalDraw(CreateObject<UniformRandomVariable>())
    , m_capacityDraw(CreateObject<UniformRandomVariable>())
{
    m_arrivalDraw->SetStream(stream);
    m_capacityDraw->SetStream(stream + 1);
}

bool
RandomSlotDraws::Next(SlotCounts& counts)
{
    counts.arrivals.clear();
    counts.capacities.clear();
    for (const CountDistribution& distribution : m_arrivals)
    {
        counts.arrivals.push_back(distribution.Draw(m_arrivalDraw->GetValue()));
    }
    for (const CountDistribution& distribution : m_capacities)
    {
        counts.capacities.push_back(distribution.Draw(m_capacityDraw->GetValue()));
    }
    return true;
}

TraceSlotDraws::TraceSlotDraws(const std::string& path, uint32_t arrivals, uint32_t capacities)
    : m_path(path)
    , m_file(path)
    , m_arrivals(arrivals)
    , m_capacities(capacities)
{
    if (!m_file || std::filesystem::is_directory(path))
    {
        throw std::invalid_argument(path + ": cannot be read, give --trace a CSV file");
    }
}

bool
TraceSlotDraws::Next(SlotCounts& counts)
{
    std::string line;
    do
    {
        if (!ReadTraceLine(line))
        {
            return false;
        }
        ++m_line;
    } while (line.empty() || line[0] == '#' || std::isalpha(static_cast<unsigned char>(line[0])));

    std::vector<uint32_t> numbers;
    const char* at = line.data();
    const char* end = at + line.size() - (line.back() == '\r' ? 1 : 0);
    bool whole = true;
    for (bool more = true; more && whole; ++at)
    {
        uint32_t number = 0;
        const auto [next, error] = std::from_chars(at, end, number);
        at = next;
        more = at != end;
        whole = error == std::errc() && (!more || *at == ',');
        numbers.push_back(number);
    }
    if (!whole || numbers.size() != m_arrivals + m_capacities)
    {
        throw std::runtime_error(m_path + ", line " + std::to_string(m_line) + ": expected " +
                                 std::to_string(m_arrivals) + " arrivals and " +
                                 std::to_string(m_capacities) +
                                 " capacities, whole numbers with commas between");
    }
    counts.arrivals.assign(numbers.begin(), numbers.begin() + m_arrivals);
    counts.capacities.assign(numbers.begin() + m_arrivals, numbers.end());
    return true;
}

bool
TraceSlotDraws::ReadTraceLine(std::string& line)
{
    try
    {
        return ReadLine(m_file, line);
    }
    catch (const std::invalid_argument& error)
    {
        throw std::runtime_error(m_path + ", line " + std::to_string(m_line + 1) + ": " +
                                 error.what());
    }
}

} // namespace ns3::kan

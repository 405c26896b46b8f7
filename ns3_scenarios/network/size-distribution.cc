// SPDX-License-Identifier: GPL-2.0-only
#include "size-distribution.h"

#include "document.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <sstream>
#include <stdexcept>
#include <utility>

namespace ns3::kan
{

namespace
{

using Row = SizeDistribution::Row;

/// Payload of the packets in which the published tables count [byte].
constexpr double PACKET = 1460;

/// The tables by name, as published: in packets.
const std::map<std::string, std::vector<Row>> TABLES{
    {"web-search",
     {{6, 0},
      {6, 0.15},
      {13, 0.2},
      {19, 0.3},
      {33, 0.4},
      {53, 0.53},
      {133, 0.6},
      {667, 0.7},
      {1333, 0.8},
      {3333, 0.9},
      {6667, 0.97},
      {20000, 1}}},
    {"data-mining",
     {{1, 0},
      {1, 0.5},
      {2, 0.6},
      {3, 0.7},
      {7, 0.8},
      {267, 0.9},
      {2107, 0.95},
      {66667, 0.99},
      {666667, 1}}},
};

/**
 * @param path a CSV file
 * @return its rows
 */
std::vector<Row>
ReadRows(const std::string& path)
{
    std::istringstream file;
    try
    {
        file.str(ReadDocument(path));
    }
    catch (const std::invalid_argument& error)
    {
        throw std::invalid_argument(path + ": " + error.what());
    }
    catch (const std::runtime_error& error)
    {
        throw std::invalid_argument(path + ": " + error.what() + "; give the path of a CSV file");
    }
    std::vector<Row> rows;
    bool hasHeader = false;
    uint32_t number = 0;
    for (std::string line; std::getline(file, line);)
    {
        ++number;
        if (line.empty() || line[0] == '#')
        {
            continue;
        }
        if (!std::exchange(hasHeader, true))
        {
            if (line != "size,cumulative")
            {
                throw std::invalid_argument(path + ":" + std::to_string(number) +
                                            ": a table begins with the line size,cumulative");
            }
            continue;
        }
        std::istringstream cells(line);
        Row row{};
        char comma = 0;
        char rest = 0;
        if (!(cells >> row.size >> comma >> row.cumulative) || comma != ',' || cells >> rest)
        {
            throw std::invalid_argument(path + ":" + std::to_string(number) + ": \"" +
                                        Shortened(line, 60) +
                                        "\" is not a size in bytes, a comma and a probability");
        }
        rows.push_back(row);
    }
    return rows;
}

} // namespace

SizeDistribution::SizeDistribution(std::vector<Row> rows, const std::string& source)
    : m_rows(std::move(rows))
{
    if (m_rows.size() < 2 || m_rows.front().cumulative != 0 || m_rows.back().cumulative != 1)
    {
        throw std::invalid_argument(source + ": a table has two rows or more, the first with the "
                                             "cumulative probability 0 and the last with 1");
    }
    for (size_t row = 0; row < m_rows.size(); ++row)
    {
        const Row& now = m_rows[row];
        const Row& before = m_rows[row == 0 ? 0 : row - 1];
        if (!(now.size >= 0 && now.size <= 1e15 && now.size >= before.size &&
              now.cumulative >= before.cumulative && now.cumulative <= 1))
        {
            throw std::invalid_argument(
                source + ": row " + std::to_string(row + 1) +
                " is not allowed: sizes are from 0 to 1e15 bytes, probabilities from 0 to 1, and "
                "neither falls from row to row");
        }
    }
}

std::vector<std::string>
SizeDistribution::GetNames()
{
    std::vector<std::string> names;
    for (const auto& [name, rows] : TABLES)
    {
        names.push_back(name);
    }
    return names;
}

SizeDistribution
SizeDistribution::Load(const std::string& name)
{
    if (const auto found = TABLES.find(name); found != TABLES.end())
    {
        return SizeDistribution(found->second, name).Scaled(PACKET);
    }
    if (name.find('.') == std::string::npos)
    {
        std::string known;
        for (const std::string& candidate : GetNames())
        {
            known += candidate + ", ";
        }
        throw std::invalid_argument("there is no distribution \"" + name + "\"; use " + known +
                                    "constant, or the path of a .csv file");
    }
    return {ReadRows(name), name};
}

SizeDistribution
SizeDistribution::Constant(double size)
{
    return {{{size, 0}, {size, 1}}, "constant"};
}

SizeDistribution
SizeDistribution::Scaled(double factor) const
{
    SizeDistribution scaled = *this;
    for (Row& row : scaled.m_rows)
    {
        row.size *= factor;
    }
    return scaled;
}

double
SizeDistribution::GetMean() const
{
    double mean = 0;
    for (size_t row = 1; row < m_rows.size(); ++row)
    {
        const Row& low = m_rows[row - 1];
        const Row& high = m_rows[row];
        mean += (high.cumulative - low.cumulative) * (low.size + high.size) / 2;
    }
    return mean;
}

uint64_t
SizeDistribution::GetQuantile(double share) const
{
    const auto high =
        std::upper_bound(m_rows.begin(),
                         m_rows.end() - 1,
                         share,
                         [](double value, const Row& row) { return value < row.cumulative; });
    const auto low = high - 1;
    const double part = (share - low->cumulative) / (high->cumulative - low->cumulative);
    return std::max<uint64_t>(1, std::llround(low->size + part * (high->size - low->size)));
}

} // namespace ns3::kan

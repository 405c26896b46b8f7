// SPDX-License-Identifier: MIT
#include "queue-counts.h"

#include <algorithm>
#include <array>
#include <stdexcept>
#include <utility>

namespace ns3kan
{

namespace
{

/// Most thresholds that are compared with a draw.
constexpr size_t MAX_WINDOW = 64;
/// What a search costs, in comparisons of four draws.
constexpr double SEARCH = 200;

} // namespace

void
CountTables::Add(const uint32_t* thresholds, size_t size)
{
    m_thresholds.insert(m_thresholds.end(), thresholds, thresholds + size);
    m_firsts.push_back(m_thresholds.size());
}

size_t
CountTables::Count(size_t table, uint32_t bits) const
{
    const uint32_t* begin = Begin(table);
    return static_cast<size_t>(std::lower_bound(begin, begin + Largest(table), bits) - begin);
}

LaneCounts::LaneCounts(CountTables tables,
                       size_t lanes,
                       size_t columns,
                       std::vector<int32_t> places,
                       std::vector<int64_t> offsets)
    : m_tables(std::move(tables))
    , m_numLanes(lanes)
    , m_numColumns(columns)
    , m_places(std::move(places))
    , m_offsets(std::move(offsets))
{
    if (m_places.size() != lanes * columns || m_offsets.size() != m_places.size())
    {
        throw std::invalid_argument("The arrays of the lanes do not fit each other.");
    }
    for (const int32_t place : m_places)
    {
        if (static_cast<size_t>(place) >= m_tables.Size())
        {
            throw std::invalid_argument("A column of the lanes has no distribution.");
        }
    }
    for (size_t column = 0; column < columns; column += FOUR)
    {
        m_windows.push_back(ChooseWindow(column));
        m_stride += 2 + m_windows.back();
    }
    m_fours.reserve(m_numLanes * m_stride);
    m_bases.resize(m_numLanes * Width());
    for (size_t lane = 0; lane < m_numLanes; lane++)
    {
        for (size_t i = 0; i < m_windows.size(); i++)
        {
            AddFour(lane, i);
        }
    }
    for (size_t place = 0; place < m_places.size(); place++)
    {
        const auto table = static_cast<size_t>(m_places[place]);
        const size_t size = m_windows[place % columns / FOUR];
        const size_t start = MakeWindow(table, m_tables.Median(table), size).start;
        m_bases[place / columns * Width() + place % columns] =
            m_offsets[place] + static_cast<int64_t>(start);
    }
}

LaneCounts::Window
LaneCounts::MakeWindow(size_t table, size_t median, size_t size) const
{
    const size_t largest = m_tables.Largest(table);
    if (largest <= size)
    {
        return {0, 0, UINT32_MAX};
    }
    const size_t start = std::min(median - std::min(median, size / 2), largest - size);
    const uint32_t* thresholds = m_tables.Begin(table);
    return {start,
            start > 0 ? thresholds[start - 1] + 1 : 0,
            start + size < largest ? thresholds[start + size] : UINT32_MAX};
}

size_t
LaneCounts::ChooseWindow(size_t firstColumn) const
{
    // Of a step of all lanes, for each size.
    std::vector<double> costs(MAX_WINDOW + 1);
    for (size_t size = 0; size <= MAX_WINDOW; size++)
    {
        costs[size] = static_cast<double>(size * m_numLanes);
    }
    const size_t end = std::min(firstColumn + FOUR, m_numColumns);
    for (size_t lane = 0; lane < m_numLanes; lane++)
    {
        for (size_t column = firstColumn; column < end; column++)
        {
            const auto table = static_cast<size_t>(m_places[lane * m_numColumns + column]);
            const size_t median = m_tables.Median(table);
            for (size_t size = 0; size < std::min(m_tables.Largest(table), costs.size()); size++)
            {
                const Window window = MakeWindow(table, median, size);
                const double settled = (window.last - window.first + 1.0) * 0x1p-32;
                costs[size] += SEARCH * (1 - settled);
            }
        }
    }
    const auto best = std::min_element(costs.begin(), costs.end()) - costs.begin();
    return static_cast<size_t>(best + best % 2);
}

void
LaneCounts::AddFour(size_t lane, size_t i)
{
    const size_t size = m_windows[i];
    // Columns that do not exist are settled by any bits, which are above no threshold.
    std::vector<std::array<uint32_t, FOUR>> rows(2 + size);
    rows[0].fill(0);
    std::fill(
        rows.begin() + 1, rows.end(), std::array{UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX});
    for (size_t k = 0; k < std::min(FOUR, m_numColumns - i * FOUR); k++)
    {
        const auto table = static_cast<size_t>(m_places[lane * m_numColumns + i * FOUR + k]);
        const Window window = MakeWindow(table, m_tables.Median(table), size);
        rows[0][k] = window.first;
        rows[1][k] = window.last - window.first;
        for (size_t j = 0; j < std::min(size, m_tables.Largest(table)); j++)
        {
            rows[2 + j][k] = m_tables.Begin(table)[window.start + j];
        }
    }
    for (auto& row : rows)
    {
        for (auto& bits : row)
        {
            bits ^= FLIP;
        }
        m_fours.push_back(std::bit_cast<Four>(row));
    }
}

int64_t
LaneCounts::Largest(size_t lane, size_t column) const
{
    const size_t place = lane * m_numColumns + column;
    const auto table = static_cast<size_t>(m_places[place]);
    return m_offsets[place] + static_cast<int64_t>(m_tables.Largest(table));
}

void
LaneCounts::Search(size_t lane, Sfc64 stream, int64_t* row) const
{
    const Four* four = m_fours.data() + lane * m_stride;
    uint64_t word = 0;
    for (size_t column = 0; column < m_numColumns; column++)
    {
        const size_t k = column % FOUR;
        word = k % 2 == 0 ? stream() : word >> 32;
        const auto bits = static_cast<uint32_t>(word);
        const uint32_t first = static_cast<uint32_t>(four[0].ints[k]) ^ FLIP;
        const uint32_t span = static_cast<uint32_t>(four[1].ints[k]) ^ FLIP;
        if (bits - first > span)
        {
            const size_t place = lane * m_numColumns + column;
            const auto table = static_cast<size_t>(m_places[place]);
            row[column] = m_offsets[place] + static_cast<int64_t>(m_tables.Count(table, bits));
        }
        if (k + 1 == FOUR)
        {
            four += 2 + m_windows[column / FOUR];
        }
    }
}

} // namespace ns3kan

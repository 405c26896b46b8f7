// SPDX-License-Identifier: MIT
#include "queue-lanes.h"

#include <stdexcept>
#include <utility>

namespace ns3kan
{

void
CountTables::Add(const uint32_t* thresholds, size_t size)
{
    const auto below = [thresholds, size](uint32_t bits)
    {
        return static_cast<size_t>(std::lower_bound(thresholds, thresholds + size, bits) -
                                   thresholds);
    };
    const size_t median = below(UINT32_MAX / 2);
    const size_t start = median > OPEN / 2 ? median - OPEN / 2 : 0;
    Cells cells;
    for (uint32_t i = 0; i < cells.size(); i++)
    {
        const size_t least = below(i << SHIFT);
        const size_t greatest = below(i << SHIFT | ((1U << SHIFT) - 1));
        const bool isOpen = greatest > least + 1 || least < start || least >= start + OPEN;
        cells[i] = isOpen ? OPEN : static_cast<uint8_t>(least - start);
    }
    m_cells.push_back(cells);
    m_thresholds.insert(m_thresholds.end(), thresholds, thresholds + size);
    m_thresholds.push_back(UINT32_MAX);
    m_first.push_back(m_thresholds.size());
    m_start.push_back(start);
}

int64_t
CountTables::Search(const Column& column, uint32_t bits) const
{
    const auto begin = m_thresholds.begin();
    const auto first = begin + static_cast<ptrdiff_t>(m_first[column.table]);
    const auto last = begin + static_cast<ptrdiff_t>(m_first[column.table + 1]);
    return column.base + (std::lower_bound(first, last, bits) - begin) -
           static_cast<int64_t>(column.first);
}

QueueLanes::QueueLanes(QueueProblem problem,
                       size_t lanes,
                       size_t queues,
                       CountTables tables,
                       const std::vector<int32_t>& places,
                       const std::vector<int64_t>& offsets,
                       std::vector<int64_t> buffers,
                       QueueCost cost)
    : m_problem(problem)
    , m_numQueues(queues)
    , m_numArrivals(problem == QueueProblem::SINGLE_HOP ? queues : 1)
    , m_numColumns(m_numArrivals + queues)
    , m_tables(std::move(tables))
    , m_buffers(std::move(buffers))
    , m_cost(std::move(cost))
    , m_queues(lanes * queues)
    , m_capacities(lanes * queues)
    , m_row(m_numColumns)
    , m_streams(lanes)
{
    if (places.size() != lanes * m_numColumns || offsets.size() != places.size() ||
        (!m_buffers.empty() && m_buffers.size() != m_queues.size()) ||
        (!m_cost.weights.empty() && m_cost.weights.size() != m_queues.size()))
    {
        throw std::invalid_argument("The arrays of the lanes do not fit each other.");
    }
    for (size_t i = 0; i < places.size(); i++)
    {
        const auto table = static_cast<size_t>(places[i]);
        if (table >= m_tables.Size())
        {
            throw std::invalid_argument("A column of the lanes has no distribution.");
        }
        m_columns.push_back(m_tables.MakeColumn(table, offsets[i]));
    }
}

int64_t
QueueLanes::LargestCapacity() const
{
    int64_t largest = 0;
    for (size_t i = 0; i < m_columns.size(); i++)
    {
        if (i % m_numColumns >= m_numArrivals)
        {
            largest = std::max(largest, m_tables.Largest(m_columns[i]));
        }
    }
    return largest;
}

int64_t
QueueLanes::Longest() const
{
    return *std::max_element(m_queues.begin(), m_queues.end());
}

void
QueueLanes::Restart()
{
    std::fill(m_queues.begin(), m_queues.end(), 0);
    for (size_t lane = 0; lane < NumLanes(); lane++)
    {
        Draw(lane);
        std::copy_n(m_row.data() + m_numArrivals, m_numQueues, Capacities(lane));
    }
}

double
QueueLanes::Step(size_t lane, size_t action, int64_t* drops)
{
    Draw(lane);
    int64_t* queues = Queues(lane);
    int64_t* capacities = Capacities(lane);
    const int64_t* arrivals = m_row.data();
    if (m_problem == QueueProblem::SINGLE_HOP)
    {
        queues[action] = std::max<int64_t>(queues[action] - capacities[action], 0);
        for (size_t k = 0; k < m_numQueues; k++)
        {
            queues[k] += arrivals[k];
        }
    }
    else
    {
        for (size_t k = 0; k < m_numQueues; k++)
        {
            queues[k] = std::max<int64_t>(queues[k] - capacities[k], 0);
        }
        queues[action] += arrivals[0];
    }
    std::copy_n(m_row.data() + m_numArrivals, m_numQueues, capacities);
    const int64_t dropped = m_buffers.empty() ? 0 : Drop(lane);
    if (drops)
    {
        *drops = dropped;
    }
    return Cost(lane, dropped);
}

void
QueueLanes::Draw(size_t lane)
{
    // Copies, which the compiler can keep in registers while it writes the row.
    Sfc64 stream = m_streams[lane];
    int64_t* row = m_row.data();
    const CountTables::Column* columns = m_columns.data() + lane * m_numColumns;
    const size_t numColumns = m_numColumns;
    size_t i = 0;
    for (; i + 1 < numColumns; i += 2)
    {
        const uint64_t word = stream();
        row[i] = m_tables.Count(columns[i], word & UINT32_MAX);
        row[i + 1] = m_tables.Count(columns[i + 1], word >> 32);
    }
    if (i < numColumns)
    {
        row[i] = m_tables.Count(columns[i], stream() & UINT32_MAX);
    }
    m_streams[lane] = stream;
}

int64_t
QueueLanes::Drop(size_t lane)
{
    int64_t* queues = Queues(lane);
    const int64_t* buffers = m_buffers.data() + lane * m_numQueues;
    int64_t drops = 0;
    for (size_t k = 0; k < m_numQueues; k++)
    {
        const int64_t over = std::max<int64_t>(queues[k] - buffers[k], 0);
        queues[k] -= over;
        drops += over;
    }
    return drops;
}

double
QueueLanes::Cost(size_t lane, int64_t drops) const
{
    const int64_t* queues = m_queues.data() + lane * m_numQueues;
    double cost = 0;
    if (m_cost.weights.empty() && !m_cost.isQuadratic)
    {
        int64_t total = 0;
        for (size_t k = 0; k < m_numQueues; k++)
        {
            total += queues[k];
        }
        cost = static_cast<double>(total);
    }
    else
    {
        const double* weights =
            m_cost.weights.empty() ? nullptr : m_cost.weights.data() + lane * m_numQueues;
        for (size_t k = 0; k < m_numQueues; k++)
        {
            const auto length = static_cast<double>(queues[k]);
            cost += (m_cost.isQuadratic ? length * length : length) * (weights ? weights[k] : 1.0);
        }
    }
    return m_cost.scale * (cost + m_cost.drop * static_cast<double>(drops));
}

} // namespace ns3kan

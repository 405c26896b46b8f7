// SPDX-License-Identifier: MIT
#include "queue-lanes.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace ns3kan
{

QueueLanes::QueueLanes(QueueProblem problem,
                       size_t lanes,
                       size_t queues,
                       CountTables tables,
                       std::vector<int32_t> places,
                       std::vector<int64_t> offsets,
                       std::vector<int64_t> buffers,
                       QueueCost cost)
    : m_problem(problem)
    , m_numQueues(queues)
    , m_numArrivals(problem == QueueProblem::SINGLE_HOP ? queues : 1)
    , m_numColumns(m_numArrivals + queues)
    , m_counts(std::move(tables), lanes, m_numColumns, std::move(places), std::move(offsets))
    , m_buffers(std::move(buffers))
    , m_cost(std::move(cost))
    , m_queues(lanes * queues)
    , m_rows(lanes * m_counts.Width())
    , m_streams(lanes)
{
    const size_t size = lanes * queues;
    if ((!m_buffers.empty() && m_buffers.size() != size) ||
        (!m_cost.weights.empty() && m_cost.weights.size() != size))
    {
        throw std::invalid_argument("The arrays of the lanes do not fit each other.");
    }
}

int64_t
QueueLanes::LargestCapacity() const
{
    int64_t largest = 0;
    for (size_t lane = 0; lane < NumLanes(); lane++)
    {
        for (size_t column = m_numArrivals; column < m_numColumns; column++)
        {
            largest = std::max(largest, m_counts.Largest(lane, column));
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
        m_counts.Draw(lane, m_streams[lane], m_rows.data() + lane * m_counts.Width());
    }
}

double
QueueLanes::Step(size_t lane, size_t action, int64_t* drops)
{
    const size_t numQueues = m_numQueues;
    int64_t* queues = Queues(lane);
    int64_t* row = m_rows.data() + lane * m_counts.Width();
    const int64_t* capacities = row + m_numArrivals;
    int64_t total = 0;
    if (m_problem == QueueProblem::SINGLE_HOP)
    {
        const int64_t served = std::min(queues[action], capacities[action]);
        m_counts.Draw(lane, m_streams[lane], row);
        for (size_t k = 0; k < numQueues; k++)
        {
            queues[k] += row[k];
            total += queues[k];
        }
        // Last, so that nothing loads several numbers at once of which one was just stored.
        queues[action] -= served;
        total -= served;
    }
    else
    {
        for (size_t k = 0; k < numQueues; k++)
        {
            const int64_t rest = queues[k] - capacities[k];
            // Zero if negative, in what compilers do for several at once.
            queues[k] = rest & ~(rest >> 63);
            total += queues[k];
        }
        m_counts.Draw(lane, m_streams[lane], row);
        queues[action] += row[0];
        total += row[0];
    }
    const int64_t dropped = m_buffers.empty() ? 0 : Drop(lane);
    if (drops)
    {
        *drops = dropped;
    }
    return Cost(lane, total - dropped, dropped);
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
QueueLanes::Cost(size_t lane, int64_t total, int64_t drops) const
{
    auto cost = static_cast<double>(total);
    if (!m_cost.weights.empty() || m_cost.isQuadratic)
    {
        const int64_t* queues = m_queues.data() + lane * m_numQueues;
        const double* weights =
            m_cost.weights.empty() ? nullptr : m_cost.weights.data() + lane * m_numQueues;
        cost = 0;
        for (size_t k = 0; k < m_numQueues; k++)
        {
            const auto length = static_cast<double>(queues[k]);
            cost += (m_cost.isQuadratic ? length * length : length) * (weights ? weights[k] : 1.0);
        }
    }
    return m_cost.scale * (cost + m_cost.drop * static_cast<double>(drops));
}

} // namespace ns3kan

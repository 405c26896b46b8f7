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
                       const std::vector<int64_t>& offsets,
                       std::vector<int64_t> buffers,
                       QueueCost cost)
    : m_problem(problem)
    , m_numQueues(queues)
    , m_numArrivals(problem == QueueProblem::SINGLE_HOP ? queues : 1)
    , m_numColumns(m_numArrivals + queues)
    , m_counts(std::move(tables), lanes, m_numColumns, std::move(places), offsets)
    , m_buffers(std::move(buffers))
    , m_cost(std::move(cost))
    , m_queues(lanes * queues)
    , m_capacities(lanes * queues)
    , m_row(m_counts.Width())
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
        m_counts.Draw(lane, m_streams[lane], m_row.data());
        std::copy_n(m_row.data() + m_numArrivals, m_numQueues, Capacities(lane));
    }
}

double
QueueLanes::Step(size_t lane, size_t action, int64_t* drops)
{
    m_counts.Draw(lane, m_streams[lane], m_row.data());
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

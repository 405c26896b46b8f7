// SPDX-License-Identifier: MIT
#ifndef NS3KAN_QUEUE_LANES_H
#define NS3KAN_QUEUE_LANES_H

#include "sfc64.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace ns3kan
{

/// What distinguishes the two problems.
enum class QueueProblem
{
    SINGLE_HOP, //!< arrivals at every queue, the chosen one is served
    MULTI_PATH, //!< one stream of arrivals to the chosen queue, all are served
};

/// Distributions of counts, which 32 random bits are turned into by inversion.
///
/// A count is the number of thresholds that are below the bits. The first six bits find its least
/// value in a table that fills one cache line; where at most one threshold lies among the bits that
/// begin so, one comparison without a branch settles it. The rest, rare, is searched.
class CountTables
{
  public:
    /// A distribution, and what is added to its counts.
    struct Column
    {
        uint32_t table; //!< which
        uint32_t first; //!< place of the threshold that the table's cells count from
        int64_t base;   //!< added to what is counted from there
    };

    /// Append a distribution.
    /// \param thresholds ascending
    /// \param size how many
    void Add(const uint32_t* thresholds, size_t size);

    size_t Size() const
    {
        return m_cells.size();
    }

    /// Counts of a distribution with an offset.
    Column MakeColumn(size_t table, int64_t offset) const
    {
        const size_t first = m_first[table] + m_start[table];
        return {static_cast<uint32_t>(table),
                static_cast<uint32_t>(first),
                offset + static_cast<int64_t>(m_start[table])};
    }

    /// Greatest count.
    int64_t Largest(const Column& column) const
    {
        // One sentinel follows the thresholds.
        return column.base - 1 + static_cast<int64_t>(m_first[column.table + 1] - column.first);
    }

    int64_t Count(const Column& column, uint32_t bits) const
    {
        const uint32_t least = m_cells[column.table][bits >> SHIFT];
        if (least == OPEN) [[unlikely]]
        {
            return Search(column, bits);
        }
        return column.base + least + (m_thresholds[column.first + least] < bits);
    }

  private:
    static constexpr int SHIFT = 26;
    static constexpr uint8_t OPEN = 255; //!< several thresholds, or too far from the median

    struct alignas(64) Cells : std::array<uint8_t, 64>
    {
    };

    int64_t Search(const Column& column, uint32_t bits) const;

    std::vector<Cells> m_cells;
    std::vector<uint32_t> m_thresholds; //!< and after those of each table one that none is above
    std::vector<size_t> m_first{0};
    std::vector<size_t> m_start; //!< thresholds before the first that the cells count from
};

/// What a step costs.
struct QueueCost
{
    bool isQuadratic{false};
    std::vector<double> weights; //!< of each queue of each lane, or empty where all are one
    double drop{0};              //!< of one dropped packet
    double scale{1};
};

/// Independent queue systems of one problem, each with distributions and a random stream of its
/// own. A lane's numbers are drawn in the order of steps and columns, arrivals before capacities,
/// two columns from each 64-bit word, and an odd column leaves the upper half of a word unused.
class QueueLanes
{
  public:
    /// \param problem which
    /// \param lanes number of systems
    /// \param queues K
    /// \param tables the distributions
    /// \param places the distribution of each column of each lane
    /// \param offsets what is added to the counts of each column of each lane
    /// \param buffers greatest length of each queue of each lane, or empty
    /// \param cost of a step
    QueueLanes(QueueProblem problem,
               size_t lanes,
               size_t queues,
               CountTables tables,
               const std::vector<int32_t>& places,
               const std::vector<int64_t>& offsets,
               std::vector<int64_t> buffers,
               QueueCost cost);

    size_t NumLanes() const
    {
        return m_streams.size();
    }

    size_t NumQueues() const
    {
        return m_numQueues;
    }

    bool HasBuffers() const
    {
        return !m_buffers.empty();
    }

    int64_t* Queues(size_t lane)
    {
        return m_queues.data() + lane * m_numQueues;
    }

    int64_t* Capacities(size_t lane)
    {
        return m_capacities.data() + lane * m_numQueues;
    }

    void Seed(size_t lane, const Sfc64::State& state)
    {
        m_streams[lane] = Sfc64(state);
    }

    /// Greatest capacity that can be drawn in any lane.
    int64_t LargestCapacity() const;
    /// Length of the longest queue of all.
    int64_t Longest() const;
    /// Empty all queues and draw capacities.
    void Restart();
    /// Let one lane make one step, and return what the state after it costs.
    /// \param lane which
    /// \param action the chosen queue
    /// \param[out] drops packets that were dropped, if not null
    double Step(size_t lane, size_t action, int64_t* drops = nullptr);

  private:
    void Draw(size_t lane);
    int64_t Drop(size_t lane);
    double Cost(size_t lane, int64_t drops) const;

    QueueProblem m_problem;
    size_t m_numQueues;
    size_t m_numArrivals;
    size_t m_numColumns;
    CountTables m_tables;
    std::vector<CountTables::Column> m_columns;
    std::vector<int64_t> m_buffers;
    QueueCost m_cost;
    std::vector<int64_t> m_queues;
    std::vector<int64_t> m_capacities;
    std::vector<int64_t> m_row; //!< counts of one lane's step
    std::vector<Sfc64> m_streams;
};

} // namespace ns3kan

#endif // NS3KAN_QUEUE_LANES_H

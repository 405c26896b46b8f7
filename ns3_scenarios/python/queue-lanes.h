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
/// A count is the number of thresholds that are below the bits. Of each distribution, sixteen
/// neighbouring thresholds that hold most of the probability fill one cache line and are compared
/// without branches; what falls outside them is searched among all.
class CountTables
{
  public:
    static constexpr int WINDOW = 16;

    /// Append a distribution.
    /// \param thresholds ascending
    /// \param size how many
    /// \param start the first of the window
    void Add(const uint32_t* thresholds, size_t size, size_t start);

    size_t Size() const
    {
        return m_lines.size();
    }

    /// Greatest count of a distribution.
    int64_t Largest(size_t table) const
    {
        return static_cast<int64_t>(m_first[table + 1] - m_first[table]);
    }

    int64_t Count(size_t table, uint32_t bits) const
    {
        // Signed, for the baseline of x86-64 compares no others at once.
        const auto flipped = static_cast<int32_t>(bits ^ 0x80000000U);
        const Line& line = m_lines[table];
        int32_t below = 0;
        for (int i = 0; i < WINDOW; i++)
        {
            below += flipped > line[i];
        }
        if (below == m_edge[table] || below == WINDOW) [[unlikely]]
        {
            return Search(table, bits);
        }
        return m_start[table] + below;
    }

  private:
    struct alignas(64) Line : std::array<int32_t, WINDOW>
    {
    };

    int64_t Search(size_t table, uint32_t bits) const;

    std::vector<Line> m_lines;
    std::vector<uint32_t> m_thresholds;
    std::vector<size_t> m_first{0};
    std::vector<int32_t> m_start;
    std::vector<int32_t> m_edge; //!< 0 where thresholds lie before the window, or −1
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
    /// \param columns the distribution of each column of each lane
    /// \param bases what is added to the counts of each column of each lane
    /// \param buffers greatest length of each queue of each lane, or empty
    /// \param cost of a step
    QueueLanes(QueueProblem problem,
               size_t lanes,
               size_t queues,
               CountTables tables,
               std::vector<int32_t> columns,
               std::vector<int64_t> bases,
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
    std::vector<int32_t> m_columns;
    std::vector<int64_t> m_bases;
    std::vector<int64_t> m_buffers;
    QueueCost m_cost;
    std::vector<int64_t> m_queues;
    std::vector<int64_t> m_capacities;
    std::vector<int64_t> m_row; //!< counts of one lane's step, with room for one more
    std::vector<Sfc64> m_streams;
};

} // namespace ns3kan

#endif // NS3KAN_QUEUE_LANES_H

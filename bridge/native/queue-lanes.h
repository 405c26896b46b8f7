// SPDX-License-Identifier: MIT
#ifndef NS3KAN_QUEUE_LANES_H
#define NS3KAN_QUEUE_LANES_H

#include "queue-counts.h"
#include "sfc64.h"

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

/// What a step costs.
struct QueueCost
{
    bool isQuadratic{false};
    std::vector<double> weights; //!< of each queue of each lane, or empty where all are one
    double drop{0};              //!< of one dropped packet
    double scale{1};
};

/// Independent queue systems of one problem, each with distributions and a random stream of its
/// own. A lane's numbers are drawn in the order of steps and columns, arrivals before
/// capacities.
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
               std::vector<int32_t> places,
               std::vector<int64_t> offsets,
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
        return m_rows.data() + lane * m_counts.Width() + m_numArrivals;
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
    int64_t Drop(size_t lane);
    double Cost(size_t lane, int64_t total, int64_t drops) const;

    QueueProblem m_problem;
    size_t m_numQueues;
    size_t m_numArrivals;
    size_t m_numColumns;
    LaneCounts m_counts;
    std::vector<int64_t> m_buffers;
    QueueCost m_cost;
    std::vector<int64_t> m_queues;
    std::vector<int64_t> m_rows; //!< the lanes' last counts: arrivals and capacities
    std::vector<Sfc64> m_streams;
};

} // namespace ns3kan

#endif // NS3KAN_QUEUE_LANES_H

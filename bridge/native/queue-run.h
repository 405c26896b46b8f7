// SPDX-License-Identifier: MIT
#ifndef NS3KAN_QUEUE_RUN_H
#define NS3KAN_QUEUE_RUN_H

#include "queue-lanes.h"
#include "queue-policies.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace ns3kan
{

/// Where a trajectory is written to; pointers may be null, except the totals.
struct QueueRecord
{
    double* totals{nullptr};      //!< sums of costs, shape (lanes)
    double* costs{nullptr};       //!< sums over blocks of steps, shape (blocks, lanes)
    int64_t every{1};             //!< length of a block
    int32_t* queues{nullptr};     //!< before the steps and at the end, shape (steps + 1, lanes, K)
    int32_t* capacities{nullptr}; //!< likewise
    int32_t* actions{nullptr};    //!< shape (steps, lanes)
};

inline void
WriteState(QueueLanes& lanes, const QueueRecord& record, int64_t step)
{
    if (record.queues)
    {
        const size_t size = lanes.NumQueues();
        const auto narrow = [](int64_t value) { return static_cast<int32_t>(value); };
        for (size_t lane = 0; lane < lanes.NumLanes(); lane++)
        {
            const size_t at = (static_cast<size_t>(step) * lanes.NumLanes() + lane) * size;
            const int64_t* queues = lanes.Queues(lane);
            const int64_t* capacities = lanes.Capacities(lane);
            std::transform(queues, queues + size, record.queues + at, narrow);
            std::transform(capacities, capacities + size, record.capacities + at, narrow);
        }
    }
}

/// Step all lanes with a policy, until the last step or until a queue is too long for the policy.
/// \return the step that was not made any more
template <class Policy>
int64_t
Run(QueueLanes& lanes,
    Policy& policy,
    ChoiceRule rule,
    std::vector<Sfc64>& streams,
    int64_t step,
    int64_t last,
    const QueueRecord& record)
{
    const size_t numLanes = lanes.NumLanes();
    const size_t numQueues = lanes.NumQueues();
    int64_t longest = lanes.Longest();
    for (; step < last && longest < policy.Limit(); step++)
    {
        WriteState(lanes, record, step);
        longest = 0;
        for (size_t lane = 0; lane < numLanes; lane++)
        {
            const int64_t* queues = lanes.Queues(lane);
            auto& values = policy(lane, queues, lanes.Capacities(lane));
            const size_t action = Choose(values, rule, streams[lane]);
            const double cost = lanes.Step(lane, action);
            for (size_t k = 0; k < numQueues; k++)
            {
                longest = std::max(longest, queues[k]);
            }
            record.totals[lane] += cost;
            if (record.costs)
            {
                record.costs[static_cast<size_t>(step / record.every) * numLanes + lane] += cost;
            }
            if (record.actions)
            {
                record.actions[static_cast<size_t>(step) * numLanes + lane] =
                    static_cast<int32_t>(action);
            }
        }
    }
    WriteState(lanes, record, step);
    return step;
}

} // namespace ns3kan

#endif // NS3KAN_QUEUE_RUN_H

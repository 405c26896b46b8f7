// SPDX-License-Identifier: GPL-2.0-only
#ifndef NS3KAN_SLOT_DRAWS_H
#define NS3KAN_SLOT_DRAWS_H

#include "count-distribution.h"

#include <ns3/random-variable-stream.h>

#include <cstdint>
#include <fstream>
#include <string>
#include <vector>

namespace ns3::kan
{

/// What chance brings in one slot.
struct SlotCounts
{
    std::vector<uint32_t> arrivals;   //!< packets that arrive during the slot, one per stream
    std::vector<uint32_t> capacities; //!< packets that each queue could send, known at its start
};

/// Where the counts of a slotted system come from, slot after slot.
class SlotDraws
{
  public:
    virtual ~SlotDraws() = default;
    /**
     * @param counts receives those of the next slot
     * @return whether there are any
     * @throws std::runtime_error if they cannot be read
     */
    virtual bool Next(SlotCounts& counts) = 0;
};

/// Counts drawn from distributions, by two ns-3 streams: one for arrivals, one for capacities.
class RandomSlotDraws : public SlotDraws
{
  public:
    /**
     * @param arrivals of each stream
     * @param capacities of each queue
     * @param stream number of the first of the two streams
     */
    RandomSlotDraws(std::vector<CountDistribution> arrivals,
                    std::vector<CountDistribution> capacities,
                    int64_t stream);
    bool Next(SlotCounts& counts) override;

  private:
    std::vector<CountDistribution> m_arrivals;
    std::vector<CountDistribution> m_capacities;
    Ptr<UniformRandomVariable> m_arrivalDraw;
    Ptr<UniformRandomVariable> m_capacityDraw;
};

/**
 * Counts from a CSV file: one row per slot, the arrivals of each stream and then the capacity of
 * each queue, whole numbers. Lines that begin with `#` or a letter (units, a header) are skipped.
 */
class TraceSlotDraws : public SlotDraws
{
  public:
    /**
     * @param path the file
     * @param arrivals how many streams of arrivals
     * @param capacities how many queues
     * @throws std::invalid_argument if the file cannot be opened
     */
    TraceSlotDraws(const std::string& path, uint32_t arrivals, uint32_t capacities);
    bool Next(SlotCounts& counts) override;

  private:
    /**
     * @param line what was read
     * @return whether there was a line
     */
    bool ReadTraceLine(std::string& line);

    std::string m_path;
    std::ifstream m_file;
    uint32_t m_arrivals;
    uint32_t m_capacities;
    uint64_t m_line{0};
};

} // namespace ns3::kan

#endif // NS3KAN_SLOT_DRAWS_H

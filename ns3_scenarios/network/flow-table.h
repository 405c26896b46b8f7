// SPDX-License-Identifier: GPL-2.0-only
#ifndef NS3KAN_FLOW_TABLE_H
#define NS3KAN_FLOW_TABLE_H

#include "five-tuple.h"

#include <ns3/nstime.h>
#include <ns3/simulator.h>

#include <cstddef>
#include <unordered_map>

namespace ns3::kan
{

/**
 * What is remembered of flows, by their five-tuples, for as long as they are not silent. Ports are
 * used again, so whoever begins a flow has its five-tuple forgotten first.
 *
 * @tparam Entry what is remembered, with a member `lastPacket`: when the flow was last seen
 */
template <typename Entry>
class FlowTable
{
  public:
    /**
     * @param tuple of a flow
     * @return what is remembered of it, or null
     */
    Entry* Find(const FiveTuple& tuple)
    {
        const auto found = m_entries.find(tuple);
        return found == m_entries.end() ? nullptr : &found->second;
    }

    /**
     * @param tuple of a flow
     * @param entry what to remember of it from now on
     * @return where it is remembered
     */
    Entry& Put(const FiveTuple& tuple, const Entry& entry)
    {
        return m_entries[tuple] = entry;
    }

    /// @param tuple of which nothing is remembered any more
    void Forget(const FiveTuple& tuple)
    {
        m_entries.erase(tuple);
    }

    /**
     * Forget the flows that have been silent, at most once in the time that they must have been.
     * @param timeout for longer than this
     */
    void ForgetSilent(Time timeout)
    {
        const Time now = Simulator::Now();
        if (now < m_nextSweep)
        {
            return;
        }
        m_nextSweep = now + timeout;
        for (auto entry = m_entries.begin(); entry != m_entries.end();)
        {
            entry = entry->second.lastPacket + timeout < now ? m_entries.erase(entry) : ++entry;
        }
    }

    /// @return how many flows are remembered
    size_t GetSize() const
    {
        return m_entries.size();
    }

    /// Forget all of them.
    void Clear()
    {
        m_entries.clear();
    }

  private:
    std::unordered_map<FiveTuple, Entry, FiveTupleHash> m_entries;
    Time m_nextSweep;
};

} // namespace ns3::kan

#endif // NS3KAN_FLOW_TABLE_H

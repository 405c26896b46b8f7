// SPDX-License-Identifier: GPL-2.0-only
#ifndef NS3KAN_FLOW_SUMMARY_H
#define NS3KAN_FLOW_SUMMARY_H

#include "interval-log.h"
#include "tcp-flows.h"

#include <cstdint>
#include <limits>
#include <vector>

namespace ns3::kan
{

/// Shares of the capacity between switches that flows asked for, and that they got, in some time.
struct FlowLoads
{
    double offered{0};   //!< bytes of the flows that began
    double delivered{0}; //!< bytes that applications received

    /// @return whether what was delivered is more than 5 % away from what was offered
    bool Differ() const;
};

/**
 * Flow completion times, and loads: a row per flow, and their mean and percentiles over all flows
 * and by size.
 *
 * A flow's completion time runs from the opening of its connection to the delivery of its last
 * byte. Its slowdown is that time over the time that the flow would take in an idle network.
 */
class FlowSummary
{
  public:
    /**
     * @param edges sizes that divide the bins, rising [byte]; the upper edge belongs to a bin
     * @param capacity what the links between switches can carry in the measured time [byte]
     */
    FlowSummary(std::vector<double> edges, double capacity);

    /**
     * @param flow a flow, finished or not
     * @param idle how long it would take in an idle network [s]
     */
    void Add(const TcpFlow& flow, double idle);

    /**
     * @param size of a flow [byte]
     * @param offered bytes of it that were offered in the measured time: all if it began then
     * @param delivered bytes of it that were delivered in that time, whenever it began
     */
    void AddLoad(uint64_t size, uint64_t offered, uint64_t delivered);
    /**
     * @param low sizes above this count [byte]
     * @param high sizes up to this count [byte]
     * @return what flows of these sizes had of the capacity
     */
    FlowLoads GetLoads(double low = 0, double high = std::numeric_limits<double>::infinity()) const;

    /// @return what a row per flow holds
    static std::vector<IntervalLog::Column> GetFlowColumns();
    /// @return a row per flow, in the order of Add; NaN for what an unfinished one does not have
    std::vector<std::vector<double>> GetFlowRows() const;
    /// @return what a row of the summary holds
    static std::vector<IntervalLog::Column> GetColumns();
    /**
     * @return a row over all flows, then one per bin; NaN where no flow has finished. Percentiles
     *         are interpolated between the two flows next to them.
     */
    std::vector<std::vector<double>> GetRows() const;

  private:
    /// A flow, and how long it would take in an idle network.
    struct Entry
    {
        TcpFlow flow;
        double idle; //!< [s]

        /// @return its completion time [s]; NaN if it has not finished
        double GetTime() const;
    };

    /**
     * @param low sizes above this count [byte]
     * @param high sizes up to this count [byte]
     * @return a row of the summary
     */
    std::vector<double> GetRow(double low, double high) const;

    /// What one flow had of the measured time.
    struct LoadEntry
    {
        uint64_t size;      //!< of the flow [byte]
        uint64_t offered;   //!< [byte]
        uint64_t delivered; //!< [byte]
    };

    std::vector<double> m_edges;
    double m_capacity; //!< [byte]
    std::vector<Entry> m_flows;
    std::vector<LoadEntry> m_loads;
};

} // namespace ns3::kan

#endif // NS3KAN_FLOW_SUMMARY_H

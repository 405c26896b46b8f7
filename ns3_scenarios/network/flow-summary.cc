// SPDX-License-Identifier: GPL-2.0-only
#include "flow-summary.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

namespace ns3::kan
{

namespace
{

constexpr double NONE = std::numeric_limits<double>::quiet_NaN();

/**
 * @param sorted numbers, rising
 * @param share from 0 to 1
 * @return the percentile, interpolated linearly; NaN of no numbers
 */
double
GetPercentile(const std::vector<double>& sorted, double share)
{
    if (sorted.empty())
    {
        return NONE;
    }
    const double place = share * static_cast<double>(sorted.size() - 1);
    const auto below = static_cast<size_t>(place);
    const size_t above = std::min(below + 1, sorted.size() - 1);
    return sorted[below] + (place - std::floor(place)) * (sorted[above] - sorted[below]);
}

/**
 * @param values any numbers
 * @return their mean, median and 99th percentile
 */
std::vector<double>
Describe(std::vector<double> values)
{
    std::sort(values.begin(), values.end());
    const double sum = std::accumulate(values.begin(), values.end(), 0.0);
    return {values.empty() ? NONE : sum / static_cast<double>(values.size()),
            GetPercentile(values, 0.5),
            GetPercentile(values, 0.99)};
}

} // namespace

bool
FlowLoads::Differ() const
{
    constexpr double TOLERANCE = 0.05;
    return std::abs(delivered - offered) > TOLERANCE * offered;
}

FlowSummary::FlowSummary(std::vector<double> edges, double capacity)
    : m_edges(std::move(edges))
    , m_capacity(capacity)
{
}

std::vector<IntervalLog::Column>
FlowSummary::GetFlowColumns()
{
    return {{"start", "s"},
            {"source", "1"},
            {"destination", "1"},
            {"size", "byte"},
            {"fct", "s"},
            {"idle_fct", "s"},
            {"slowdown", "1"},
            {"segments", "1"},
            {"out_of_order", "1"},
            {"first_uplink", "1"},
            {"moves", "1"}};
}

void
FlowSummary::Add(const TcpFlow& flow, double idle)
{
    m_flows.push_back({flow, idle});
}

double
FlowSummary::Entry::GetTime() const
{
    return flow.finish.IsZero() ? NONE : (flow.finish - flow.start).GetSeconds();
}

std::vector<std::vector<double>>
FlowSummary::GetFlowRows() const
{
    std::vector<std::vector<double>> rows;
    for (const Entry& entry : m_flows)
    {
        const TcpFlow& flow = entry.flow;
        rows.push_back({flow.start.GetSeconds(),
                        static_cast<double>(flow.source),
                        static_cast<double>(flow.destination),
                        static_cast<double>(flow.bytes),
                        entry.GetTime(),
                        entry.idle,
                        entry.GetTime() / entry.idle,
                        static_cast<double>(flow.segments),
                        static_cast<double>(flow.outOfOrder),
                        flow.segments > 0 ? static_cast<double>(flow.firstUplink) : NONE,
                        static_cast<double>(flow.moves)});
    }
    return rows;
}

std::vector<IntervalLog::Column>
FlowSummary::GetColumns()
{
    return {{"size_above", "byte"},
            {"size_up_to", "byte"},
            {"flows", "1"},
            {"unfinished", "1"},
            {"fct_mean", "s"},
            {"fct_p50", "s"},
            {"fct_p99", "s"},
            {"slowdown_mean", "1"},
            {"slowdown_p50", "1"},
            {"slowdown_p99", "1"},
            {"segments", "1"},
            {"out_of_order", "1"},
            {"offered_load", "1"},
            {"delivered_load", "1"}};
}

void
FlowSummary::AddLoad(uint64_t size, uint64_t offered, uint64_t delivered)
{
    m_loads.push_back({size, offered, delivered});
}

FlowLoads
FlowSummary::GetLoads(double low, double high) const
{
    FlowLoads sum;
    for (const LoadEntry& entry : m_loads)
    {
        const auto size = static_cast<double>(entry.size);
        if (size > low && size <= high)
        {
            sum.offered += static_cast<double>(entry.offered) / m_capacity;
            sum.delivered += static_cast<double>(entry.delivered) / m_capacity;
        }
    }
    return sum;
}

std::vector<double>
FlowSummary::GetRow(double low, double high) const
{
    std::vector<double> times;
    std::vector<double> slowdowns;
    double flows = 0;
    double segments = 0;
    double outOfOrder = 0;
    for (const Entry& entry : m_flows)
    {
        const auto size = static_cast<double>(entry.flow.bytes);
        if (size <= low || size > high)
        {
            continue;
        }
        ++flows;
        segments += entry.flow.segments;
        outOfOrder += entry.flow.outOfOrder;
        if (const double time = entry.GetTime(); !std::isnan(time))
        {
            times.push_back(time);
            slowdowns.push_back(time / entry.idle);
        }
    }
    std::vector<double> row{low, high, flows, flows - static_cast<double>(times.size())};
    for (const std::vector<double>& quantity : {Describe(times), Describe(slowdowns)})
    {
        row.insert(row.end(), quantity.begin(), quantity.end());
    }
    const FlowLoads loads = GetLoads(low, high);
    row.insert(row.end(), {segments, outOfOrder, loads.offered, loads.delivered});
    return row;
}

std::vector<std::vector<double>>
FlowSummary::GetRows() const
{
    constexpr double INFINITE = std::numeric_limits<double>::infinity();
    std::vector<std::vector<double>> rows{GetRow(0, INFINITE)};
    double low = 0;
    for (const double edge : m_edges)
    {
        rows.push_back(GetRow(low, edge));
        low = edge;
    }
    rows.push_back(GetRow(low, INFINITE));
    return rows;
}

} // namespace ns3::kan

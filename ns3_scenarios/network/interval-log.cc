// SPDX-License-Identifier: GPL-2.0-only
#include "interval-log.h"

#include <limits>

namespace ns3::kan
{

IntervalLog::IntervalLog(const std::string& path,
                         const std::vector<Column>& columns,
                         const std::string& argument)
    : m_output(path, argument)
    , m_file(m_output.GetPart())
{
    m_file.precision(std::numeric_limits<double>::max_digits10);
    std::string units;
    std::string names;
    for (const Column& column : columns)
    {
        units += (units.empty() ? "" : ",") + column.unit;
        names += (names.empty() ? "" : ",") + column.name;
    }
    m_file << "# units: " << units << '\n' << names << '\n';
}

void
IntervalLog::Write(const std::vector<double>& row)
{
    for (size_t i = 0; i < row.size(); ++i)
    {
        m_file << (i > 0 ? "," : "") << row[i];
    }
    m_file << '\n';
}

void
IntervalLog::Finish()
{
    m_file.close();
    m_output.Finish(m_file.good());
}

} // namespace ns3::kan

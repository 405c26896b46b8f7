// SPDX-License-Identifier: GPL-2.0-only
#include "interval-log.h"

#include <unistd.h>

#include <cstdio>
#include <limits>
#include <stdexcept>

namespace ns3
{

IntervalLog::IntervalLog(const std::string& path,
                         const std::vector<Column>& columns,
                         const std::string& argument)
    : m_path(path)
    , m_temporary(path + ".part-" + std::to_string(getpid()))
    , m_file(m_temporary)
{
    if (!m_file)
    {
        throw std::runtime_error("cannot write " + m_temporary + ": give --" + argument +
                                 " a file in an existing, writable folder");
    }
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

IntervalLog::~IntervalLog()
{
    if (!m_temporary.empty())
    {
        m_file.close();
        std::remove(m_temporary.c_str());
    }
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
    if (!m_file || std::rename(m_temporary.c_str(), m_path.c_str()) != 0)
    {
        throw std::runtime_error("cannot complete " + m_path + ": is the disk full?");
    }
    m_temporary.clear();
}

} // namespace ns3

// SPDX-License-Identifier: GPL-2.0-only
#ifndef NS3KAN_INTERVAL_LOG_H
#define NS3KAN_INTERVAL_LOG_H

#include "output-file.h"

#include <fstream>
#include <string>
#include <vector>

namespace ns3::kan
{

/**
 * A CSV file of a run, one row per decision, flow or the like: a comment line with the units, a
 * header, then numbers with all their digits. It gets its name only when it is complete; one that
 * is not is removed.
 */
class IntervalLog
{
  public:
    /// One column of the file.
    struct Column
    {
        std::string name; //!< its heading
        std::string unit; //!< SI unit, "1" for shares and counts
    };

    /**
     * @param path file to write; replaced if it exists
     * @param columns what each row holds
     * @param argument of the command line that asked for the file
     * @throws std::runtime_error if it cannot be written
     */
    IntervalLog(const std::string& path,
                const std::vector<Column>& columns,
                const std::string& argument = "intervals");
    IntervalLog(const IntervalLog&) = delete;
    IntervalLog& operator=(const IntervalLog&) = delete;

    /// @param row one number per column
    void Write(const std::vector<double>& row);
    /**
     * Complete the file.
     * @throws std::runtime_error if not all of it could be written
     */
    void Finish();

  private:
    OutputFile m_output;
    std::ofstream m_file;
};

} // namespace ns3::kan

#endif // NS3KAN_INTERVAL_LOG_H

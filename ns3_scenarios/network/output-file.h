// SPDX-License-Identifier: GPL-2.0-only
#ifndef NS3KAN_OUTPUT_FILE_H
#define NS3KAN_OUTPUT_FILE_H

#include <string>

namespace ns3::kan
{

/**
 * A file that a program was asked for. It is written under another name beside it and gets its own
 * only when it is complete; what was there before stays until then. A link stays and its target is
 * replaced; what is no regular file, such as a pipe or a device, is written into.
 */
class OutputFile
{
  public:
    /**
     * @param path file to write; replaced if it exists
     * @param argument of the command line that asked for the file
     * @throws std::runtime_error if it cannot be written, or is written already by this program
     */
    OutputFile(const std::string& path, const std::string& argument);
    /// What is unfinished is removed.
    ~OutputFile();
    OutputFile(const OutputFile&) = delete;
    OutputFile& operator=(const OutputFile&) = delete;

    /// @return where to write
    const std::string& GetPart() const;
    /// @return whether this is a file, not a pipe or a device
    bool IsRegular() const;
    /**
     * Give the file its name.
     * @param isWhole whether everything has been written and the file closed
     * @throws std::runtime_error if not
     */
    void Finish(bool isWhole);

  private:
    std::string m_path;      //!< as it was given
    std::string m_target;    //!< without links
    std::string m_part;      //!< where to write
    bool m_isUnnamed{false}; //!< whether the part has yet to become the target
};

} // namespace ns3::kan

#endif // NS3KAN_OUTPUT_FILE_H

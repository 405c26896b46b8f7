// SPDX-License-Identifier: GPL-2.0-only
#include "output-file.h"

#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <set>
#include <stdexcept>

namespace ns3::kan
{

namespace fs = std::filesystem;

namespace
{

/// @return the files that this program is writing
std::set<std::string>&
Unfinished()
{
    static std::set<std::string> targets;
    return targets;
}

} // namespace

OutputFile::OutputFile(const std::string& path, const std::string& argument)
    : m_path(path)
{
    const std::string advice = ": give --" + argument + " a file in an existing, writable folder";
    std::error_code error;
    m_target = fs::weakly_canonical(path, error).string();
    const fs::file_status status = fs::status(path, error);
    if (m_target.empty() || fs::is_directory(status))
    {
        throw std::runtime_error("cannot write " + path + advice);
    }
    if (fs::exists(status))
    {
        if (access(path.c_str(), W_OK) != 0)
        {
            throw std::runtime_error("cannot write " + path + advice);
        }
        if (!fs::is_regular_file(status))
        {
            // By its given name: that of a pipe behind /dev/stdout is none.
            m_part = path;
            return;
        }
    }
    if (!Unfinished().insert(m_target).second)
    {
        throw std::runtime_error("--" + argument + " and another argument both ask for " + path +
                                 ": give each a file of its own");
    }
    m_isUnnamed = true;
    m_part = m_target + ".part-" + std::to_string(getpid());
    if (!std::ofstream(m_part))
    {
        // The constructor has failed: there will be no destructor.
        Unfinished().erase(m_target);
        throw std::runtime_error("cannot write " + path + advice);
    }
    if (fs::exists(status))
    {
        fs::permissions(m_part, status.permissions(), error);
    }
}

OutputFile::~OutputFile()
{
    if (m_isUnnamed)
    {
        std::remove(m_part.c_str());
        Unfinished().erase(m_target);
    }
}

const std::string&
OutputFile::GetPart() const
{
    return m_part;
}

bool
OutputFile::IsRegular() const
{
    return m_part != m_path;
}

void
OutputFile::Finish(bool isWhole)
{
    if (!isWhole || (m_isUnnamed && std::rename(m_part.c_str(), m_target.c_str()) != 0))
    {
        throw std::runtime_error("cannot complete " + m_path + ": is the disk full?");
    }
    Unfinished().erase(m_target);
    m_isUnnamed = false;
}

} // namespace ns3::kan

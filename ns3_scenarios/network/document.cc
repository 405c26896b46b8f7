// SPDX-License-Identifier: GPL-2.0-only
#include "document.h"

#include <algorithm>
#include <fstream>
#include <set>
#include <stdexcept>
#include <vector>

namespace ns3::kan
{

namespace
{

using Json = nlohmann::json;

[[noreturn]] void
Refuse(const std::string& reason)
{
    throw std::invalid_argument(reason);
}

/**
 * Refuse what nests so deeply that working on it could exhaust the stack.
 * @param text what should be JSON
 */
void
CheckNesting(const std::string& text)
{
    size_t depth = 0;
    bool isString = false;
    for (size_t i = 0; i < text.size(); ++i)
    {
        const char c = text[i];
        if (isString)
        {
            i += c == '\\' ? 1 : 0;
            isString = c != '"';
        }
        else if (c == '"')
        {
            isString = true;
        }
        else if (c == '[' || c == '{')
        {
            if (++depth > MAX_DOCUMENT_NESTING)
            {
                Refuse("not JSON that is read here (nested more than " +
                       std::to_string(MAX_DOCUMENT_NESTING) + " levels deep at byte " +
                       std::to_string(i) + ")");
            }
        }
        else if (c == ']' || c == '}')
        {
            depth -= depth > 0 ? 1 : 0;
        }
    }
}

} // namespace

std::string
ReadDocument(const std::string& path)
{
    std::ifstream file(path, std::ios::binary);
    std::string content(MAX_DOCUMENT_BYTES + 1, '\0');
    file.read(content.data(), static_cast<std::streamsize>(content.size()));
    // A directory opens, but cannot be read.
    if (!file.is_open() || file.bad())
    {
        throw std::runtime_error("cannot be read");
    }
    content.resize(static_cast<size_t>(file.gcount()));
    if (content.size() > MAX_DOCUMENT_BYTES)
    {
        Refuse("the file is longer than " + std::to_string(MAX_DOCUMENT_BYTES) + " bytes");
    }
    return content;
}

Json
ParseJson(const std::string& text)
{
    CheckNesting(text);
    // The parser takes a zero for the end and reads nothing behind it.
    const size_t zero = text.find('\0');
    if (zero != std::string::npos)
    {
        Refuse("not JSON (a zero at byte " + std::to_string(zero) + ")");
    }
    std::vector<std::set<std::string>> open;
    const auto refuseTwins = [&open](int, Json::parse_event_t event, Json& parsed)
    {
        if (event == Json::parse_event_t::object_start)
        {
            open.emplace_back();
        }
        else if (event == Json::parse_event_t::object_end)
        {
            open.pop_back();
        }
        else if (event == Json::parse_event_t::key &&
                 !open.back().insert(parsed.get<std::string>()).second)
        {
            Refuse("not JSON (the key " + Shortened(parsed.dump(), 60) +
                   " stands twice in one object)");
        }
        return true;
    };
    try
    {
        return Json::parse(text, refuseTwins);
    }
    catch (const Json::exception& error)
    {
        Refuse("not JSON (" + Shortened(error.what()) + ")");
    }
}

bool
ReadLine(std::istream& file, std::string& line)
{
    line.clear();
    std::streambuf* buffer = file.rdbuf();
    for (int c = buffer->sbumpc(); c != std::char_traits<char>::eof(); c = buffer->sbumpc())
    {
        if (c == '\n')
        {
            return true;
        }
        if (line.size() == MAX_DOCUMENT_BYTES)
        {
            Refuse("a line is longer than " + std::to_string(MAX_DOCUMENT_BYTES) + " bytes");
        }
        line += static_cast<char>(c);
    }
    file.setstate(std::ios::eofbit);
    return !line.empty();
}

std::string
Shortened(const std::string& text, size_t longest)
{
    std::string shortened = text.substr(0, longest);
    std::replace_if(
        shortened.begin(), shortened.end(), [](char c) { return c < ' ' || c > '~'; }, '?');
    return text.size() > longest ? shortened + "..." : shortened;
}

} // namespace ns3::kan

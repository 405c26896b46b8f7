// SPDX-License-Identifier: GPL-2.0-only
#ifndef NS3KAN_DOCUMENT_H
#define NS3KAN_DOCUMENT_H

#include <nlohmann/json.hpp>

#include <cstddef>
#include <istream>
#include <string>

namespace ns3::kan
{

/// Longest document that is read [byte]; as in Python's ns3kan.io.documents.
constexpr size_t MAX_DOCUMENT_BYTES = 1 << 20;
/// Deepest nesting of arrays and objects that is read; as in Python's ns3kan.io.documents.
constexpr size_t MAX_DOCUMENT_NESTING = 100;

/**
 * @param path a file; of a device that never ends no more than the limit is read
 * @return what is in it
 * @throws std::runtime_error if it cannot be read
 * @throws std::invalid_argument if it is longer than MAX_DOCUMENT_BYTES; neither names the file
 */
std::string ReadDocument(const std::string& path);

/**
 * Read JSON as RFC 8259 has it, in UTF-8, with or without a byte order mark.
 * @param text the document
 * @return what it says
 * @throws std::invalid_argument if it is nested deeper than MAX_DOCUMENT_NESTING, holds a key twice
 *         in one object, or is not JSON
 */
nlohmann::json ParseJson(const std::string& text);

/**
 * Read a line of a table that may be long, into bounded memory.
 * @param file where it is read from
 * @param line what was read, without its end
 * @return whether there was one
 * @throws std::invalid_argument if it is longer than MAX_DOCUMENT_BYTES
 */
bool ReadLine(std::istream& file, std::string& line);

/**
 * @param text words of someone else
 * @param longest how many characters are kept
 * @return the same fit to be printed: in one line, without bytes that are no characters, and with
 *         its end left out if it is very long
 */
std::string Shortened(const std::string& text, size_t longest = 300);

} // namespace ns3::kan

#endif // NS3KAN_DOCUMENT_H

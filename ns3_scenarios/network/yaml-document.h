// SPDX-License-Identifier: GPL-2.0-only
#ifndef NS3KAN_YAML_DOCUMENT_H
#define NS3KAN_YAML_DOCUMENT_H

#include <nlohmann/json.hpp>

#include <string>

namespace ns3::kan
{

/**
 * Read a YAML document that says no more than JSON can. A plain scalar that JSON knows as a number,
 * true, false or null is that; all others are texts.
 *
 * @param text one document
 * @return the same in JSON
 * @throws std::invalid_argument if it is not YAML, has a key that is no text or stands twice in one
 *         object, an alias, or more than one document; the message says where
 */
nlohmann::json ParseYaml(const std::string& text);

} // namespace ns3::kan

#endif // NS3KAN_YAML_DOCUMENT_H

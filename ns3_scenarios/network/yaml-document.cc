// SPDX-License-Identifier: GPL-2.0-only
#include "yaml-document.h"

#include "document.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <optional>
#include <sstream>
#include <stdexcept>
#include <utility>
#include <vector>

namespace ns3::kan
{

namespace
{

using Json = nlohmann::json;

/// Builds the document from what the parser meets, in its order.
class JsonBuilder : public YAML::EventHandler
{
  public:
    /// @return the document
    Json Take()
    {
        return std::move(m_document);
    }

    void OnDocumentStart(const YAML::Mark&) override
    {
    }

    void OnDocumentEnd() override
    {
    }

    void OnNull(const YAML::Mark& mark, YAML::anchor_t) override
    {
        Add(mark, nullptr);
    }

    void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override
    {
        Refuse(mark, "an alias is not allowed; write out what it stands for");
    }

    void OnScalar(const YAML::Mark& mark,
                  const std::string& tag,
                  YAML::anchor_t,
                  const std::string& value) override
    {
        if (!m_open.empty() && m_open.back().value.is_object() && !m_open.back().key)
        {
            if (m_open.back().value.contains(value))
            {
                Refuse(mark, "the key \"" + value + "\" stands twice in one object");
            }
            m_open.back().key = value;
            return;
        }
        // The tag of a plain scalar, which has no quotes, is a question mark.
        Add(mark, tag == "?" && Json::accept(value) ? Json::parse(value) : Json(value));
    }

    void OnSequenceStart(const YAML::Mark& mark,
                         const std::string&,
                         YAML::anchor_t,
                         YAML::EmitterStyle::value) override
    {
        Open(mark, Json::array());
    }

    void OnSequenceEnd() override
    {
        Close();
    }

    void OnMapStart(const YAML::Mark& mark,
                    const std::string&,
                    YAML::anchor_t,
                    YAML::EmitterStyle::value) override
    {
        Open(mark, Json::object());
    }

    void OnMapEnd() override
    {
        Close();
    }

  private:
    /// An array or object that is being read.
    struct Part
    {
        YAML::Mark mark;                //!< where it begins
        Json value;                     //!< what of it has been read
        std::optional<std::string> key; //!< that waits for its value
    };

    /**
     * @param mark where it is
     * @param reason what is wrong
     */
    [[noreturn]] static void Refuse(const YAML::Mark& mark, const std::string& reason)
    {
        throw std::invalid_argument("line " + std::to_string(mark.line + 1) + ": " + reason);
    }

    /**
     * @param mark where it begins
     * @param value what has been read
     */
    void Add(const YAML::Mark& mark, Json value)
    {
        if (m_open.empty())
        {
            m_document = std::move(value);
            return;
        }
        Part& part = m_open.back();
        if (part.value.is_array())
        {
            part.value.push_back(std::move(value));
            return;
        }
        if (!part.key)
        {
            Refuse(mark, "a key must be a text");
        }
        part.value[*std::exchange(part.key, std::nullopt)] = std::move(value);
    }

    /**
     * @param mark where it begins
     * @param empty array or object
     */
    void Open(const YAML::Mark& mark, Json empty)
    {
        if (m_open.size() == MAX_DOCUMENT_NESTING)
        {
            Refuse(mark,
                   "nested more than " + std::to_string(MAX_DOCUMENT_NESTING) + " levels deep");
        }
        m_open.push_back({mark, std::move(empty), std::nullopt});
    }

    void Close()
    {
        Part part = std::move(m_open.back());
        m_open.pop_back();
        Add(part.mark, std::move(part.value));
    }

    std::vector<Part> m_open;
    Json m_document;
};

} // namespace

Json
ParseYaml(const std::string& text)
{
    const size_t zero = text.find('\0');
    if (zero != std::string::npos)
    {
        throw std::invalid_argument("a zero at byte " + std::to_string(zero));
    }
    std::istringstream input(text);
    JsonBuilder builder;
    try
    {
        YAML::Parser parser(input);
        parser.HandleNextDocument(builder);
        JsonBuilder second;
        if (parser.HandleNextDocument(second))
        {
            throw std::invalid_argument("more than one document");
        }
    }
    catch (const YAML::Exception& error)
    {
        throw std::invalid_argument("line " + std::to_string(error.mark.line + 1) + ": " +
                                    error.msg);
    }
    return builder.Take();
}

} // namespace ns3::kan

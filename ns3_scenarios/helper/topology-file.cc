// SPDX-License-Identifier: GPL-2.0-only
#include "topology-file.h"

#include "network/document.h"
#include "network/quantities.h"
#include "network/yaml-document.h"

#include <nlohmann/json.hpp>

#include <regex>
#include <set>
#include <stdexcept>
#include <utility>

namespace ns3::kan
{

namespace
{

using Json = nlohmann::json;

/// Reads values out of the document; what it throws names the file and the key.
class Reader
{
  public:
    /// @param path the file
    explicit Reader(std::string path)
        : m_path(std::move(path))
    {
    }

    /// @param reason what is wrong, beginning with the key
    [[noreturn]] void Refuse(const std::string& reason) const
    {
        throw std::invalid_argument(m_path + ": " + Shortened(reason));
    }

    /// @return the document in the file
    Json Parse() const
    {
        static const std::regex yaml(R"(.*\.ya?ml)");
        const bool isYaml = std::regex_match(m_path, yaml);
        try
        {
            const std::string content = ReadDocument(m_path);
            return isYaml ? ParseYaml(content) : ParseJson(content);
        }
        catch (const std::invalid_argument& error)
        {
            Refuse((isYaml ? "not YAML of a topology: " : "") + std::string(error.what()));
        }
        catch (const std::runtime_error& error)
        {
            Refuse(std::string(error.what()) + ", give the JSON or YAML file of a topology");
        }
    }

    /**
     * @param value what should be an object
     * @param where its place, empty for the whole file
     * @param required keys that it must have
     * @param optional keys that it may have
     */
    void CheckKeys(const Json& value,
                   const std::string& where,
                   const std::set<std::string>& required,
                   const std::set<std::string>& optional) const
    {
        const std::string what = where.empty() ? "the topology" : where;
        if (!value.is_object())
        {
            Refuse(what + " must be an object");
        }
        std::string known;
        for (const std::set<std::string>* keys : {&required, &optional})
        {
            for (const std::string& key : *keys)
            {
                known += (known.empty() ? "" : ", ") + key;
            }
        }
        for (const std::string& key : required)
        {
            if (!value.contains(key))
            {
                Refuse(what + " lacks the key '" + key + "'");
            }
        }
        for (const auto& item : value.items())
        {
            if (required.count(item.key()) == 0 && optional.count(item.key()) == 0)
            {
                Refuse(what + " has the unknown key '" + item.key() + "'; it takes " + known);
            }
        }
    }

    /// Read a data rate above 0.
    DataRate Rate(const Json& value, const std::string& where) const
    {
        const auto rate = ParseRate(Text(value));
        if (!rate)
        {
            Refuse(where + " is " + value.dump() +
                   ", but must be a data rate above 0 with its unit, such as \"6Mbps\"");
        }
        return *rate;
    }

    /// Read a time that is not negative.
    Time Duration(const Json& value, const std::string& where, bool positive) const
    {
        const auto time = ParseTime(Text(value));
        if (!time || (positive && time->IsZero()))
        {
            Refuse(where + " is " + value.dump() + ", but must be " +
                   (positive ? "a time above 0 with its unit, such as \"15s\""
                             : "a time of 0 or more with its unit, such as \"10ms\""));
        }
        return *time;
    }

    /// Read the size of a queue, which has room for one full packet at least.
    QueueSize Size(const Json& value, const std::string& where) const
    {
        const auto size = ParseQueueSize(Text(value));
        const bool isRoom =
            size && (size->GetUnit() == QueueSizeUnit::PACKETS || size->GetValue() >= FULL_PACKET);
        if (!isRoom)
        {
            Refuse(where + " is " + value.dump() +
                   ", but must be a whole size above 0 in packets or bytes with room for a packet "
                   "of " +
                   std::to_string(FULL_PACKET) + " bytes, such as \"60p\" or \"90kB\"");
        }
        return *size;
    }

    /// Read a probability.
    double Share(const Json& value, const std::string& where) const
    {
        if (!value.is_number() || !(value.get<double>() >= 0 && value.get<double>() <= 1))
        {
            Refuse(where + " is " + value.dump() + ", but must be a number from 0 to 1");
        }
        return value.get<double>();
    }

    /// Read a name that features can begin with.
    std::string Name(const Json& value, const std::string& where) const
    {
        static const std::regex identifier("[A-Za-z_][A-Za-z0-9_]{0,63}");
        if (!value.is_string() ||
            !std::regex_match(value.get_ref<const std::string&>(), identifier))
        {
            Refuse(where + " is " + value.dump() +
                   ", but must be a name of letters, digits and underscores, no digit first");
        }
        return value.get<std::string>();
    }

    /// Read one of some words.
    std::string Choice(const Json& value,
                       const std::string& where,
                       const std::vector<std::string>& choices) const
    {
        std::string known;
        for (const std::string& choice : choices)
        {
            if (value == choice)
            {
                return choice;
            }
            known += (known.empty() ? "" : ", ") + choice;
        }
        Refuse(where + " is " + value.dump() + ", but must be one of " + known);
    }

    /// Read an array.
    const Json& Array(const Json& value, const std::string& where) const
    {
        if (!value.is_array())
        {
            Refuse(where + " must be an array");
        }
        return value;
    }

  private:
    /**
     * @param value any value
     * @return its text; empty, which no quantity is, if it is none
     */
    static std::string Text(const Json& value)
    {
        return value.is_string() ? value.get<std::string>() : "";
    }

    std::string m_path;
};

/**
 * @param value one path of the file
 * @param where its place
 * @param reader refuses what is wrong
 * @return the path
 */
PathParameters
ReadPath(const Json& value, const std::string& where, const Reader& reader)
{
    reader.CheckKeys(value,
                     where,
                     {"name", "rate", "delay", "queue"},
                     {"discipline", "loss", "cross_traffic", "outages"});
    PathParameters path;
    path.name = reader.Name(value["name"], where + ".name");
    path.rate = reader.Rate(value["rate"], where + ".rate");
    path.delay = reader.Duration(value["delay"], where + ".delay", false);
    path.queue = reader.Size(value["queue"], where + ".queue");
    if (value.contains("discipline"))
    {
        path.discipline = reader.Choice(value["discipline"],
                                        where + ".discipline",
                                        {"drop-tail", "codel", "fq-codel", "pie", "red"});
        if (path.discipline == "fq-codel" && path.queue.GetUnit() == QueueSizeUnit::BYTES)
        {
            reader.Refuse(where + ".queue is " + value["queue"].dump() +
                          ", but fq-codel counts packets: give a size such as \"60p\"");
        }
    }
    if (value.contains("loss"))
    {
        path.loss = reader.Share(value["loss"], where + ".loss");
    }
    if (value.contains("cross_traffic"))
    {
        for (const Json& source : reader.Array(value["cross_traffic"], where + ".cross_traffic"))
        {
            const std::string place =
                where + ".cross_traffic[" + std::to_string(path.cross.size()) + "]";
            reader.CheckKeys(source, place, {"rate", "on", "off"}, {});
            path.cross.push_back({reader.Rate(source["rate"], place + ".rate"),
                                  reader.Duration(source["on"], place + ".on", true),
                                  reader.Duration(source["off"], place + ".off", true)});
        }
    }
    if (value.contains("outages"))
    {
        for (const Json& outage : reader.Array(value["outages"], where + ".outages"))
        {
            const std::string place =
                where + ".outages[" + std::to_string(path.outages.size()) + "]";
            reader.CheckKeys(outage, place, {"from", "to"}, {});
            const Time from = reader.Duration(outage["from"], place + ".from", false);
            const Time to = reader.Duration(outage["to"], place + ".to", true);
            if (to <= from)
            {
                reader.Refuse(place + " ends before it begins: 'to' must be after 'from'");
            }
            if (!path.outages.empty() && from < path.outages.back().to)
            {
                reader.Refuse(place + " begins before the outage before it has ended");
            }
            path.outages.push_back({from, to});
        }
    }
    return path;
}

} // namespace

std::vector<PathParameters>
ReadTopology(const std::string& file)
{
    const Reader reader(file);
    const Json document = reader.Parse();
    if (!document.is_object() || !document.contains("format") ||
        document["format"] != "ns3kan-topology")
    {
        reader.Refuse("this is no topology, its 'format' must be 'ns3kan-topology'");
    }
    reader.CheckKeys(document, "", {"format", "version", "paths"}, {});
    if (!document["version"].is_number() || document["version"] != 1)
    {
        reader.Refuse("'version' is " + document["version"].dump() +
                      ", this program reads version 1");
    }
    const Json& values = reader.Array(document["paths"], "paths");
    if (values.size() < MIN_PATHS || values.size() > MAX_PATHS)
    {
        reader.Refuse("paths has " + std::to_string(values.size()) + " of them, but must have " +
                      std::to_string(MIN_PATHS) + " to " + std::to_string(MAX_PATHS));
    }
    std::vector<PathParameters> paths;
    std::set<std::string> names;
    for (const Json& value : values)
    {
        const std::string where = "paths[" + std::to_string(paths.size()) + "]";
        paths.push_back(ReadPath(value, where, reader));
        if (!names.insert(paths.back().name).second)
        {
            reader.Refuse(where + ".name is that of another path, '" + paths.back().name + "'");
        }
    }
    return paths;
}

} // namespace ns3::kan

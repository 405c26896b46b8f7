// SPDX-License-Identifier: GPL-2.0-only
#include "controller-artefact.h"

#include "network/document.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>
#include <sstream>
#include <stdexcept>
#include <utility>

namespace ns3::kan
{

namespace
{

using Json = nlohmann::json;

constexpr const char* FORMAT = "ns3kan-controller";
constexpr int VERSION = 1;

/// Reads values out of the JSON document; what it throws says which key is wrong.
class Reader
{
  public:
    explicit Reader(const std::string& path)
        : m_path(path)
    {
    }

    [[noreturn]] void Refuse(const std::string& reason) const
    {
        throw std::invalid_argument(m_path + ": " + Shortened(reason));
    }

    /**
     * @param value what should be an object
     * @param where its key
     * @param required keys that it must have
     * @param optional keys that it may have
     */
    void CheckKeys(const Json& value,
                   const std::string& where,
                   const std::set<std::string>& required,
                   const std::set<std::string>& optional) const
    {
        if (!value.is_object())
        {
            Refuse(where + " must be an object");
        }
        for (const std::string& key : required)
        {
            if (!value.contains(key))
            {
                Refuse(where + " lacks the key '" + key + "'");
            }
        }
        for (const auto& item : value.items())
        {
            if (required.count(item.key()) == 0 && optional.count(item.key()) == 0)
            {
                Refuse(where + " has the unknown key '" + item.key() + "'");
            }
        }
    }

    std::string Text(const Json& value, const std::string& where) const
    {
        if (!value.is_string() || value.get_ref<const std::string&>().empty())
        {
            Refuse(where + " must be a non-empty string");
        }
        return value.get<std::string>();
    }

    std::string Name(const Json& value, const std::string& where) const
    {
        std::string name = Text(value, where);
        if (name.size() > ControllerArtefact::MAX_NAME)
        {
            Refuse(where + " is longer than " + std::to_string(ControllerArtefact::MAX_NAME) +
                   " characters");
        }
        if (!Expression::IsIdentifier(name))
        {
            Refuse(where + " must be an identifier (letters, digits, underscores), not '" + name +
                   "'");
        }
        if (Expression::IsFunction(name))
        {
            Refuse(where + " must not be the name of a function, '" + name + "'");
        }
        return name;
    }

    /**
     * @param value an input or output
     * @param where its key
     * @param quantity gets the label, if there is one
     */
    void Label(const Json& value, const std::string& where, ControllerQuantity& quantity) const
    {
        if (!value.contains("label"))
        {
            return;
        }
        quantity.label = Text(value["label"], where + ".label");
        if (quantity.label.size() > ControllerArtefact::MAX_NAME)
        {
            Refuse(where + ".label is longer than " + std::to_string(ControllerArtefact::MAX_NAME) +
                   " bytes");
        }
    }

    void Range(const Json& value, const std::string& where, ControllerQuantity& quantity) const
    {
        const bool isPair =
            value.is_array() && value.size() == 2 && value[0].is_number() && value[1].is_number();
        if (!isPair)
        {
            Refuse(where + " must be an array of two numbers");
        }
        quantity.hasRange = true;
        quantity.low = value[0].get<double>();
        quantity.high = value[1].get<double>();
        if (!(quantity.low < quantity.high) || !std::isfinite(quantity.low) ||
            !std::isfinite(quantity.high))
        {
            Refuse(where + " must be finite, the first number less than the second");
        }
    }

    const Json& Array(const Json& document, const std::string& key) const
    {
        const Json& value = document.at(key);
        if (!value.is_array() || value.empty())
        {
            Refuse(key + " must be a non-empty array");
        }
        if (value.size() > ControllerArtefact::MAX_QUANTITIES)
        {
            Refuse(key + " has more than " + std::to_string(ControllerArtefact::MAX_QUANTITIES) +
                   " entries");
        }
        return value;
    }

  private:
    std::string m_path;
};

void
CheckDistinct(const Reader& reader,
              const std::vector<ControllerQuantity>& quantities,
              const std::string& what)
{
    std::set<std::string> names;
    for (const ControllerQuantity& quantity : quantities)
    {
        if (!names.insert(quantity.name).second)
        {
            reader.Refuse("two " + what + " are named '" + quantity.name + "'");
        }
    }
}

/**
 * @param document what should be an artefact
 * @param reader refuses it if it is not
 */
void
CheckHead(const Json& document, const Reader& reader)
{
    if (!document.is_object() || !document.contains("format") || document["format"] != FORMAT)
    {
        reader.Refuse(std::string("this is no controller artefact, its 'format' must be '") +
                      FORMAT + "'");
    }
    const Json version = document.value("version", Json());
    if (!version.is_number() || version != VERSION)
    {
        const bool isNewer = version.is_number() && version > VERSION;
        reader.Refuse("'version' is " + Shortened(version.dump(), 60) +
                      ", this program reads version " + std::to_string(VERSION) +
                      (isNewer ? ": take a newer ns3kan, as the one that wrote it" : ""));
    }
    reader.CheckKeys(document,
                     "the artefact",
                     {"format", "version", "decision", "inputs", "outputs"},
                     {"provenance", "fidelity", "guarantees"});
    for (const char* key : {"provenance", "fidelity", "guarantees"})
    {
        if (document.contains(key) && !document[key].is_object())
        {
            reader.Refuse(std::string(key) + " must be an object");
        }
    }
}

ControllerArtefact::Decision
ReadDecision(const Json& value, const Reader& reader)
{
    using Decision = ControllerArtefact::Decision;
    const std::vector<std::pair<const char*, Decision>> decisions{
        {"ratio", Decision::RATIO},
        {"softmax", Decision::SOFTMAX},
        {"argmax", Decision::ARGMAX},
        {"index", Decision::INDEX},
    };
    for (const auto& [name, decision] : decisions)
    {
        if (value == name)
        {
            return decision;
        }
    }
    reader.Refuse("decision must be one of ratio, softmax, argmax, index, not " +
                  Shortened(value.dump(), 60));
}

/// A number for people, by the rule of ns3kan/io/numbers.py.
std::string
NumberText(double value)
{
    constexpr double WRITTEN_OUT = 1e9;
    const std::string minus = "\u2212";
    const double size = std::abs(value);
    std::ostringstream stream;
    stream.precision(6);
    stream << size;
    std::string text = stream.str();
    const size_t exponent = text.find('e');
    if (exponent != std::string::npos && 1 < size && size < WRITTEN_OUT)
    {
        std::ostringstream digits;
        digits.precision(0);
        digits << std::fixed << size;
        text = digits.str();
    }
    else if (exponent != std::string::npos)
    {
        const int power = std::stoi(text.substr(exponent + 1));
        text = text.substr(0, exponent) + "e" + (power < 0 ? minus : "") +
               std::to_string(std::abs(power));
    }
    return (value < 0 ? minus : "") + text;
}

std::string
Joined(const std::vector<std::string>& parts)
{
    std::string joined;
    for (const std::string& part : parts)
    {
        joined += (joined.empty() ? "" : ", ") + part;
    }
    return joined;
}

size_t
GreatestOf(const std::vector<double>& values)
{
    return std::max_element(values.begin(), values.end()) - values.begin();
}

} // namespace

ControllerArtefact
ControllerArtefact::Load(const std::string& path)
{
    const Reader reader(path);
    Json document;
    try
    {
        document = ParseJson(ReadDocument(path));
    }
    catch (const std::invalid_argument& error)
    {
        reader.Refuse(error.what());
    }
    catch (const std::runtime_error& error)
    {
        throw std::runtime_error(path + ": " + error.what() +
                                 ", give the file of a controller artefact");
    }
    CheckHead(document, reader);

    ControllerArtefact artefact;
    artefact.m_path = path;
    artefact.m_decision = ReadDecision(document["decision"], reader);

    std::vector<std::string> names;
    for (const Json& value : reader.Array(document, "inputs"))
    {
        const std::string where = "inputs[" + std::to_string(names.size()) + "]";
        reader.CheckKeys(value, where, {"name", "unit", "range"}, {"label"});
        ControllerQuantity input{};
        input.name = reader.Name(value["name"], where + ".name");
        input.unit = reader.Text(value["unit"], where + ".unit");
        reader.Range(value["range"], where + ".range", input);
        reader.Label(value, where, input);
        names.push_back(input.name);
        artefact.m_inputs.push_back(std::move(input));
    }
    CheckDistinct(reader, artefact.m_inputs, "inputs");

    for (const Json& value : reader.Array(document, "outputs"))
    {
        const std::string where = "outputs[" + std::to_string(artefact.m_outputs.size()) + "]";
        const bool isRatio = artefact.m_decision == Decision::RATIO;
        reader.CheckKeys(value, where, {"name", "expression"}, {"range", "label"});
        if (isRatio && !value.contains("range"))
        {
            reader.Refuse(where + " lacks the key 'range'");
        }
        ControllerQuantity output{};
        output.name = reader.Name(value["name"], where + ".name");
        reader.Label(value, where, output);
        if (value.contains("range"))
        {
            reader.Range(value["range"], where + ".range", output);
        }
        if (!value["expression"].is_string())
        {
            reader.Refuse(where + ".expression must be a string");
        }
        try
        {
            artefact.m_expressions.emplace_back(value["expression"].get<std::string>(), names);
        }
        catch (const std::invalid_argument& error)
        {
            reader.Refuse("expression of output '" + output.name + "', " + error.what());
        }
        artefact.m_outputs.push_back(std::move(output));
    }
    CheckDistinct(reader, artefact.m_outputs, "outputs");

    const size_t outputs = artefact.m_outputs.size();
    if (artefact.m_decision == Decision::INDEX && outputs != 1)
    {
        reader.Refuse("decision 'index' takes one output, not " + std::to_string(outputs));
    }
    if ((artefact.m_decision == Decision::SOFTMAX || artefact.m_decision == Decision::ARGMAX) &&
        outputs < 2)
    {
        reader.Refuse("decision " + document["decision"].dump() + " takes two or more outputs");
    }
    artefact.BindInputs(names);
    return artefact;
}

const std::vector<ControllerQuantity>&
ControllerArtefact::GetInputs() const
{
    return m_inputs;
}

const std::vector<ControllerQuantity>&
ControllerArtefact::GetOutputs() const
{
    return m_outputs;
}

ControllerArtefact::Decision
ControllerArtefact::GetDecision() const
{
    return m_decision;
}

void
ControllerArtefact::BindInputs(const std::vector<std::string>& available)
{
    std::vector<size_t> columns;
    std::vector<std::string> missing;
    for (const ControllerQuantity& input : m_inputs)
    {
        const std::string& label = input.label.empty() ? input.name : input.label;
        auto found = std::find(available.begin(), available.end(), label);
        if (found == available.end())
        {
            found = std::find(available.begin(), available.end(), input.name);
        }
        if (found == available.end())
        {
            missing.push_back(label);
        }
        columns.push_back(found - available.begin());
    }
    if (!missing.empty())
    {
        throw std::invalid_argument(m_path + ": the scenario does not have the inputs " +
                                    Joined(missing) + ", it offers " + Joined(available));
    }
    m_columns = std::move(columns);
    m_available = available.size();
}

std::vector<double>
ControllerArtefact::SelectInputs(const std::vector<double>& values, size_t offset) const
{
    std::vector<double> inputs;
    inputs.reserve(m_columns.size());
    for (const size_t column : m_columns)
    {
        inputs.push_back(values[offset + column]);
    }
    return inputs;
}

double
ControllerArtefact::EvaluateOutput(size_t output, const std::vector<double>& inputs) const
{
    try
    {
        return m_expressions[output].Evaluate(inputs);
    }
    catch (const std::domain_error& error)
    {
        std::vector<std::string> values;
        for (size_t i = 0; i < inputs.size(); ++i)
        {
            values.push_back(m_inputs[i].name + "=" + NumberText(inputs[i]));
        }
        throw std::runtime_error(m_path + ": output '" + m_outputs[output].name + "' " +
                                 error.what() + " at " + Joined(values));
    }
}

std::vector<double>
ControllerArtefact::Evaluate(const std::vector<double>& values) const
{
    const bool isIndex = m_decision == Decision::INDEX;
    if (isIndex ? values.empty() || values.size() % m_available != 0 : values.size() != m_available)
    {
        throw std::invalid_argument(m_path + ": expected " + std::to_string(m_available) +
                                    " values" + (isIndex ? " per component" : "") + ", got " +
                                    std::to_string(values.size()));
    }
    std::vector<double> results;
    for (size_t offset = 0; offset < values.size(); offset += m_available)
    {
        const std::vector<double> inputs = SelectInputs(values, offset);
        for (size_t output = 0; output < m_outputs.size(); ++output)
        {
            results.push_back(EvaluateOutput(output, inputs));
        }
    }
    switch (m_decision)
    {
    case Decision::RATIO:
        for (size_t i = 0; i < results.size(); ++i)
        {
            results[i] = std::clamp(results[i], m_outputs[i].low, m_outputs[i].high);
        }
        return results;
    case Decision::SOFTMAX:
    {
        const double greatest = results[GreatestOf(results)];
        for (double& result : results)
        {
            result = std::exp(result - greatest);
        }
        const double total = std::accumulate(results.begin(), results.end(), 0.0);
        for (double& result : results)
        {
            result /= total;
        }
        return results;
    }
    case Decision::ARGMAX:
    case Decision::INDEX:
        break;
    }
    return {static_cast<double>(GreatestOf(results))};
}

} // namespace ns3::kan

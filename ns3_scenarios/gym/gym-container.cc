// SPDX-License-Identifier: GPL-2.0-only
#include "gym-container.h"

#include "gym-messages.h"

#include "ns3/abort.h"

#include <stdexcept>

namespace ns3::kan
{

namespace
{

/// Reads the payload of an Any, whose type follows from the container's type.
template <typename Message>
Message
Unpack(const ns3kan::wire::DataContainer& container)
{
    Message message;
    if (!IsOfType<Message>(container.data()) || !message.ParseFromString(container.data().value()))
    {
        throw std::invalid_argument("a value does not hold the " + Message::descriptor()->name() +
                                    " that its type announces");
    }
    return message;
}

/// Wraps a payload, with its type.
template <typename Message>
ns3kan::wire::DataContainer
Pack(ns3kan::wire::SpaceType type, const Message& message)
{
    ns3kan::wire::DataContainer container;
    container.set_type(type);
    container.mutable_data()->set_type_url(TypeUrl<Message>());
    container.mutable_data()->set_value(message.SerializeAsString());
    return container;
}

/// Number of elements of an array of this shape.
std::size_t
CountElements(const std::vector<uint32_t>& shape)
{
    std::size_t count = 1;
    for (const auto extent : shape)
    {
        count *= extent;
    }
    return count;
}

/// Writes each kind of value.
struct Writer
{
    ns3kan::wire::DataContainer operator()(const GymContainer::Discrete& value) const
    {
        ns3kan::wire::DiscreteDataContainer message;
        message.set_data(value.value);
        return Pack(ns3kan::wire::Discrete, message);
    }

    ns3kan::wire::DataContainer operator()(const GymContainer::Box& value) const
    {
        ns3kan::wire::BoxDataContainer message;
        *message.mutable_shape() = {value.shape.begin(), value.shape.end()};
        if (const auto* ints = std::get_if<std::vector<int32_t>>(&value.data))
        {
            message.set_dtype(ns3kan::wire::INT);
            *message.mutable_intdata() = {ints->begin(), ints->end()};
        }
        else if (const auto* uints = std::get_if<std::vector<uint32_t>>(&value.data))
        {
            message.set_dtype(ns3kan::wire::UINT);
            *message.mutable_uintdata() = {uints->begin(), uints->end()};
        }
        else if (const auto* floats = std::get_if<std::vector<float>>(&value.data))
        {
            message.set_dtype(ns3kan::wire::FLOAT);
            *message.mutable_floatdata() = {floats->begin(), floats->end()};
        }
        else
        {
            const auto& doubles = std::get<std::vector<double>>(value.data);
            message.set_dtype(ns3kan::wire::DOUBLE);
            *message.mutable_doubledata() = {doubles.begin(), doubles.end()};
        }
        return Pack(ns3kan::wire::Box, message);
    }

    ns3kan::wire::DataContainer operator()(const GymContainer::Tuple& value) const
    {
        ns3kan::wire::TupleDataContainer message;
        for (const auto& element : value.elements)
        {
            *message.add_element() = ToMessage(element);
        }
        return Pack(ns3kan::wire::Tuple, message);
    }

    ns3kan::wire::DataContainer operator()(const GymContainer::Dict& value) const
    {
        ns3kan::wire::DictDataContainer message;
        for (const auto& [name, element] : value.elements)
        {
            auto* added = message.add_element();
            *added = ToMessage(element);
            added->set_name(name);
        }
        return Pack(ns3kan::wire::Dict, message);
    }
};

/// Reads an array.
GymContainer::Box
ReadBox(const ns3kan::wire::BoxDataContainer& message)
{
    GymContainer::Box box;
    box.shape.assign(message.shape().begin(), message.shape().end());
    std::size_t count = 0;
    const auto take = [&box, &count](const auto& field)
    {
        using T = typename std::decay_t<decltype(field)>::value_type;
        box.data = std::vector<T>(field.begin(), field.end());
        count = field.size();
    };
    switch (message.dtype())
    {
    case ns3kan::wire::INT:
        take(message.intdata());
        break;
    case ns3kan::wire::UINT:
        take(message.uintdata());
        break;
    case ns3kan::wire::FLOAT:
        take(message.floatdata());
        break;
    case ns3kan::wire::DOUBLE:
        take(message.doubledata());
        break;
    default:
        throw std::invalid_argument("a Box does not say which element type it has");
    }
    // Older clients leave the shape out.
    if (box.shape.empty() && count != 1)
    {
        box.shape = {static_cast<uint32_t>(count)};
    }
    if (CountElements(box.shape) != count)
    {
        throw std::invalid_argument("a Box holds " + std::to_string(count) +
                                    " numbers, which do not fill its shape");
    }
    return box;
}

} // namespace

ns3kan::wire::DataContainer
ToMessage(const GymContainer& value)
{
    return std::visit(Writer{}, value.Get());
}

GymContainer
FromMessage(const ns3kan::wire::DataContainer& message, int depth)
{
    if (depth == 0)
    {
        throw std::invalid_argument("a value is nested too deeply");
    }
    switch (message.type())
    {
    case ns3kan::wire::Discrete:
        return GymContainer(
            GymContainer::Discrete{Unpack<ns3kan::wire::DiscreteDataContainer>(message).data()});
    case ns3kan::wire::Box:
        return GymContainer(ReadBox(Unpack<ns3kan::wire::BoxDataContainer>(message)));
    case ns3kan::wire::Tuple:
    {
        GymContainer::Tuple tuple;
        const auto payload = Unpack<ns3kan::wire::TupleDataContainer>(message);
        for (const auto& element : payload.element())
        {
            tuple.elements.push_back(FromMessage(element, depth - 1));
        }
        return GymContainer(std::move(tuple));
    }
    case ns3kan::wire::Dict:
    {
        GymContainer::Dict dict;
        const auto payload = Unpack<ns3kan::wire::DictDataContainer>(message);
        for (const auto& element : payload.element())
        {
            dict.elements.emplace_back(element.name(), FromMessage(element, depth - 1));
        }
        return GymContainer(std::move(dict));
    }
    default:
        throw std::invalid_argument("a value is missing or of unknown type");
    }
}

GymContainer::GymContainer()
    : m_kind(Discrete{0})
{
}

GymContainer::GymContainer(Kind kind)
    : m_kind(std::move(kind))
{
}

template <typename T>
GymContainer
GymContainer::Vector(std::vector<T> values)
{
    Box box;
    box.shape = {static_cast<uint32_t>(values.size())};
    box.data = std::move(values);
    return GymContainer(std::move(box));
}

const GymContainer::Kind&
GymContainer::Get() const
{
    return m_kind;
}

int32_t
GymContainer::GetDiscrete() const
{
    const auto* discrete = std::get_if<Discrete>(&m_kind);
    NS_ABORT_MSG_UNLESS(discrete, "GetDiscrete of a value that is not Discrete");
    return discrete->value;
}

template <typename T>
const std::vector<T>&
GymContainer::GetBox() const
{
    const auto* box = std::get_if<Box>(&m_kind);
    NS_ABORT_MSG_UNLESS(box, "GetBox of a value that is not a Box");
    const auto* data = std::get_if<std::vector<T>>(&box->data);
    NS_ABORT_MSG_UNLESS(data, "GetBox of a Box with another element type");
    return *data;
}

const GymContainer&
GymContainer::At(std::size_t index) const
{
    const auto* tuple = std::get_if<Tuple>(&m_kind);
    NS_ABORT_MSG_UNLESS(tuple && index < tuple->elements.size(),
                        "No element " << index << " in this value");
    return tuple->elements[index];
}

const GymContainer&
GymContainer::At(const std::string& name) const
{
    if (const auto* dict = std::get_if<Dict>(&m_kind))
    {
        for (const auto& [key, element] : dict->elements)
        {
            if (key == name)
            {
                return element;
            }
        }
    }
    NS_ABORT_MSG("No element \"" << name << "\" in this value");
}

template GymContainer GymContainer::Vector(std::vector<int32_t>);
template GymContainer GymContainer::Vector(std::vector<uint32_t>);
template GymContainer GymContainer::Vector(std::vector<float>);
template GymContainer GymContainer::Vector(std::vector<double>);
template const std::vector<int32_t>& GymContainer::GetBox() const;
template const std::vector<uint32_t>& GymContainer::GetBox() const;
template const std::vector<float>& GymContainer::GetBox() const;
template const std::vector<double>& GymContainer::GetBox() const;

} // namespace ns3::kan

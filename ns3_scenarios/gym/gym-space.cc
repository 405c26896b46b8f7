// SPDX-License-Identifier: GPL-2.0-only
#include "gym-space.h"

#include "gym-messages.h"

#include <cmath>
#include <sstream>
#include <stdexcept>

namespace ns3::kan
{

namespace
{

/// Wraps a payload, with its type.
template <typename Message>
ns3kan::wire::SpaceDescription
Pack(ns3kan::wire::SpaceType type, const Message& message)
{
    ns3kan::wire::SpaceDescription description;
    description.set_type(type);
    description.mutable_space()->set_type_url(TypeUrl<Message>());
    description.mutable_space()->set_value(message.SerializeAsString());
    return description;
}

/// Writes each kind of space.
struct Writer
{
    ns3kan::wire::SpaceDescription operator()(const GymSpace::Discrete& space) const
    {
        ns3kan::wire::DiscreteSpace message;
        message.set_n(space.n);
        return Pack(ns3kan::wire::Discrete, message);
    }

    ns3kan::wire::SpaceDescription operator()(const GymSpace::Box& space) const
    {
        ns3kan::wire::BoxSpace message;
        message.set_low(space.low);
        message.set_high(space.high);
        *message.mutable_shape() = {space.shape.begin(), space.shape.end()};
        switch (space.dtype)
        {
        case GymDtype::INT:
            message.set_dtype(ns3kan::wire::INT);
            break;
        case GymDtype::UINT:
            message.set_dtype(ns3kan::wire::UINT);
            break;
        case GymDtype::FLOAT:
            message.set_dtype(ns3kan::wire::FLOAT);
            break;
        case GymDtype::DOUBLE:
            message.set_dtype(ns3kan::wire::DOUBLE);
            break;
        }
        return Pack(ns3kan::wire::Box, message);
    }

    ns3kan::wire::SpaceDescription operator()(const GymSpace::Tuple& space) const
    {
        ns3kan::wire::TupleSpace message;
        for (const auto& element : space.elements)
        {
            *message.add_element() = ToMessage(element);
        }
        return Pack(ns3kan::wire::Tuple, message);
    }

    ns3kan::wire::SpaceDescription operator()(const GymSpace::Dict& space) const
    {
        ns3kan::wire::DictSpace message;
        for (const auto& [name, element] : space.elements)
        {
            auto* added = message.add_element();
            *added = ToMessage(element);
            added->set_name(name);
        }
        return Pack(ns3kan::wire::Dict, message);
    }
};

/// Refuses a value, with one sentence.
template <typename... Parts>
[[noreturn]] void
Refuse(const Parts&... parts)
{
    std::ostringstream sentence;
    (sentence << ... << parts);
    throw std::invalid_argument(sentence.str());
}

/// The numbers of a Box as another element type, where that loses no more than rounding.
template <typename To, typename From>
std::vector<To>
Convert(const std::vector<From>& numbers)
{
    if constexpr (std::is_same_v<To, From>)
    {
        return numbers;
    }
    else if constexpr (std::is_integral_v<To> && std::is_floating_point_v<From>)
    {
        Refuse("whole numbers are declared but floating-point numbers were sent");
    }
    else
    {
        std::vector<To> converted;
        converted.reserve(numbers.size());
        for (const auto number : numbers)
        {
            const auto cast = static_cast<To>(number);
            if constexpr (std::is_integral_v<To>)
            {
                // Between the two integer types only the sign bit can go wrong.
                if ((cast < 0) != (number < 0))
                {
                    Refuse("the number ", number, " does not fit the declared element type");
                }
            }
            converted.push_back(cast);
        }
        return converted;
    }
}

/// Converts and checks the numbers of a Box.
template <typename To>
GymContainer::Box::Data
Check(const GymSpace::Box& space, const GymContainer::Box::Data& data)
{
    auto numbers = std::visit([](const auto& from) { return Convert<To>(from); }, data);
    for (std::size_t i = 0; i < numbers.size(); ++i)
    {
        const auto number = static_cast<float>(numbers[i]);
        // Written so that "not a number" fails too.
        if (!(number >= space.low && number <= space.high))
        {
            Refuse("component ",
                   i,
                   " is ",
                   numbers[i],
                   " but must lie between ",
                   space.low,
                   " and ",
                   space.high);
        }
    }
    return numbers;
}

/// Brings each kind of value into its space.
struct Conformer
{
    const GymContainer& value; //!< the value

    /// The value as the kind that its space asks for.
    template <typename Kind>
    const Kind& As(const char* kind) const
    {
        const auto* found = std::get_if<Kind>(&value.Get());
        if (!found)
        {
            Refuse("a value of kind ", kind, " is expected");
        }
        return *found;
    }

    GymContainer::Kind operator()(const GymSpace::Discrete& space) const
    {
        const auto& discrete = As<GymContainer::Discrete>("Discrete");
        if (discrete.value < 0 || discrete.value >= space.n)
        {
            Refuse("choice ", discrete.value, " is not between 0 and ", space.n - 1);
        }
        return discrete;
    }

    GymContainer::Kind operator()(const GymSpace::Box& space) const
    {
        const auto& box = As<GymContainer::Box>("Box");
        std::size_t expected = 1;
        for (const auto extent : space.shape)
        {
            expected *= extent;
        }
        const auto sent = std::visit([](const auto& data) { return data.size(); }, box.data);
        if (sent != expected || (box.shape.size() > 1 && box.shape != space.shape))
        {
            Refuse("the Box of ", sent, " numbers does not have the declared shape of ", expected);
        }
        GymContainer::Box conformed;
        conformed.shape = space.shape;
        switch (space.dtype)
        {
        case GymDtype::INT:
            conformed.data = Check<int32_t>(space, box.data);
            break;
        case GymDtype::UINT:
            conformed.data = Check<uint32_t>(space, box.data);
            break;
        case GymDtype::FLOAT:
            conformed.data = Check<float>(space, box.data);
            break;
        case GymDtype::DOUBLE:
            conformed.data = Check<double>(space, box.data);
            break;
        }
        return conformed;
    }

    GymContainer::Kind operator()(const GymSpace::Tuple& space) const
    {
        const auto& tuple = As<GymContainer::Tuple>("Tuple");
        if (tuple.elements.size() != space.elements.size())
        {
            Refuse("the Tuple has ",
                   tuple.elements.size(),
                   " elements instead of ",
                   space.elements.size());
        }
        GymContainer::Tuple conformed;
        for (std::size_t i = 0; i < space.elements.size(); ++i)
        {
            conformed.elements.push_back(space.elements[i].Conform(tuple.elements[i]));
        }
        return conformed;
    }

    GymContainer::Kind operator()(const GymSpace::Dict& space) const
    {
        const auto& dict = As<GymContainer::Dict>("Dict");
        if (dict.elements.size() != space.elements.size())
        {
            Refuse("the Dict has ",
                   dict.elements.size(),
                   " elements instead of ",
                   space.elements.size());
        }
        GymContainer::Dict conformed;
        for (const auto& [name, element] : space.elements)
        {
            const auto* sent = Find(dict, name);
            if (!sent)
            {
                Refuse("the Dict lacks the element \"", name, "\"");
            }
            conformed.elements.emplace_back(name, element.Conform(*sent));
        }
        return conformed;
    }

    /// The element of that name, or nullptr.
    static const GymContainer* Find(const GymContainer::Dict& dict, const std::string& name)
    {
        for (const auto& [key, element] : dict.elements)
        {
            if (key == name)
            {
                return &element;
            }
        }
        return nullptr;
    }
};

} // namespace

ns3kan::wire::SpaceDescription
ToMessage(const GymSpace& space)
{
    return std::visit(Writer{}, space.Get());
}

GymSpace::GymSpace()
    : m_kind(Discrete{1})
{
}

GymSpace::GymSpace(Kind kind)
    : m_kind(std::move(kind))
{
}

const GymSpace::Kind&
GymSpace::Get() const
{
    return m_kind;
}

GymContainer
GymSpace::Conform(const GymContainer& value) const
{
    return std::visit(Conformer{value}, m_kind);
}

} // namespace ns3::kan

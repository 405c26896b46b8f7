// SPDX-License-Identifier: GPL-2.0-only
#include "gym-flat.h"

#include <cstring>

namespace ns3::kan
{

namespace
{

/// Every element type of the wire but double.
constexpr std::size_t SHORT_NUMBER = 4;

std::size_t
Pad(std::size_t bytes)
{
    return (bytes + 7) / 8 * 8;
}

std::size_t
CountNumbers(const GymSpace::Box& space)
{
    std::size_t count = 1;
    for (const auto extent : space.shape)
    {
        count *= extent;
    }
    return count;
}

/// Measures each kind of space.
struct Measure
{
    std::size_t operator()(const GymSpace::Discrete&) const
    {
        return Pad(sizeof(int32_t));
    }

    std::size_t operator()(const GymSpace::Box& space) const
    {
        const std::size_t width = space.dtype == GymDtype::DOUBLE ? sizeof(double) : SHORT_NUMBER;
        return Pad(CountNumbers(space) * width);
    }

    std::size_t operator()(const GymSpace::Tuple& space) const
    {
        std::size_t sum = 0;
        for (const auto& element : space.elements)
        {
            sum += GetFlatSize(element);
        }
        return sum;
    }

    std::size_t operator()(const GymSpace::Dict& space) const
    {
        std::size_t sum = 0;
        for (const auto& [name, element] : space.elements)
        {
            sum += GetFlatSize(element);
        }
        return sum;
    }
};

/// Lays out each kind of value.
struct Writer
{
    const GymContainer& value; //!< the value
    uint8_t* memory;           //!< where to

    bool operator()(const GymSpace::Discrete&) const
    {
        const auto* discrete = std::get_if<GymContainer::Discrete>(&value.Get());
        if (discrete)
        {
            std::memcpy(memory, &discrete->value, sizeof(discrete->value));
        }
        return discrete;
    }

    bool operator()(const GymSpace::Box& space) const
    {
        const auto* box = std::get_if<GymContainer::Box>(&value.Get());
        if (!box || box->data.index() != static_cast<std::size_t>(space.dtype) ||
            (box->shape.size() > 1 && box->shape != space.shape))
        {
            return false;
        }
        return std::visit(
            [&](const auto& numbers)
            {
                if (numbers.size() != CountNumbers(space))
                {
                    return false;
                }
                if (!numbers.empty())
                {
                    std::memcpy(memory, numbers.data(), numbers.size() * sizeof(numbers[0]));
                }
                return true;
            },
            box->data);
    }

    bool operator()(const GymSpace::Tuple& space) const
    {
        const auto* tuple = std::get_if<GymContainer::Tuple>(&value.Get());
        if (!tuple || tuple->elements.size() != space.elements.size())
        {
            return false;
        }
        uint8_t* at = memory;
        for (std::size_t i = 0; i < space.elements.size(); ++i)
        {
            if (!WriteFlat(space.elements[i], tuple->elements[i], at))
            {
                return false;
            }
            at += GetFlatSize(space.elements[i]);
        }
        return true;
    }

    bool operator()(const GymSpace::Dict& space) const
    {
        const auto* dict = std::get_if<GymContainer::Dict>(&value.Get());
        if (!dict || dict->elements.size() != space.elements.size())
        {
            return false;
        }
        uint8_t* at = memory;
        for (std::size_t i = 0; i < space.elements.size(); ++i)
        {
            // In another order it is the same value, but that is for the message to sort out.
            const auto& [name, element] = space.elements[i];
            if (dict->elements[i].first != name ||
                !WriteFlat(element, dict->elements[i].second, at))
            {
                return false;
            }
            at += GetFlatSize(element);
        }
        return true;
    }
};

/// Reads each kind of value.
struct Reader
{
    const uint8_t* memory; //!< where from

    GymContainer::Kind operator()(const GymSpace::Discrete&) const
    {
        GymContainer::Discrete discrete{};
        std::memcpy(&discrete.value, memory, sizeof(discrete.value));
        return discrete;
    }

    template <typename T>
    GymContainer::Box::Data Numbers(const GymSpace::Box& space) const
    {
        std::vector<T> numbers(CountNumbers(space));
        if (!numbers.empty())
        {
            std::memcpy(numbers.data(), memory, numbers.size() * sizeof(T));
        }
        return numbers;
    }

    GymContainer::Kind operator()(const GymSpace::Box& space) const
    {
        GymContainer::Box box;
        box.shape = space.shape;
        switch (space.dtype)
        {
        case GymDtype::INT:
            box.data = Numbers<int32_t>(space);
            break;
        case GymDtype::UINT:
            box.data = Numbers<uint32_t>(space);
            break;
        case GymDtype::FLOAT:
            box.data = Numbers<float>(space);
            break;
        case GymDtype::DOUBLE:
            box.data = Numbers<double>(space);
            break;
        }
        return box;
    }

    GymContainer::Kind operator()(const GymSpace::Tuple& space) const
    {
        GymContainer::Tuple tuple;
        const uint8_t* at = memory;
        for (const auto& element : space.elements)
        {
            tuple.elements.push_back(ReadFlat(element, at));
            at += GetFlatSize(element);
        }
        return tuple;
    }

    GymContainer::Kind operator()(const GymSpace::Dict& space) const
    {
        GymContainer::Dict dict;
        const uint8_t* at = memory;
        for (const auto& [name, element] : space.elements)
        {
            dict.elements.emplace_back(name, ReadFlat(element, at));
            at += GetFlatSize(element);
        }
        return dict;
    }
};

} // namespace

std::size_t
GetFlatSize(const GymSpace& space)
{
    return std::visit(Measure{}, space.Get());
}

bool
WriteFlat(const GymSpace& space, const GymContainer& value, uint8_t* memory)
{
    return std::visit(Writer{value, memory}, space.Get());
}

GymContainer
ReadFlat(const GymSpace& space, const uint8_t* memory)
{
    return GymContainer(std::visit(Reader{memory}, space.Get()));
}

} // namespace ns3::kan

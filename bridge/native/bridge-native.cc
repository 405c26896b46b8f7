// SPDX-License-Identifier: MIT
// What of the bridge would be too slow in Python: Python's end of the shared memory, and checks of
// arrays. ns3kan._native.bridge.

#include "array-buffer.h"

#include "gym/shared-memory-channel.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstring>
#include <memory>
#include <nanobind/nanobind.h>
#include <stdexcept>
#include <string>
#include <vector>

namespace nb = nanobind;
using ns3kan::ArrayBuffer;
using ns3kan::SharedMemoryChannel;

namespace
{

/// Set beside the flags of a state when its observation is not a number somewhere.
constexpr uint32_t HAS_NAN = 4;

/// Longest wait in one call, so that Python can handle signals in between.
constexpr double LONGEST_WAIT = 0.1;

/// What a step without a result came to.
enum Outcome
{
    REFUSED = 0, //!< the action has another type or shape, or is out of bounds; nothing was sent
    NOT_YET = 1, //!< the action was sent, but the next state has not come yet
    OTHER = 2,   //!< the next state is there but not laid out flat
};

template <typename T>
bool
IsBetween(const uint8_t* numbers, const uint8_t* low, const uint8_t* high, std::size_t bytes)
{
    const auto* x = reinterpret_cast<const T*>(numbers);
    const auto* a = reinterpret_cast<const T*>(low);
    const auto* b = reinterpret_cast<const T*>(high);
    bool isBetween = true;
    for (std::size_t i = 0; i < bytes / sizeof(T); ++i)
    {
        // Written so that "not a number" fails too.
        isBetween &= x[i] >= a[i] && x[i] <= b[i];
    }
    return isBetween;
}

/// The channel, with everything that touches the memory checked against its being closed.
class Channel
{
  public:
    SharedMemoryChannel& Get()
    {
        if (!m_channel)
        {
            throw std::runtime_error("the shared memory has been closed");
        }
        return *m_channel;
    }

    int Descriptor()
    {
        return Get().GetDescriptor();
    }

    void CloseDescriptor()
    {
        Get().CloseDescriptor();
    }

    void Close()
    {
        if (m_isWaiting)
        {
            m_isClosing = true; // by the thread that waits
            return;
        }
        m_channel.reset();
    }

    void SendBytes(uint32_t kind, nb::handle data)
    {
        const ArrayBuffer buffer(data);
        if (!buffer || buffer.Size() > SharedMemoryChannel::CAPACITY)
        {
            throw std::invalid_argument("what is to be sent is not bytes or too long");
        }
        if (buffer.Size() > 0)
        {
            std::memcpy(Get().GetOutgoing(), buffer.Data(), buffer.Size());
        }
        Send(static_cast<SharedMemoryChannel::Kind>(kind), buffer.Size());
    }

    bool Wait(double seconds)
    {
        auto& channel = Get();
        if (m_owesAnswer)
        {
            return true;
        }
        if (m_isWaiting)
        {
            throw std::runtime_error("the shared memory is in use by another thread");
        }
        const auto limit = std::chrono::nanoseconds(
            static_cast<int64_t>(1e9 * std::clamp(seconds, 0.0, LONGEST_WAIT)));
        m_isWaiting = true;
        bool isThere;
        {
            const nb::gil_scoped_release others;
            isThere = channel.Wait(limit);
        }
        m_isWaiting = false;
        if (m_isClosing)
        {
            m_channel.reset();
            return false;
        }
        return isThere;
    }

    /// Returns kind and bytes.
    nb::tuple Receive()
    {
        const auto message = Take();
        return nb::make_tuple(static_cast<uint32_t>(message.kind),
                              nb::bytes(message.data, message.size));
    }

    /// Copies the observation out. Returns (reward, flags, info) or OTHER.
    nb::object ReceiveInto(nb::handle observation)
    {
        SharedMemoryChannel::Message message;
        try
        {
            message = Take();
        }
        catch (const std::length_error&)
        {
            return nb::int_(static_cast<int>(OTHER));
        }
        const ArrayBuffer out(observation, true);
        SharedMemoryChannel::StateHeader header{};
        if (message.kind != SharedMemoryChannel::FLAT || message.size < sizeof(header) || !out)
        {
            return nb::int_(static_cast<int>(OTHER));
        }
        std::memcpy(&header, message.data, sizeof(header));
        const std::size_t padded = (out.Size() + 7) / 8 * 8;
        if (header.observationBytes != padded ||
            message.size != sizeof(header) + padded + header.infoBytes)
        {
            return nb::int_(static_cast<int>(OTHER));
        }
        const uint8_t* numbers = message.data + sizeof(header);
        if (out.Size() > 0)
        {
            std::memcpy(out.Data(), numbers, out.Size());
        }
        if (out.HasNan())
        {
            header.flags |= HAS_NAN;
        }
        const auto* info = reinterpret_cast<const char*>(numbers + padded);
        const bool isEmpty =
            header.infoBytes == 0 || (header.infoBytes == 2 && info[0] == '{' && info[1] == '}');
        return nb::make_tuple(static_cast<double>(header.reward),
                              header.flags,
                              isEmpty ? nb::object(nb::none())
                                      : nb::object(nb::bytes(info, header.infoBytes)));
    }

    /// Hands what lies in the outgoing memory over.
    void Send(SharedMemoryChannel::Kind kind, std::size_t size)
    {
        m_owesAnswer = false;
        Get().Send(kind, size);
    }

    bool OwesAnswer() const
    {
        return m_owesAnswer;
    }

  private:
    SharedMemoryChannel::Message Take()
    {
        // Even one that makes no sense is answered, by asking its sender to stop.
        auto& channel = Get();
        m_owesAnswer = true;
        return channel.Receive();
    }

    std::unique_ptr<SharedMemoryChannel> m_channel{std::make_unique<SharedMemoryChannel>()};
    bool m_owesAnswer{false}; //!< whether a message has been received and not been answered
    bool m_isWaiting{false};  //!< guarded, as the next, by the interpreter's lock
    bool m_isClosing{false};  //!< whether to close when the wait ends
};

/// What an action that is one array is checked against.
class Bounds
{
  public:
    Bounds(nb::handle low, nb::handle high)
    {
        const ArrayBuffer lowest(low);
        const ArrayBuffer highest(high);
        if (!lowest || !highest || lowest.Size() != highest.Size() ||
            lowest.Format() != highest.Format() ||
            std::string("iIfd").find(lowest.Format()) == std::string::npos)
        {
            throw std::invalid_argument("the bounds are not two arrays of one wire type");
        }
        m_format = lowest.Format();
        m_shape = lowest.Shape();
        m_low.assign(lowest.Data(), lowest.Data() + lowest.Size());
        m_high.assign(highest.Data(), highest.Data() + highest.Size());
    }

    /// Whether an array has the type and shape and lies between the bounds.
    bool ContainsArray(const ArrayBuffer& array) const
    {
        if (!array || array.Format() != m_format || !array.HasShape(m_shape))
        {
            return false;
        }
        const uint8_t* numbers = array.Data();
        switch (m_format)
        {
        case 'i':
            return IsBetween<int32_t>(numbers, m_low.data(), m_high.data(), m_low.size());
        case 'I':
            return IsBetween<uint32_t>(numbers, m_low.data(), m_high.data(), m_low.size());
        case 'f':
            return IsBetween<float>(numbers, m_low.data(), m_high.data(), m_low.size());
        default:
            return IsBetween<double>(numbers, m_low.data(), m_high.data(), m_low.size());
        }
    }

    /// Whether anything is an array of which ContainsArray holds.
    bool Contains(nb::handle action) const
    {
        // Bytes and the like have a buffer too, but are no arrays.
        return nb::hasattr(action, "dtype") && ContainsArray(ArrayBuffer(action));
    }

  private:
    char m_format;                   //!< element type
    std::vector<Py_ssize_t> m_shape; //!< shape
    std::vector<uint8_t> m_low;      //!< least numbers
    std::vector<uint8_t> m_high;     //!< greatest numbers
};

/// Steps whose observation and action are one array each, without any work in Python.
class BoxSteps
{
  public:
    BoxSteps(Channel* channel, const Bounds* bounds)
        : m_channel(channel)
        , m_bounds(bounds)
    {
    }

    /// Checks an action and sends it. Returns whether it was sent.
    bool Send(nb::handle action)
    {
        const ArrayBuffer buffer(action);
        if (!m_bounds->ContainsArray(buffer))
        {
            return false;
        }
        const std::size_t padded = (buffer.Size() + 7) / 8 * 8;
        if (padded > SharedMemoryChannel::CAPACITY)
        {
            return false;
        }
        std::memcpy(m_channel->Get().GetOutgoing(), buffer.Data(), buffer.Size());
        m_channel->Send(SharedMemoryChannel::FLAT, padded);
        return true;
    }

    /// Send, a wait and Receive in one call. Returns a tuple or an Outcome.
    nb::object Step(nb::handle action, nb::handle observation)
    {
        if (!Send(action))
        {
            return nb::int_(static_cast<int>(REFUSED));
        }
        if (!m_channel->Wait(LONGEST_WAIT))
        {
            return nb::int_(static_cast<int>(NOT_YET));
        }
        return m_channel->ReceiveInto(observation);
    }

  private:
    Channel* m_channel;
    const Bounds* m_bounds;
};

/// A cursor over a message of the ns3-gym protocol.
struct WireReader
{
    const uint8_t* at;  //!< what comes next
    const uint8_t* end; //!< behind the last byte

    /// Reads a number in variable length. Returns whether there is one of at most 32 bits.
    bool ReadNumber(uint32_t& number)
    {
        number = 0;
        for (int shift = 0; shift < 28 && at < end; shift += 7)
        {
            number |= static_cast<uint32_t>(*at & 0x7f) << shift;
            if (*at++ < 0x80)
            {
                return true;
            }
        }
        return false;
    }
};

/**
 * Reads an EnvStateMsg that begins with given bytes and an array, as all do that a simulator sends
 * whose observation is one array of floating-point numbers.
 * Returns (reward, flags, info), or None if it is any other message, which may be sound too.
 */
nb::object
ReadState(nb::bytes data, nb::bytes prefix, nb::handle observation)
{
    const ArrayBuffer out(observation, true);
    const auto* begin = reinterpret_cast<const uint8_t*>(data.c_str());
    const std::size_t head = prefix.size() + (out ? out.Size() : 0);
    if (!out || data.size() < head || std::memcmp(begin, prefix.c_str(), prefix.size()) != 0)
    {
        return nb::none();
    }
    float reward = 0;
    uint32_t isOver = 0;
    uint32_t reason = 0;
    nb::object info = nb::none();
    WireReader reader{begin + head, begin + data.size()};
    while (reader.at < reader.end)
    {
        const uint8_t key = *reader.at++;
        uint32_t number = 0;
        if (key == (2 << 3 | 5) && reader.end - reader.at >= 4)
        {
            std::memcpy(&reward, reader.at, sizeof(reward));
            reader.at += sizeof(reward);
        }
        else if ((key != 3 << 3 && key != 4 << 3 && key != (5 << 3 | 2)) ||
                 !reader.ReadNumber(number))
        {
            return nb::none();
        }
        else if (key == 3 << 3)
        {
            isOver = number;
        }
        else if (key == 4 << 3)
        {
            reason = number;
        }
        else if (reader.end - reader.at < static_cast<std::ptrdiff_t>(number))
        {
            return nb::none();
        }
        else
        {
            const bool isEmpty =
                number == 0 || (number == 2 && reader.at[0] == '{' && reader.at[1] == '}');
            info = isEmpty ? nb::object(nb::none()) : nb::object(nb::bytes(reader.at, number));
            reader.at += number;
        }
    }
    std::memcpy(out.Data(), begin + prefix.size(), out.Size());
    uint32_t flags = 0;
    if (isOver != 0)
    {
        flags |= SharedMemoryChannel::IS_OVER;
        flags |= reason == 1 ? SharedMemoryChannel::IS_GAME_OVER : 0;
    }
    if (out.HasNan())
    {
        flags |= HAS_NAN;
    }
    return nb::make_tuple(static_cast<double>(reward), flags, info);
}

bool
HasNanAnywhere(nb::handle array)
{
    const ArrayBuffer buffer(array);
    return !buffer || buffer.HasNan();
}

} // namespace

NB_MODULE(bridge, m)
{
    m.attr("WIRE") = static_cast<uint32_t>(SharedMemoryChannel::WIRE);
    m.attr("FLAT") = static_cast<uint32_t>(SharedMemoryChannel::FLAT);
    m.attr("IS_OVER") = SharedMemoryChannel::IS_OVER;
    m.attr("IS_GAME_OVER") = SharedMemoryChannel::IS_GAME_OVER;
    m.attr("HAS_NAN") = HAS_NAN;
    m.attr("REFUSED") = static_cast<int>(REFUSED);
    m.attr("NOT_YET") = static_cast<int>(NOT_YET);
    m.attr("OTHER") = static_cast<int>(OTHER);
    nb::class_<Channel>(m, "Channel")
        .def(nb::init<>())
        .def_prop_ro("descriptor", &Channel::Descriptor)
        .def("close_descriptor", &Channel::CloseDescriptor)
        .def("close", &Channel::Close)
        .def_prop_ro("owes_answer", &Channel::OwesAnswer)
        .def("send", &Channel::SendBytes, nb::arg("kind"), nb::arg("data"))
        .def("wait", &Channel::Wait, nb::arg("seconds"))
        .def("receive", &Channel::Receive)
        .def("receive_into", &Channel::ReceiveInto, nb::arg("observation"));
    m.def("read_state", &ReadState, nb::arg("data"), nb::arg("prefix"), nb::arg("observation"));
    m.def("has_nan", &HasNanAnywhere, nb::arg("array"));
    nb::class_<Bounds>(m, "Bounds")
        .def(nb::init<nb::handle, nb::handle>(), nb::arg("low"), nb::arg("high"))
        .def("contains", &Bounds::Contains, nb::arg("action").none());
    nb::class_<BoxSteps>(m, "BoxSteps")
        .def(nb::init<Channel*, const Bounds*>(),
             nb::arg("channel"),
             nb::arg("bounds"),
             nb::keep_alive<1, 2>(),
             nb::keep_alive<1, 3>())
        .def("send", &BoxSteps::Send, nb::arg("action").none())
        .def("step", &BoxSteps::Step, nb::arg("action").none(), nb::arg("observation"));
}

// SPDX-License-Identifier: MIT
#ifndef NS3KAN_ARRAY_BUFFER_H
#define NS3KAN_ARRAY_BUFFER_H

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <nanobind/nanobind.h>
#include <vector>

namespace ns3kan
{

/// A view of a Python object's contiguous memory, released with it.
class ArrayBuffer
{
  public:
    explicit ArrayBuffer(nanobind::handle object, bool isWritten = false)
    {
        const int flags = PyBUF_C_CONTIGUOUS | PyBUF_FORMAT | (isWritten ? PyBUF_WRITABLE : 0);
        m_isHeld = PyObject_GetBuffer(object.ptr(), &m_view, flags) == 0;
        if (!m_isHeld)
        {
            PyErr_Clear();
        }
    }

    ~ArrayBuffer()
    {
        if (m_isHeld)
        {
            PyBuffer_Release(&m_view);
        }
    }

    ArrayBuffer(const ArrayBuffer&) = delete;
    ArrayBuffer& operator=(const ArrayBuffer&) = delete;

    explicit operator bool() const
    {
        return m_isHeld;
    }

    /// The element type as the struct module writes it, 'B' if unknown.
    char Format() const
    {
        return m_view.format && std::strlen(m_view.format) == 1 ? m_view.format[0] : 'B';
    }

    std::vector<Py_ssize_t> Shape() const
    {
        return {m_view.shape, m_view.shape + m_view.ndim};
    }

    bool HasShape(const std::vector<Py_ssize_t>& shape) const
    {
        return m_view.ndim == static_cast<int>(shape.size()) &&
               std::equal(shape.begin(), shape.end(), m_view.shape);
    }

    uint8_t* Data() const
    {
        return static_cast<uint8_t*>(m_view.buf);
    }

    std::size_t Size() const
    {
        return static_cast<std::size_t>(m_view.len);
    }

    /// Whether these are floating-point numbers, one of which is not a number.
    bool HasNan() const
    {
        return (Format() == 'd' && AnyNan<double>()) || (Format() == 'f' && AnyNan<float>());
    }

  private:
    template <typename T>
    bool AnyNan() const
    {
        const auto* x = reinterpret_cast<const T*>(Data());
        bool hasNan = false;
        for (std::size_t i = 0; i < Size() / sizeof(T); ++i)
        {
            hasNan |= x[i] != x[i];
        }
        return hasNan;
    }

    Py_buffer m_view{};
    bool m_isHeld;
};

} // namespace ns3kan

#endif // NS3KAN_ARRAY_BUFFER_H

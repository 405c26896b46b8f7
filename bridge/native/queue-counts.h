// SPDX-License-Identifier: MIT
#ifndef NS3KAN_QUEUE_COUNTS_H
#define NS3KAN_QUEUE_COUNTS_H

#include "sfc64.h"

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

namespace ns3kan
{

/// Distributions of counts, which 32 random bits are turned into by inversion: a count is the
/// number of thresholds that are below the bits.
class CountTables
{
  public:
    /// Append a distribution.
    /// \param thresholds ascending
    /// \param size how many
    void Add(const uint32_t* thresholds, size_t size);

    /// Number of distributions.
    size_t Size() const
    {
        return m_firsts.size() - 1;
    }

    const uint32_t* Begin(size_t table) const
    {
        return m_thresholds.data() + m_firsts[table];
    }

    /// Greatest count.
    size_t Largest(size_t table) const
    {
        return m_firsts[table + 1] - m_firsts[table];
    }

    size_t Count(size_t table, uint32_t bits) const;

    size_t Median(size_t table) const
    {
        return Count(table, 1U << 31);
    }

  private:
    std::vector<uint32_t> m_thresholds;
    std::vector<size_t> m_firsts{0};
};

/// Random counts of many lanes, each a row of columns with distributions of their own.
///
/// Two columns are drawn from each 64-bit word, and an odd one leaves the upper half of a word
/// unused. Four columns at once are compared with a window of thresholds of each, without a branch,
/// and the windows lie in the order in which lanes are stepped. Draws outside of a window, rare,
/// are searched.
class LaneCounts
{
  public:
    /// \param tables the distributions
    /// \param lanes how many
    /// \param columns how many in each lane
    /// \param places the distribution of each column of each lane
    /// \param offsets what is added to its counts
    LaneCounts(CountTables tables,
               size_t lanes,
               size_t columns,
               std::vector<int32_t> places,
               std::vector<int64_t> offsets);

    /// Numbers that a draw writes: the columns and what fills the last four.
    size_t Width() const
    {
        return m_windows.size() * FOUR;
    }

    /// Greatest count of a column of a lane.
    int64_t Largest(size_t lane, size_t column) const;
    /// Draw one row.
    /// \param lane of which
    /// \param[in,out] stream its random stream
    /// \param[out] row counts
    void Draw(size_t lane, Sfc64& stream, int64_t* row) const
    {
        // A copy, which the compiler can keep in registers while it writes the row.
        Sfc64 next = stream;
        const Four* four = m_fours.data() + lane * m_stride;
        const int64_t* base = m_bases.data() + lane * Width();
        const size_t* window = m_windows.data();
        const size_t numFours = m_windows.size();
        const size_t numWords = (m_numColumns + 1) / 2;
        Ints isOutside{};
        for (size_t i = 0; i < numFours; i++)
        {
            Words words{next(), 0};
            if (2 * i + 1 < numWords)
            {
                words[1] = next();
            }
            const Uints bits = std::bit_cast<Uints>(words) ^ FLIP;
            // A difference of flipped numbers is not flipped.
            const Uints beyond = (bits - std::bit_cast<Uints>(four[0].ints)) ^ FLIP;
            isOutside |= std::bit_cast<Ints>(beyond) > four[1].ints;
            const Four* end = four + 2 + window[i];
            Ints counts{};
            for (four += 2; four < end; four += 2)
            {
                // What is true is -1.
                counts -= four[0].ints < std::bit_cast<Ints>(bits);
                counts -= four[1].ints < std::bit_cast<Ints>(bits);
            }
            const auto pairs = std::bit_cast<Words>(counts);
            const Words even = pairs & UINT32_MAX;
            const Words odd = pairs >> 32;
            AddTo(base, Words{even[0], odd[0]}, row);
            AddTo(base + 2, Words{even[1], odd[1]}, row + 2);
            base += FOUR;
            row += FOUR;
        }
        const auto any = std::bit_cast<Words>(isOutside);
        if ((any[0] | any[1]) != 0) [[unlikely]]
        {
            Search(lane, stream, row - Width());
        }
        stream = next;
    }

  private:
    static_assert(std::endian::native == std::endian::little, "Words are halved in memory.");
    static constexpr size_t FOUR = 4;
    static constexpr uint32_t FLIP = 1U << 31;
    using Ints = int32_t __attribute__((vector_size(FOUR * sizeof(int32_t))));
    using Uints = uint32_t __attribute__((vector_size(sizeof(Ints))));
    using Words = uint64_t __attribute__((vector_size(sizeof(Ints))));

    /// Of four columns. Numbers of 32 bits are kept less 2^31, as processors compare them.
    struct Four
    {
        Ints ints;
    };

    /// Thresholds start to start + size of a distribution, and the bits that they settle.
    struct Window
    {
        size_t start;
        uint32_t first;
        uint32_t last;
    };

    Window MakeWindow(size_t table, size_t median, size_t size) const;
    size_t ChooseWindow(size_t firstColumn) const;
    void AddFour(size_t lane, size_t i);
    void Search(size_t lane, Sfc64 stream, int64_t* row) const;

    static void AddTo(const int64_t* base, Words counts, int64_t* row)
    {
        Words sum;
        std::memcpy(&sum, base, sizeof(sum));
        sum += counts;
        std::memcpy(row, &sum, sizeof(sum));
    }

    CountTables m_tables;
    size_t m_numLanes;
    size_t m_numColumns;
    std::vector<int32_t> m_places;
    std::vector<int64_t> m_offsets;
    std::vector<size_t> m_windows; //!< thresholds compared with each four columns, even
    size_t m_stride{0};            //!< of the lanes in the next
    /// Of each four columns of each lane: the least bits that the windows settle, how many more
    /// they settle, and the thresholds.
    std::vector<Four> m_fours;
    std::vector<int64_t> m_bases; //!< added to what is counted in the window
};

} // namespace ns3kan

#endif // NS3KAN_QUEUE_COUNTS_H

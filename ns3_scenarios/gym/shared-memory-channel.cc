// SPDX-License-Identifier: MIT
#include "shared-memory-channel.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <linux/futex.h>
#include <new>
#include <sched.h>
#include <stdexcept>
#include <string>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace ns3kan
{

namespace
{

using Clock = std::chrono::steady_clock;

/// "ns3kan" and the version of the layout.
constexpr uint64_t MAGIC = 0x6e73336b616e0001;

/// Longest spin before a sleep. About the cost of falling asleep and being woken.
constexpr std::chrono::microseconds LONGEST_SPIN{50};

/// Each spin in vain halves the next, and after this many there is none.
constexpr uint32_t MOST_HALVINGS = 5;

/// Once in so many waits a long spin finds out whether it would help again: long enough for the
/// other side to wake up, as it has given up spinning too.
constexpr uint32_t RETRY_EVERY = 256;
constexpr std::chrono::microseconds RETRY_SPIN{100};

// The futex needs a plain integer, and atomics without locks are what two processes can share.
static_assert(sizeof(std::atomic<uint32_t>) == sizeof(uint32_t));
static_assert(std::atomic<uint32_t>::is_always_lock_free);

[[noreturn]] void
Fail(const std::string& what)
{
    throw std::runtime_error("shared memory: " + what + " (" + std::strerror(errno) +
                             "); use the transport zmq.");
}

/// Lets a sibling hardware thread run while this one spins.
void
Relax()
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    asm volatile("yield");
#endif
}

/// Sleeps until the word differs from a value, or a while has passed, or a signal came.
void
Sleep(std::atomic<uint32_t>& word, uint32_t value, std::chrono::nanoseconds limit)
{
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(limit);
    timespec left{};
    left.tv_sec = seconds.count();
    left.tv_nsec = (limit - seconds).count();
    syscall(SYS_futex, &word, FUTEX_WAIT, value, &left, nullptr, 0);
}

bool
HasSeveralProcessors()
{
    cpu_set_t set;
    return sched_getaffinity(0, sizeof(set), &set) != 0 || CPU_COUNT(&set) > 1;
}

} // namespace

SharedMemoryChannel::SharedMemoryChannel()
    : m_spins(HasSeveralProcessors())
{
    m_descriptor = memfd_create("ns3kan", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (m_descriptor < 0)
    {
        Fail("cannot be created");
    }
    // With its size sealed, nothing that the other side does can make an access fault.
    if (ftruncate(m_descriptor, TOTAL_BYTES) != 0 ||
        fcntl(m_descriptor, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0)
    {
        const int error = errno;
        CloseDescriptor();
        errno = error;
        Fail("cannot be sized");
    }
    Map();
    auto* control = new (m_memory) Control{};
    control->magic = MAGIC;
    m_out = &control->directions[0];
    m_in = &control->directions[1];
    m_outgoing = m_memory + CONTROL_BYTES;
    m_incoming = m_memory + CONTROL_BYTES + CAPACITY;
}

SharedMemoryChannel::SharedMemoryChannel(int descriptor)
    : m_spins(HasSeveralProcessors())
{
    struct stat status;
    errno = EINVAL;
    if (fstat(descriptor, &status) != 0 || status.st_size != static_cast<off_t>(TOTAL_BYTES) ||
        !(fcntl(descriptor, F_GET_SEALS) & F_SEAL_SHRINK))
    {
        Fail("the descriptor " + std::to_string(descriptor) + " is something else");
    }
    m_descriptor = descriptor;
    Map();
    CloseDescriptor();
    auto* control = reinterpret_cast<Control*>(m_memory);
    if (control->magic != MAGIC)
    {
        munmap(m_memory, TOTAL_BYTES);
        errno = EPROTO;
        Fail("it was made by another version of ns3kan");
    }
    m_out = &control->directions[1];
    m_in = &control->directions[0];
    m_outgoing = m_memory + CONTROL_BYTES + CAPACITY;
    m_incoming = m_memory + CONTROL_BYTES;
}

SharedMemoryChannel::~SharedMemoryChannel()
{
    CloseDescriptor();
    munmap(m_memory, TOTAL_BYTES);
}

void
SharedMemoryChannel::Map()
{
    static_assert(sizeof(Control) <= CONTROL_BYTES);
    void* memory = mmap(nullptr, TOTAL_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, m_descriptor, 0);
    if (memory == MAP_FAILED)
    {
        const int error = errno;
        CloseDescriptor();
        errno = error;
        Fail("cannot be mapped");
    }
    m_memory = static_cast<uint8_t*>(memory);
}

int
SharedMemoryChannel::GetDescriptor() const
{
    return m_descriptor;
}

void
SharedMemoryChannel::CloseDescriptor()
{
    if (m_descriptor >= 0)
    {
        close(m_descriptor);
        m_descriptor = -1;
    }
}

uint8_t*
SharedMemoryChannel::GetOutgoing()
{
    return m_outgoing;
}

void
SharedMemoryChannel::Send(Kind kind, std::size_t size)
{
    m_out->kind = kind;
    m_out->size = size;
    // Sequentially consistent, like its counterpart in Wait: either this side sees that the other
    // is about to sleep, or the other sees the message before it does.
    m_out->sequence.fetch_add(1);
    if (m_out->isAwaited.load() != 0)
    {
        m_out->isAwaited.store(0);
        syscall(SYS_futex, &m_out->sequence, FUTEX_WAKE, 1, nullptr, nullptr, 0);
    }
}

bool
SharedMemoryChannel::Spin(std::chrono::nanoseconds limit) const
{
    const auto end = Clock::now() + limit;
    do
    {
        for (int i = 0; i < 16; ++i)
        {
            if (m_in->sequence.load(std::memory_order_acquire) != m_received)
            {
                return true;
            }
            Relax();
        }
    } while (Clock::now() < end);
    return false;
}

bool
SharedMemoryChannel::Wait(std::chrono::nanoseconds timeout)
{
    if (m_in->sequence.load(std::memory_order_acquire) != m_received)
    {
        return true;
    }
    const auto start = Clock::now();
    if (m_spins)
    {
        std::chrono::nanoseconds spin{0};
        if (m_misses % RETRY_EVERY == RETRY_EVERY - 1)
        {
            spin = RETRY_SPIN;
        }
        else if (m_misses < MOST_HALVINGS)
        {
            spin = LONGEST_SPIN / (1 << m_misses);
        }
        if (spin.count() > 0 && Spin(std::min(spin, timeout)))
        {
            m_misses = 0;
            return true;
        }
        ++m_misses;
    }
    m_in->isAwaited.store(1);
    const auto left = timeout - (Clock::now() - start);
    if (m_in->sequence.load() == m_received && left.count() > 0)
    {
        Sleep(m_in->sequence, m_received, left);
    }
    m_in->isAwaited.store(0);
    return m_in->sequence.load(std::memory_order_acquire) != m_received;
}

SharedMemoryChannel::Message
SharedMemoryChannel::Receive()
{
    m_received = m_in->sequence.load(std::memory_order_acquire);
    const Message message{static_cast<Kind>(m_in->kind), m_incoming, m_in->size};
    if (message.size > CAPACITY)
    {
        throw std::length_error("a message of " + std::to_string(message.size) +
                                " bytes was announced; at most " + std::to_string(CAPACITY) +
                                " bytes are accepted");
    }
    return message;
}

} // namespace ns3kan

// SPDX-License-Identifier: MIT
// Rings without a name, for tests: in a memfd that several openers and processes share.
#pragma once

#include "catch.hpp"

#include <ipc/ring.hpp>

#include <sys/mman.h>
#include <sys/wait.h>

#include <string>
#include <vector>

namespace ring_test {

using ipc::Ring;
using ipc::RingLimits;

template <typename T> T valued(ipc::Result<T> result)
{
    INFO((result ? "" : result.error().text()));
    REQUIRE(result.ok());
    return std::move(result).value();
}

template <typename Result> int code_of(const Result &result) { return result.ok() ? 0 : result.error().code(); }

class Memory {
public:
    explicit Memory(const RingLimits &limits) : file_(::memfd_create("ring", MFD_CLOEXEC))
    {
        REQUIRE(Ring::format(file_.get(), limits).ok());
    }
    int descriptor() const { return file_.get(); }
    /// Another opener, as if it were another process.
    Ring open(std::uint32_t access = IPC_READ | IPC_WRITE) const
    {
        return valued(Ring::adopt(ipc::Fd(::fcntl(file_.get(), F_DUPFD_CLOEXEC, 0)), access));
    }

private:
    ipc::Fd file_;
};

inline Ring::Bytes bytes_of(std::string_view text) { return std::as_bytes(std::span(text.data(), text.size())); }

/// A message of that length which tells of every byte where it belongs.
inline std::string pattern(std::size_t length, unsigned seed)
{
    std::string text(length, '\0');
    for (std::size_t i = 0; i < length; i++)
        text[i] = char((i * 7 + seed * 131 + (i >> 8)) & 0xff);
    return text;
}

inline std::string receive(Ring &ring, std::int64_t timeout = 0)
{
    std::string text(ring.max_message_size(), '\0');
    const auto length = ring.receive(std::as_writable_bytes(std::span(text)), timeout);
    if (!length)
        return "error " + std::to_string(length.error().code());
    text.resize(*length.operator->());
    return text;
}

inline std::string peek(Ring &ring, std::uint64_t index)
{
    std::string text(ring.max_message_size(), '\0');
    const auto length = ring.peek(index, std::as_writable_bytes(std::span(text)));
    if (!length)
        return "error " + std::to_string(length.error().code());
    text.resize(*length.operator->());
    return text;
}

/// Memory that children write and the parent reads.
template <typename T> class SharedValue {
public:
    SharedValue()
        : value_(new (::mmap(nullptr, sizeof(T), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0)) T{})
    {
    }
    SharedValue(const SharedValue &) = delete;
    ~SharedValue() { ::munmap(value_, sizeof(T)); }
    T *operator->() { return value_; }
    T &operator*() { return *value_; }

private:
    T *value_;
};

/// Start a process that does `work`; it ends with 0 if that returns true.
template <typename Work> pid_t in_child(Work &&work)
{
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0)
        ::_exit(work() ? 0 : 1);
    return child;
}

inline int status_of(pid_t child)
{
    int status = -1;
    ::waitpid(child, &status, 0);
    return status;
}

} // namespace ring_test

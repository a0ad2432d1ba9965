// SPDX-License-Identifier: MIT
// ipc/fd.hpp - a file descriptor that is closed with its owner.
#pragma once

#include <unistd.h>

#include <utility>

namespace ipc {

class Fd {
public:
    Fd() = default;
    explicit Fd(int number) : number_(number) {}
    Fd(Fd &&other) noexcept : number_(other.release()) {}
    Fd &operator=(Fd &&other) noexcept
    {
        std::swap(number_, other.number_);
        return *this;
    }
    ~Fd()
    {
        if (number_ >= 0)
            ::close(number_);
    }

    int get() const { return number_; }
    explicit operator bool() const { return number_ >= 0; }
    /// Hand the number to somebody else, who closes it.
    int release() { return std::exchange(number_, -1); }

private:
    int number_ = -1;
};

} // namespace ipc

// SPDX-License-Identifier: MIT
// The file for what was read and could not be sent, as it stood, so that it can be the input of another attempt.
#pragma once

#include <ipc/fd.hpp>
#include <ipc/result.hpp>

#include <cstddef>
#include <span>
#include <string>

namespace ipc {

class UnsentFile {
public:
    /// Open it before anything is read: for this user alone, and empty until keep(). EEXIST if a file holds bytes.
    static Result<UnsentFile> create(const std::string &path);

    /// Write `read`, and behind it what is left of the input, to its end; behind an interruption, which is forgotten,
    /// only what is there without waiting. EINTR if another one comes.
    Result<void> keep(std::span<const std::byte> read, int input);

private:
    UnsentFile(Fd file, std::string path) : file_(std::move(file)), path_(std::move(path)) {}
    Result<void> write(std::span<const std::byte> bytes);

    Fd file_;
    std::string path_;
};

} // namespace ipc

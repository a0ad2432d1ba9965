// SPDX-License-Identifier: MIT
// The file for what was read and could not be sent, as it stood, so that it can be the input of another attempt.
#pragma once

#include <ipc/fd.hpp>
#include <ipc/result.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace ipc {

class UnsentFile {
public:
    /// Open it before anything is read, for this user alone if it is made. What it holds already stays in front. EINVAL
    /// if it is the input itself.
    static Result<UnsentFile> open(const std::string &path, int input);

    /// Write `read`, and behind it what is left of the input, to its end; if interrupted() before or meanwhile, only
    /// what is there without waiting. How many bytes that were. The error says how many are in the file all the same.
    /// Closes it, since some errors show only then; nothing can be kept after that.
    Result<std::uint64_t> keep(std::span<const std::byte> read, int input);

private:
    UnsentFile(Fd file, std::string path) : file_(std::move(file)), path_(std::move(path)) {}
    Result<void> write_all(std::span<const std::byte> read, int input);
    Result<void> write(std::span<const std::byte> bytes);
    Result<void> close();

    Fd file_;
    std::string path_;
    std::uint64_t kept_ = 0;
};

} // namespace ipc

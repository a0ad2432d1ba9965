// SPDX-License-Identifier: MIT
#include "error.hpp"
#include "transfer.hpp"
#include "transfer_parts.hpp"

#include <ipc/fd.hpp>

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <vector>

namespace ipc {
namespace {

/// Bytes that wait outside the segment until it is known that all of the input has room.
class HeldBack {
public:
    /// False if so many are not kept; then none of these are.
    bool add(std::span<const std::byte> bytes)
    {
        constexpr std::uint64_t most = 64 << 20;
        if (!memory_)
            memory_ = Fd(memfd_create("ipc-input", MFD_CLOEXEC));
        if (!memory_ || size_ + bytes.size() > most ||
            pwrite(memory_.get(), bytes.data(), bytes.size(), off_t(size_)) != ssize_t(bytes.size()))
            return false;
        size_ += bytes.size();
        return true;
    }
    std::uint64_t size() const { return size_; }

    /// Those from `position` on, as many as go into `room`.
    Result<std::span<const std::byte>> read(std::uint64_t position, std::span<std::byte> room) const
    {
        const auto wanted = room.first(std::min<std::uint64_t>(room.size(), size_ - position));
        if (pread(memory_.get(), wanted.data(), wanted.size(), off_t(position)) != ssize_t(wanted.size()))
            return Error::system("reading what was kept of the input");
        return wanted;
    }

private:
    Fd memory_;
    std::uint64_t size_ = 0;
};

/// A segment that is made larger before what is behind its end is written.
class GrowingDestination : public Destination {
public:
    GrowingDestination(Segment &segment, const ipc_segment_status &now, std::uint64_t offset, Target target)
        : segment_(segment), descriptor_(is_writable(now.descriptor) ? now.descriptor : -1), page_size_(now.page_size),
          start_(offset), size_before_(now.bytes), size_(now.bytes), holds_back_(target == Target::used)
    {
    }

    std::span<std::byte> room(std::uint64_t, std::uint64_t length) override
    {
        return std::span(buffer_).first(std::min<std::uint64_t>(length, buffer_.size()));
    }

    Result<std::uint64_t> take(std::uint64_t offset, std::span<const std::byte> bytes) override
    {
        const std::uint64_t all = bytes.size();
        if (holds_back_ && offset < size_before_) {
            const auto over_old = bytes.first(std::min<std::uint64_t>(bytes.size(), size_before_ - offset));
            if (held_back_.add(over_old)) {
                bytes = bytes.subspan(over_old.size());
                offset += over_old.size();
            } else {
                std::vector<std::byte> piece(copy_chunk);
                IPC_TRY(write_held_back(piece));
            }
        }
        if (bytes.empty())
            return all;
        IPC_TRY(reach(offset + bytes.size()));
        IPC_TRY(write(offset, bytes));
        return all;
    }

    /// The input has ended behind `end`.
    Result<void> finish(std::uint64_t end)
    {
        IPC_TRY(reach(end));
        IPC_TRY(write_held_back(buffer_));
        return resize(end);
    }

    /// Undo what can be undone, and say what is so.
    Error give_up(const Error &error)
    {
        if (size_ != size_before_ && !resize(size_before_))
            return failure(error.code(), "{}; it has {} bytes now, and had {}", error.text(), size_, size_before_);
        if (!overwritten_)
            return failure(error.code(), "{}; it is as it was before", error.text());
        return failure(error.code(), "{}; its size is as before, and bytes overwritten from offset {} on: {}",
                       error.text(), start_, overwritten_);
    }

private:
    /// Huge pages come whole.
    Result<void> resize(std::uint64_t end)
    {
        if (page_size_ > std::uint64_t(getpagesize()))
            end = (end + page_size_ - 1) / page_size_ * page_size_;
        if (end != size_)
            IPC_TRY(segment_.resize(end));
        size_ = end;
        return {};
    }

    /// Each step is a part of what there is already, so that they are few, and no more than can be spared.
    Result<void> reach(std::uint64_t end)
    {
        constexpr std::uint64_t largest_step = 64 << 20;
        if (end <= size_)
            return {};
        const std::uint64_t step = may_exceed_ ? std::min((end - start_) / 4, largest_step) : 0;
        const Result<void> grown = resize(end + std::min(step, UINT64_MAX - end));
        if (grown || !step || !wants_room(grown.error().code()))
            return grown;
        may_exceed_ = false;
        return resize(end);
    }

    /// Would less do? Not where the machine's memory comes to its end: it has other uses for the rest.
    bool wants_room(int code) const
    {
        return code == ENOSPC || code == EFBIG || code == EDQUOT ||
               (code == ENOMEM && page_size_ > std::uint64_t(getpagesize()));
    }

    Result<void> write(std::uint64_t offset, std::span<const std::byte> bytes)
    {
        if (offset < size_before_)
            overwritten_ = std::min(offset + bytes.size(), size_before_) - start_;
        const std::uint64_t taken = IPC_TRY(write_into(segment_, descriptor_, bytes, offset));
        return taken < bytes.size() ? truncated(segment_, offset + taken) : Result<void>();
    }

    Result<void> write_held_back(std::span<std::byte> piece)
    {
        holds_back_ = false;
        for (std::uint64_t done = 0; done < held_back_.size();) {
            const std::span<const std::byte> bytes = IPC_TRY(held_back_.read(done, piece));
            IPC_TRY(write(start_ + done, bytes));
            done += bytes.size();
        }
        return {};
    }

    Segment &segment_;
    const int descriptor_;
    const std::uint64_t page_size_, start_, size_before_;
    std::uint64_t size_;
    std::uint64_t overwritten_ = 0;
    bool holds_back_;
    bool may_exceed_ = true;
    HeldBack held_back_;
    std::vector<std::byte> buffer_ = std::vector<std::byte>(copy_chunk);
};

} // namespace

Result<Copied> grow_in(int fd, Segment &segment, std::uint64_t offset, std::uint64_t room, Target target,
                       Progress *progress)
{
    GrowingDestination to(segment, IPC_TRY(segment.status()), offset, target);
    Result<Copied> copied = copy_to(to, fd, segment, offset, std::min(room, UINT64_MAX - offset), progress);
    Result<void> done;
    if (!copied)
        done = copied.error();
    else if (offset + copied->bytes == 0)
        done = failure(EINVAL, "{}: the input is empty, and a segment has at least 1 byte", segment.address().text());
    else
        done = to.finish(offset + copied->bytes);
    if (done)
        return copied;
    return target == Target::used ? to.give_up(done.error()) : done.error();
}

} // namespace ipc

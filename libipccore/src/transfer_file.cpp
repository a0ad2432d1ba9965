// SPDX-License-Identifier: MIT
#include "descriptors.hpp"
#include "error.hpp"
#include "helping_thread.hpp"
#include "transfer_parts.hpp"

#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <optional>
#include <vector>

namespace ipc {
namespace {

/// Less than this is copied before a second thread would have begun.
constexpr std::uint64_t worth_two_threads = 32 << 20;

/// A part of a file on its way into a part of fresh memory. Calls no plugin, and so may run in any thread.
struct Fill {
    const Segment &segment;
    int input;
    std::uint64_t position; // in the input
    int descriptor;         // of the memory; -1: by `memory`
    std::byte *memory;      // of the first byte
    std::uint64_t offset;   // in the segment
    std::uint64_t length;
    std::atomic<std::uint64_t> &done;
    Progress *progress; // of one of the threads

    /// To the end of the part, or of the input if that is shorter than it was.
    Result<void> run()
    {
        std::vector<std::byte> buffer(descriptor >= 0 ? copy_chunk : 0);
        while (length > 0) {
            skip_hole();
            const std::uint64_t wanted = std::min<std::uint64_t>(length, copy_chunk);
            const std::uint64_t count = IPC_TRY(descriptor >= 0 ? through(buffer, wanted) : straight(wanted));
            if (count == 0)
                return {};
            advance(count);
            if (should_stop())
                return failed_at(segment, "reading the input", offset, EINTR);
        }
        return {};
    }

private:
    void advance(std::uint64_t count)
    {
        position += count;
        offset += count;
        length -= count;
        memory += memory ? count : 0;
        const std::uint64_t all = done += count;
        if (progress)
            progress->at(all);
    }

    /// What is a hole in the input is one in fresh memory already.
    void skip_hole()
    {
        const off_t data = lseek(input, static_cast<off_t>(position), SEEK_DATA);
        if (data < 0 && errno == ENXIO) // no more data
            advance(length);
        else if (data > static_cast<off_t>(position))
            advance(std::min(static_cast<std::uint64_t>(data) - position, length));
    }

    Result<std::uint64_t> read_into(std::byte *to, std::uint64_t wanted)
    {
        for (;;) {
            const ssize_t count = pread(input, to, wanted, static_cast<off_t>(position));
            if (count >= 0)
                return static_cast<std::uint64_t>(count);
            if (!should_retry())
                return failed_at(segment, "reading the input", offset, errno);
        }
    }

    Result<std::uint64_t> straight(std::uint64_t wanted)
    {
        const auto page = static_cast<std::uintptr_t>(getpagesize());
        const std::uintptr_t inside = reinterpret_cast<std::uintptr_t>(memory) % page;
        (void)madvise(memory - inside, inside + wanted, MADV_POPULATE_WRITE);
        return read_into(memory, wanted);
    }

    Result<std::uint64_t> through(std::vector<std::byte> &buffer, std::uint64_t wanted)
    {
        const std::uint64_t count = IPC_TRY(read_into(buffer.data(), wanted));
        IPC_TRY(write_at(segment, descriptor, std::span(buffer).first(count), offset));
        return count;
    }
};

/// The kernel clears and finds pages for one half while it copies the other.
Result<void> run_halves(const Fill &whole)
{
    constexpr std::uint64_t alignment = 2 << 20; // no huge page is in both
    const std::uint64_t half = whole.length / 2 / alignment * alignment;
    Fill first = whole, second = whole;
    first.length = half;
    second.position += half;
    second.offset += half;
    second.memory += second.memory ? half : 0;
    second.length -= half;
    second.progress = nullptr;
    Result<void> other;
    HelpingThread helper([&] { other = second.run(); });
    const Result<void> one = first.run();
    helper.join();
    return one ? other : one;
}

} // namespace

Result<std::uint64_t> copy_file_in(int fd, Segment &segment, std::uint64_t offset, std::uint64_t length,
                                   Progress *progress)
{
    const off_t position = lseek(fd, 0, SEEK_CUR);
    const ipc_segment_status now = IPC_TRY(segment.status());
    const int descriptor = is_writable(now.descriptor) ? now.descriptor : -1;
    std::byte *memory = nullptr;
    if (descriptor < 0)
        memory = IPC_TRY(memory_up_to(segment, offset + length)).data() + offset;
    std::atomic<std::uint64_t> done = 0;
    Fill fill = {segment, fd, static_cast<std::uint64_t>(position), descriptor, memory, offset, length, done, progress};
    IPC_TRY(length >= worth_two_threads ? run_halves(fill) : fill.run());
    lseek(fd, position + static_cast<off_t>(done.load()), SEEK_SET);
    return done.load();
}

} // namespace ipc

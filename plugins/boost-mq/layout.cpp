// SPDX-License-Identifier: MIT
#include "layout.hpp"

#include <unistd.h>

#include <cinttypes>

namespace boost_mq {

using ipc::Error;
using ipc::Result;

namespace {

Result<void> check_creation(std::uint32_t state)
{
    switch (state) {
    case initialized:
        return {};
    case uninitialized:
        return Error::of(EINVAL, "it is no queue of Boost, or none yet: its first word is 0");
    case initializing:
        return Error::of(EINVAL, "it is still being made, or whoever made it ended meanwhile: its first word is 1");
    case corrupted:
        return Error::of(EBADMSG, "whoever made it failed and marked it as corrupted: its first word is 3");
    default:
        return Error::of(EINVAL, "it is no queue of Boost: its first word is 0x%x instead of 2", state);
    }
}

constexpr std::uint64_t index_distance = Layout::index - offsetof(Header, index);

} // namespace

Error damaged(const char *format, ...)
{
    char text[256];
    va_list arguments;
    va_start(arguments, format);
    std::vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    return Error::of(EBADMSG, "the queue is damaged: %s", text);
}

Error left_error()
{
    return Error::of(EOWNERDEAD, "the queue was left locked by a process that died (mqrm --rescue OUTFILE saves its "
                                 "messages)");
}

std::optional<Layout> Layout::of(std::uint64_t max_messages, std::uint64_t max_message_size)
{
    constexpr std::uint64_t most = INT64_MAX / 4;
    if (max_messages == 0 || max_messages > most / sizeof(std::uint64_t) || max_message_size > most)
        return std::nullopt;
    Layout layout = {max_messages, max_message_size, index + max_messages * sizeof(std::uint64_t), 0, 0};
    layout.stride = (max_message_size + alignof(Block) - 1) / alignof(Block) * alignof(Block) + sizeof(Block);
    std::uint64_t all;
    if (__builtin_mul_overflow(max_messages, layout.stride, &all) || all > most)
        return std::nullopt;
    layout.bytes = layout.blocks + all;
    return layout;
}

bool is_recognized(const Header &header, std::uint64_t file_bytes)
{
    const std::optional<Layout> layout = Layout::of(header.max_messages, header.max_message_size);
    return header.state != uninitialized && header.state <= corrupted && header.index == index_distance && layout &&
           layout->bytes == file_bytes;
}

Result<Layout> check_header(const Header &header, std::uint64_t file_bytes)
{
    IPC_TRY(check_creation(header.state));
    if (header.index != index_distance)
        return Error::of(EINVAL,
                         "it is no message_queue of 64 bits: its index would be %" PRIu64 " bytes on instead of "
                         "%" PRIu64,
                         header.index, index_distance);
    const std::optional<Layout> layout = Layout::of(header.max_messages, header.max_message_size);
    if (!layout || layout->bytes != file_bytes)
        return damaged("it says %" PRIu64 " messages of %" PRIu64 " bytes, for which a file of %" PRIu64
                       " is not the right one",
                       header.max_messages, header.max_message_size, file_bytes);
    IPC_TRY(check_state(*layout, header.count, header.first));
    return *layout;
}

Result<void> check_state(const Layout &layout, std::uint64_t count, std::uint64_t first)
{
    if (count > layout.max_messages)
        return damaged("it says that %" PRIu64 " messages wait and takes %" PRIu64, count, layout.max_messages);
    if (first >= layout.max_messages)
        return damaged("its first message would be number %" PRIu64 " of %" PRIu64, first, layout.max_messages);
    return {};
}

Result<Header> read_header(int descriptor, std::uint64_t file_bytes)
{
    Header header = {};
    if (file_bytes < sizeof header)
        return Error::of(EINVAL, "it is no queue of Boost: it has %" PRIu64 " bytes, fewer than a header's %zu",
                         file_bytes, sizeof header);
    const ssize_t count = ::pread(descriptor, &header, sizeof header, 0);
    if (count < 0)
        return Error::system("it cannot be read");
    if (std::size_t(count) < sizeof header)
        return damaged("it ends at byte %zd", count);
    return header;
}

} // namespace boost_mq

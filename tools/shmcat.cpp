// SPDX-License-Identifier: MIT
// shmcat - read, write and follow segments of shared memory.
#include "command.hpp"
#include "follow.hpp"
#include "hexdump.hpp"
#include "input.hpp"
#include "segment.hpp"
#include "transfer.hpp"

#include <unistd.h>

#include <algorithm>

namespace {

constexpr std::string_view examples = "  shmcat posix:/frame | md5sum\n"
                                      "  shmcat -x --offset 4K --length 256 sysv:0x51e\n"
                                      "  date | shmcat -i - posix:/clock --offset 64\n"
                                      "  shmcat -x -f posix:/clock\n";

struct Request {
    std::vector<ipc::Address> addresses;
    std::uint64_t offset = 0;
    std::optional<std::uint64_t> length;
    std::optional<std::string> input;
    bool resize = false;
    bool hex = false;
    bool follow = false;
    bool stable = false;
};

/// The part of a segment that was asked for. Its end is the segment's where no length was given.
ipc::Result<std::uint64_t> length_wanted(const Request &request, const ipc::Segment &segment)
{
    const ipc_segment_status status = IPC_TRY(segment.status());
    const std::string where = segment.address().text();
    if (request.offset > status.bytes)
        return ipc::failure(ERANGE, "{}: offset {} is beyond its end, it has {} bytes", where, request.offset,
                            status.bytes);
    const std::uint64_t rest = status.bytes - request.offset;
    if (request.length.value_or(0) > rest)
        return ipc::failure(ERANGE, "{}: {} bytes from offset {} are beyond its end, it has {} bytes", where,
                            *request.length, request.offset, status.bytes);
    return request.length.value_or(rest);
}

ipc::Result<void> print_bytes(const Request &request, std::span<const std::byte> bytes)
{
    if (request.hex)
        return ipc::print(ipc::hex_dump(bytes, request.offset));
    return ipc::print({reinterpret_cast<const char *>(bytes.data()), bytes.size()});
}

/// A dump of a large segment, in pieces.
ipc::Result<void> dump(ipc::Segment &segment, std::uint64_t offset, std::uint64_t length)
{
    std::vector<std::byte> piece(256 << 10);
    ipc::HexDump dump(offset);
    std::string text;
    while (length > 0) {
        const auto wanted = std::span(piece).first(std::min<std::uint64_t>(length, piece.size()));
        const std::size_t count = IPC_TRY(segment.read(offset, wanted));
        if (count == 0)
            return ipc::failure(EIO, "{}: somebody made it smaller: nothing left at offset {} (try again)",
                                segment.address().text(), offset);
        dump.add(wanted.first(count), text);
        offset += count;
        length -= count;
        IPC_TRY(ipc::print(text));
        text.clear();
    }
    dump.finish(text);
    return ipc::print(text);
}

ipc::Result<void> read_segment(const Request &request, const ipc::Address &address)
{
    ipc::Segment segment = IPC_TRY(ipc::Segment::open(address, ipc::Access::read));
    const std::uint64_t length = IPC_TRY(length_wanted(request, segment));
    if (request.follow || request.stable) {
        ipc::Follower follower(segment, request.offset, length);
        IPC_TRY(request.stable ? follower.read_stable() : follower.read());
        IPC_TRY(print_bytes(request, follower.bytes()));
        while (request.follow) {
            IPC_TRY(follower.wait_for_change(request.stable));
            IPC_TRY(print_bytes(request, follower.bytes()));
        }
        return {};
    }
    if (request.hex)
        return dump(segment, request.offset, length);
    return ipc::copy_out(segment, request.offset, length, STDOUT_FILENO);
}

/// How far the input may reach. What is known not to fit is refused here, before anything changes.
ipc::Result<std::uint64_t> room_for(const Request &request, ipc::Segment &segment,
                                    std::optional<std::uint64_t> input_size)
{
    std::uint64_t bytes = IPC_TRY(segment.status()).bytes;
    const std::string where = segment.address().text();
    if (request.offset > bytes && !request.resize)
        return ipc::failure(ERANGE, "{}: offset {} is beyond its end, it has {} bytes (--resize makes room)", where,
                            request.offset, bytes);
    const std::uint64_t wanted = std::min(input_size.value_or(0), request.length.value_or(UINT64_MAX));
    std::uint64_t end = 0;
    if (__builtin_add_overflow(request.offset, wanted, &end))
        return ipc::failure(EFBIG, "{}: offset {} and {} bytes are more than 64 bits hold", where, request.offset,
                            wanted);
    if (end > bytes && !request.resize)
        return ipc::failure(EFBIG, "{}: {} bytes at offset {} do not fit, it has {} bytes (--resize makes room)", where,
                            wanted, request.offset, bytes);
    if (request.resize && end != bytes) {
        IPC_TRY(segment.resize(end));
        bytes = end;
    }
    return std::min(bytes - request.offset, request.length.value_or(UINT64_MAX));
}

ipc::Result<void> write_segment(const Request &request)
{
    ipc::Segment segment = IPC_TRY(ipc::Segment::open(request.addresses.front(), ipc::Access::both));
    ipc::Fd input = IPC_TRY(ipc::open_input(*request.input));
    std::optional<std::uint64_t> size = ipc::bytes_to_come(input.get());
    if (size == 0 || (!size && request.resize)) {
        input = IPC_TRY(ipc::spooled(input.get()));
        size = ipc::bytes_to_come(input.get());
    }
    const std::uint64_t room = IPC_TRY(room_for(request, segment, size));
    const ipc::Copied copied = IPC_TRY(ipc::copy_in(input.get(), segment, request.offset, room, ipc::Target::used));
    if (copied.input_left && copied.bytes != request.length)
        return ipc::failure(EFBIG, "{}: the end was reached after {} bytes, the rest of the input was not written",
                            segment.address().text(), copied.bytes);
    return {};
}

ipc::Result<void> check(const Request &request)
{
    if (!request.input && request.resize)
        return ipc::usage_error("--resize goes with --input");
    if (request.input && (request.hex || request.follow || request.stable))
        return ipc::usage_error("--input writes; --hex, --follow and --stable read (call shmcat twice)");
    if ((request.input || request.follow) && request.addresses.size() > 1)
        return ipc::usage_error("--{} takes one address", request.input ? "input" : "follow");
    return {};
}

} // namespace

ipc::Result<int> ipc::run(Command &command)
{
    Request request;
    command.describe("Write segments of shared memory to standard output, or a file into one.", examples);
    command.argument("ADDRESS...", request.addresses, segment_family, "the segments, such as posix:/name");
    command.option("offset", "SIZE", request.offset, parse_size, "begin at this byte (default 0)");
    command.option("length", "SIZE", request.length, parse_size, "read or write so many bytes (default: to the end)");
    command.option("input,i", "FILE", request.input, "write this file into the segment; - is standard input",
                   Complete::file);
    command.flag("resize", request.resize, "make the segment end where the input does");
    command.flag("hex,x", request.hex, "print as hexdump -C does");
    command.flag("follow,f", request.follow, "print again whenever the bytes have changed");
    command.flag("stable", request.stable, "read again until two readings agree");
    IPC_TRY(command.parse());
    IPC_TRY(check(request));

    if (request.input) {
        IPC_TRY(write_segment(request));
        return status::done;
    }
    for (const Address &address : request.addresses)
        if (Result<void> printed = read_segment(request, address); !printed) {
            if (printed.error().code() == EPIPE)
                return printed.error();
            command.report(printed.error());
        }
    return status::done;
}

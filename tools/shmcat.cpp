// SPDX-License-Identifier: MIT
// shmcat - read, write and follow segments of shared memory.
#include "color.hpp"
#include "command.hpp"
#include "comparison.hpp"
#include "follow.hpp"
#include "hexdiff.hpp"
#include "hexdump.hpp"
#include "input.hpp"
#include "parts.hpp"
#include "progress.hpp"
#include "segment.hpp"
#include "transfer.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

namespace {

constexpr std::string_view examples = "  shmcat posix:/frame | md5sum\n"
                                      "  shmcat -x --offset 4K --length 256 sysv:0x51e\n"
                                      "  date | shmcat -i - posix:/clock --offset 64\n"
                                      "  shmcat -x -f posix:/clock\n"
                                      "  shmcat --diff posix:/before posix:/after\n";

// As diff(1) and cmp(1) have it: whoever asks whether two things differ must be able to tell that from a failure.
constexpr int different = 1, trouble = 2;

struct Request {
    std::vector<ipc::Address> addresses;
    std::optional<std::uint64_t> offset;
    std::optional<std::uint64_t> length;
    std::optional<std::string> input;
    bool resize = false;
    bool hex = false;
    bool follow = false;
    bool stable = false;
    bool diff = false;
    bool quiet = false;
    bool json = false;
    bool progress = false;
    ipc::ColorOption color;

    std::uint64_t start() const { return offset.value_or(0); }
    /// Does nothing say that bytes are meant?
    bool names_alone() const { return !offset && !length && !hex && !follow && !stable; }
};

/// The part of a segment that was asked for. Its end is the segment's where no length was given.
ipc::Result<std::uint64_t> length_wanted(const Request &request, const ipc::Segment &segment)
{
    const ipc_segment_status status = IPC_TRY(segment.status());
    const std::string where = segment.address().text();
    if (request.start() > status.bytes)
        return ipc::failure(ERANGE, "{}: offset {} is beyond its end, it has {} bytes", where, request.start(),
                            status.bytes);
    const std::uint64_t rest = status.bytes - request.start();
    if (request.length.value_or(0) > rest)
        return ipc::failure(ERANGE, "{}: {} bytes from offset {} are beyond its end, it has {} bytes", where,
                            *request.length, request.start(), status.bytes);
    return request.length.value_or(rest);
}

/// A dump of a large segment, in pieces.
ipc::Result<void> dump(ipc::Segment &segment, std::uint64_t offset, std::uint64_t length)
{
    std::vector<std::byte> piece(std::min<std::uint64_t>(length, 256 << 10));
    ipc::HexDump dump(offset);
    std::string text;
    while (length > 0) {
        const auto wanted = std::span(piece).first(std::min<std::uint64_t>(length, piece.size()));
        IPC_TRY(ipc::read_whole(segment, offset, wanted));
        dump.add(wanted, text);
        offset += wanted.size();
        length -= wanted.size();
        IPC_TRY(ipc::print(text));
        text.clear();
    }
    dump.finish(text);
    return ipc::print(text);
}

ipc::Result<void> print_bytes(const Request &request, std::span<const std::byte> bytes)
{
    if (request.hex)
        return ipc::print(ipc::hex_dump(bytes, request.start()));
    return ipc::print({reinterpret_cast<const char *>(bytes.data()), bytes.size()});
}

std::string time_now()
{
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    return ipc::format_time_iso(std::chrono::duration_cast<std::chrono::nanoseconds>(now).count());
}

/// The lines of a dump that changed since the last one, behind a line that says when.
ipc::Result<void> print_changes(const Request &request, std::span<const std::byte> before,
                                std::span<const std::byte> now)
{
    std::string text = fmt::format("# {}\n", time_now());
    ipc::HexDifference changes(request.start(), ipc::HexDifference::Show::second, request.color.wanted(STDOUT_FILENO));
    changes.add(before, now, text);
    changes.finish(text);
    return ipc::print(text);
}

ipc::Result<void> follow(const Request &request, ipc::Follower &follower)
{
    for (std::vector<std::byte> printed;;) {
        if (request.hex)
            printed.assign(follower.bytes().begin(), follower.bytes().end());
        IPC_TRY(follower.wait_for_change(request.stable));
        IPC_TRY(request.hex ? print_changes(request, printed, follower.bytes())
                            : print_bytes(request, follower.bytes()));
    }
}

/// What a segment with a structure of its own shows of itself. False if it is bytes and nothing more.
ipc::Result<bool> print_parts(const Request &request, ipc::Segment &segment)
{
    const std::optional<std::vector<ipc::Segment::Part>> parts = IPC_TRY(segment.parts());
    if (!parts && request.json)
        return ipc::usage_error("{}: it has no parts, which --json would list (leave --json out)",
                                segment.address().text());
    if (!parts)
        return false;
    const std::string heading = request.addresses.size() > 1 ? segment.address().text() + ":\n" : "";
    IPC_TRY(ipc::print(request.json ? ipc::parts_json(segment.address(), *parts) + '\n'
                                    : heading + ipc::parts_table(*parts)));
    return true;
}

ipc::Result<void> copy_to_output(ipc::Command &command, const Request &request, ipc::Segment &segment,
                                 std::uint64_t length)
{
    std::optional<ipc::Progress> progress;
    if (!isatty(STDOUT_FILENO))
        progress.emplace(command.name(), length, request.progress);
    return ipc::copy_out(segment, request.start(), length, STDOUT_FILENO, progress ? &*progress : nullptr);
}

ipc::Result<void> read_segment(ipc::Command &command, const Request &request, const ipc::Address &address)
{
    ipc::Segment segment = IPC_TRY(ipc::Segment::open(address, ipc::Access::read));
    if (request.names_alone() && IPC_TRY(print_parts(request, segment)))
        return {};
    const std::uint64_t length = IPC_TRY(length_wanted(request, segment));
    if (request.hex && request.length == 0 && !request.follow) // as hexdump -n 0 does
        return {};
    if (request.follow || request.stable) {
        ipc::Follower follower = IPC_TRY(ipc::Follower::create(segment, request.start(), length));
        IPC_TRY(request.stable ? follower.read_stable() : follower.read());
        IPC_TRY(print_bytes(request, follower.bytes()));
        return request.follow ? follow(request, follower) : ipc::Result<void>();
    }
    if (request.hex)
        return dump(segment, request.start(), length);
    return copy_to_output(command, request, segment, length);
}

ipc::Result<int> compare_segments(const ipc::Command &command, const Request &request)
{
    ipc::Segment first = IPC_TRY(ipc::Segment::open(request.addresses[0], ipc::Access::read));
    ipc::Segment second = IPC_TRY(ipc::Segment::open(request.addresses[1], ipc::Access::read));
    const std::uint64_t one = IPC_TRY(length_wanted(request, first));
    const std::uint64_t other = IPC_TRY(length_wanted(request, second));
    if (one != other && request.quiet)
        return different;
    ipc::Comparison comparison = {request.start(), std::min(one, other), request.stable,
                                  request.color.wanted(STDOUT_FILENO), ipc::print};
    if (request.quiet)
        comparison.print = nullptr;
    const bool equal = IPC_TRY(ipc::compare(first, second, comparison));
    if (one != other)
        command.note(fmt::format("{} ends at byte {}, {} at {} (compared up to the first of these ends)",
                                 first.address().text(), request.start() + one, second.address().text(),
                                 request.start() + other));
    return equal && one == other ? ipc::status::done : different;
}

/// How far the input may reach. What is known not to fit is refused here, before anything changes.
ipc::Result<std::uint64_t> room_for(const Request &request, ipc::Segment &segment,
                                    std::optional<std::uint64_t> input_size)
{
    std::uint64_t bytes = IPC_TRY(segment.status()).bytes;
    const std::string where = segment.address().text();
    const std::string_view advice = segment.resizable() ? " (--resize makes room)" : "";
    if (request.start() > bytes && !request.resize)
        return ipc::failure(ERANGE, "{}: offset {} is beyond its end, it has {} bytes{}", where, request.start(), bytes,
                            advice);
    const std::uint64_t wanted = std::min(input_size.value_or(0), request.length.value_or(UINT64_MAX));
    std::uint64_t end = 0;
    if (__builtin_add_overflow(request.start(), wanted, &end))
        return ipc::failure(EFBIG, "{}: offset {} and {} bytes are more than 64 bits hold", where, request.start(),
                            wanted);
    if (end > bytes && !request.resize)
        return ipc::failure(EFBIG, "{}: {} bytes at offset {} do not fit, it has {} bytes{}", where, wanted,
                            request.start(), bytes, advice);
    if (request.resize && end != bytes) {
        IPC_TRY(segment.resize(end));
        bytes = end;
    }
    return std::min(bytes - request.start(), request.length.value_or(UINT64_MAX));
}

/// An input whose length shows only at its end, with --resize.
ipc::Result<ipc::Copied> write_growing(const Request &request, ipc::Segment &segment, int input,
                                       ipc::Progress *progress)
{
    const ipc_segment_status now = IPC_TRY(segment.status());
    IPC_TRY(segment.resize(now.bytes)); // or why it cannot be
    return ipc::grow_in(input, segment, request.start(), request.length.value_or(UINT64_MAX), ipc::Target::used,
                        progress);
}

/// Bytes would be read again that were just written.
ipc::Result<void> expect_other_file(const ipc::Segment &segment, int input)
{
    struct stat from = {}, to = {};
    const int descriptor = IPC_TRY(segment.status()).descriptor;
    if (descriptor >= 0 && fstat(input, &from) == 0 && fstat(descriptor, &to) == 0 && from.st_dev == to.st_dev &&
        from.st_ino == to.st_ino)
        return ipc::failure(EINVAL, "{}: the input is the segment itself (copy it to a file first)",
                            segment.address().text());
    return {};
}

ipc::Result<void> write_segment(ipc::Command &command, const Request &request)
{
    ipc::Segment segment = IPC_TRY(ipc::Segment::open(request.addresses.front(), ipc::Access::both));
    ipc::Fd input = IPC_TRY(ipc::open_input(*request.input));
    IPC_TRY(expect_other_file(segment, input.get()));
    std::optional<std::uint64_t> size = ipc::bytes_to_come(input.get());
    const bool grows = request.resize && size.value_or(0) == 0;
    if (size == 0 && !grows) { // which some say that have more; one byte more than there is room for tells that
        const std::uint64_t bytes = IPC_TRY(segment.status()).bytes;
        input = IPC_TRY(ipc::spooled(input.get(), bytes - std::min(bytes, request.start()) + 1));
        size = ipc::bytes_to_come(input.get());
    }
    const std::uint64_t room = grows ? 0 : IPC_TRY(room_for(request, segment, size));
    std::optional<ipc::Progress> progress;
    if (!isatty(input.get()))
        progress.emplace(command.name(), size, request.progress);
    ipc::Progress *const told = progress ? &*progress : nullptr;
    const ipc::Copied copied =
        IPC_TRY(grows ? write_growing(request, segment, input.get(), told)
                      : ipc::copy_in(input.get(), segment, request.start(), room, ipc::Target::used, told));
    if (copied.input_left && copied.bytes != request.length)
        return ipc::failure(EFBIG, "{}: the end was reached after {} bytes, the rest of the input was not written",
                            segment.address().text(), copied.bytes);
    return segment.commit();
}

ipc::Result<void> check_input(const Request &request)
{
    if (!request.input && request.resize)
        return ipc::usage_error("--resize goes with --input");
    if (request.input && (request.hex || request.follow || request.stable || request.diff || request.json))
        return ipc::usage_error(
            "--input writes; --hex, --follow, --stable, --diff and --json read (call shmcat twice)");
    if ((request.input || request.follow) && request.addresses.size() > 1)
        return ipc::usage_error("--{} takes one address", request.input ? "input" : "follow");
    return {};
}

ipc::Result<void> check(const Request &request)
{
    IPC_TRY(check_input(request));
    if (request.diff && request.addresses.size() != 2)
        return ipc::usage_error("--diff takes two addresses");
    if (request.diff && request.follow)
        return ipc::usage_error("--diff compares once (leave --follow out)");
    if (request.quiet && !request.diff)
        return ipc::usage_error("--quiet goes with --diff");
    if (request.json && (request.diff || !request.names_alone()))
        return ipc::usage_error("--json lists the parts of a segment, and takes no option that is for bytes");
    if (request.progress && (request.hex || request.follow || request.stable || request.diff || request.json))
        return ipc::usage_error("--progress is for bytes that are copied as they are");
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
    command.flag("follow,f", request.follow, "print again when the bytes have changed; with -x, lines that have");
    command.flag("stable", request.stable, "read until two readings agree, or between two writes (seq=)");
    command.flag("diff", request.diff, "print the lines in which two segments differ; status 1 if they do");
    command.flag("quiet,q", request.quiet, "with --diff: print nothing, the exit status tells");
    command.flag("json,J", request.json, "list the parts of a segment that has some as JSON");
    command.flag("progress", request.progress, "say on standard error how far it is, also where it is no terminal");
    request.color.declare(command, "light up bytes that changed or differ");
    IPC_TRY(command.parse());
    IPC_TRY(check(request));

    if (request.input) {
        IPC_TRY(write_segment(command, request));
        return status::done;
    }
    if (request.diff) {
        const Result<int> compared = compare_segments(command, request);
        if (compared || compared.error().code() == EPIPE)
            return compared;
        command.report(compared.error());
        return trouble;
    }
    for (const Address &address : request.addresses)
        if (Result<void> printed = read_segment(command, request, address); !printed) {
            if (printed.error().code() == EPIPE)
                return printed.error();
            command.report(printed.error());
        }
    return status::done;
}

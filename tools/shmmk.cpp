// SPDX-License-Identifier: MIT
// shmmk - create a segment of shared memory, and fill it.
#include "command.hpp"
#include "input.hpp"
#include "interruption.hpp"
#include "ownership.hpp"
#include "progress.hpp"
#include "segment.hpp"
#include "transfer.hpp"

#include <unistd.h>

namespace {

constexpr std::string_view examples = "  shmmk posix:/frame 64M\n"
                                      "  shmmk sysv:0x51e 1M -m 0660 --group video\n"
                                      "  tar c src | shmmk posix:/sources -i -\n";

struct Request {
    ipc::Address address;
    std::optional<std::uint64_t> bytes;
    ipc::Ownership ownership;
    std::optional<std::string> input;
    bool reuse = false;
    bool verbose = false;
    bool progress = false;
};

/// The input, and the size of the segment if none was given: that of the input, which is kept in memory first where its
/// size shows only at its end.
ipc::Result<ipc::Fd> open_input(Request &request)
{
    ipc::Fd input = IPC_TRY(ipc::open_input(*request.input));
    std::optional<std::uint64_t> size = ipc::bytes_to_come(input.get());
    if (!request.bytes && size.value_or(0) == 0) {
        input = IPC_TRY(ipc::spooled(input.get()));
        size = ipc::bytes_to_come(input.get());
    }
    if (request.bytes && size > request.bytes)
        return ipc::failure(EFBIG, "{}: the input has {} bytes, the segment would have {} (leave the size out to fit)",
                            request.address.text(), *size, *request.bytes);
    if (!request.bytes)
        request.bytes = size;
    return input;
}

/// With --reuse an existing segment will do if it is large enough; its size stays.
ipc::Result<ipc::Segment> reuse(const Request &request)
{
    ipc::Segment segment = IPC_TRY(ipc::Segment::open(request.address, ipc::Access::both));
    const ipc_segment_status status = IPC_TRY(segment.status());
    if (status.bytes < request.bytes)
        return ipc::failure(EEXIST, "{}: exists with {} bytes, fewer than the {} wanted (remove it with shmrm)",
                            request.address.text(), status.bytes, *request.bytes);
    return segment;
}

ipc::Result<void> fill(const ipc::Command &command, const Request &request, ipc::Segment &segment, int input,
                       ipc::Target target)
{
    const ipc_segment_status status = IPC_TRY(segment.status());
    std::optional<ipc::Progress> progress;
    if (!isatty(input))
        progress.emplace(command.name(), ipc::bytes_to_come(input), request.progress);
    const ipc::Copied copied =
        IPC_TRY(ipc::copy_in(input, segment, 0, status.bytes, target, progress ? &*progress : nullptr));
    if (copied.input_left)
        return ipc::failure(EFBIG, "{}: the input is larger than the segment's {} bytes", segment.address().text(),
                            status.bytes);
    return {};
}

} // namespace

ipc::Result<int> ipc::run(Command &command)
{
    Request request;
    command.describe("Create a segment of shared memory and print its address.", examples);
    command.argument("ADDRESS", request.address, segment_family, "the segment to create, such as posix:/name");
    std::optional<std::string> size;
    command.argument("[SIZE]", size, "bytes, or with a unit: 64K, 64MiB, 1G; may be left out with -i");
    declare_ownership(command, request.ownership);
    command.option("input,i", "FILE", request.input, "fill it with this file; - is standard input", Complete::file);
    command.flag("reuse", request.reuse, "accept an existing segment that is large enough; its size stays");
    command.flag("verbose,v", request.verbose, "say on standard error what was done");
    command.flag("progress", request.progress, "say on standard error how far -i is, also where it is no terminal");
    IPC_TRY(command.parse());
    if (size)
        request.bytes = IPC_TRY(parse_size(*size));
    if (!size && !request.input)
        return usage_error("SIZE is missing (or give -i FILE, and the segment gets the file's size)");

    catch_interruptions();
    Fd input;
    if (request.input)
        input = IPC_TRY(open_input(request));
    Result<Segment> segment = Segment::create(request.address, *request.bytes, request.ownership);
    const bool exists = !segment && segment.error().code() == EEXIST;
    if (exists && request.reuse)
        segment = reuse(request);
    if (!segment)
        return segment.error();
    if (input)
        if (Result<void> filled = fill(command, request, *segment, input.get(), exists ? Target::used : Target::fresh);
            !filled) {
            if (!exists)
                (void)segment->remove();
            return filled.error();
        }
    const std::string address = segment->address().text();
    if (request.verbose)
        command.note(fmt::format("{} {} with {} bytes", exists ? "reused" : "created", address,
                                 IPC_TRY(segment->status()).bytes));
    if (Result<void> printed = print(address + "\n"); !printed) {
        if (!exists) // nobody would know of it
            (void)segment->remove();
        return printed.error();
    }
    return status::done;
}

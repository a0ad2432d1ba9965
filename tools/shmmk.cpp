// SPDX-License-Identifier: MIT
// shmmk - create a segment of shared memory, fill it, and hand it to a command.
#include "command.hpp"
#include "execution.hpp"
#include "input.hpp"
#include "interruption.hpp"
#include "ownership.hpp"
#include "progress.hpp"
#include "reuse.hpp"
#include "segment.hpp"
#include "transfer.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>

namespace {

constexpr std::string_view examples = "  shmmk posix:/frame 64M\n"
                                      "  shmmk sysv:0x51e 1M -m 0660 --group video\n"
                                      "  tar c src | shmmk posix:/sources -i -\n"
                                      "  shmmk posix:/frame 64M -- viewer --verbose\n";

struct Request {
    ipc::Address address;
    std::optional<std::uint64_t> bytes;
    ipc::Ownership ownership;
    std::optional<std::string> input;
    std::vector<std::string> program;
    bool hold = false;
    bool reuse = false;
    bool verbose = false;
    bool progress = false;
};

/// What would be made and be gone at once is refused before it is made.
ipc::Result<void> check(const Request &request)
{
    if (request.hold && !request.program.empty())
        return ipc::usage_error("--hold and -- COMMAND exclude each other (COMMAND holds the segment itself)");
    if (!request.bytes && !request.input)
        return ipc::usage_error("SIZE is missing (or give -i FILE, and the segment gets the file's size)");
    if (!request.hold && request.program.empty() && IPC_TRY(ipc::Segment::are_transient(request.address)))
        return ipc::usage_error("{}: such a segment is gone when nobody holds it (write -- COMMAND at the end to hand "
                                "it to a command, or --hold to keep it until a signal comes)",
                                request.address.text());
    return {};
}

/// The size of the segment, if none was given, is that of the input. One that shows only at its end is found by keeping
/// the input in memory, up to what the mechanism has room for.
ipc::Result<void> settle_size(Request &request, ipc::Fd &input)
{
    std::optional<std::uint64_t> size = ipc::bytes_to_come(input.get());
    if (!request.bytes && size.value_or(0) == 0) {
        const ipc::Segment::Room room = IPC_TRY(ipc::Segment::room_for_one(request.address));
        input = IPC_TRY(ipc::spooled(input.get(), std::max(room.bytes, room.bytes + 1)));
        size = ipc::bytes_to_come(input.get());
        if (*size > room.bytes)
            return ipc::failure(ENOSPC, "{}: the input has more than the {} bytes that {} leaves for it (raise that)",
                                request.address.text(), room.bytes, room.limit);
    }
    if (request.bytes && size > request.bytes)
        return ipc::failure(EFBIG, "{}: the input has {} bytes, the segment would have {} (leave the size out to fit)",
                            request.address.text(), *size, *request.bytes);
    if (!request.bytes)
        request.bytes = size;
    return {};
}

/// With the input; without a size it grows with it.
ipc::Result<void> fill(const ipc::Command &command, const Request &request, ipc::Segment &segment, int input,
                       ipc::Target target)
{
    const ipc_segment_status status = IPC_TRY(segment.status());
    std::optional<ipc::Progress> progress;
    if (!isatty(input))
        progress.emplace(command.name(), ipc::bytes_to_come(input), request.progress);
    ipc::Progress *const told = progress ? &*progress : nullptr;
    const ipc::Copied copied = IPC_TRY(request.bytes ? ipc::copy_in(input, segment, 0, status.bytes, target, told)
                                                     : ipc::grow_in(input, segment, 0, UINT64_MAX, target, told));
    if (copied.input_left)
        return ipc::failure(EFBIG, "{}: the input is larger than the segment's {} bytes", segment.address().text(),
                            status.bytes);
    return {};
}

/// Be one of its holders, also where it has no descriptor.
ipc::Result<void> take_hold(ipc::Segment &segment)
{
    if (IPC_TRY(segment.status()).descriptor < 0)
        IPC_TRY(segment.map());
    return {};
}

/// A segment, and whether it was there before.
struct Made {
    ipc::Segment segment;
    bool existed;
};

/// It has its name when it is complete, and then only.
ipc::Result<void> complete(const Request &request, ipc::Segment &segment)
{
    IPC_TRY(segment.commit());
    return request.hold ? take_hold(segment) : ipc::Result<void>();
}

/// What was made goes again, since nobody would know of it.
ipc::Error undone(ipc::Segment &segment, const ipc::Error &error)
{
    if (segment.remove())
        return error;
    return ipc::failure(error.code(), "{}; the segment could not be removed again (remove it with shmrm)",
                        error.text());
}

/// EEXIST if there is one. If that came meanwhile, `input` is what had been read of it.
ipc::Result<Made> make_new(const ipc::Command &command, Request &request, ipc::Fd &input)
{
    const bool grows = input && !request.bytes && ipc::bytes_to_come(input.get()).value_or(0) == 0 &&
                       IPC_TRY(ipc::Segment::are_resizable(request.address));
    if (input && !grows)
        IPC_TRY(settle_size(request, input));
    ipc::Segment segment =
        IPC_TRY(ipc::Segment::create_unnamed(request.address, request.bytes.value_or(1), request.ownership));
    ipc::Result<void> done;
    if (input)
        done = fill(command, request, segment, input.get(), ipc::Target::fresh);
    if (done)
        done = complete(request, segment);
    if (done)
        return Made{std::move(segment), false};
    if (done.error().code() == EEXIST && input)
        input = ipc::Fd(fcntl(IPC_TRY(segment.status()).descriptor, F_DUPFD_CLOEXEC, 0));
    return undone(segment, done.error());
}

/// With --reuse an existing segment will do if it is large enough; its size stays.
ipc::Result<Made> reuse(const ipc::Command &command, Request &request, ipc::Fd &input)
{
    ipc::Segment segment = IPC_TRY(ipc::reuse_segment(request.address, request.bytes.value_or(0), request.ownership));
    const ipc_segment_status status = IPC_TRY(segment.status());
    if (!request.bytes && ipc::bytes_to_come(input.get()).value_or(0) == 0)
        input = IPC_TRY(ipc::spooled(input.get(), status.bytes + 1)); // one more tells that there are more
    if (!request.bytes)
        request.bytes = ipc::bytes_to_come(input.get());
    if (status.bytes < request.bytes)
        return ipc::failure(EEXIST, "{}: exists with {} bytes, and at least {} are wanted (remove it with shmrm)",
                            request.address.text(), status.bytes, *request.bytes);
    if (input)
        IPC_TRY(fill(command, request, segment, input.get(), ipc::Target::used));
    IPC_TRY(complete(request, segment));
    return Made{std::move(segment), true};
}

ipc::Result<Made> make(const ipc::Command &command, Request &request)
{
    ipc::Fd input;
    if (request.input)
        input = IPC_TRY(ipc::open_input(*request.input));
    ipc::Result<Made> made = make_new(command, request, input);
    if (made || !request.reuse || made.error().code() != EEXIST)
        return made;
    return reuse(command, request, input);
}

/// Become the program. The process stays the same, and so does the segment's descriptor, where it has one.
ipc::Error hand_over(const ipc::Segment &segment, const std::vector<std::string> &program)
{
    ipc::Environment environment = {
        {"IPC_ADDRESS", segment.address().text()}, {"IPC_FD", std::nullopt}, {"IPC_PATH", std::nullopt}};
    const ipc::Result<ipc_segment_status> status = segment.status();
    if (!status)
        return status.error();
    if (const int descriptor = status->descriptor; descriptor >= 0) {
        if (fcntl(descriptor, F_SETFD, 0) < 0)
            return ipc::Error::system("handing on the descriptor");
        environment.emplace_back("IPC_FD", fmt::to_string(descriptor));
        environment.emplace_back("IPC_PATH", fmt::format("/proc/{}/fd/{}", getpid(), descriptor));
    }
    return ipc::execute(program, environment);
}

ipc::Result<void> announce(const ipc::Command &command, const Request &request, const Made &made)
{
    const std::string address = made.segment.address().text();
    if (request.verbose)
        command.note(fmt::format("{} {} with {} bytes", made.existed ? "reused" : "created", address,
                                 IPC_TRY(made.segment.status()).bytes));
    if (!request.program.empty()) // whose standard output it is
        return {};
    return ipc::print_and_check(address + "\n");
}

} // namespace

ipc::Result<int> ipc::run(Command &command)
{
    Request request;
    command.describe("Create a segment of shared memory and print its address, or hand it to a command.", examples);
    command.argument("ADDRESS", request.address, segment_family, "the segment to create, such as posix:/name");
    std::optional<std::string> size;
    command.argument("[SIZE]", size, "bytes, or with a unit: 64K, 64MiB, 1G; may be left out with -i");
    declare_ownership(command, request.ownership);
    command.option("input,i", "FILE", request.input, "fill it with this file; - is standard input", Complete::file);
    command.program("[-- COMMAND [ARGUMENT...]]", request.program,
                    "run this command with the segment: its address is in IPC_ADDRESS, and where it has a descriptor "
                    "that is open, as IPC_FD and by its path IPC_PATH");
    command.flag("hold", request.hold, "print the address and keep the segment until SIGINT or SIGTERM");
    command.flag("reuse", request.reuse, "accept an existing segment that has what is asked for; its size stays");
    command.flag("verbose,v", request.verbose, "say on standard error what was done");
    command.flag("progress", request.progress, "say on standard error how far -i is, also where it is no terminal");
    IPC_TRY(command.parse());
    if (size)
        request.bytes = IPC_TRY(parse_size(*size));
    IPC_TRY(check(request));

    catch_interruptions();
    Made made = IPC_TRY(make(command, request));
    Result<void> done = announce(command, request, made);
    if (done && !request.program.empty())
        done = hand_over(made.segment, request.program);
    if (!done)
        return made.existed ? done.error() : undone(made.segment, done.error());
    while (request.hold && !interrupted()) // which is how this ends well
        pause();
    return status::done;
}

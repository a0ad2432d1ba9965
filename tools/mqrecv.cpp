// SPDX-License-Identifier: MIT
// mqrecv - receive messages from a queue.
#include "command.hpp"
#include "delivery.hpp"
#include "descriptors.hpp"
#include "framing_options.hpp"
#include "inherited_signals.hpp"
#include "interruption.hpp"
#include "readiness.hpp"
#include "rendering.hpp"
#include "wait_options.hpp"
#include "work_options.hpp"

#include <unistd.h>

#include <csignal>
#include <limits>

namespace {

constexpr std::string_view examples = "  mqrecv posix:/jobs\n"
                                      "  mqrecv sysv:0x51e -f -P 4 -- process\n"
                                      "  mqrecv posix:/jobs -e --format '%P %l %p'\n"
                                      "  mqrecv sysv:0x51e --peek -x\n";

constexpr auto no_limit = std::numeric_limits<std::uint64_t>::max();

struct Request {
    ipc::Address address;
    std::optional<std::uint64_t> count;
    std::uint64_t max_size = 0; // of a message, where the queue has no limit itself
    bool follow = false, drain = false, peek = false, unbuffered = false, verbose = false;
    bool stream = false; // up to its end
    std::optional<ipc::Readiness> readiness;
    ipc::FramingOptions framing;
    ipc::RenderingOptions rendering;
    ipc::WaitOptions wait;
    ipc::WorkOptions work;

    /// Does an error of receiving only say that all was received that was asked for?
    bool is_end(int code) const { return (drain && code == EAGAIN) || ((drain || follow) && code == ENODATA); }
    ipc::StreamLimits limits() const { return {max_size, limit() == no_limit ? 0 : limit()}; }
    std::uint64_t limit() const { return count.value_or(follow || drain || peek || stream ? no_limit : 1); }
    /// Which and how many messages.
    bool chooses() const { return count || follow || drain || peek; }
    /// How they are written.
    bool writes() const { return framing.given() || rendering.given() || peek || unbuffered; }
};

ipc::Result<void> check(const Request &request)
{
    IPC_TRY(request.work.check());
    if (request.work.given() && request.writes())
        return ipc::usage_error(
            "a COMMAND gets its message on standard input, and nothing is written (leave out --peek, "
            "--unbuffered and how messages are written)");
    if (request.readiness && (request.work.given() || request.chooses() || request.writes()))
        return ipc::usage_error("--wait-for takes nothing and prints nothing (beside it are -n, -w, -E and -q)");
    if (request.follow + request.drain + request.peek > 1)
        return ipc::usage_error("--follow, --drain and --peek contradict each other (give one of them)");
    if (request.follow && request.count)
        return ipc::usage_error("--follow never stops (leave out --count, or --follow)");
    if ((request.drain || request.peek) && request.wait.given())
        return ipc::usage_error("--drain and --peek never wait (leave out --nonblock and --timeout)");
    return {};
}

/// For writing as well, so that messages can be put back; who may only read can still receive.
ipc::Result<ipc::Queue> open_queue(const Request &request)
{
    if (!request.peek) {
        ipc::Result<ipc::Queue> queue = ipc::Queue::open(request.address, ipc::Access::both, request.limits());
        if (queue || queue.error().code() != EACCES)
            return queue;
    }
    return ipc::Queue::open(request.address, ipc::Access::read, request.limits());
}

/// Take what is there without waiting, write it, and only then wait for more. An empty message ends a stream, and what
/// is behind it is not taken.
ipc::Result<void> receive(ipc::Delivery &delivery, const Request &request, std::int64_t timeout)
{
    for (std::uint64_t left = request.limit(); left;) {
        const bool may_wait = delivery.empty() && timeout != 0;
        const std::uint64_t most = request.unbuffered || request.stream ? 1 : left;
        const ipc::Result<std::uint64_t> taken = may_wait ? delivery.wait(timeout, most) : delivery.take(0, most);
        left -= taken ? taken.value() : 0;
        if (request.stream && taken && delivery.ends_empty())
            break;
        if (taken && !request.unbuffered)
            left -= delivery.take_block(left);
        if (!taken || delivery.full() || request.unbuffered)
            IPC_TRY(delivery.flush());
        if (!taken && (taken.error().code() != EAGAIN || may_wait || timeout == 0))
            return taken.error();
    }
    return delivery.flush();
}

ipc::Result<void> peek(ipc::Delivery &delivery, std::uint64_t limit)
{
    for (std::uint64_t index = 0; index < limit; ++index) {
        const ipc::Result<void> seen = delivery.peek(index);
        if (!seen || delivery.full())
            IPC_TRY(delivery.flush());
        if (!seen)
            return seen.error().code() == ENOMSG ? ipc::Result<void>() : seen;
    }
    return delivery.flush();
}

/// Run the command for each message instead of writing it.
ipc::Result<int> work(const ipc::Command &command, const Request &request, std::int64_t timeout)
{
    ipc::Queue queue = IPC_TRY(open_queue(request));
    const ipc::Result<int> done = request.work.work(command, queue, request.limit(), timeout, request.verbose);
    if (done)
        return done;
    if (request.is_end(done.error().code()))
        return ipc::status::done;
    return request.wait.end(done.error());
}

void declare(ipc::Command &command, Request &request)
{
    command.describe("Receive one message from a queue, or more, and write what they hold or run a command for each.",
                     examples);
    command.argument("ADDRESS", request.address, ipc::queue_family, "the queue, such as posix:/name");
    command.option("count,c", "N", "receive so many messages", ipc::Complete::nothing,
                   [&](std::string_view text) -> ipc::Result<void> {
                       request.count = std::uint64_t(IPC_TRY(ipc::parse_integer(text, 1, INT64_MAX)));
                       return {};
                   });
    command.flag("follow,f", request.follow, "receive for ever");
    command.flag("drain,e", request.drain, "receive what is there, which may be nothing");
    command.option("max-size", "BYTES", "largest message, where the queue sets none (default 1M); with a unit: 64K",
                   ipc::Complete::nothing, [&](std::string_view text) -> ipc::Result<void> {
                       request.max_size = IPC_TRY(ipc::parse_size(text));
                       return request.max_size ? ipc::Result<void>()
                                               : ipc::usage_error("a message has at least 1 byte (write more than 0)");
                   });
    command.flag("peek", request.peek, "show what is there and leave it there");
    command.option("wait-for", "WHAT", request.readiness, ipc::parse_readiness,
                   "take nothing, and wait until there is a message, or space, or it is empty, or it exists",
                   ipc::Complete::choice);
    command.choices("wait-for", ipc::readiness_names);
    request.work.declare(command);
    request.framing.declare_output(command);
    request.rendering.declare(command);
    request.wait.declare(command, "while the queue is empty");
    command.flag("unbuffered,u", request.unbuffered, "write each message before the next is taken");
    command.flag("verbose,v", request.verbose, "say on standard error what was received");
}

} // namespace

ipc::Result<int> ipc::run(Command &command)
{
    Request request;
    declare(command, request);
    IPC_TRY(command.parse());
    IPC_TRY(check(request));
    const Framing framing = IPC_TRY(request.framing.framing());
    request.stream = framing.kind == Framing::Kind::chunks;
    if (request.stream && request.chooses())
        return usage_error("--stream ends with the stream (leave out --count, --follow, --drain and --peek)");
    const Rendering rendering = IPC_TRY(request.rendering.rendering(framing, request.framing.given()));
    const std::int64_t timeout = request.drain ? 0 : IPC_TRY(request.wait.timeout());

    catch_interruptions();
    if (request.readiness) {
        const Result<void> ready = wait_until(request.address, *request.readiness, timeout);
        return ready ? status::done : request.wait.end(ready.error());
    }
    catch_deadly_signals();
    ignore_signal(SIGPIPE);
    if (request.work.given())
        return work(command, request, timeout);
    IPC_TRY(check_output("nothing was received"));
    Queue queue = IPC_TRY(open_queue(request));
    if (request.stream && is_pipe(STDOUT_FILENO))
        grow_pipe(STDOUT_FILENO);
    Delivery delivery = IPC_TRY(Delivery::create(queue, STDOUT_FILENO, framing, rendering));
    const Result<void> done = request.peek ? peek(delivery, request.limit()) : receive(delivery, request, timeout);
    if (request.verbose)
        command.note(fmt::format("messages received: {}, bytes: {}", delivery.messages(), delivery.bytes()));
    const int code = done ? 0 : done.error().code();
    if (!code || request.is_end(code))
        return delivery.undeliverable() ? status::failed : status::done;
    if (code == EPIPE && !is_ignored_by_caller(SIGPIPE))
        end_by_signal(SIGPIPE);
    return request.wait.end(done.error());
}

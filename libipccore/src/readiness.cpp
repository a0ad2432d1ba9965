// SPDX-License-Identifier: MIT
#include "readiness.hpp"

#include "error.hpp"
#include "interruption.hpp"
#include "inventory.hpp"
#include "queue.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <ctime>
#include <optional>
#include <utility>

namespace ipc {

namespace {

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr std::array<std::pair<std::string_view, Readiness>, 4> names = {{{"message", Readiness::message},
                                                                          {"space", Readiness::space},
                                                                          {"empty", Readiness::empty},
                                                                          {"exists", Readiness::exists}}};

/// What is left of the time, and how long to sleep between two looks.
class Patience {
public:
    explicit Patience(std::int64_t timeout) : timeout_(timeout)
    {
        if (timeout > 0)
            end_ = Clock::now() + std::chrono::nanoseconds(std::min(timeout, std::int64_t(1) << 60));
    }
    /// Nanoseconds, at most `most`; 0 when the time is over.
    std::int64_t left(std::chrono::nanoseconds most) const
    {
        if (timeout_ == IPC_FOREVER)
            return most / 1ns;
        return timeout_ == 0 ? 0 : std::clamp<std::int64_t>((end_ - Clock::now()) / 1ns, 0, most / 1ns);
    }
    /// Sleep a little, each time longer.
    void pause()
    {
        const std::int64_t time = left(pause_);
        const timespec span = {0, long(time)};
        ::nanosleep(&span, nullptr);
        pause_ = std::min<std::chrono::nanoseconds>(pause_ * 3 / 2, 50ms);
    }
    int code() const { return timeout_ == 0 ? EAGAIN : ETIMEDOUT; }

private:
    std::int64_t timeout_;
    Clock::time_point end_;
    std::chrono::nanoseconds pause_ = 1ms;
};

/// What has that name now; none if nothing has.
Result<std::optional<ipc_object>> look_at_name(const Plugin &plugin, const Address &address)
{
    std::optional<ipc_object> found;
    const CrossingAddress crossing(address);
    const ipc_emit_object emit = [](void *context, const ipc_object *emitted) {
        *static_cast<std::optional<ipc_object> *>(context) = complete_record(*emitted);
        return 0;
    };
    const Result<void> looked = call(plugin.inspect()->look, crossing.get(), emit, static_cast<void *>(&found));
    if (!looked && looked.error().code() != ENOENT)
        return looked.error();
    return found;
}

/// The queue of that name now; none if there is none. Asks without opening it where the mechanism can.
Result<std::optional<ipc_identity>> look(const Address &address)
{
    const Plugin *plugin = IPC_TRY(load_plugin(address.mechanism));
    std::optional<ipc_identity> found;
    Result<void> looked;
    if (plugin->inspect() && plugin->inspect()->look) {
        const Result<std::optional<ipc_object>> object = look_at_name(*plugin, address);
        if (!object)
            looked = object.error();
        else if (object.value())
            found = object.value()->identity;
    } else if (const Result<Queue> queue = Queue::open(address, Access::read)) {
        found = IPC_TRY(queue->status()).identity;
    } else {
        looked = queue.error();
    }
    if (!looked && looked.error().code() == EACCES)
        return std::optional(ipc_identity{}); // there is one, which is not ours to look at
    if (!looked && looked.error().code() != ENOENT)
        return located(address.text(), looked.error());
    return found;
}

/// Only peeking knows what an address selects.
Result<bool> has_message(Queue &queue, const ipc_queue_status &status)
{
    if (!status.messages || queue.address().parameters.empty() || !queue.can_peek())
        return status.messages > 0;
    std::vector<std::byte> room(status.max_message_size);
    Message message = {};
    message.size = sizeof message;
    message.bytes = room.data();
    message.capacity = room.size();
    const Result<void> peeked = queue.peek(0, message);
    if (!peeked && peeked.error().code() == ENOMSG)
        return false;
    return peeked || peeked.error().code() == EMSGSIZE ? Result<bool>(true) : peeked.error();
}

bool has_space(const ipc_queue_status &status)
{
    return (status.max_messages == IPC_UNKNOWN || status.messages < status.max_messages) &&
           (status.max_bytes == IPC_UNKNOWN || status.bytes == IPC_UNKNOWN || status.bytes < status.max_bytes);
}

Result<bool> holds(Queue &queue, Readiness readiness)
{
    const ipc_queue_status status = IPC_TRY(queue.status());
    if (readiness == Readiness::message)
        return has_message(queue, status);
    return readiness == Readiness::space ? has_space(status) : status.messages == 0;
}

/// A queue that was removed lives on for those who have it open, and nothing would ever happen to it.
Result<void> expect_named(const Queue &queue)
{
    const ipc_identity mine = IPC_TRY(queue.status()).identity;
    const std::optional<ipc_identity> named = IPC_TRY(look(queue.address()));
    const bool same = named && named->number == mine.number && named->device == mine.device;
    if (same || (named && !named->number && !named->device))
        return {};
    return located(queue.address().text(), failure(EIDRM, "the queue was removed while it was waited for"));
}

/// Until something may have changed: by the kernel, or just a while.
Result<void> sleep(Queue &queue, Readiness readiness, Patience &patience)
{
    if (readiness == Readiness::empty || !queue.can_wait()) {
        patience.pause();
        return {};
    }
    const std::uint32_t what = readiness == Readiness::message ? IPC_WAIT_MESSAGE : IPC_WAIT_SPACE;
    const Result<void> woken = queue.wait(what, patience.left(500ms));
    return woken || woken.error().code() == ETIMEDOUT || woken.error().code() == EAGAIN ? Result<void>() : woken;
}

Error in_vain(const Address &address, Readiness readiness, int code)
{
    constexpr std::string_view texts[] = {"no message waits", "there is no room", "it is not empty",
                                          "there is no such queue"};
    return located(address.text(), failure(code, "{}{}", code == ETIMEDOUT ? "timed out: " : "",
                                           texts[static_cast<std::size_t>(readiness)]));
}

/// A stream has nothing to look at but for who receives from it or sends to it.
Result<void> expect_queue(const Address &address)
{
    const Plugin *plugin = IPC_TRY(load_plugin(address.mechanism));
    if (!plugin->stream())
        return {};
    return located(address.text(), failure(ENOTSUP, "messages of a stream cannot be waited for without taking them "
                                                    "(receive, or wait until it exists)"));
}

/// Whether there is such a queue, and if not, what there is of its name.
struct Existence {
    bool is_there = false;
    std::optional<Error> instead = {};
};

/// To connect to a stream is to be seen by who receives from it, so it is only looked at: for what lasts between
/// receivers, else for a socket that somebody has open.
Result<Existence> find_stream(const Plugin &plugin, const Address &address)
{
    if (!plugin.inspect())
        return failure(ENOTSUP, "mechanism {} shows nothing of its objects", address.mechanism);
    const Result<std::optional<ipc_object>> object = look_at_name(plugin, address);
    if (!object && object.error().code() == EINVAL)
        return Existence{false, object.error()};
    if (!object)
        return object.error();
    const std::optional<ipc_object> &found = object.value();
    if (found && !plugin.stream()->create && (found->attached == IPC_UNKNOWN || found->attached == 0))
        return Existence{false, failure(ENOTCONN, "nobody receives there")};
    return Existence{found.has_value()};
}

/// For reading, else for writing: then parameters that choose what is received say nothing.
Result<Queue> open_either_way(const Address &address)
{
    Result<Queue> queue = Queue::open(address, Access::read);
    if (!queue && queue.error().code() == EACCES)
        queue = Queue::open({address.mechanism, address.name, {}}, Access::write);
    return queue;
}

/// A refusal proves that a queue is there where the kernel keeps queues and nothing else under such names. A file that
/// may not be read may be anything.
Result<Existence> find_queue(const Plugin &plugin, const Address &address)
{
    const Result<Queue> queue = open_either_way(address);
    const int code = queue ? 0 : queue.error().code();
    if (!code || (code == EACCES && !(plugin.queue()->features & IPC_QUEUE_FILES)))
        return Existence{true};
    for (const int unknown : {EACCES, EPERM, EMFILE, ENFILE, ENOMEM, EIO, EINTR, ENOTSUP, usage_code})
        if (code == unknown)
            return queue.error();
    return code == ENOENT ? Existence{} : Existence{false, queue.error()};
}

Result<Existence> find(const Address &address)
{
    const Plugin *plugin = IPC_TRY(load_plugin(address.mechanism));
    return plugin->stream() ? find_stream(*plugin, address) : find_queue(*plugin, address);
}

Result<void> wait_for_existence(const Address &address, Patience patience)
{
    for (;;) {
        const Existence existence = IPC_TRY(find(address));
        if (existence.is_there)
            return {};
        if (interrupted())
            return failure(EINTR, "interrupted");
        if (!patience.left(1s) && existence.instead)
            return failure(patience.code(), "{} (what has the name: {})",
                           in_vain(address, Readiness::exists, patience.code()).text(), existence.instead->text());
        if (!patience.left(1s))
            return in_vain(address, Readiness::exists, patience.code());
        patience.pause();
    }
}

} // namespace

Result<Readiness> parse_readiness(std::string_view text)
{
    for (const auto &[name, readiness] : names)
        if (text == name)
            return readiness;
    return usage_error("a queue is waited for until it has a message, or space, or is empty, or exists (one of "
                       "these words)");
}

std::vector<std::string> readiness_names()
{
    std::vector<std::string> words;
    for (const auto &[name, readiness] : names)
        words.emplace_back(name);
    return words;
}

Result<void> wait_until(const Address &address, Readiness readiness, std::int64_t timeout)
{
    Patience patience(timeout);
    if (readiness == Readiness::exists)
        return wait_for_existence(address, patience);
    IPC_TRY(expect_queue(address));
    Queue queue = IPC_TRY(Queue::open(address, readiness == Readiness::space ? Access::write : Access::read));
    for (Clock::time_point looked = Clock::now(); !IPC_TRY(holds(queue, readiness));) {
        if (interrupted())
            return failure(EINTR, "interrupted");
        if (!patience.left(1s))
            return in_vain(address, readiness, patience.code());
        if (Clock::now() - looked >= 500ms) {
            IPC_TRY(expect_named(queue));
            looked = Clock::now();
        }
        IPC_TRY(sleep(queue, readiness, patience));
    }
    return {};
}

} // namespace ipc

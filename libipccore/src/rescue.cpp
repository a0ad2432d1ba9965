// SPDX-License-Identifier: MIT
#include "rescue.hpp"

#include "error.hpp"
#include "large_messages.hpp"
#include "message_json.hpp"
#include "printable.hpp"

#include <ipc/fd.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <memory>
#include <new>

namespace ipc {
namespace {

/// Where the messages go. Gone again unless it was finished.
class Output {
public:
    static Result<Output> create(const std::string &file)
    {
        if (file == "-")
            return Output(file, Fd());
        Fd made(::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
        if (!made && errno == EEXIST)
            return failure(EEXIST, "{} exists (choose another name)", printable(file));
        if (!made)
            return Error::system((printable(file) + " cannot be created").c_str());
        return Output(file, std::move(made));
    }
    Output(Output &&) = default;
    ~Output()
    {
        if (made_)
            ::unlink(file_.c_str());
    }

    Result<void> write(std::string_view text)
    {
        while (!text.empty()) {
            const ssize_t count = ::write(descriptor(), text.data(), text.size());
            if (count < 0 && errno != EINTR)
                return failure(errno, "{} cannot be written: {}", printable(file_), write_failure(errno));
            text.remove_prefix(count < 0 ? 0 : std::size_t(count));
        }
        return {};
    }

    /// Only what is on a disk, with its name, outlives the queue. A pipe or terminal has none.
    Result<void> finish()
    {
        if (!brought_to_disk(descriptor()))
            return Error::system((printable(file_) + " cannot be written").c_str());
        if (!made_)
            return {};
        const std::size_t slash = file_.rfind('/');
        const std::string directory = slash == file_.npos ? "." : file_.substr(0, slash + 1);
        const Fd open(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
        if (open && !brought_to_disk(open.get()))
            return Error::system((printable(file_) + ": its name cannot be brought to disk").c_str());
        made_ = Fd();
        return {};
    }

private:
    Output(std::string file, Fd made) : file_(std::move(file)), made_(std::move(made)) {}
    static bool brought_to_disk(int file)
    {
        return ::fsync(file) == 0 || errno == EINVAL || errno == EROFS || errno == ENOTSUP;
    }
    int descriptor() const { return made_ ? made_.get() : STDOUT_FILENO; }

    std::string file_;
    Fd made_;
};

class Reader {
public:
    static Result<Reader> create(const Address &address)
    {
        Queue queue = IPC_TRY(Queue::open(address, Access::read));
        if (!queue.can_peek())
            return failure(ENOTSUP, "messages of this mechanism cannot be seen without taking them (save them with "
                                    "mqrecv --drain --json, and then remove the queue)");
        const ipc_queue_status status = IPC_TRY(queue.status());
        Reader reader(std::move(queue), status);
        if (!reader.room_)
            return failure(ENOMEM, "no memory for a message, which may have {} bytes here", status.max_message_size);
        return reader;
    }

    /// No queue holds more than it has room for, so that one which changes meanwhile comes to an end too.
    std::uint64_t limit() const { return limit_; }

    /// Valid until the next one. EBADMSG if it is not whole, or refers to a large message that is gone.
    Result<ReceivedMessage> peek(std::uint64_t index)
    {
        Message message = {};
        message.size = sizeof message;
        message.bytes = room_.get();
        message.capacity = largest_;
        IPC_TRY(queue_.peek(index, message));
        ReceivedMessage seen = {{room_.get(), message.length}, message.fields, message.priority, message.type};
        LargeMessageReader large(queue_);
        if (const auto payload = IPC_TRY(large.find(seen.bytes))) {
            payload_ = IPC_TRY(read_payload(*payload));
            seen.bytes = std::as_bytes(std::span(payload_));
        }
        return seen;
    }

private:
    Reader(Queue queue, const ipc_queue_status &status)
        : queue_(std::move(queue)), largest_(status.max_message_size), limit_(status.max_messages),
          room_(largest_ < INT64_MAX ? new (std::nothrow) std::byte[largest_ + 1] : nullptr)
    {
    }

    Queue queue_;
    std::uint64_t largest_, limit_;
    std::unique_ptr<std::byte[]> room_;
    std::string payload_; // of a large message
};

/// Those of the queue into the output.
Result<Rescue> copy(Reader &reader, Output &output, JsonText form)
{
    constexpr std::size_t batch = 64 * 1024;
    Rescue rescue;
    std::string text;
    for (std::uint64_t index = 0; index < reader.limit(); index++) {
        const Result<ReceivedMessage> message = reader.peek(index);
        if (message) {
            append_json_message(*message.operator->(), form, text);
            text += '\n';
            rescue.saved++;
        } else if (message.error().code() == EBADMSG) {
            if (rescue.unreadable++ == 0)
                rescue.reason = fmt::format("message {}: {}", index + 1, message.error().text());
        } else if (message.error().code() == ENOMSG) {
            break;
        } else {
            return message.error();
        }
        if (text.size() >= batch) {
            IPC_TRY(output.write(text));
            text.clear();
        }
    }
    IPC_TRY(output.write(text));
    return rescue;
}

} // namespace

Result<Rescue> rescue_messages(const Address &address, const std::string &file)
{
    Reader reader = IPC_TRY(Reader::create(address));
    Output output = IPC_TRY(Output::create(file));
    const bool on_terminal = file == "-" && ::isatty(STDOUT_FILENO);
    Rescue rescue = IPC_TRY(copy(reader, output, on_terminal ? JsonText::ascii : JsonText::utf8));
    IPC_TRY(output.finish());
    return rescue;
}

} // namespace ipc

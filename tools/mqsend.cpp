// SPDX-License-Identifier: MIT
// mqsend - send messages into a queue.
#include "command.hpp"
#include "descriptors.hpp"
#include "framing_options.hpp"
#include "input.hpp"
#include "interruption.hpp"
#include "large_messages.hpp"
#include "message_fields.hpp"
#include "printable.hpp"
#include "queue.hpp"
#include "unsent_file.hpp"
#include "wait_options.hpp"

#include <algorithm>

namespace {

constexpr std::string_view examples = "  mqsend posix:/jobs start stop\n"
                                      "  find . -print0 | mqsend sysv:0x51e -0\n"
                                      "  mqsend posix:/jobs -s -i picture.png\n"
                                      "  mqrecv sysv:0x51e -e -J | mqsend posix:/jobs -J --unsent left.jsonl\n";

struct Request {
    ipc::Address address;
    std::vector<std::string> messages;
    ipc::FramingOptions framing;
    ipc::WaitOptions wait;
    std::optional<std::string> input, unsent;
    std::optional<std::uint32_t> priority;
    std::optional<std::int64_t> type;
    std::optional<std::uint64_t> map_over;
    bool verbose = false;
};

/// How large a message may be when it goes by a segment: what is read is kept in memory first.
constexpr std::uint64_t largest_mapped = std::uint64_t{1} << 40;

/// Sends one record after the other and counts them.
class Sender {
public:
    Sender(ipc::Queue &queue, const Request &request, std::int64_t timeout)
        : queue_(queue), request_(request), timeout_(timeout)
    {
    }

    /// Messages larger than that go by segments.
    ipc::Result<void> map_over(std::uint64_t size)
    {
        pool_ = IPC_TRY(ipc::LargeMessagePool::create(queue_));
        threshold_ = size;
        return {};
    }

    /// They get the priority and type that they do not say themselves. Of many, none says its own.
    ipc::Result<void> send(std::span<ipc::Message> messages)
    {
        if (request_.priority || request_.type)
            std::ranges::for_each(messages, [&](ipc::Message &message) { complete(message); });
        for (const ipc::Message &message : messages)
            if (message.fields & ~features_)
                if (ipc::Result<void> fits = ipc::check_fields(message, ~features_); !fits)
                    return unsent(ipc::located(request_.address.text(), fits.error()));
        if (!pool_)
            return send_all(messages);
        for (const ipc::Message &message : messages)
            IPC_TRY(message.length > threshold_ ? send_large(message) : send_all({&message, 1}));
        return {};
    }

    /// Many records that stand as the queue has them.
    ipc::Result<void> send(const ipc::RecordBlock &block)
    {
        messages_ += block.records;
        if (ipc::Result<void> sent = queue_.send_block(block.bytes, timeout_); !sent)
            return unsent(sent.error());
        bytes_ += block.bytes.size() - block.records;
        return {};
    }

    /// Can many records that stand like this be sent at once?
    bool takes_blocks(const ipc::Framing &framing) const
    {
        return is_stream_ && framing.kind == ipc::Framing::Kind::delimited && !request_.priority.value_or(0) &&
               request_.type.value_or(1) == 1 && queue_.takes_blocks(framing.delimiter);
    }

    /// Why a record could not be sent, and which one that was. If the record itself is to blame, those before it are
    /// passed on first.
    ipc::Error unsent(const ipc::Error &error)
    {
        if (error.code() == EINVAL || error.code() == EMSGSIZE)
            (void)flush(); // what stays behind is not counted
        if (!sent())
            return error;
        return ipc::failure(error.code(), "{}; records sent before: {}", error.text(), sent());
    }

    /// How many records are in the queue.
    std::uint64_t sent() const
    {
        const ipc::Result<ipc_queue_status> status = queue_.status();
        return messages_ - (status ? std::min(status->in_hand, messages_) : 0);
    }

    /// Pass on what the queue kept of them.
    ipc::Result<void> flush() { return queue_.flush(timeout_); }

    std::string summary() const { return fmt::format("messages sent: {}, bytes: {}", messages_, bytes_); }

private:
    void complete(ipc::Message &message) const
    {
        if (request_.priority && !(message.fields & IPC_QUEUE_PRIORITY)) {
            message.fields |= IPC_QUEUE_PRIORITY;
            message.priority = *request_.priority;
        }
        if (request_.type && !(message.fields & IPC_QUEUE_TYPE)) {
            message.fields |= IPC_QUEUE_TYPE;
            message.type = *request_.type;
        }
    }

    ipc::Result<void> send_all(std::span<const ipc::Message> messages)
    {
        std::uint64_t sent = 0;
        const ipc::Result<void> done = queue_.send_many(messages, sent, timeout_);
        messages_ += sent;
        for (const ipc::Message &message : messages.first(sent))
            bytes_ += message.length;
        return done ? done : unsent(done.error());
    }

    ipc::Result<void> send_large(const ipc::Message &message)
    {
        const ipc::Result<std::string> reference = pool_->put(ipc::payload_of(message), timeout_);
        if (!reference)
            return unsent(reference.error());
        ipc::Message referring = message;
        referring.bytes = const_cast<char *>(reference.value().data());
        referring.length = referring.capacity = reference.value().size();
        if (const ipc::Result<void> sent = queue_.send(referring, timeout_); !sent) {
            pool_->take_back();
            return unsent(sent.error());
        }
        ++messages_;
        bytes_ += message.length;
        return {};
    }

    ipc::Queue &queue_;
    const std::uint32_t features_ = queue_.features();
    const bool is_stream_ = queue_.is_stream();
    const Request &request_;
    std::int64_t timeout_;
    std::optional<ipc::LargeMessagePool> pool_;
    std::uint64_t threshold_ = 0;
    std::uint64_t messages_ = 0, bytes_ = 0;
};

ipc::Result<void> pass_on(Sender &sender)
{
    if (ipc::Result<void> sent = sender.flush(); !sent)
        return sender.unsent(sent.error());
    return {};
}

ipc::Result<void> send_arguments(const Request &request, std::uint64_t largest, Sender &sender)
{
    std::uint64_t number = 0;
    for (const std::string &text : request.messages) {
        if (++number; text.size() > largest)
            return ipc::located(request.address.text(),
                                sender.unsent(ipc::record_too_large(number, text.size(), largest)));
        ipc::Message message = ipc::message_of(std::as_bytes(std::span(text)));
        IPC_TRY(sender.send({&message, 1}));
    }
    return pass_on(sender);
}

ipc::Result<void> send_input(const Request &request, const ipc::Framing &framing, ipc::RecordReader &reader,
                             Sender &sender)
{
    ipc::Result<void> passed_on;
    reader.before_reading([&] { return passed_on = sender.flush(); });
    for (;;) {
        if (const ipc::RecordBlock block =
                sender.takes_blocks(framing) ? IPC_TRY(reader.next_block()) : ipc::RecordBlock();
            block.records) {
            IPC_TRY(sender.send(block));
            continue;
        }
        const ipc::Result<std::span<ipc::Message>> records = reader.next();
        if (!passed_on)
            return sender.unsent(passed_on.error());
        if (!records)
            return ipc::located(request.address.text(), sender.unsent(records.error()));
        if (records.value().empty())
            return pass_on(sender);
        IPC_TRY(sender.send(records.value()));
    }
}

/// End with `error`, and put what could not be sent into the file, if there is one. What came by a pipe is lost
/// otherwise.
ipc::Result<int> end(std::optional<ipc::UnsentFile> &file, const ipc::Error &error, const Request &request,
                     std::span<const std::byte> unsent, int input)
{
    if (!file && ipc::is_pipe(input) && error.code() != EINTR)
        return request.wait.end(ipc::failure(error.code(), "{} (--unsent FILE keeps what is left)", error.text()));
    if (!file)
        return request.wait.end(error);
    const ipc::Result<std::uint64_t> kept = file->keep(unsent, input);
    if (!kept)
        return ipc::failure(kept.error().code(), "{}; not all that was left could be kept: {}", error.text(),
                            kept.error().text());
    if (kept.value() == 0)
        return request.wait.end(error);
    return request.wait.end(
        ipc::failure(error.code(), "{}; what was not sent is in {}", error.text(), ipc::printable(*request.unsent)));
}

void declare(ipc::Command &command, Request &request)
{
    command.describe("Send messages into a queue: the arguments, else the lines of standard input.", examples);
    command.argument("ADDRESS", request.address, ipc::queue_family, "the queue, such as posix:/name");
    command.argument("[MESSAGE...]", request.messages, "messages to send; without any, records are read");
    command.option("input,i", "FILE", request.input, "read records from this file", ipc::Complete::file);
    request.framing.declare_input(command);
    command.option("priority,p", "N", "priority of messages that do not say theirs", ipc::Complete::nothing,
                   [&](std::string_view text) -> ipc::Result<void> {
                       request.priority = std::uint32_t(IPC_TRY(ipc::parse_integer(text, 0, UINT32_MAX)));
                       return {};
                   });
    command.option("type,t", "N", "type of messages that do not say theirs", ipc::Complete::nothing,
                   [&](std::string_view text) -> ipc::Result<void> {
                       request.type = IPC_TRY(ipc::parse_integer(text, 1, INT64_MAX));
                       return {};
                   });
    command.option("map-over", "SIZE", request.map_over, ipc::parse_size,
                   "put messages larger than this into shared memory, and send a reference");
    command.option("unsent", "FILE", request.unsent,
                   "if a record cannot be sent, write it and all that is behind it to this file", ipc::Complete::file);
    request.wait.declare(command, "while the queue is full");
    command.flag("verbose,v", request.verbose, "say on standard error what was sent");
}

} // namespace

ipc::Result<int> ipc::run(Command &command)
{
    Request request;
    declare(command, request);
    IPC_TRY(command.parse());
    const Framing framing = IPC_TRY(request.framing.framing());
    const std::int64_t timeout = IPC_TRY(request.wait.timeout());
    if (!request.messages.empty() && (request.input || request.framing.given()))
        return usage_error("MESSAGE arguments are sent as they are (leave out --input and how its records end)");

    if (!request.messages.empty() && request.unsent)
        return usage_error("MESSAGE arguments are not kept (leave out --unsent)");

    catch_interruptions();
    catch_deadly_signals();
    Fd input;
    if (request.messages.empty())
        input = IPC_TRY(open_input(request.input.value_or("-")));
    std::optional<UnsentFile> unsent;
    if (request.unsent)
        unsent = IPC_TRY(UnsentFile::open(*request.unsent, input.get()));
    Result<Queue> opened = Queue::open(request.address, Access::write);
    const Result<ipc_queue_status> status = opened ? opened->status() : Result<ipc_queue_status>(opened.error());
    if (!status)
        return end(unsent, status.error(), request, {}, input.get());
    Queue queue = std::move(opened).value();
    const std::uint64_t most = status.value().max_message_size;
    const std::uint64_t largest = request.map_over ? largest_mapped : most;
    RecordReader reader(input.get(), framing, largest);
    Sender sender(queue, request, timeout);
    Result<void> sent;
    if (request.map_over)
        sent = sender.map_over(std::min(*request.map_over, most));
    if (sent)
        sent = input ? send_input(request, framing, reader, sender) : send_arguments(request, largest, sender);
    if (!sent)
        return end(unsent, sent.error(), request,
                   unsent ? reader.rest(reader.given() - sender.sent()) : std::span<const std::byte>(), input.get());
    if (request.verbose)
        command.note(sender.summary());
    return status::done;
}

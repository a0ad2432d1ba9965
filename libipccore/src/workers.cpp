// SPDX-License-Identifier: MIT
#include "workers.hpp"

#include "attempt.hpp"
#include "error.hpp"
#include "interruption.hpp"
#include "memory_reserve.hpp"
#include "message_json.hpp"
#include "plugins.hpp"
#include "printable.hpp"

#include <sys/wait.h>

#include <algorithm>
#include <csignal>
#include <cstring>
#include <ctime>
#include <limits>
#include <new>

namespace ipc {

namespace {

using namespace std::chrono_literals;

/// So many messages that were given up are held for their way back; then something is wrong with more than they.
constexpr std::size_t most_aside = 1000;

std::chrono::nanoseconds pause_behind(unsigned attempts)
{
    return std::min<std::chrono::nanoseconds>(100ms * (1 << std::min(attempts - 1, 10u)), 10s);
}

std::int64_t wall_clock()
{
    using namespace std::chrono;
    return duration_cast<nanoseconds>(system_clock::now().time_since_epoch()).count();
}

std::string attempts_text(unsigned attempts)
{
    return attempts > 1 ? fmt::format(", after {} attempts", attempts) : std::string();
}

void sleep_for(std::int64_t nanoseconds)
{
    const timespec time = {nanoseconds / 1'000'000'000, long(nanoseconds % 1'000'000'000)};
    ::nanosleep(&time, nullptr);
}

} // namespace

Workers::Workers(Queue &queue, Work work, Executable executable, std::uint64_t largest)
    : queue_(&queue), large_(queue), work_(std::move(work)), executable_(std::move(executable)),
      name_(printable(work_.program.front())), largest_(largest), workers_(work_.workers), left_(work_.messages)
{
}

Result<Workers> Workers::create(Queue &queue, Work work, Executable executable)
{
    const std::uint64_t largest = IPC_TRY(queue.status()).max_message_size;
    Workers workers(queue, std::move(work), std::move(executable), largest);
    if (largest < std::numeric_limits<std::int64_t>::max())
        workers.room_.reset(new (std::nothrow) std::byte[std::max<std::uint64_t>(largest, 1)]);
    if (!workers.room_)
        return failure(ENOMEM, "no memory for a message, which may have {} bytes here", largest);
    workers.aside_.reserve(most_aside + workers.workers_.size());
    return workers;
}

Result<int> Workers::run()
{
    catch_child_ends();
    for (bool goes_on = true; goes_on;) {
        try {
            goes_on = step();
        } catch (const std::bad_alloc &) {
            stop(out_of_memory());
            set_waiting_aside();
        }
    }
    give_back();
    return outcome();
}

/// False if nothing is left to be done.
bool Workers::step()
{
    heed_signals();
    reap();
    start_due();
    const std::size_t free = free_workers();
    if (free && takes())
        take();
    else if (free < workers_.size())
        wait_for_end();
    else
        return false;
    return true;
}

std::size_t Workers::free_workers() const
{
    return std::size_t(std::ranges::count_if(workers_, [](const Worker &worker) { return !worker.message; }));
}

void Workers::heed_signals()
{
    if (!interrupted())
        return;
    const int signal = take_interruption();
    passed_on_ = stopped_by_;
    if (!stopped_by_)
        stopped_by_ = signal;
    taking_ = false;
    for (const Worker &worker : workers_)
        if (worker.process && passed_on_)
            ::kill(-worker.process, signal);
    set_waiting_aside();
}

void Workers::set_waiting_aside()
{
    for (Worker &worker : workers_)
        if (worker.message && !worker.process)
            set_aside(worker);
}

void Workers::reap()
{
    if (!take_child_end())
        return;
    int status;
    for (pid_t process; (process = ::waitpid(-1, &status, WNOHANG)) != 0;)
        if (process > 0)
            ended(process, status);
        else if (errno != EINTR)
            return lose_sight(errno);
}

/// Nothing tells any more how the commands end that run: their messages count as not worked on.
void Workers::lose_sight(int code)
{
    for (Worker &worker : workers_) {
        if (!worker.process)
            continue;
        worker.process = 0;
        set_aside(std::move(*worker.message));
        worker.message.reset();
        stop(failure(code, "how {} ends cannot be learnt: {}", name_, std::strerror(code)));
    }
}

void Workers::start_due()
{
    for (Worker &worker : workers_)
        if (worker.message && !worker.process && worker.due <= Clock::now())
            begin(worker);
}

/// As many messages as there are free workers. Only the first is waited for; on their way to the disk they are
/// together.
void Workers::take()
{
    std::vector<TakenMessage> messages;
    const std::size_t free = free_workers();
    messages.reserve(free);
    while (messages.size() < free && takes()) {
        Result<TakenMessage> message = next(messages.empty() ? patience() : 0);
        if (!message && messages.empty() && !is_early(message.error()))
            stop(message.error());
        if (!message)
            break;
        messages.push_back(std::move(*message));
        limit_.reset();
        --left_;
    }
    if (work_.journal && !messages.empty())
        if (const Result<void> lasting = work_.journal->sync(); !lasting)
            stop(lasting.error());
    hand_out(std::move(messages));
}

/// Until one of the commands ends, or the pause of a message, or a signal comes.
void Workers::wait_for_end()
{
    const std::int64_t timeout = until_due();
    const bool runs = std::ranges::any_of(workers_, [](const Worker &worker) { return worker.process; });
    if (!runs)
        return sleep_for(std::max<std::int64_t>(timeout, 0));
    if (timeout != IPC_FOREVER)
        wait_deadline(timeout);
    int status;
    const pid_t process = ::waitpid(-1, &status, 0);
    const int code = errno;
    if (timeout != IPC_FOREVER)
        wait_deadline(IPC_FOREVER);
    if (process > 0)
        ended(process, status);
    else if (code != EINTR)
        lose_sight(code);
}

/// Nanoseconds until the next attempt at a message, IPC_FOREVER if none waits for one.
std::int64_t Workers::until_due() const
{
    std::int64_t least = IPC_FOREVER;
    for (const Worker &worker : workers_)
        if (worker.message && !worker.process) {
            const std::int64_t left = std::max<std::int64_t>((worker.due - Clock::now()) / 1ns, 1);
            least = least == IPC_FOREVER ? left : std::min(least, left);
        }
    return least;
}

/// How long to wait for a message now. What disturbs a wait does not make it longer.
std::int64_t Workers::patience()
{
    if (work_.timeout == 0)
        return 0;
    const std::int64_t due = until_due();
    if (work_.timeout == IPC_FOREVER)
        return due;
    if (!limit_)
        limit_ = Clock::now() + std::chrono::nanoseconds(std::min(work_.timeout, std::int64_t(1) << 60));
    const std::int64_t left = std::max<std::int64_t>((*limit_ - Clock::now()) / 1ns, 1);
    return due == IPC_FOREVER ? left : std::min(left, due);
}

/// Did the wait end for another reason than that the message did not come in time?
bool Workers::is_early(const Error &error) const
{
    if (error.code() == ETIMEDOUT)
        return !limit_ || Clock::now() < *limit_;
    return error.code() == EINTR;
}

Result<TakenMessage> Workers::next(std::int64_t timeout)
{
    TakenMessage taken;
    if (work_.journal && work_.journal->left()) {
        taken = work_.journal->take_left();
    } else {
        IPC_TRY(keep_memory_reserve());
        Message message = {};
        message.size = sizeof message;
        message.bytes = room_.get();
        message.capacity = largest_;
        const DisturbedByChildren disturbed;
        IPC_TRY(queue_->receive(message, timeout));
        if (const Result<void> kept = within_memory([&] { return keep(message, taken); }); !kept) {
            unkept_ = message;
            stop(kept.error());
            return kept.error();
        }
    }
    taken.index = ++taken_;
    return taken;
}

/// In memory of its own, and in the journal. Until both are done the room that it was received in has it.
Result<void> Workers::keep(const Message &message, TakenMessage &taken)
{
    const Result<std::optional<LargeMessageReader::Payload>> payload = large_.find(payload_of(message));
    if (!payload && payload.error().code() != EBADMSG)
        return payload.error();
    if (!payload)
        taken.obstacle = payload.error().text();
    if (payload && payload.value())
        taken.bytes = IPC_TRY(read_payload(*payload.value()));
    else
        taken.bytes.assign(static_cast<const char *>(message.bytes), message.length);
    taken.fields = message.fields;
    taken.priority = message.priority;
    taken.type = message.type;
    taken.time = wall_clock();
    if (work_.journal && taken.obstacle.empty())
        IPC_TRY(work_.journal->add(taken));
    large_.release();
    return {};
}

void Workers::hand_out(std::vector<TakenMessage> messages)
{
    auto worker = workers_.begin();
    for (TakenMessage &message : messages) {
        if (!taking_) { // the journal, or the command, failed
            set_aside(std::move(message));
            continue;
        }
        worker = std::find_if(worker, workers_.end(), [](const Worker &candidate) { return !candidate.message; });
        worker->message = std::move(message);
        worker->attempts = 0;
        begin(*worker);
    }
}

void Workers::begin(Worker &worker)
{
    if (const std::string obstacle = worker.message->obstacle; !obstacle.empty())
        return give_up(worker, obstacle, status::failed);
    ++worker.attempts;
    const Result<pid_t> process = within_memory([&] {
        const Attempt attempt = {queue_->address().text(), worker.attempts, std::size_t(&worker - workers_.data()) + 1};
        return start(executable_, work_.program, *worker.message, attempt);
    });
    if (process) {
        worker.process = process.value();
    } else if (is_unfit(process.error())) {
        give_up(worker, process.error().text(), status::failed);
    } else {
        stop(process.error());
        set_aside(worker);
    }
}

void Workers::ended(pid_t process, int wait_status)
{
    const auto worker = std::ranges::find(workers_, process, &Worker::process);
    if (worker == workers_.end())
        return; // a child that was here before this program was
    worker->process = 0;
    if (wait_status == 0)
        return finish(*worker);
    // Who ended the command along with this one did not mean the message.
    const bool retry = worker->attempts <= work_.retries;
    if (stopped_by_ && (retry || passed_on_ || WIFSIGNALED(wait_status))) {
        set_aside(*worker);
    } else if (retry) {
        try_again(*worker, describe_end(wait_status));
    } else {
        give_up(*worker, describe_end(wait_status), shell_status(wait_status));
    }
}

void Workers::try_again(Worker &worker, const std::string &reason)
{
    const std::chrono::nanoseconds pause = pause_behind(worker.attempts);
    worker.due = Clock::now() + pause;
    if (work_.verbose)
        notice(fmt::format("message {}: {}: {}, attempt {} of {} in {} s", worker.message->index, name_, reason,
                           worker.attempts + 1, work_.retries + 1, double(pause / 1ms) / 1000));
}

void Workers::give_up(Worker &worker, const std::string &reason, int status)
{
    TakenMessage message = std::move(*worker.message);
    worker.message.reset();
    ++failed_;
    last_status_ = status;
    const Result<bool> buried = within_memory([&] {
        return bury(message, {reason, status, worker.attempts, queue_->address().text()});
    });
    if (!buried)
        stop(buried.error());
    if (buried && buried.value())
        forget(message);
    else
        set_aside(std::move(message));
}

/// Tell of it, and send it to the dead letters: did it get there? ENOMEM if memory ran out over it.
Result<bool> Workers::bury(const TakenMessage &message, const FailedWork &failed)
{
    const std::string text =
        fmt::format("message {}: {}: {}{}", message.index, name_, failed.reason, attempts_text(failed.attempts));
    if (!work_.dead_letters) {
        notice(text);
        return false;
    }
    const Result<void> sent = within_memory([&] { return work_.dead_letters->send(message, failed); });
    notice(sent ? fmt::format("{} (it went to {})", text, work_.dead_letters->address().text())
                : fmt::format("{}; it is kept, for it could not be sent to {}", text, sent.error().text()));
    return sent.ok();
}

void Workers::set_aside(TakenMessage message)
{
    aside_.push_back(std::move(message));
    if (aside_.size() == most_aside && taking_)
        stop(failure(EBUSY, "{} messages were given up and are in hand (give them a queue of their own: --dead-letter)",
                     most_aside));
}

void Workers::set_aside(Worker &worker)
{
    TakenMessage message = std::move(*worker.message);
    worker.message.reset();
    set_aside(std::move(message));
}

void Workers::finish(Worker &worker)
{
    ++done_;
    last_status_ = 0;
    forget(*worker.message);
    worker.message.reset();
}

void Workers::forget(TakenMessage &message)
{
    if (!work_.journal)
        return;
    if (const Result<void> done = within_memory([&] { return work_.journal->done(message); }); !done)
        stop(done.error());
}

/// Take no more; the first reason counts.
void Workers::stop(const Error &error)
{
    taking_ = false;
    if (!end_)
        end_ = error;
}

bool Workers::put_back(const Message &message)
{
    const Result<void> back = within_memory([&] { return queue_->put_back(message); });
    if (!back)
        refusal_ = back.error();
    return back.ok();
}

/// In the order in which they were taken; what is back is in hand no more.
std::size_t Workers::return_aside()
{
    const bool in_front = queue_->features() & IPC_QUEUE_FRONT; // the last to go back is then the first
    const auto return_unkept = [this] {
        const bool back = unkept_ && put_back(*unkept_);
        if (back)
            unkept_.reset();
        return std::size_t(back);
    };
    std::size_t returned = in_front ? return_unkept() : 0;
    std::ranges::sort(aside_, {}, &TakenMessage::index);
    if (in_front)
        std::ranges::reverse(aside_);
    for (TakenMessage &message : aside_) {
        // Whoever takes one next could not be given a payload that is gone either.
        if (!message.obstacle.empty() || !put_back(message.raw()))
            continue;
        forget(message);
        message.index = 0;
        ++returned;
    }
    return returned + (in_front ? 0 : return_unkept());
}

void Workers::give_back()
{
    heed_signals(); // it is over anyway, and a signal would only keep messages from going back
    free_memory_reserve();
    const std::size_t returned = return_aside();
    std::size_t kept = 0, lost = unkept_ ? 1 : 0;
    for (const TakenMessage &message : aside_)
        if (message.index)
            ++(message.entry ? kept : lost);
    const std::string reason = refusal_ ? fmt::format(" ({})", refusal_->text()) : std::string();
    if (returned)
        notice(fmt::format("messages put back: {}", returned));
    if (kept)
        notice(fmt::format("messages that stay in {} for the next start: {}{}", printable(work_.journal->path()), kept,
                           reason));
    if (lost)
        notice(fmt::format("received messages that could be neither worked on nor put back: {}, which follow as JSON "
                           "Lines for mqsend --json{}",
                           lost, reason));
    for (const TakenMessage &message : aside_)
        if (message.index && !message.entry)
            write_lost_message(message.view());
    if (unkept_)
        write_lost_message({payload_of(*unkept_), unkept_->fields, unkept_->priority, unkept_->type});
}

Result<int> Workers::outcome() const
{
    if (stopped_by_) {
        end_by_signal(stopped_by_);
        return 128 + stopped_by_;
    }
    const bool in_vain = end_ && (end_->code() == EAGAIN || end_->code() == ETIMEDOUT);
    if (end_ && !in_vain)
        return *end_;
    if (failed_)
        return work_.messages == 1 ? last_status_ : status::failed;
    if (end_)
        return *end_;
    return status::done;
}

} // namespace ipc

// SPDX-License-Identifier: MIT
// A command run for each message of a queue, several at once.
#pragma once

#include "dead_letters.hpp"
#include "execution.hpp"
#include "journal.hpp"
#include "large_messages.hpp"
#include "queue.hpp"
#include "taken_message.hpp"

#include <ipc/result.hpp>

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace ipc {

/// What is to be done.
struct Work {
    std::vector<std::string> program;   // found as `executable`
    std::size_t workers = 1;            // so many at once
    unsigned retries = 0;               // attempts at a message after the first
    std::uint64_t messages = 1;         // to take
    std::int64_t timeout = IPC_FOREVER; // for each message
    DeadLetters *dead_letters = nullptr;
    Journal *journal = nullptr;
    bool verbose = false;
};

/// Takes a message when a worker is free for it, so that there are never more in hand than workers, and those whose
/// work failed. A message is done when the command ends with status 0. One that is given up goes to the dead letters;
/// without them, or where they do not take it, it goes back to the queue at the end, else it stays in the journal, else
/// it is printed on stderr as a line of JSON. A message that waits for its next attempt keeps its worker, and so one
/// worker keeps the order.
///
/// Once interrupted() no more messages are taken, and commands that run may end; a second signal is passed on to them.
/// Signals must be caught (catch_interruptions).
class Workers {
public:
    /// `queue` and all that `work` points to are the caller's and outlive this.
    static Result<Workers> create(Queue &queue, Work work, Executable executable);

    /// Until all messages that were to be taken are done or given up. The status to end with: 0; 1 if any was given up,
    /// or the command's own if only one was to be taken; 128 + signal. An error ended the taking early, and EAGAIN or
    /// ETIMEDOUT say that no more came.
    Result<int> run();

    std::uint64_t done() const { return done_; }
    std::uint64_t failed() const { return failed_; }

private:
    using Clock = std::chrono::steady_clock;
    struct Worker {
        std::optional<TakenMessage> message; // none: it is free
        pid_t process = 0;                   // 0 with a message: it waits for its next attempt
        unsigned attempts = 0;
        Clock::time_point due = {}; // of the next attempt
    };

    Workers(Queue &queue, Work work, Executable executable, std::uint64_t largest);

    bool takes() const { return taking_ && left_ > 0; }
    std::size_t free_workers() const;
    void heed_signals();
    void reap();
    void lose_sight(int code);
    void start_due();
    void take();
    void wait_for_end();

    std::int64_t until_due() const;
    std::int64_t patience();
    bool is_early(const Error &error) const;
    Result<TakenMessage> next(std::int64_t timeout);
    Result<void> keep(const Message &message, TakenMessage &taken);
    void hand_out(std::vector<TakenMessage> messages);

    void begin(Worker &worker);
    void ended(pid_t process, int wait_status);
    void try_again(Worker &worker, const std::string &reason);
    void give_up(Worker &worker, const std::string &reason, int status);
    Result<bool> bury(const TakenMessage &message, const FailedWork &failed);
    void set_aside(TakenMessage message);
    void set_aside(Worker &worker);
    void set_waiting_aside();
    void finish(Worker &worker);
    void forget(TakenMessage &message);
    void stop(const Error &error);

    bool step();
    void give_back();
    bool put_back(const Message &message);
    std::size_t return_aside();
    Result<int> outcome() const;

    Queue *queue_;
    LargeMessageReader large_;
    Work work_;
    Executable executable_;
    std::string name_; // of the command, printable
    std::uint64_t largest_;
    std::unique_ptr<std::byte[]> room_; // where messages are received
    std::vector<Worker> workers_;
    std::vector<TakenMessage> aside_; // to go back at the end; with room for all that may be in hand
    std::optional<Message> unkept_;   // what was received last, and stays in room_ to go back from there
    bool taking_ = true;
    std::uint64_t left_;
    std::optional<Clock::time_point> limit_; // of the wait for a message that goes on
    int stopped_by_ = 0;                     // the signal
    bool passed_on_ = false;                 // to the commands
    std::optional<Error> end_;
    std::optional<Error> refusal_; // of the queue to take a message back
    std::uint64_t taken_ = 0, done_ = 0, failed_ = 0;
    int last_status_ = 0; // of the command
};

} // namespace ipc

// SPDX-License-Identifier: MIT
// Messages on disk from when they were taken until they are done: what was in hand in a crash is worked on again.
#pragma once

#include "address.hpp"
#include "taken_message.hpp"

#include <ipc/fd.hpp>
#include <ipc/result.hpp>

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <string_view>

namespace ipc {

/// A file of one queue, for one process at a time. Move-only; what is not done when it goes is found by the next one.
/// See journal_format.hpp.
///
/// What is done is cleared away by writing what is not to a new file beside it, which takes its place. That has no name
/// until it is whole, or where the file system cannot do so one that is drawn with the journal:
/// `.ipc-journal-` and 16 hexadecimal digits. What a run that was killed has left under it is removed, if it is ours.
class Journal {
public:
    /// Make it or take it up again. Refuses, and leaves as it is: what is no journal, that of another queue, one that
    /// another process works with (EBUSY), and one with sound records behind a damaged one. A record that was cut off
    /// at the end is dropped, with a notice.
    static Result<Journal> open(const std::string &path, const Address &queue);
    Journal(Journal &&) = default;
    Journal &operator=(Journal &&) = delete;
    ~Journal();

    const std::string &path() const { return path_; }

    /// Messages that an earlier run took and did not finish, the oldest first; take_left() hands them out.
    std::size_t left() const { return left_.size(); }
    TakenMessage take_left();

    /// Write a message down, at once behind its taking: from then on it outlives this process, and the machine after
    /// sync(), of which several messages may share one. After an error it is not in the file.
    Result<void> add(TakenMessage &message);
    Result<void> sync();
    /// Forget a message, which is done. That it lasts is not waited for: a crash of the machine may bring it back.
    Result<void> done(TakenMessage &message);

private:
    struct Place {
        std::uint64_t offset, size; // of the record
    };

    Journal(Fd file, std::string path, std::string address)
        : file_(std::move(file)), path_(std::move(path)), address_(std::move(address))
    {
    }
    Error error(std::string_view what, int code) const;
    Result<void> begin();
    Result<void> take_up(std::string_view contents);
    Result<bool> is_new(std::string_view start) const;
    Result<void> recover(std::string_view contents);
    std::string header() const;
    std::uint64_t start() const; // of the records
    Result<void> append(std::string_view first, std::string_view second = {}, std::string_view third = {});
    Result<void> shorten(std::uint64_t size);
    std::string side_path() const;
    void remove_side_file() const;
    Result<void> rewrite();
    void tidy();

    Fd file_;
    std::string path_;
    std::string address_;
    std::uint64_t number_ = 0; // drawn for this file: no bytes from elsewhere pass for a record
    std::uint64_t end_ = 0;    // of the last record
    std::uint64_t next_entry_ = 1;
    std::map<std::uint64_t, Place> pending_; // by entry
    std::uint64_t pending_bytes_ = 0;
    std::deque<TakenMessage> left_;
};

} // namespace ipc

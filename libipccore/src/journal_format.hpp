// SPDX-License-Identifier: MIT
// What stands in the file of a journal. Numbers are the machine's own, all is filled up to 8 bytes.
#pragma once

#include "taken_message.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace ipc::journal {

/// In front: what the file is and a number drawn for it, so that no bytes from elsewhere pass for one of its records.
/// Behind it stands the address of the queue.
struct Header {
    char magic[16];
    std::uint64_t number;
    std::uint32_t version, address_length;
    std::uint32_t checksum, reserved;
};

inline constexpr Header header_form = {
    {'i', 'p', 'c', 'u', 't', 'i', 'l', 's', '-', 'j', 'o', 'u', 'r', 'n', 'a', 'l'}, 0, 1, 0, 0, 0};

/// In front of the bytes of a message. The checksum (CRC-32, begun with the file's number) covers what stands behind
/// it; the state is overwritten where it stands when the message is done, for which no disk is too full.
struct RecordHead {
    std::uint32_t state, checksum;
    std::uint64_t length;
    std::int64_t type, time;
    std::uint32_t fields, priority;
};

inline constexpr std::uint32_t pending_state = 0x444e4550, done_state = 0x454e4f44; // "PEND", "DONE"

struct Record {
    RecordHead head;
    std::string_view bytes;
    std::uint64_t size; // of all
};

constexpr std::uint64_t aligned(std::uint64_t size) { return (size + 7) / 8 * 8; }

/// A header with an address of so many bytes behind it.
constexpr std::uint64_t header_size(std::uint64_t address_length) { return sizeof(Header) + aligned(address_length); }
/// With the address, as it begins a file.
std::string header(std::uint64_t number, std::string_view address);
/// Does it belong to the address that was read behind it?
bool is_sound(const Header &header, std::string_view address);

/// What stands in front of the bytes of a message that is not done; behind them is filled up to aligned().
RecordHead record_head(std::uint64_t number, const TakenMessage &message);
/// The sound record at `offset`, if there is one. Borrows from `contents`.
std::optional<Record> record_at(std::string_view contents, std::uint64_t offset, std::uint64_t number);
/// Is there a sound one anywhere behind?
bool has_record_behind(std::string_view contents, std::uint64_t offset, std::uint64_t number);
TakenMessage message_of(const Record &record);

} // namespace ipc::journal

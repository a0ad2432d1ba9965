// SPDX-License-Identifier: MIT
#include "journal_format.hpp"

#include <boost/crc.hpp>

#include <cstring>

namespace ipc::journal {

namespace {

constexpr std::uint64_t alignment = aligned(1);

template <typename Struct> std::string_view image(const Struct &value)
{
    return {reinterpret_cast<const char *>(&value), sizeof value};
}

std::uint32_t checksum(std::uint64_t number, std::string_view first, std::string_view second)
{
    boost::crc_32_type crc;
    crc.process_bytes(&number, sizeof number);
    crc.process_bytes(first.data(), first.size());
    crc.process_bytes(second.data(), second.size());
    return crc.checksum();
}

std::uint32_t checksum_of(const Header &header, std::string_view address)
{
    return checksum(header.number, image(header).substr(0, offsetof(Header, checksum)), address);
}

std::uint32_t checksum_of(std::uint64_t number, const RecordHead &head, std::string_view bytes)
{
    return checksum(number, image(head).substr(offsetof(RecordHead, length)), bytes);
}

} // namespace

std::string header(std::uint64_t number, std::string_view address)
{
    Header header = header_form;
    header.number = number;
    header.address_length = std::uint32_t(address.size());
    header.checksum = checksum_of(header, address);
    std::string text(image(header));
    text += address;
    text.resize(aligned(text.size()));
    return text;
}

bool is_sound(const Header &header, std::string_view address)
{
    return header.checksum == checksum_of(header, address);
}

RecordHead record_head(std::uint64_t number, const TakenMessage &message)
{
    RecordHead head = {pending_state,   0, message.bytes.size(), message.type, message.time, message.fields,
                       message.priority};
    head.checksum = checksum_of(number, head, message.bytes);
    return head;
}

std::optional<Record> record_at(std::string_view contents, std::uint64_t offset, std::uint64_t number)
{
    Record record;
    contents.remove_prefix(offset);
    if (contents.size() < sizeof record.head)
        return std::nullopt;
    std::memcpy(&record.head, contents.data(), sizeof record.head);
    contents.remove_prefix(sizeof record.head);
    if (record.head.length > contents.size() || aligned(record.head.length) > contents.size() ||
        (record.head.state != pending_state && record.head.state != done_state))
        return std::nullopt;
    record.bytes = contents.substr(0, record.head.length);
    record.size = sizeof record.head + aligned(record.head.length);
    if (record.head.checksum != checksum_of(number, record.head, record.bytes))
        return std::nullopt;
    return record;
}

bool has_record_behind(std::string_view contents, std::uint64_t offset, std::uint64_t number)
{
    for (offset += alignment; offset < contents.size(); offset += alignment)
        if (record_at(contents, offset, number))
            return true;
    return false;
}

TakenMessage message_of(const Record &record)
{
    TakenMessage message;
    message.bytes = record.bytes;
    message.fields = record.head.fields;
    message.priority = record.head.priority;
    message.type = record.head.type;
    message.time = record.head.time;
    message.recovered = true;
    return message;
}

} // namespace ipc::journal

// SPDX-License-Identifier: MIT
#include "large_messages.hpp"

#include "atomic_word.hpp"
#include "error.hpp"
#include "guarded_access.hpp"
#include "memory_reserve.hpp"
#include "process.hpp"
#include "processes.hpp"
#include "snapshot.hpp"

#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <charconv>

namespace ipc {
namespace {

constexpr std::string_view whitespace = " ";

Result<std::array<char, large_message_digits>> random_digits()
{
    std::array<unsigned char, large_message_digits / 2> bytes;
    if (getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size()))
        return Error::system("getrandom");
    std::array<char, large_message_digits> digits;
    for (std::size_t i = 0; i < bytes.size(); i++)
        fmt::format_to_n(digits.data() + 2 * i, 2, "{:02x}", bytes[i]);
    return digits;
}

std::string_view text_of(const std::array<char, large_message_digits> &digits)
{
    return {digits.data(), digits.size()};
}

/// A plugin whose segments may carry payloads, and can say what exists.
Result<std::string> payload_mechanism()
{
    for (const FoundPlugin &found : find_plugins())
        if (found.plugin && found.plugin->segment() && found.plugin->inspect() &&
            (found.plugin->segment()->features & IPC_SEGMENT_PAYLOADS))
            return found.mechanism;
    return failure(ENOTSUP, "no mechanism has segments for large messages (ipcls --plugins shows what there is)");
}

Result<AtomicWord> state_word(Segment &segment)
{
    const WordType type = IPC_TRY(WordType::parse("u32"));
    return AtomicWord::open(segment, {type, offsetof(LargeMessageHeader, state)});
}

constexpr WordBits bits(LargeMessageState state) { return static_cast<WordBits>(state); }

/// Change the state from one to the other; false if it was another one.
Result<bool> change(Segment &segment, LargeMessageState from, LargeMessageState to)
{
    AtomicWord word = IPC_TRY(state_word(segment));
    return IPC_TRY(word.compare_exchange(bits(from), bits(to))) == bits(from);
}

/// Into a segment that this process made and has mapped: neither a system call nor a pinned page for it.
Result<void> fill(Segment &segment, const LargeMessageHeader &header, std::span<const std::byte> payload)
{
    const std::span<std::byte> memory = IPC_TRY(segment.map());
    if (memory.size() < large_message_payload + payload.size())
        return failure(EIO, "{}: somebody made it smaller (send again)", segment.address().text());
    const Result<void> done = guarded_access(memory, [&] {
        std::memcpy(memory.data() + large_message_payload, payload.data(), payload.size());
        std::memcpy(memory.data(), &header, sizeof header);
    });
    return done ? done : located(segment.address().text(), done.error());
}

template <typename Record> std::optional<Record> read_record(Segment &segment)
{
    Record record;
    const Result<std::size_t> count = segment.read(0, std::as_writable_bytes(std::span(&record, 1)));
    return count && count.value() == sizeof record ? std::optional(record) : std::nullopt;
}

/// One that somebody removed would be found by no receiver.
bool has_name(const Segment &segment)
{
    const Result<ipc_segment_status> status = segment.status();
    struct stat file = {};
    return status && fstat(status.value().descriptor, &file) == 0 && file.st_nlink > 0;
}

/// 0 if it is not known.
std::uint64_t own_namespace(const char *link)
{
    struct stat status;
    return stat(link, &status) == 0 ? status.st_ino : 0;
}

bool is_of_queue(const LargeMessageHeader &header, const ipc_identity &queue)
{
    return header.queue_space == queue.space && header.queue_device == queue.device &&
           header.queue_number == queue.number;
}

} // namespace

Result<LargeMessagePool> LargeMessagePool::create(const Queue &queue)
{
    LargeMessageHeader header = {};
    header.magic = large_message_magic;
    header.header_bytes = sizeof header;
    header.sender = getpid();
    header.process_space = own_namespace("/proc/self/ns/pid");
    header.ipc_space = own_namespace("/proc/self/ns/ipc");
    if (const std::optional<Process> self = find_process(getpid()))
        header.sender_started = self->start;
    const ipc_identity identity = IPC_TRY(queue.status()).identity;
    header.queue_space = identity.space;
    header.queue_device = identity.device;
    header.queue_number = identity.number;
    header.queue_birth = identity.birth;
    fmt::format_to_n(header.queue, sizeof header.queue - 1, "{}", queue.address().text());
    return LargeMessagePool(IPC_TRY(payload_mechanism()), header);
}

LargeMessagePool::~LargeMessagePool()
{
    for (const std::unique_ptr<Slot> &slot : slots_) {
        const Result<bool> left = change(slot->segment, LargeMessageState::in_flight, LargeMessageState::last);
        if (!left || !left.value())
            (void)slot->segment.remove();
    }
}

Result<LargeMessagePool::Slot *> LargeMessagePool::find_free(std::uint64_t bytes)
{
    for (const std::unique_ptr<Slot> &slot : slots_) {
        if (slot->capacity < bytes)
            continue;
        AtomicWord state = IPC_TRY(state_word(slot->segment));
        if (IPC_TRY(state.load()) == bits(LargeMessageState::free) && has_name(slot->segment))
            return slot.get();
    }
    return nullptr;
}

Result<LargeMessagePool::Slot *> LargeMessagePool::add_slot(std::uint64_t bytes)
{
    const std::array<char, large_message_digits> name = IPC_TRY(random_digits());
    // Rounded up, so that messages of about one size find each other's segments.
    const std::uint64_t capacity = std::bit_ceil(std::max(bytes, large_message_payload)) / 8;
    const std::uint64_t room = (bytes + capacity - 1) / capacity * capacity;
    const Address address = {mechanism_, fmt::format("/{}{}", large_message_prefix, text_of(name)), {}};
    Segment segment = IPC_TRY(Segment::create(address, large_message_payload + room, {}));
    auto slot = std::make_unique<Slot>(
        Slot{std::move(segment), room, fmt::format("{} {}", large_message_word, address.text())});
    return slots_.emplace_back(std::move(slot)).get();
}

Result<LargeMessagePool::Slot *> LargeMessagePool::free_slot(std::uint64_t bytes, std::int64_t timeout)
{
    if (Slot *slot = IPC_TRY(find_free(bytes)))
        return slot;
    // One that is free and too small makes room for a larger one.
    const auto is_free = [](const std::unique_ptr<Slot> &slot) {
        Result<bool> taken = change(slot->segment, LargeMessageState::free, LargeMessageState::in_flight);
        return taken && taken.value();
    };
    if (slots_.size() < segments)
        return add_slot(bytes);
    if (const auto small = std::find_if(slots_.begin(), slots_.end(), is_free); small != slots_.end()) {
        (void)(*small)->segment.remove();
        slots_.erase(small);
        return add_slot(bytes);
    }
    AtomicWord state = IPC_TRY(state_word(slots_.front()->segment)); // the oldest, most likely the next to be read
    const AtomicWord::Waited waited =
        IPC_TRY(state.wait([](WordBits now) { return now == bits(LargeMessageState::free); }, timeout));
    if (!waited.holds)
        return failure(timeout ? ETIMEDOUT : EAGAIN, "{} large messages are on their way and none was received",
                       segments);
    std::rotate(slots_.begin(), slots_.begin() + 1, slots_.end());
    return free_slot(bytes, 0);
}

Result<std::string> LargeMessagePool::put(std::span<const std::byte> bytes, std::int64_t timeout)
{
    Slot *slot = IPC_TRY(free_slot(bytes.size(), timeout));
    LargeMessageHeader header = header_;
    header.state = LargeMessageState::in_flight;
    header.length = bytes.size();
    header.nonce = IPC_TRY(random_digits());
    IPC_TRY(fill(slot->segment, header, bytes));
    last_ = slot;
    return fmt::format("{} {} {}\n", slot->reference, bytes.size(), text_of(header.nonce));
}

void LargeMessagePool::take_back()
{
    if (last_)
        (void)change(last_->segment, LargeMessageState::in_flight, LargeMessageState::free);
    last_ = nullptr;
}

/// A reference taken apart; points into the message.
struct LargeMessageReader::Reference {
    std::string_view address;
    std::uint64_t length;
    std::string_view nonce;
};

/// Is a segment that cannot be opened there all the same, for another user or another time?
static bool may_pass(const Error &error)
{
    constexpr std::array codes = {EACCES, EPERM, EMFILE, ENFILE, ENOMEM, EINTR, EAGAIN};
    return std::ranges::find(codes, error.code()) != codes.end();
}

std::optional<LargeMessageReader::Reference> LargeMessageReader::parse(std::span<const std::byte> message)
{
    std::string_view text(reinterpret_cast<const char *>(message.data()), message.size());
    constexpr std::size_t longest = 256;
    if (text.size() > longest || !text.starts_with(large_message_word) || !text.ends_with('\n'))
        return std::nullopt;
    text.remove_suffix(1);
    std::string_view fields[4];
    for (std::string_view &field : fields) {
        field = text.substr(0, text.find(whitespace));
        text.remove_prefix(std::min(text.size(), field.size() + 1));
    }
    Reference reference = {fields[1], 0, fields[3]};
    const std::string_view number = fields[2];
    const auto [end, code] = std::from_chars(number.data(), number.data() + number.size(), reference.length);
    const std::size_t name = reference.address.find(":/");
    if (fields[0] != large_message_word || !text.empty() || code != std::errc{} ||
        end != number.data() + number.size() || name == reference.address.npos ||
        !is_large_message_name(reference.address.substr(name + 2)) || reference.nonce.size() != large_message_digits)
        return std::nullopt;
    return reference;
}

Result<LargeMessageReader::Known *> LargeMessageReader::open(const std::string &address)
{
    for (const std::unique_ptr<Known> &known : known_)
        if (known->address == address)
            return known.get();
    const Address parsed = IPC_TRY(parse_address(address, segment_family));
    Segment segment = IPC_TRY(Segment::open(parsed, Access::both));
    if (known_.size() == LargeMessagePool::segments)
        known_.erase(known_.begin());
    return known_.emplace_back(std::make_unique<Known>(Known{address, std::move(segment)})).get();
}

Result<bool> LargeMessageReader::is_trusted_owner(const ipc_segment_status &segment)
{
    struct stat file = {};
    if (segment.descriptor < 0)
        return false;
    if (fstat(segment.descriptor, &file) != 0)
        return Error::system("its owner is not known");
    if (file.st_uid == geteuid() || file.st_uid == 0)
        return true;
    if (!owner_) {
        ProcessPass nothing;
        nothing.wanted = 0;
        owner_ = IPC_TRY(look_at(queue_->address(), nothing)).facts.owner;
    }
    return file.st_uid == *owner_;
}

/// Is this what the reference says? EBADMSG if not.
Result<void> LargeMessageReader::check(Segment &segment, const Reference &reference)
{
    const ipc_segment_status status = IPC_TRY(segment.status());
    if (!IPC_TRY(is_trusted_owner(status)))
        return failure(EBADMSG, "it belongs to a user who is neither this one, nor root, nor the owner of the queue");
    const ipc_identity queue = IPC_TRY(queue_->status()).identity;
    LargeMessageHeader header = {};
    if (IPC_TRY(segment.read(0, std::as_writable_bytes(std::span(&header, 1)))) != sizeof header ||
        !is_large_message_header(header) || status.bytes < large_message_payload ||
        reference.length > status.bytes - large_message_payload)
        return failure(EBADMSG, "it is not whole any more");
    if (text_of(header.nonce) != reference.nonce || header.length != reference.length ||
        header.state == LargeMessageState::free)
        return failure(EBADMSG, "it has been received already");
    if (!is_of_queue(header, queue))
        return failure(EBADMSG, "it is a message of another queue");
    return {};
}

Result<std::optional<LargeMessageReader::Payload>> LargeMessageReader::look_up(std::span<const std::byte> message)
{
    current_ = nullptr;
    const std::optional<Reference> reference = parse(message);
    if (!reference)
        return std::optional<Payload>();
    const auto undeliverable = [&](int code, const Error &error) {
        return failure(code, "the large message {} cannot be received: {}", reference->address, error.text());
    };
    const Result<Known *> known = open(std::string(reference->address));
    if (!known)
        return undeliverable(may_pass(known.error()) ? known.error().code() : EBADMSG, known.error());
    Segment &segment = known.value()->segment;
    if (const Result<void> checked = check(segment, *reference); !checked)
        return undeliverable(checked.error().code(), checked.error());
    current_ = known.value();
    return std::optional(Payload{&segment, large_message_payload, reference->length});
}

void LargeMessageReader::release()
{
    if (!current_)
        return;
    const Result<bool> given = within_memory(
        [this] { return change(current_->segment, LargeMessageState::in_flight, LargeMessageState::free); });
    if (!given || !given.value()) { // the last, or one that cannot be used again
        (void)within_memory([this] { return current_->segment.remove(); });
        std::erase_if(known_, [this](const std::unique_ptr<Known> &known) { return known.get() == current_; });
    }
    current_ = nullptr;
}

Result<std::string> read_payload(const LargeMessageReader::Payload &payload)
{
    return within_memory([&]() -> Result<std::string> {
        std::string bytes(payload.length, '\0');
        for (std::uint64_t done = 0; done < payload.length;) {
            const std::size_t count = IPC_TRY(payload.segment->read(
                payload.offset + done, std::as_writable_bytes(std::span(bytes.data() + done, payload.length - done))));
            if (count == 0)
                return failure(EIO, "{}: somebody made it smaller", payload.segment->address().text());
            done += count;
        }
        return bytes;
    });
}

std::size_t remove_large_messages(const ipc_identity &queue)
{
    const Result<std::string> mechanism = payload_mechanism();
    if (!mechanism)
        return 0;
    SnapshotRequest request;
    request.holders = false;
    request.patterns = {fmt::format("{}:/{}*", mechanism.value(), large_message_prefix)};
    std::size_t removed = 0;
    for (const Object &object : take_snapshot(find_plugins(), request).objects) {
        Result<Segment> segment = Segment::open(object.address, Access::read);
        const std::optional<LargeMessageHeader> header =
            segment ? read_record<LargeMessageHeader>(*segment) : std::nullopt;
        if (header && is_large_message_header(*header) && is_of_queue(*header, queue))
            removed += segment->remove().ok();
    }
    return removed;
}

} // namespace ipc

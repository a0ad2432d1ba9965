// SPDX-License-Identifier: MIT
// Two threads that exchange messages through one Ring, built with the thread sanitizer: it compares what happens at one
// address, and so sees nothing of two openers, who have a mapping each. Status 0 if every message came once and whole.
#include <ipc/ring.hpp>

#include <sys/mman.h>

#include <array>
#include <cstdio>
#include <thread>

namespace {

using ipc::Ring;

constexpr unsigned count = 20000;

using Message = std::array<unsigned, 16>;

Message message_of(unsigned number)
{
    Message message;
    message.fill(number);
    return message;
}

/// Some at a time, one at a time, and in place.
void send(Ring &ring)
{
    for (unsigned number = 0; number < count;) {
        const std::array batch = {message_of(number), message_of(number + 1)};
        const std::array<Ring::Bytes, 2> spans = {std::as_bytes(std::span(batch[0])),
                                                  std::as_bytes(std::span(batch[1]))};
        if (number % 5 == 0 && number + 2 <= count) {
            number += unsigned(ring.send_batch(spans).value());
        } else if (number % 5 == 1) {
            auto claim = ring.claim(sizeof(Message)).value();
            std::memcpy(claim.bytes().data(), batch.data(), sizeof(Message));
            number += claim.commit(sizeof(Message)).ok();
        } else {
            number += ring.send(spans[0]).ok();
        }
    }
}

/// The same ways; how many messages were not what had been sent.
unsigned receive(Ring &ring)
{
    unsigned next = 0, wrong = 0;
    const auto take = [&](Ring::Bytes bytes) {
        const Message expected = message_of(next++);
        wrong += bytes.size() != sizeof expected || std::memcmp(bytes.data(), expected.data(), sizeof expected) != 0;
    };
    std::array<std::byte, sizeof(Message)> buffer;
    while (next < count) {
        if (ring.receive(buffer))
            take(buffer);
        (void)ring.receive_batch(take, 0, 3);
        if (auto front = ring.front(0)) {
            take(front->bytes());
            front->take();
        }
    }
    return wrong;
}

} // namespace

int main()
{
    const int file = ::memfd_create("threads", MFD_CLOEXEC);
    if (!Ring::format(file, {.capacity = 4096}))
        return 1;
    auto ring = Ring::adopt(ipc::Fd(file));
    if (!ring)
        return 1;
    std::thread sender([&] { send(*ring); });
    const unsigned wrong = receive(*ring);
    sender.join();
    std::printf("%u of %u messages were wrong\n", wrong, count);
    return wrong ? 1 : 0;
}

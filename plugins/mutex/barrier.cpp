// SPDX-License-Identifier: MIT
// A barrier: under the mutex each who comes enters itself into the list for the present round, and the last one begins
// the next round, with one store, which lets all go. Whoever gives up takes itself out under the mutex while it is
// still its round; who died is not counted when it comes to that.
#include "barrier.hpp"

#include <ipc/futex.hpp>

using namespace ipc;

namespace {

constexpr std::int64_t second = 1'000'000'000;

std::atomic_ref<std::uint32_t> round_of(const MappedImage &image) { return std::atomic_ref(image->round); }

Error vain(int code, std::uint64_t parties)
{
    if (code == EINTR)
        return Error::of(EINTR, "interrupted before all had come");
    if (code == EAGAIN || code == ETIMEDOUT)
        return Error::of(code, "not all %llu came in the time given, so that none went (wait longer, or start more)",
                         static_cast<unsigned long long>(parties));
    if (code == EIDRM || code == EFAULT)
        return loss_error(code);
    return Error::system("waiting for the others", code);
}

bool is_here(const Arrival &arrival, std::uint32_t round)
{
    return arrival.process && arrival.round == round && !has_ended(arrival.process);
}

struct List {
    std::uint64_t present = 0;
    std::uint64_t place = UINT64_MAX; ///< that is free
};

/// Who is there. The processes are looked at only when the list is full but for one: then it matters.
List read_list(const MappedImage &image, std::uint32_t round, bool look)
{
    List list;
    for (std::uint64_t i = 0; i < image.parties(); i++) {
        const Arrival arrival = image->arrivals[i];
        if (look ? is_here(arrival, round) : arrival.process && arrival.round == round)
            list.present++;
        else if (list.place == UINT64_MAX)
            list.place = i;
    }
    return list;
}

/// Enter this process; its place in the list, nothing if it was the last to come, and all go.
std::optional<std::uint64_t> arrive(const MappedImage &image, std::uint32_t round)
{
    List list = read_list(image, round, false);
    if (list.present + 1 >= image.parties())
        list = read_list(image, round, true);
    if (list.present + 1 >= image.parties()) {
        round_of(image).store(round + 1);
        futex_wake(&image->round);
        return std::nullopt;
    }
    image->arrivals[list.place] = {mark_of(::getpid()), round, 0};
    return list.place;
}

/// Until the round is over. Looks again now and then, should the one who ended it have died before it woke the others,
/// or should nobody be able to come any more.
int wait_for_round(const MappedImage &image, std::uint32_t round, int descriptor, const Deadline &deadline)
{
    while (round_of(image).load() == round) {
        if (deadline.over())
            return deadline.code();
        if (const int lost = image.loss(descriptor))
            return lost;
        const int code = futex_sleep(&image->round, round, deadline.left_within(second));
        if (code && code != ETIMEDOUT)
            return code;
    }
    return 0;
}

bool lock(const MappedImage &image, RobustWord &word, int descriptor, const Deadline &deadline, int &code)
{
    code = word.lock(deadline, [&] { return image.loss(descriptor); });
    return code == 0 || code == EOWNERDEAD;
}

/// Take this process out again; false if all have come meanwhile, so that it goes with them.
bool withdraw(const MappedImage &image, RobustWord &word, int descriptor, std::uint32_t round, std::uint64_t place)
{
    int code;
    if (!lock(image, word, descriptor, Deadline(second), code))
        return round_of(image).load() == round; // and it ends at once, after which it does not count
    const bool alone = round_of(image).load() == round;
    if (alone)
        image->arrivals[place].process = {};
    word.unlock();
    return alone;
}

} // namespace

Result<void> meet_at(const MappedImage &image, RobustWord &word, int descriptor, std::int64_t timeout)
{
    const Deadline deadline(timeout), patience(second);
    int code;
    // Who does not want to wait for the others waits for the list all the same.
    if (!lock(image, word, descriptor, deadline.at_once() ? patience : deadline, code))
        return vain(code, image.parties());
    const std::uint32_t round = round_of(image).load();
    const std::optional<std::uint64_t> place = arrive(image, round);
    word.unlock();
    if (!place)
        return {};
    code = wait_for_round(image, round, descriptor, deadline);
    if (code && withdraw(image, word, descriptor, round, *place))
        return vain(code, image.parties());
    return {};
}

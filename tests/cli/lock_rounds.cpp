// SPDX-License-Identifier: MIT
// lock_rounds ADDRESS ROUNDS - lock and unlock inside one process. A name that is missing is made.
#include "semaphore.hpp"

#include <cstdio>
#include <cstdlib>

using namespace ipc;

static Result<void> run(const char *address, long rounds)
{
    const Address parsed = IPC_TRY(parse_address(address, semaphore_family));
    Semaphore semaphore = IPC_TRY(Semaphore::open_or_create(parsed, Purpose::lock, 1, {}));
    for (; rounds > 0; rounds--) {
        static_cast<void>(IPC_TRY(semaphore.lock(0, false, IPC_FOREVER)));
        IPC_TRY(semaphore.unlock());
    }
    return {};
}

int main(int count, char **words)
{
    const Result<void> done = count == 3 ? run(words[1], std::atol(words[2])) : Error::of(EINVAL, "two words");
    if (!done)
        std::fprintf(stderr, "lock_rounds: %s\n", done.error().text());
    return done ? 0 : 1;
}

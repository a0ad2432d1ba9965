// SPDX-License-Identifier: MIT
#include "memory_reserve.hpp"

#include "error.hpp"

#include <sys/uio.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <exception>

namespace ipc {

namespace {

/// Text of errors and a few kilobytes of JSON at a time, behind which a heap grows by more than it is asked for.
constexpr std::size_t reserve_size = 512 * 1024;

std::atomic<void *> reserve = nullptr;

void give_reserve()
{
    void *kept = reserve.exchange(nullptr);
    if (!kept)
        throw std::bad_alloc();
    ::operator delete(kept);
}

[[noreturn]] void end_or_abort()
{
    try {
        if (const std::exception_ptr reason = std::current_exception())
            std::rethrow_exception(reason);
    } catch (const std::bad_alloc &) {
        static char text[] = ": out of memory\n";
        const iovec line[] = {{program_invocation_short_name, std::strlen(program_invocation_short_name)},
                              {text, sizeof text - 1}};
        (void)!::writev(STDERR_FILENO, line, 2);
        std::_Exit(status::failed);
    } catch (...) {
    }
    std::abort();
}

} // namespace

Result<void> keep_memory_reserve()
{
    if (reserve.load(std::memory_order_relaxed))
        return {};
    void *kept = ::operator new(reserve_size, std::nothrow);
    if (!kept)
        return out_of_memory();
    std::set_new_handler(give_reserve);
    reserve = kept;
    return {};
}

void free_memory_reserve() { ::operator delete(reserve.exchange(nullptr)); }

Error out_of_memory() { return Error::of(ENOMEM, "out of memory"); }

void end_without_memory() { std::set_terminate(end_or_abort); }

} // namespace ipc

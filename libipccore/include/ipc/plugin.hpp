// SPDX-License-Identifier: MIT
// ipc/plugin.hpp - what every plugin written in C++ needs: reading an address, talking to the host, the entry.
//
// A plugin is a class per capability (see ipc/segment.hpp, ipc/queue.hpp, ipc/inspect.hpp) and one descriptor:
//
//     constexpr ipc_plugin plugin = {
//         .size = sizeof(ipc_plugin), .abi = IPC_ABI, .id = "posix-shm", …
//         .init = ipc::keep_host, .capability = capability, .check = ipc::guard<check>,
//         .remove = ipc::remove_always<remove>, .remove_unused = ipc::remove_unused<remove>,
//     };
//     IPC_PLUGIN(plugin)
#pragma once

#include <ipc/plugin.h>
#include <ipc/result.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <memory>
#include <new>
#include <string_view>
#include <type_traits>

namespace ipc {

/// The host's services. Set by keep_host(), which every plugin names as its init.
inline const ipc_host *host = nullptr;

inline int keep_host(const ipc_host *services, ipc_error *)
{
    host = services;
    return 0;
}

/// ipc_host::attempt for anything that can be called; a host that has none lets signals end the process.
template <typename Work> int attempt(const void *memory, std::uint64_t length, std::int64_t timeout, Work &&work)
{
    if (!host || host->size < offsetof(ipc_host, attempt) + sizeof host->attempt || !host->attempt) {
        work();
        return 0;
    }
    return host->attempt(
        memory, length, timeout, [](void *context) { (*static_cast<std::remove_reference_t<Work> *>(context))(); },
        std::addressof(work));
}

/// Give the caller, who may be older, as much of a record as it has room for.
template <typename Record> void return_record(const Record &record, Record *into)
{
    const std::uint32_t size = into->size;
    std::memcpy(static_cast<void *>(into), &record, std::min<std::size_t>(size, sizeof record));
    into->size = size;
}

/// Let `work` fill in a whole record, and give the caller of it what it has room for.
template <typename Record, typename Work> Result<void> fill_in(Record *into, Work &&work)
{
    Record record = {};
    std::memcpy(static_cast<void *>(&record), into, std::min<std::size_t>(into->size, sizeof record));
    record.size = sizeof record;
    Result<void> filled = work(record);
    if (filled)
        return_record(record, into);
    return filled;
}

/// Report a Result across the boundary: 0, or fill the caller's error and return its negative code.
template <typename T> int report(const Result<T> &result, ipc_error *error)
{
    if (result.ok())
        return 0;
    return_record(result.error().raw(), error);
    return -result.error().code();
}

/// Run `work`, which returns a Result, and report it. Nothing that it throws gets past here.
template <typename Work> int guarded(ipc_error *error, Work &&work) noexcept
{
    try {
        return report(work(), error);
    } catch (const std::bad_alloc &) {
        return report(Result<void>(Error::of(ENOMEM, "out of memory")), error);
    } catch (...) {
        return report(Result<void>(Error::of(EFAULT, "the plugin failed with an exception")), error);
    }
}

/// Turn `Result<void> function(Arguments...)` into `int (Arguments..., ipc_error *)`, as tables want it. Records
/// are passed by pointer in C and by reference in C++; a pointer that may be NULL stays one.
template <auto Function> struct Guard;
template <typename... Arguments, Result<void> (*Function)(Arguments...)> struct Guard<Function> {
    template <typename T>
    using Crossing = std::conditional_t<std::is_reference_v<T>, std::add_pointer_t<std::remove_reference_t<T>>, T>;
    template <typename T> static T pass(Crossing<T> argument)
    {
        if constexpr (std::is_reference_v<T>)
            return *argument;
        else
            return argument;
    }
    static int call(Crossing<Arguments>... arguments, ipc_error *error)
    {
        return guarded(error, [&] { return Function(pass<Arguments>(arguments)...); });
    }
};
template <auto Function> inline constexpr auto guard = &Guard<Function>::call;

/// What a removal asks for.
struct Removal {
    const ipc_identity *expected = nullptr; ///< not NULL: only the object with this identity
    bool unused = false;                    ///< only if nobody has it: EBUSY, ENOTSUP if that cannot be found out
    bool trial = false;                     ///< find out, and remove nothing
};

/// Both functions of a plugin that remove, by one that takes a Removal.
template <Result<void> (*Remove)(const ipc_address &, const Removal &)>
int remove_always(const ipc_address *address, const ipc_identity *expected, ipc_error *error)
{
    return guarded(error, [&] { return Remove(*address, {.expected = expected}); });
}
template <Result<void> (*Remove)(const ipc_address &, const Removal &)>
int remove_unused(const ipc_address *address, const ipc_identity *expected, std::uint32_t trial, ipc_error *error)
{
    return guarded(error,
                   [&] { return Remove(*address, {.expected = expected, .unused = true, .trial = trial != 0}); });
}

/// The value of a parameter, or NULL if the address does not carry it.
inline const char *parameter(const ipc_address &address, std::string_view key)
{
    for (std::uint32_t i = 0; i < address.parameter_count; i++)
        if (key == address.parameters[i].key)
            return address.parameters[i].value;
    return nullptr;
}

/// A switch: absent or "0" is false, "", "1" is true. What else it says is refused by check_switch().
inline bool parameter_is_set(const ipc_address &address, std::string_view key)
{
    const char *value = parameter(address, key);
    return value && std::string_view(value) != "0";
}

/// For check(): a switch that is neither 0 nor 1 is malformed.
inline Result<void> check_switch(const ipc_address &address, const char *key)
{
    const char *value = parameter(address, key);
    if (value && *value && std::string_view(value) != "0" && std::string_view(value) != "1")
        return Error::of(EINVAL, "%s=%s: a switch is 0 or 1 (write ?%s=1)", key, value, key);
    return {};
}

/// A whole number, decimal, 0 octal or 0x hex, optionally negative, of all of `text`.
inline std::optional<long long> whole_number(const char *text)
{
    if (*text != '-' && (*text < '0' || *text > '9'))
        return std::nullopt;
    char *end = nullptr;
    errno = 0;
    long long number = std::strtoll(text, &end, 0);
    if (errno || end == text || *end)
        return std::nullopt;
    return number;
}

} // namespace ipc

/// Define the one symbol that a plugin exports.
#define IPC_PLUGIN(descriptor)                                                                                         \
    extern "C" const ipc_plugin *ipc_plugin_entry(void) { return &(descriptor); }

// SPDX-License-Identifier: MIT
// ipc/result.hpp - a value or the reason why there is none. Used on both sides of the plugin boundary.
#pragma once

#include <ipc/plugin.h>

#include <cerrno>
#include <concepts>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <optional>
#include <type_traits>
#include <utility>
#include <variant>

namespace ipc {

/// Why something failed: an errno value, and one sentence for the user that says what happened and, in brackets,
/// what to do about it. It has the layout that crosses the boundary and owns its text.
class Error {
public:
    /// `code` is a positive errno value; `format` is printf's.
    [[gnu::format(printf, 2, 3)]] static Error of(int code, const char *format, ...)
    {
        Error error;
        error.raw_.code = code;
        va_list arguments;
        va_start(arguments, format);
        std::vsnprintf(error.raw_.text, sizeof error.raw_.text, format, arguments);
        va_end(arguments);
        return error;
    }

    /// "WHAT: text of errno" for a failed system call. Call it before anything else changes errno.
    static Error system(const char *what, int code = errno) { return of(code, "%s: %s", what, std::strerror(code)); }

    // Written out, so that a Result without an error is never copied as half a kilobyte of what might have been one.
    Error(const Error &other)
    {
        raw_.size = sizeof raw_;
        raw_.code = other.raw_.code;
        std::snprintf(raw_.text, sizeof raw_.text, "%s", other.raw_.text);
    }
    Error &operator=(const Error &other)
    {
        std::memmove(&raw_, &other.raw_, sizeof raw_);
        return *this;
    }

    int code() const { return raw_.code; }
    const char *text() const { return raw_.text; }
    const ipc_error &raw() const { return raw_; }

private:
    Error() { raw_.size = sizeof raw_; }
    ipc_error raw_;
};

/// Either a T or an Error. Asking for the wrong one is a bug and ends the process.
template <typename T> class [[nodiscard]] Result {
public:
    template <typename U = T>
    requires(std::convertible_to<U, T> && !std::same_as<std::remove_cvref_t<U>, Result> &&
             !std::same_as<std::remove_cvref_t<U>, Error>) Result(U &&value)
        : state_(std::in_place_index<0>, std::forward<U>(value))
    {
    }
    Result(Error error) : state_(std::in_place_index<1>, error) {}

    bool ok() const { return state_.index() == 0; }
    explicit operator bool() const { return ok(); }

    T &value() & { return *std::get_if<0>(&state_); }
    const T &value() const & { return *std::get_if<0>(&state_); }
    T value() && { return std::move(*std::get_if<0>(&state_)); }
    T &operator*() { return value(); }
    T *operator->() { return &value(); }
    const T *operator->() const { return &value(); }
    const Error &error() const { return *std::get_if<1>(&state_); }

private:
    std::variant<T, Error> state_;
};

template <> class [[nodiscard]] Result<void> {
public:
    Result() : error_(std::nullopt) {} // defaulted, it would fill half a kilobyte with zeros first
    Result(Error error) : error_(error) {}

    bool ok() const { return !error_.has_value(); }
    explicit operator bool() const { return ok(); }
    void value() const {}
    const Error &error() const { return *error_; }

private:
    std::optional<Error> error_;
};

} // namespace ipc

/// The value of a Result, or return its Error from the enclosing function. A statement expression: GCC and Clang.
#define IPC_TRY(expression)                                                                                            \
    (__extension__({                                                                                                   \
        auto ipc_try_result = (expression);                                                                            \
        if (!ipc_try_result.ok())                                                                                      \
            return ipc_try_result.error();                                                                             \
        std::move(ipc_try_result).value();                                                                             \
    }))

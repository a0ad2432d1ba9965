// SPDX-License-Identifier: MIT
// Does a name still lead to the object that is waited for?
#pragma once

#include "address.hpp"

#include <ipc/plugin.h>
#include <ipc/result.hpp>

#include <chrono>
#include <optional>

namespace ipc {

/// For objects that live on for those who have them open, when their name is gone: nothing would ever happen to them.
class NameWatch {
public:
    /// Of the object that the address leads to now. If that cannot be told, nothing is watched.
    explicit NameWatch(const Address &address);
    /// EIDRM if the name is gone by now, or leads to another object. Looks every half second, however often it is
    /// called.
    Result<void> check();

private:
    Address address_;
    std::optional<ipc_identity> first_;
    std::chrono::steady_clock::time_point looked_;
};

} // namespace ipc

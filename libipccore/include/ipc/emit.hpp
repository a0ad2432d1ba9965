// SPDX-License-Identifier: MIT
// ipc/emit.hpp - the host's callback that takes the records of a list, one at a time.
#pragma once

namespace ipc {

/// Hands one record to the host. `emit(record)` is false when the host wants no more.
template <typename Record> class Emit {
public:
    using Function = int (*)(void *context, const Record *record);
    Emit(Function function, void *context) : function_(function), context_(context) {}
    bool operator()(const Record &record) const { return function_(context_, &record) == 0; }

private:
    Function function_;
    void *context_;
};

} // namespace ipc

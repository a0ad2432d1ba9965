// SPDX-License-Identifier: MIT
// One end of a stream, as its plugin made it.
#pragma once

#include "address.hpp"
#include "plugins.hpp"

#include <ipc/fd.hpp>
#include <ipc/plugin.h>
#include <ipc/result.hpp>

#include <memory>
#include <string>

namespace ipc {

/// What a queue made of a stream needs to know beside its address.
struct StreamLimits {
    std::uint64_t max_message_size = 0; // bytes that the receiver takes for one record; 0: 1 MiB
    std::uint64_t messages = 0;         // how many will be received, so that no more are read; 0: all
};

/// Move-only; the destructor closes it. Errors do not name the address.
class Stream {
public:
    static Result<Stream> listen(const Plugin &plugin, const Address &address);
    /// Tries once, and then waits until somebody receives: EAGAIN if the timeout is 0, else ETIMEDOUT, EINTR.
    static Result<Stream> connect(const Plugin &plugin, const Address &address, std::int64_t timeout);

    int descriptor() const { return channel_.descriptor; }
    bool accepts() const { return channel_.features & IPC_STREAM_ACCEPTS; }
    bool keeps_records() const { return channel_.features & IPC_STREAM_RECORDS; }
    /// Of one write, 0 where the channel is this sender's alone.
    std::size_t atomic() const { return channel_.atomic; }
    std::uint64_t max_record() const { return channel_.max_record; }
    /// What it is reached by, if the address leaves that open; else empty.
    std::string name() const { return channel_.name ? channel_.name : ""; }

    /// The channel of the next sender; EAGAIN if there is none.
    Result<Fd> accept();
    /// EIDRM if senders that come now do not find it any more.
    Result<void> find();
    /// After the end of a shared channel: wait for the next senders. ENODATA if it was the last end.
    Result<void> renew();

private:
    struct Close {
        const ipc_stream_v1 *table;
        void operator()(ipc_stream *stream) const { table->close(stream); }
    };
    Stream(const ipc_stream_v1 *table, ipc_stream *handle, const ipc_channel &channel)
        : table_(table), handle_(handle, Close{table}), channel_(channel)
    {
    }
    const ipc_stream_v1 *table_;
    std::unique_ptr<ipc_stream, Close> handle_;
    ipc_channel channel_;
};

} // namespace ipc

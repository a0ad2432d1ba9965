// SPDX-License-Identifier: MIT
#include "stream.hpp"

#include "error.hpp"
#include "interruption.hpp"

#include <ipc/deadline.hpp>

#include <poll.h>

#include <algorithm>

namespace ipc {
namespace {

ipc_channel empty_channel()
{
    ipc_channel channel = {};
    channel.size = sizeof channel;
    channel.descriptor = -1;
    return channel;
}

} // namespace

Result<Stream> Stream::listen(const Plugin &plugin, const Address &address)
{
    const CrossingAddress crossing(address);
    ipc_stream *handle = nullptr;
    ipc_channel channel = empty_channel();
    IPC_TRY(call(plugin.stream()->listen, crossing.get(), &handle, &channel));
    Stream stream(plugin.stream(), handle, channel);
    if (stream.accepts() && !plugin.stream()->accept)
        return failure(ENOSYS, "the plugin says that it accepts senders, and does not");
    return stream;
}

Result<Stream> Stream::connect(const Plugin &plugin, const Address &address, std::int64_t timeout)
{
    constexpr int first_pause = 1, longest_pause = 200; // ms
    const CrossingAddress crossing(address);
    const Deadline deadline(timeout);
    for (int pause = first_pause;; pause = std::min(2 * pause, longest_pause)) {
        ipc_stream *handle = nullptr;
        ipc_channel channel = empty_channel();
        const Result<void> connected =
            call(plugin.stream()->connect, crossing.get(), deadline.timeout(), &handle, &channel);
        if (connected)
            return Stream(plugin.stream(), handle, channel);
        if (interrupted())
            return failure(EINTR, "stopped while waiting for a receiver");
        if (connected.error().code() != EAGAIN || deadline.at_once())
            return connected.error();
        if (deadline.over())
            return failure(ETIMEDOUT, "timed out, {}", connected.error().text());
        const int left = deadline.milliseconds();
        ::poll(nullptr, 0, left < 0 ? pause : std::min(pause, left));
    }
}

Result<Fd> Stream::accept()
{
    std::int32_t descriptor = -1;
    IPC_TRY(call(table_->accept, handle_.get(), &descriptor));
    return Fd(descriptor);
}

Result<void> Stream::find() { return table_->find ? call(table_->find, handle_.get()) : Result<void>(); }

Result<void> Stream::renew()
{
    if (!table_->renew)
        return failure(ENODATA, "the stream has ended");
    return call(table_->renew, handle_.get());
}

} // namespace ipc

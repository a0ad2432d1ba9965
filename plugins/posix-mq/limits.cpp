// SPDX-License-Identifier: MIT
// posix-mq: the limits that govern POSIX queues, and which of them refused one. See mq_overview(7) and getrlimit(2).
#include "posix_mq.hpp"

#include <sys/resource.h>

#include <algorithm>

namespace posix_mq {

namespace {

/// sizeof(struct msg_msg) and sizeof(struct posix_msg_tree_node) of the kernel.
constexpr std::uint64_t message_header = 6 * sizeof(void *);
constexpr std::uint64_t priority_node = sizeof(void *) == 8 ? 48 : 28;
/// What the kernel grants at most, even to those above fs.mqueue.*.
constexpr std::uint64_t most_messages = 65536;
constexpr std::uint64_t most_bytes = 16 * 1024 * 1024;

std::uint64_t queue_bytes_limit()
{
    struct rlimit limit;
    return ::getrlimit(RLIMIT_MSGQUEUE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY ? limit.rlim_cur : IPC_UNKNOWN;
}

bool may_raise_queue_bytes_to(std::uint64_t bytes)
{
    struct rlimit limit;
    return ::getrlimit(RLIMIT_MSGQUEUE, &limit) == 0 && limit.rlim_max >= bytes;
}

std::uint64_t count_queues()
{
    int directory = queue_directory();
    if (directory < 0)
        return IPC_UNKNOWN;
    std::uint64_t count = 0;
    const Result<void> whole = for_each_queue(directory, [&](const char *) { return ++count != 0; });
    return whole ? count : IPC_UNKNOWN;
}

/// Of all queues that belong to this user; IPC_UNKNOWN if one of them may not be opened.
std::uint64_t bytes_in_use()
{
    int directory = queue_directory();
    std::uint64_t bytes = directory < 0 ? IPC_UNKNOWN : 0;
    Result<void> whole;
    if (directory >= 0)
        whole = for_each_queue(directory, [&](const char *name) {
            struct statx status;
            if (ipc::file_status(directory, name, AT_SYMLINK_NOFOLLOW, status) != 0 || status.stx_uid != ::getuid())
                return true;
            Fd queue(::openat(directory, name, O_RDONLY | O_NONBLOCK | O_CLOEXEC));
            mq_attr sizes;
            bool known = queue && ::mq_getattr(queue.get(), &sizes) == 0;
            bytes = known ? bytes + accounted_bytes(sizes) : IPC_UNKNOWN;
            return known;
        });
    return whole ? bytes : IPC_UNKNOWN;
}

Error size_error(const mq_attr &sizes)
{
    std::uint64_t messages = sizes.mq_maxmsg, bytes = sizes.mq_msgsize;
    std::uint64_t msg_max = setting("msg_max"), msgsize_max = setting("msgsize_max");
    if (messages > most_messages || bytes > most_bytes)
        return Error::of(EINVAL,
                         "%" PRIu64 " messages of %" PRIu64
                         " bytes are wanted, and no queue can have more than %" PRIu64 " of %" PRIu64 " (ask for less)",
                         messages, bytes, most_messages, most_bytes);
    const char *hint = "or be granted CAP_SYS_RESOURCE";
    if (messages > msg_max && bytes > msgsize_max)
        return Error::of(EINVAL,
                         "fs.mqueue.msg_max is %" PRIu64 " and %" PRIu64
                         " messages are wanted, fs.mqueue.msgsize_max is "
                         "%" PRIu64 " and %" PRIu64 " bytes are wanted (raise both with sysctl, %s)",
                         msg_max, messages, msgsize_max, bytes, hint);
    if (messages > msg_max)
        return Error::of(EINVAL,
                         "fs.mqueue.msg_max is %" PRIu64 " and %" PRIu64 " messages are wanted (sysctl "
                         "fs.mqueue.msg_max=%" PRIu64 ", %s)",
                         msg_max, messages, messages, hint);
    if (bytes > msgsize_max)
        return Error::of(EINVAL,
                         "fs.mqueue.msgsize_max is %" PRIu64 " and messages of %" PRIu64 " bytes are wanted (sysctl "
                         "fs.mqueue.msgsize_max=%" PRIu64 ", %s)",
                         msgsize_max, bytes, bytes, hint);
    return Error::of(EINVAL, "the kernel refuses a queue of %" PRIu64 " messages of %" PRIu64 " bytes", messages,
                     bytes);
}

Error memory_error(const mq_attr &sizes)
{
    if (Fd probe(::open("/", O_PATH | O_CLOEXEC)); !probe)
        return Error::of(EMFILE, "this process has no descriptor left (raise RLIMIT_NOFILE: ulimit -n)");
    const std::uint64_t used = bytes_in_use(), needed = accounted_bytes(sizes), limit = queue_bytes_limit();
    const bool knows_all =
        used != IPC_UNKNOWN && used + needed > limit; // else there are some out of sight, as in other namespaces
    const std::uint64_t wanted = needed + (knows_all ? used : limit);
    char in_use[64];
    std::snprintf(in_use, sizeof in_use, used == IPC_UNKNOWN ? "" : ", of which %s%" PRIu64 " are in use",
                  knows_all ? "" : "at least ", used);
    return Error::of(EMFILE,
                     "the queue needs %" PRIu64 " bytes and RLIMIT_MSGQUEUE allows %" PRIu64
                     " for all queues of this user%s (ulimit -q %" PRIu64 "%s, or ask for fewer or smaller messages)",
                     needed, limit, in_use, wanted,
                     may_raise_queue_bytes_to(wanted) ? "" : " after root raised the hard limit");
}

} // namespace

std::uint64_t setting(const char *name)
{
    char path[64], text[32] = "";
    std::snprintf(path, sizeof path, "/proc/sys/fs/mqueue/%s", name);
    Fd file(::open(path, O_RDONLY | O_CLOEXEC));
    if (!file || ::read(file.get(), text, sizeof text - 1) <= 0)
        return IPC_UNKNOWN;
    return std::strtoull(text, nullptr, 10);
}

mq_attr default_sizes()
{
    auto lesser = [](const char *limit, const char *usual, std::uint64_t otherwise) {
        std::uint64_t value = std::min(setting(limit), setting(usual));
        return static_cast<long>(value == IPC_UNKNOWN ? otherwise : value);
    };
    mq_attr sizes = {};
    sizes.mq_maxmsg = lesser("msg_max", "msg_default", 10);
    sizes.mq_msgsize = lesser("msgsize_max", "msgsize_default", 8192);
    return sizes;
}

std::uint64_t accounted_bytes(const mq_attr &sizes)
{
    std::uint64_t messages = sizes.mq_maxmsg, priorities = std::min<std::uint64_t>(messages, 32768);
    return messages * (sizes.mq_msgsize + message_header) + priorities * priority_node;
}

Error creation_error(int code, const mq_attr &sizes)
{
    switch (code) {
    case EEXIST:
        return Error::of(code, "there is one already (remove it first, or reuse it)");
    case EINVAL:
    case EOVERFLOW:
        return size_error(sizes);
    case EMFILE:
        return memory_error(sizes);
    case ENOSPC:
        return Error::of(code,
                         "fs.mqueue.queues_max is %" PRIu64 " and one more is needed (remove queues, or sysctl "
                         "fs.mqueue.queues_max=%" PRIu64 ")",
                         setting("queues_max"), setting("queues_max") + 1);
    case ENOMEM:
        return Error::of(code, "the system has no %" PRIu64 " bytes for it", accounted_bytes(sizes));
    case ENOSYS:
        return Error::of(code, "this kernel has no POSIX queues (CONFIG_POSIX_MQUEUE)");
    default:
        return Error::system("it cannot be created", code);
    }
}

Result<void> limits(const Emit<ipc_limit> &emit)
{
    auto tell = [&](const char *name, const char *meaning, std::uint32_t unit, std::uint64_t limit,
                    std::uint64_t used) {
        return emit({sizeof(ipc_limit), unit, name, meaning, limit, used});
    };
    (void)(tell("fs.mqueue.queues_max", "queues", IPC_UNIT_OBJECTS, setting("queues_max"), count_queues()) &&
           tell("fs.mqueue.msg_max", "messages in one queue", IPC_UNIT_OBJECTS, setting("msg_max"), IPC_UNKNOWN) &&
           tell("fs.mqueue.msgsize_max", "size of one message", IPC_UNIT_BYTES, setting("msgsize_max"), IPC_UNKNOWN) &&
           tell("RLIMIT_MSGQUEUE", "all queues of this user", IPC_UNIT_BYTES, queue_bytes_limit(), bytes_in_use()));
    return {};
}

} // namespace posix_mq
